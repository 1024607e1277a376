//! Expansion of words: tilde, parameters, command substitution, arithmetic, then fields and paths (XCU 2.6).
//!
//! Invariant: provenance is handed on by every expansion; a command substitution is a subshell over the same root.

use crate::script::ast::{Operation, Piece, Word};
use crate::script::value::Value;

use super::field::{self, Part};
use super::state::{Descriptor, Stop};
use super::{Shell, arithmetic};

impl Shell<'_, '_> {
    /// Words as the fields of a command.
    pub(super) fn fields(&mut self, words: &[Word]) -> Result<Vec<Value>, Stop> {
        let mut values = Vec::new();
        let declares = words.first().is_some_and(Word::declares);
        for word in words {
            if declares && word.assigns() {
                values.push(self.text(word)?);
                continue;
            }
            let mut parts = Vec::new();
            self.pieces(&word.0, false, &mut parts)?;
            let separators = self.separators();
            for found in field::split(&parts, &separators) {
                self.spend(found.value.bytes.len())?;
                values.extend(self.paths(found)?);
            }
        }
        Ok(values)
    }
    /// A word as one value: not split, no paths.
    pub(super) fn text(&mut self, word: &Word) -> Result<Value, Stop> {
        let mut parts = Vec::new();
        self.pieces(&word.0, false, &mut parts)?;
        let value = field::join(&parts);
        self.spend(value.bytes.len())?;
        Ok(value)
    }
    /// A word as a pattern.
    pub(super) fn pattern(&mut self, word: &Word) -> Result<Vec<u8>, Stop> {
        let mut parts = Vec::new();
        self.pieces(&word.0, false, &mut parts)?;
        Ok(field::as_pattern(&parts))
    }
    fn separators(&self) -> Vec<u8> {
        self.state.get(b"IFS").map_or_else(|| b" \t\n".to_vec(), |value| value.bytes.clone())
    }
    fn pieces(&mut self, pieces: &[Piece], quoted: bool, parts: &mut Vec<Part>) -> Result<(), Stop> {
        for piece in pieces {
            match piece {
                Piece::Text(text) if !quoted => parts.push(Part::Literal(Value::new(&text[..]))),
                Piece::Text(text) | Piece::Quoted(text) => parts.push(Part::Quoted(Value::new(&text[..]))),
                Piece::Double(inner) => {
                    // `"$@"` without parameters is no field at all; any other quoted text is one, even when empty.
                    let all = |piece: &Piece| matches!(piece, Piece::Parameter(name, _) if name == b"@");
                    if !(self.state.positional.is_empty() && inner.iter().any(all)) {
                        parts.push(Part::Quoted(Value::default()));
                    }
                    self.pieces(inner, true, parts)?;
                }
                Piece::Tilde(name) => parts.push(Part::Quoted(self.home(name)?)),
                Piece::Parameter(name, operation) => self.parameter(name, operation, quoted, parts)?,
                Piece::Substitution(list) => {
                    let value = self.substitute(list)?;
                    parts.push(part(value, quoted));
                }
                Piece::Arithmetic(word) => {
                    let text = self.text(word)?;
                    match arithmetic::evaluate(&text.bytes, &mut self.state) {
                        Ok((number, base)) => parts.push(part(Value::with(number.to_string(), base || text.base), quoted)),
                        Err(message) => return self.fatal(message.as_bytes()),
                    }
                }
            }
        }
        Ok(())
    }
    /// An error that ends a shell that is not interactive.
    fn fatal<T>(&mut self, message: &[u8]) -> Result<T, Stop> {
        self.complain(message)?;
        Err(Stop::Exit(2))
    }
    fn home(&mut self, name: &[u8]) -> Result<Value, Stop> {
        if name.is_empty() {
            return Ok(self.state.get(b"HOME").cloned().unwrap_or_else(|| Value::from("~")));
        }
        let passwd = match self.machine.root.read(b"/etc/passwd") {
            Ok((bytes, _)) => bytes,
            Err(error) => return self.failure("", &Value::from("/etc/passwd"), &error).map(|_| Value::new([b"~", name].concat())),
        };
        self.spend(passwd.len())?;
        let lines = passwd.split(|b| *b == b'\n').map(|line| line.split(|b| *b == b':').collect::<Vec<_>>());
        let home = lines.filter(|fields| fields.first() == Some(&name)).find_map(|fields| fields.get(5).map(|home| home.to_vec()));
        Ok(home.map_or_else(|| Value::new([b"~", name].concat()), |home| Value::with(home, true)))
    }
    fn parameter(&mut self, name: &[u8], operation: &Operation, quoted: bool, parts: &mut Vec<Part>) -> Result<(), Stop> {
        let many = matches!(name, b"@" | b"*");
        match operation {
            Operation::Value if many => self.positional(name, quoted, parts),
            Operation::Value => {
                let value = self.set_or_fail(name)?;
                parts.push(part(value, quoted));
            }
            Operation::Length if many => parts.push(part(Value::new(self.state.positional.len().to_string()), quoted)),
            Operation::Length => {
                let value = self.set_or_fail(name)?;
                parts.push(part(Value::with(value.bytes.len().to_string(), value.base), quoted));
            }
            Operation::Default { operator, colon, word } => {
                let value = self.value(name);
                let present = value.as_ref().is_some_and(|value| !*colon || !value.is_empty());
                match (operator, present) {
                    (b'+', true) | (b'-', false) => self.pieces(&word.0, quoted, parts)?,
                    (b'+', false) => {}
                    (_, true) if many => self.positional(name, quoted, parts),
                    (_, true) => parts.extend(value.map(|value| part(value, quoted))),
                    (b'=', false) => {
                        let value = self.text(word)?;
                        if !crate::script::word::is_name(name) {
                            return self.fatal(&[name, b": bad variable name"].concat());
                        }
                        self.assign(name, value.clone())?;
                        parts.push(part(value, quoted));
                    }
                    (_, false) => {
                        let mut message = self.text(word)?;
                        if word.0.is_empty() {
                            message = Value::from(if *colon { "parameter not set or null" } else { "parameter not set" });
                        }
                        return self.fatal(&[name, b": ", &message.bytes].concat());
                    }
                }
            }
            Operation::Trim { suffix, longest, pattern } => {
                if many {
                    return Err(self.uncovered("${@#...}", "trimming all parameters is not defined by POSIX"));
                }
                let value = self.set_or_fail(name)?;
                let pattern = self.pattern(pattern)?;
                let value = self.trim(value, &pattern, *suffix, *longest)?;
                parts.push(part(value, quoted));
            }
        }
        Ok(())
    }
    /// Trying every place is quadratic; the limit pays for it.
    fn trim(&mut self, mut value: Value, pattern: &[u8], suffix: bool, longest: bool) -> Result<Value, Stop> {
        let length = value.bytes.len();
        let ends: Box<dyn Iterator<Item = usize>> =
            if suffix == longest { Box::new(0..=length) } else { Box::new((0..=length).rev()) };
        for at in ends {
            let (head, tail) = value.bytes.split_at(at);
            let candidate = if suffix { tail } else { head };
            if self.matches(pattern, candidate)? {
                value.bytes = if suffix { head.to_vec() } else { tail.to_vec() };
                break;
            }
        }
        Ok(value)
    }
    fn positional(&mut self, name: &[u8], quoted: bool, parts: &mut Vec<Part>) {
        if quoted && name == b"*" {
            let separators = self.separators();
            let mut joined = Value::default();
            for (index, value) in self.state.positional.iter().enumerate() {
                if index > 0 {
                    joined.push_bytes(separators.get(..1).unwrap_or_default(), false);
                }
                joined.push(value);
            }
            parts.push(Part::Quoted(joined));
            return;
        }
        for (index, value) in self.state.positional.iter().enumerate() {
            if index > 0 {
                parts.push(Part::Break);
            }
            parts.push(part(value.clone(), quoted));
        }
    }
    fn set_or_fail(&mut self, name: &[u8]) -> Result<Value, Stop> {
        match self.value(name) {
            Some(value) => Ok(value),
            None if self.state.options.nounset => self.fatal(&[name, b": parameter not set"].concat()),
            None => Ok(Value::default()),
        }
    }
    /// The value of a parameter, if it is set.
    fn value(&mut self, name: &[u8]) -> Option<Value> {
        let state = &self.state;
        let text = |text: String| Some(Value::new(text));
        match name {
            b"@" | b"*" => {
                let all = state.positional.iter().any(|value| !value.is_empty());
                (!state.positional.is_empty()).then(|| Value::from(if all { "x" } else { "" }))
            }
            b"#" => text(state.positional.len().to_string()),
            b"?" => text(state.status.to_string()),
            // A process number that no system gives twice means nothing in an image; scripts only make names of it.
            b"$" => text("1000".into()),
            b"!" => None,
            b"-" => {
                let options = state.options;
                let flags = [
                    (options.noclobber, 'C'),
                    (options.allexport, 'a'),
                    (options.errexit, 'e'),
                    (options.noglob, 'f'),
                    (options.nounset, 'u'),
                ];
                text(flags.iter().filter(|(on, _)| *on).map(|(_, flag)| *flag).collect())
            }
            b"0" => Some(state.name.clone()),
            b"LINENO" => text(state.line.to_string()),
            _ if name.first().is_some_and(u8::is_ascii_digit) => {
                let number: usize = std::str::from_utf8(name).ok()?.parse().ok()?;
                state.positional.get(number.checked_sub(1)?).cloned()
            }
            _ => state.get(name).cloned(),
        }
    }
    /// `$(...)`: what the list writes, without the newlines at its end.
    fn substitute(&mut self, list: &[crate::script::ast::AndOr]) -> Result<Value, Stop> {
        self.spend(0)?;
        if self.state.depth >= crate::script::uncovered::MAX_DEPTH {
            return Err(self.uncovered("$(...)", "the script nests too deeply"));
        }
        let (descriptor, buffer): (Descriptor, _) = Self::buffer();
        let mut subshell = self.subshell()?;
        subshell.state.descriptors.insert(1, descriptor);
        subshell.state.depth += 1;
        subshell.state.tested = 0;
        subshell.state.loops = 0;
        let status = subshell.whole(list)?;
        self.state.substituted = Some(status);
        self.state.status = status;
        let mut value = buffer.take();
        // dash drops NUL bytes.
        value.bytes.retain(|b| *b != 0);
        while value.bytes.last() == Some(&b'\n') {
            value.bytes.pop();
        }
        Ok(value)
    }
}

fn part(value: Value, quoted: bool) -> Part {
    if quoted { Part::Quoted(value) } else { Part::Expanded(value) }
}
