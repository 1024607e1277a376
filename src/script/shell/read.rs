//! `read` and `getopts`: built-ins that take input apart into variables.
//!
//! Invariant: what is read hands its provenance to the variables.

use crate::script::value::Value;

use super::Shell;
use super::state::{Step, Stop};

impl Shell<'_, '_> {
    pub(super) fn read(&mut self, arguments: &[Value]) -> Step {
        let mut raw = false;
        let mut names = arguments;
        while let Some((first, rest)) = names.split_first().filter(|(first, _)| first.bytes.starts_with(b"-")) {
            if first.bytes != b"-r" {
                return Err(self.uncovered(format!("read {}", first.text()), "this option is not covered"));
            }
            raw = true;
            names = rest;
        }
        let (text, escaped, complete) = self.line(raw)?;
        let Some(text) = text else {
            for name in names {
                self.assign(&name.bytes, Value::default())?;
            }
            return Ok(1);
        };
        let separators = self.state.get(b"IFS").map_or_else(|| b" \t\n".to_vec(), |value| value.bytes.clone());
        let mut splitter = Fields { text: &text.bytes, escaped: &escaped, separators: &separators, at: 0 };
        splitter.skip_space();
        for (index, name) in names.iter().enumerate() {
            let field = if index + 1 == names.len() { splitter.rest() } else { splitter.field() };
            self.assign(&name.bytes, Value::with(field, text.base))?;
        }
        Ok(u8::from(!complete))
    }
    /// A logical line, which of its bytes were escaped, and whether it had its newline.
    fn line(&mut self, raw: bool) -> Result<(Option<Value>, Vec<bool>, bool), Stop> {
        let input = self.stdin()?;
        let mut text: Option<Value> = None;
        let mut escaped = Vec::new();
        loop {
            let Some((line, complete)) = input.line() else { return Ok((text, escaped, false)) };
            self.spend(line.bytes.len())?;
            let value = text.get_or_insert_with(Value::default);
            value.base |= line.base;
            let mut bytes = line.bytes.iter();
            let mut continued = false;
            while let Some(byte) = bytes.next() {
                if *byte != b'\\' || raw {
                    value.bytes.push(*byte);
                    escaped.push(false);
                } else if let Some(byte) = bytes.next() {
                    value.bytes.push(*byte);
                    escaped.push(true);
                } else {
                    continued = true;
                }
            }
            if !(continued && complete) {
                return Ok((text, escaped, complete));
            }
        }
    }
    pub(super) fn getopts(&mut self, arguments: &[Value]) -> Step {
        let [specification, variable, rest @ ..] = arguments else { return Ok(2) };
        let words = if rest.is_empty() { self.state.positional.clone() } else { rest.to_vec() };
        let index = self.state.get(b"OPTIND").and_then(|value| value.text().parse::<usize>().ok()).unwrap_or(1).max(1);
        let inside = if self.state.getopts == 0 { 1 } else { self.state.getopts };
        let word = words.get(index - 1).filter(|word| word.bytes.len() > 1 && word.bytes.starts_with(b"-"));
        let Some(word) = word.filter(|word| word.bytes != b"--") else {
            let ended = words.get(index - 1).is_some_and(|word| word.bytes == b"--");
            self.assign(b"OPTIND", Value::new((index + usize::from(ended)).to_string()))?;
            self.assign(&variable.bytes, Value::from("?"))?;
            self.state.getopts = 0;
            return Ok(1);
        };
        let option = word.bytes.get(inside).copied().unwrap_or(b'?');
        let known = specification.bytes.iter().position(|b| *b == option).filter(|_| option != b':');
        let takes = known.is_some_and(|at| specification.bytes.get(at + 1) == Some(&b':'));
        let mut next = index;
        let last = inside + 1 >= word.bytes.len();
        let quiet = specification.bytes.first() == Some(&b':');
        let mut found = vec![option];
        let mut argument = None;
        if takes {
            argument = if last {
                words.get(index).cloned()
            } else {
                word.bytes.get(inside + 1..).map(|rest| Value::with(rest, word.base))
            };
            next += if last { 2 } else { 1 };
        } else if last {
            next += 1;
        }
        if known.is_none() || (takes && argument.is_none()) {
            found = if quiet && takes { b":".to_vec() } else { b"?".to_vec() };
            argument = quiet.then(|| Value::new(vec![option]));
            if !quiet {
                let what: &[u8] = if takes { b"No arg for -" } else { b"Illegal option -" };
                self.complain(&[what, &[option]].concat())?;
            }
        }
        self.state.getopts = if next == index { inside + 1 } else { 0 };
        self.assign(b"OPTIND", Value::new(next.to_string()))?;
        match argument {
            Some(argument) => self.assign(b"OPTARG", argument)?,
            None => {
                self.state.variables.remove(&b"OPTARG"[..]);
            }
        }
        self.assign(&variable.bytes, Value::new(found))?;
        Ok(0)
    }
}

/// Takes fields off a line; escaped bytes never separate.
struct Fields<'a> {
    text: &'a [u8],
    escaped: &'a [bool],
    separators: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    fn separator(&self, at: usize) -> Option<u8> {
        let byte = *self.text.get(at)?;
        (self.separators.contains(&byte) && !self.escaped.get(at).copied().unwrap_or(false)).then_some(byte)
    }
    fn space(&self, at: usize) -> bool {
        matches!(self.separator(at), Some(b' ' | b'\t' | b'\n'))
    }
    fn skip_space(&mut self) {
        while self.space(self.at) {
            self.at += 1;
        }
    }
    fn field(&mut self) -> Vec<u8> {
        let start = self.at;
        while self.at < self.text.len() && self.separator(self.at).is_none() {
            self.at += 1;
        }
        let field = self.text.get(start..self.at).unwrap_or_default().to_vec();
        self.skip_space();
        if self.separator(self.at).is_some() {
            self.at += 1;
            self.skip_space();
        }
        field
    }
    /// All that is left: one field and its end are taken as such, if nothing follows it.
    fn rest(&mut self) -> Vec<u8> {
        let start = self.at;
        let one = self.field();
        if self.at >= self.text.len() {
            return one;
        }
        let mut end = self.text.len();
        while end > start && self.space(end - 1) {
            end -= 1;
        }
        self.text.get(start..end).unwrap_or_default().to_vec()
    }
}
