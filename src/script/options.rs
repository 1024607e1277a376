//! Options of tools as GNU's `getopt_long` takes them: bundled, with arguments, anywhere before `--`.
//!
//! Invariant: an option that is not in the table is uncovered, by name.

use super::call::Call;
use super::uncovered::Uncovered;
use super::value::Value;

/// What was given: options in order, then operands.
#[derive(Debug, Default)]
pub(super) struct Options {
    given: Vec<(char, Value)>,
    /// What is no option.
    pub(super) operands: Vec<Value>,
}

impl Options {
    /// Reads the arguments of a call. `short` has each letter, with `:` behind those that take an argument; `long` gives
    /// long names their letter.
    pub(super) fn read(call: &Call<'_>, short: &str, long: &[(&str, char)]) -> Result<Self, Uncovered> {
        Self::read_until(call, short, long, false)
    }
    /// As [`Self::read`], from other words than the call's own.
    pub(super) fn of(call: &Call<'_>, words: &[Value], short: &str, long: &[(&str, char)]) -> Result<Self, Uncovered> {
        Self::take(call, words, short, long, false)
    }
    /// As [`Self::read`]; the first operand may end the options.
    pub(super) fn read_until(call: &Call<'_>, short: &str, long: &[(&str, char)], first: bool) -> Result<Self, Uncovered> {
        Self::take(call, call.arguments, short, long, first)
    }
    fn take(call: &Call<'_>, words: &[Value], short: &str, long: &[(&str, char)], first: bool) -> Result<Self, Uncovered> {
        let mut options = Self::default();
        let mut arguments = words.iter();
        let takes = |letter: char| short.chars().zip(short.chars().skip(1)).any(|(a, b)| a == letter && b == ':');
        while let Some(argument) = arguments.next() {
            let text = argument.text();
            if text == "--" {
                options.operands.extend(arguments.by_ref().cloned());
            } else if let Some(name) = text.strip_prefix("--") {
                let (name, value) = name.split_once('=').map_or((name, None), |(n, v)| (n, Some(Value::with(v, argument.base))));
                let letter = long.iter().find(|(known, _)| *known == name).map(|(_, letter)| *letter);
                let letter = letter.ok_or_else(|| call.uncovered(format!("option --{name} is not covered")))?;
                let value = if takes(letter) { value.or_else(|| arguments.next().cloned()) } else { value };
                options.given.push((letter, value.unwrap_or_default()));
            } else if text.len() > 1 && text.starts_with('-') {
                let flags: Vec<char> = text.chars().skip(1).collect();
                let mut at = 0;
                while let Some(letter) = flags.get(at).copied() {
                    at += 1;
                    if letter == ':' || !short.contains(letter) {
                        return Err(call.uncovered(format!("option -{letter} is not covered")));
                    }
                    let mut value = Value::default();
                    if takes(letter) {
                        let rest: String = flags.get(at..).unwrap_or_default().iter().collect();
                        value = if rest.is_empty() {
                            arguments.next().cloned().unwrap_or_default()
                        } else {
                            Value::with(rest, argument.base)
                        };
                        at = flags.len();
                    }
                    options.given.push((letter, value));
                }
            } else {
                options.operands.push(argument.clone());
                if first {
                    options.operands.extend(arguments.by_ref().cloned());
                }
            }
        }
        Ok(options)
    }
    /// Whether an option was given.
    pub(super) fn has(&self, letter: char) -> bool {
        self.given.iter().any(|(known, _)| *known == letter)
    }
    /// The last argument of an option.
    pub(super) fn value(&self, letter: char) -> Option<&Value> {
        self.given.iter().rev().find(|(known, _)| *known == letter).map(|(_, value)| value)
    }
    /// All arguments of an option.
    pub(super) fn values(&self, letter: char) -> impl Iterator<Item = &Value> {
        self.given.iter().filter(move |(known, _)| *known == letter).map(|(_, value)| value)
    }
    /// The last given of some options.
    pub(super) fn last_of(&self, letters: &str) -> Option<char> {
        self.given.iter().rev().map(|(letter, _)| *letter).find(|letter| letters.contains(*letter))
    }
}
