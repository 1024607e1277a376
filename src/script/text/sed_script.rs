//! The script of `sed`: addresses and commands.
//!
//! Invariant: what is not covered (branches, hold space, files) is refused by the command's letter.

use regex::bytes::Regex;

use super::regular;

/// Where a command works.
#[derive(Debug)]
pub(super) enum Address {
    Line(u64),
    Last,
    Pattern(Regex),
}

/// A command of the script.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) from: Option<Address>,
    pub(super) to: Option<Address>,
    pub(super) negated: bool,
    pub(super) action: Action,
}

/// What it does.
#[derive(Debug)]
pub(super) enum Action {
    Substitute { regex: Regex, replacement: Vec<Part>, global: bool, number: usize, print: bool },
    Translate(Box<[u8; 256]>),
    Delete,
    Print,
    Number,
    Quit,
    Next,
    Append(Vec<u8>),
    Insert(Vec<u8>),
    Change(Vec<u8>),
    Group(Vec<Command>),
}

/// A part of a replacement.
#[derive(Debug)]
pub(super) enum Part {
    Text(Vec<u8>),
    Group(usize),
}

/// Groups within groups.
const MAX_NESTING: u32 = 30;

/// Parses a script; the error is the reason of an uncovered call.
pub(super) fn parse(text: &[u8], extended: bool) -> Result<Vec<Command>, String> {
    let mut reader = Reader { text, at: 0, extended, last: None };
    let commands = reader.commands(0)?;
    if reader.at < text.len() { Err("a closing brace without its opening one".into()) } else { Ok(commands) }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    extended: bool,
    last: Option<(Vec<u8>, bool)>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }
    fn skip(&mut self, what: &[u8]) {
        while self.peek().is_some_and(|byte| what.contains(&byte)) {
            self.at += 1;
        }
    }
    fn commands(&mut self, nesting: u32) -> Result<Vec<Command>, String> {
        if nesting > MAX_NESTING {
            return Err("groups are nested too deeply".into());
        }
        let mut commands = Vec::new();
        loop {
            self.skip(b" \t\n;");
            match self.peek() {
                None => return Ok(commands),
                Some(b'}') if nesting > 0 => return Ok(commands),
                Some(b'#') => while self.next().is_some_and(|byte| byte != b'\n') {},
                Some(_) => commands.push(self.command(nesting)?),
            }
        }
    }
    fn command(&mut self, nesting: u32) -> Result<Command, String> {
        let from = self.address()?;
        let mut to = None;
        self.skip(b" \t");
        if from.is_some() && self.peek() == Some(b',') {
            self.at += 1;
            self.skip(b" \t");
            to = Some(self.address()?.ok_or("this kind of address is not covered")?);
        }
        self.skip(b" \t");
        let negated = self.peek() == Some(b'!');
        self.at += usize::from(negated);
        self.skip(b" \t");
        let letter = self.next().ok_or("a command is missing")?;
        let action = match letter {
            b's' => self.substitute()?,
            b'y' => self.translate()?,
            b'd' => Action::Delete,
            b'p' => Action::Print,
            b'=' => Action::Number,
            b'q' => Action::Quit,
            b'n' => Action::Next,
            b'a' => Action::Append(self.lines()?),
            b'i' => Action::Insert(self.lines()?),
            b'c' => Action::Change(self.lines()?),
            b'{' => {
                let commands = self.commands(nesting + 1)?;
                self.next().filter(|byte| *byte == b'}').ok_or("a group is not closed")?;
                Action::Group(commands)
            }
            other => return Err(format!("command {} is not covered", char::from(other))),
        };
        self.skip(b" \t");
        match self.peek() {
            None | Some(b'\n' | b';' | b'}' | b'#') => Ok(Command { from, to, negated, action }),
            Some(_) if matches!(action, Action::Append(_) | Action::Insert(_) | Action::Change(_)) => {
                Ok(Command { from, to, negated, action })
            }
            Some(other) => Err(format!("{} after a command is not covered", char::from(other))),
        }
    }
    fn address(&mut self) -> Result<Option<Address>, String> {
        Ok(match self.peek() {
            Some(b'$') => {
                self.at += 1;
                Some(Address::Last)
            }
            Some(b'0'..=b'9') => {
                let number = self.number();
                // `0,/x/` may end on the first line; no other command works before it.
                let before_first = number == 0 && !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(b",/"));
                if before_first || self.peek() == Some(b'~') {
                    return Err("this kind of address is not covered".into());
                }
                Some(Address::Line(number))
            }
            Some(b'/') => {
                self.at += 1;
                Some(Address::Pattern(self.pattern(b'/')?))
            }
            Some(b'\\') => {
                self.at += 1;
                let delimiter = self.next().ok_or("an address is missing")?;
                Some(Address::Pattern(self.pattern(delimiter)?))
            }
            _ => None,
        })
    }
    fn number(&mut self) -> u64 {
        let mut number = 0_u64;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            self.at += 1;
            number = number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
        }
        number
    }
    fn pattern(&mut self, delimiter: u8) -> Result<Regex, String> {
        let text = self.delimited(delimiter, true)?;
        let ignore = self.peek() == Some(b'I');
        self.at += usize::from(ignore);
        self.compile(text, ignore)
    }
    fn compile(&mut self, text: Vec<u8>, ignore: bool) -> Result<Regex, String> {
        let (text, ignore) =
            if text.is_empty() { self.last.clone().ok_or("no previous regular expression")? } else { (text, ignore) };
        let regex = regular::compile(&text, self.extended, ignore)?;
        self.last = Some((text, ignore));
        Ok(regex)
    }
    /// Text up to an unescaped delimiter; an escaped delimiter loses its backslash. In a pattern brackets hide it, and
    /// `\n` in brackets is a newline.
    fn delimited(&mut self, delimiter: u8, pattern: bool) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        let mut bracket = None;
        loop {
            let byte = self.next().ok_or("an unterminated command")?;
            if byte == b'\\' {
                let escaped = self.next().ok_or("an unterminated command")?;
                match escaped {
                    _ if bracket.is_some() && escaped == b'n' => text.push(b'\n'),
                    _ if bracket.is_some() && escaped == b't' => text.push(b'\t'),
                    _ if bracket.is_some() => {
                        text.push(b'\\');
                        self.at -= 1;
                    }
                    _ if escaped == delimiter && !(pattern && b"|(){}+?".contains(&delimiter)) => text.push(delimiter),
                    _ => text.extend([b'\\', escaped]),
                }
                continue;
            }
            if byte == delimiter && bracket.is_none() {
                return Ok(text);
            }
            if pattern {
                match bracket {
                    None if byte == b'[' => {
                        bracket = Some(text.len() + 1 + usize::from(self.peek() == Some(b'^')));
                    }
                    Some(start) if byte == b']' && text.len() > start => bracket = None,
                    Some(_) if byte == b'[' && self.peek() == Some(b':') => {
                        let rest = self.text.get(self.at..).unwrap_or_default();
                        let length = rest.windows(2).position(|pair| pair == b":]").ok_or("a class does not end")?;
                        text.push(b'[');
                        text.extend_from_slice(rest.get(..length + 2).unwrap_or_default());
                        self.at += length + 2;
                        continue;
                    }
                    _ => {}
                }
            }
            text.push(byte);
        }
    }
    fn substitute(&mut self) -> Result<Action, String> {
        let delimiter = self.next().ok_or("an unterminated command")?;
        let pattern = self.delimited(delimiter, true)?;
        let replacement = replacement(&self.delimited(delimiter, false)?)?;
        let (mut global, mut print, mut ignore, mut number) = (false, false, false, 0);
        loop {
            match self.peek() {
                Some(b'g') => global = true,
                Some(b'p') => print = true,
                Some(b'I' | b'i') => ignore = true,
                Some(b'1'..=b'9') => {
                    number = self.number() as usize;
                    continue;
                }
                None | Some(b' ' | b'\t' | b'\n' | b';' | b'}' | b'#') => break,
                Some(other) => return Err(format!("flag {} of s is not covered", char::from(other))),
            }
            self.at += 1;
        }
        let regex = self.compile(pattern, ignore)?;
        let groups = regex.captures_len();
        if replacement.iter().any(|part| matches!(part, Part::Group(group) if *group >= groups)) {
            return Err("a reference to a group that is not there".into());
        }
        Ok(Action::Substitute { regex, replacement, global, number: number.max(1), print })
    }
    fn translate(&mut self) -> Result<Action, String> {
        let delimiter = self.next().ok_or("an unterminated command")?;
        let from = unescaped(&self.delimited(delimiter, false)?);
        let to = unescaped(&self.delimited(delimiter, false)?);
        if from.len() != to.len() {
            return Err("y with texts of unequal length".into());
        }
        let mut table: Box<[u8; 256]> = Box::new(std::array::from_fn(|byte| byte as u8));
        for (from, to) in from.iter().zip(&to) {
            table[usize::from(*from)] = *to;
        }
        Ok(Action::Translate(table))
    }
    /// The text of `a`, `i`, `c`: the one-line form of GNU, or after a backslash and a newline.
    fn lines(&mut self) -> Result<Vec<u8>, String> {
        self.skip(b" \t");
        if self.peek() == Some(b'\\') {
            // White space after the backslash is kept, up to a newline that may follow it.
            self.at += 1;
            let blank = self.text.get(self.at..).unwrap_or_default().iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            if self.text.get(self.at + blank) == Some(&b'\n') {
                self.at += blank + 1;
            }
        }
        let mut text = Vec::new();
        loop {
            match self.next() {
                None | Some(b'\n') => break,
                Some(b'\\') => text.extend(self.next()),
                Some(byte) => text.push(byte),
            }
        }
        if text.is_empty() {
            return Err("a, i or c without text".into());
        }
        text.push(b'\n');
        Ok(text)
    }
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        match (byte, byte == &b'\\') {
            (_, true) => match bytes.next() {
                Some(b'n') => plain.push(b'\n'),
                Some(b't') => plain.push(b'\t'),
                Some(other) => plain.push(*other),
                None => plain.push(b'\\'),
            },
            (byte, false) => plain.push(*byte),
        }
    }
    plain
}

fn replacement(text: &[u8]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut plain = Vec::new();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let group = match byte {
            b'&' => 0,
            b'\\' => match bytes.next() {
                Some(digit @ b'0'..=b'9') => usize::from(digit - b'0'),
                Some(b'n') => {
                    plain.push(b'\n');
                    continue;
                }
                Some(b't') => {
                    plain.push(b'\t');
                    continue;
                }
                Some(letter) if letter.is_ascii_alphabetic() => {
                    return Err(format!("escape \\{} in a replacement", char::from(*letter)));
                }
                other => {
                    plain.extend(other);
                    continue;
                }
            },
            byte => {
                plain.push(*byte);
                continue;
            }
        };
        parts.push(Part::Text(std::mem::take(&mut plain)));
        parts.push(Part::Group(group));
    }
    parts.push(Part::Text(plain));
    Ok(parts)
}
