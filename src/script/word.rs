//! Words: quoting and expansions, from the raw text of a word to its pieces (XCU 2.2, 2.6).
//!
//! Invariant: linear but for substitutions, whose nesting is bounded; what does not end is refused.

use std::sync::Arc;

use super::ast::{Operation, Piece, Word};
use super::parse::{self, MAX_SUBSTITUTIONS};
use super::uncovered::Uncovered;

/// How the text of a word is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// A word of a command.
    Plain,
    /// `~` also counts after `=` and `:`.
    Assignment,
    /// A here-document: as in double quotes, but a double quote is itself.
    Here,
}

/// How often a closing parenthesis is tried, where patterns of `case` hide the right one.
const MAX_TRIES: usize = 40;

/// Parses the raw text of a word that begins on `line`.
pub(super) fn parse(text: &[u8], line: u32, depth: u32, context: Context) -> Result<Word, Uncovered> {
    let mut reader = Reader { text, at: 0, line, depth, here: context == Context::Here };
    let pieces = match context {
        Context::Here => reader.double(None, 0)?,
        Context::Plain | Context::Assignment => reader.plain(None, context == Context::Assignment, 0)?,
    };
    Ok(Word(pieces))
}

/// Whether the bytes are a variable's name.
pub(super) fn is_name(bytes: &[u8]) -> bool {
    let first = bytes.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    first && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    depth: u32,
    here: bool,
}

/// Adds a byte to text of the same kind, or begins it.
fn add(pieces: &mut Vec<Piece>, byte: u8, quoted: bool) {
    match (pieces.last_mut(), quoted) {
        (Some(Piece::Text(text)), false) | (Some(Piece::Quoted(text)), true) => text.push(byte),
        (_, false) => pieces.push(Piece::Text(vec![byte])),
        (_, true) => pieces.push(Piece::Quoted(vec![byte])),
    }
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
    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }
    fn refuse<T>(&self, reason: &str) -> Result<T, Uncovered> {
        Err(Uncovered::new(self.here_line(), String::from_utf8_lossy(self.text), reason))
    }
    fn here_line(&self) -> u32 {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        self.line + super::text::newlines(before) as u32
    }
    fn deeper(&self, level: u32) -> Result<u32, Uncovered> {
        if level > 2 * MAX_SUBSTITUTIONS { self.refuse("expansions are nested too deeply") } else { Ok(level + 1) }
    }
    /// Unquoted text up to `end`, which is taken.
    fn plain(&mut self, end: Option<u8>, assignment: bool, level: u32) -> Result<Vec<Piece>, Uncovered> {
        let mut pieces = Vec::new();
        let mut tilde = true;
        while let Some(byte) = self.next() {
            if Some(byte) == end {
                return Ok(pieces);
            }
            let after = assignment && matches!(byte, b':' | b'=');
            match byte {
                b'\\' => match self.next() {
                    Some(b'\n') => {}
                    Some(byte) => add(&mut pieces, byte, true),
                    None => add(&mut pieces, b'\\', true),
                },
                b'\'' => pieces.push(self.single()?),
                b'"' => {
                    let level = self.deeper(level)?;
                    pieces.push(Piece::Double(self.double(Some(b'"'), level)?));
                }
                b'$' => self.dollar(&mut pieces, false, level)?,
                b'`' => pieces.push(self.backquote(false)?),
                b'~' if tilde => {
                    let length = self.rest().iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')));
                    let name = self.rest().get(..length.unwrap_or(self.rest().len())).unwrap_or_default().to_vec();
                    let follows = self.rest().get(name.len()).copied();
                    if follows.is_none_or(|b| b == b'/' || b == b':' && assignment || Some(b) == end) {
                        self.at += name.len();
                        pieces.push(Piece::Tilde(name));
                    } else {
                        add(&mut pieces, byte, false);
                    }
                }
                _ => add(&mut pieces, byte, false),
            }
            tilde = after;
        }
        if end.is_some() { self.refuse("an expansion does not end") } else { Ok(pieces) }
    }
    fn single(&mut self) -> Result<Piece, Uncovered> {
        let Some(length) = self.rest().iter().position(|b| *b == b'\'') else { return self.refuse("a quote does not end") };
        let text = self.rest().get(..length).unwrap_or_default().to_vec();
        self.at += length + 1;
        Ok(Piece::Quoted(text))
    }
    /// Text in double quotes (or a here-document) up to `end`, which is taken.
    fn double(&mut self, end: Option<u8>, level: u32) -> Result<Vec<Piece>, Uncovered> {
        let mut pieces = Vec::new();
        let in_braces = end == Some(b'}');
        while let Some(byte) = self.next() {
            if Some(byte) == end {
                return Ok(pieces);
            }
            match byte {
                b'\\' => match self.peek() {
                    Some(b'\n') => self.at += 1,
                    Some(byte @ (b'$' | b'`' | b'\\')) => {
                        self.at += 1;
                        add(&mut pieces, byte, true);
                    }
                    Some(b'"') if !self.here || in_braces => {
                        self.at += 1;
                        add(&mut pieces, b'"', true);
                    }
                    Some(b'}') if in_braces => {
                        self.at += 1;
                        add(&mut pieces, b'}', true);
                    }
                    _ => add(&mut pieces, byte, true),
                },
                b'"' if in_braces => {
                    let level = self.deeper(level)?;
                    pieces.push(Piece::Double(self.double(Some(b'"'), level)?));
                }
                b'$' => self.dollar(&mut pieces, true, level)?,
                b'`' => pieces.push(self.backquote(true)?),
                _ => add(&mut pieces, byte, true),
            }
        }
        if end.is_some() { self.refuse("a quote does not end") } else { Ok(pieces) }
    }
    fn dollar(&mut self, pieces: &mut Vec<Piece>, quoted: bool, level: u32) -> Result<(), Uncovered> {
        match self.peek() {
            Some(b'{') => {
                self.at += 1;
                let level = self.deeper(level)?;
                pieces.push(self.braces(quoted, level)?);
            }
            Some(b'(') => {
                self.at += 1;
                let piece = self.parentheses(level)?;
                pieces.push(piece);
            }
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                let name = self.name();
                pieces.push(Piece::Parameter(name, Operation::Value));
            }
            Some(byte) if byte.is_ascii_digit() || b"@*#?-$!".contains(&byte) => {
                self.at += 1;
                pieces.push(Piece::Parameter(vec![byte], Operation::Value));
            }
            _ => add(pieces, b'$', quoted),
        }
        Ok(())
    }
    fn name(&mut self) -> Vec<u8> {
        let length = self.rest().iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).unwrap_or(self.rest().len());
        let name = self.rest().get(..length).unwrap_or_default().to_vec();
        self.at += length;
        name
    }
    fn parameter(&mut self) -> Result<Vec<u8>, Uncovered> {
        match self.peek() {
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => Ok(self.name()),
            Some(byte) if byte.is_ascii_digit() => {
                let length = self.rest().iter().position(|b| !b.is_ascii_digit()).unwrap_or(self.rest().len());
                let name = self.rest().get(..length).unwrap_or_default().to_vec();
                self.at += length;
                Ok(name)
            }
            Some(byte) if b"@*#?-$!".contains(&byte) => {
                self.at += 1;
                Ok(vec![byte])
            }
            _ => self.refuse("a parameter expansion outside POSIX"),
        }
    }
    fn braces(&mut self, quoted: bool, level: u32) -> Result<Piece, Uncovered> {
        if self.peek() == Some(b'#') && !matches!(self.rest().get(1), Some(b'}' | b':' | b'-' | b'=' | b'+' | b'%' | b'#')) {
            self.at += 1;
            let name = self.parameter()?;
            return if self.next() == Some(b'}') {
                Ok(Piece::Parameter(name, Operation::Length))
            } else {
                self.refuse("a parameter expansion outside POSIX")
            };
        }
        let name = self.parameter()?;
        let colon = self.peek() == Some(b':');
        self.at += usize::from(colon);
        let operation = match self.next() {
            Some(b'}') if !colon => Operation::Value,
            Some(operator @ (b'-' | b'=' | b'?' | b'+')) => {
                let word = if quoted { self.double(Some(b'}'), level)? } else { self.plain(Some(b'}'), false, level)? };
                Operation::Default { operator, colon, word: Word(word) }
            }
            Some(operator @ (b'#' | b'%')) if !colon => {
                let longest = self.peek() == Some(operator);
                self.at += usize::from(longest);
                let here = std::mem::replace(&mut self.here, false);
                let pattern = Word(self.plain(Some(b'}'), false, level)?);
                self.here = here;
                Operation::Trim { suffix: operator == b'%', longest, pattern }
            }
            _ => return self.refuse("a parameter expansion outside POSIX"),
        };
        Ok(Piece::Parameter(name, operation))
    }
    /// After `$(`: an arithmetic expansion or a command substitution.
    fn parentheses(&mut self, level: u32) -> Result<Piece, Uncovered> {
        let start = self.at;
        if self.peek() == Some(b'(')
            && let Some(end) = arithmetic_end(self.rest())
        {
            let line = self.here_line();
            let inner = self.rest().get(1..end).unwrap_or_default();
            let level = self.deeper(level)?;
            let mut reader = Reader { text: inner, at: 0, line, depth: self.depth, here: true };
            let pieces = reader.double(None, level)?;
            self.at += end + 2;
            return Ok(Piece::Arithmetic(Word(pieces)));
        }
        let line = self.here_line();
        let mut failure = None;
        for end in closing(self.rest()).into_iter().take(MAX_TRIES) {
            let inner = self.text.get(start..start + end).unwrap_or_default();
            match parse::list(inner, line, self.depth + 1) {
                Ok(list) => {
                    self.at = start + end + 1;
                    return Ok(Piece::Substitution(Arc::new(list)));
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or_else(|| self.refuse("a substitution does not end"), Err)
    }
    fn backquote(&mut self, quoted: bool) -> Result<Piece, Uncovered> {
        let line = self.here_line();
        let mut text = Vec::new();
        loop {
            match self.next() {
                Some(b'`') => break,
                Some(b'\\') => match self.next() {
                    Some(byte @ (b'$' | b'`' | b'\\')) => text.push(byte),
                    Some(b'"') if quoted && !self.here => text.push(b'"'),
                    Some(byte) => text.extend([b'\\', byte]),
                    None => return self.refuse("a substitution does not end"),
                },
                Some(byte) => text.push(byte),
                None => return self.refuse("a substitution does not end"),
            }
        }
        Ok(Piece::Substitution(Arc::new(parse::list(&text, line, self.depth + 1)?)))
    }
}

/// In `(expression))`, where the two closing ones stand; nothing if they are not side by side.
fn arithmetic_end(text: &[u8]) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return (text.get(at + 1) == Some(&b')')).then_some(at),
            b')' => depth = depth.saturating_sub(1),
            b'\'' | b'"' | b'\n' | b';' => return None,
            _ => {}
        }
    }
    None
}

/// The places of `)` that may end a command substitution: outside of quotes, comments and deeper parentheses, the likely
/// one first.
fn closing(text: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut depth = 0_u32;
    let mut at = 0;
    let mut start = true;
    while let Some(byte) = text.get(at) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let find = |wanted: u8| rest.iter().position(|b| *b == wanted).map_or(rest.len(), |p| p + 1);
        match byte {
            b'\\' => at += 1,
            b'\'' => at += find(b'\''),
            b'"' => at += double_length(rest),
            b'#' if start => at += find(b'\n').saturating_sub(1),
            b'(' => depth += 1,
            b')' if depth == 0 => {
                ends.push(at);
                if ends.len() > MAX_TRIES {
                    break;
                }
            }
            b')' => depth -= 1,
            _ => {}
        }
        start = matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'(');
        at += 1;
    }
    ends
}

/// The length of text in double quotes with its closing quote; substitutions in it may have quotes of their own.
fn double_length(text: &[u8]) -> usize {
    let mut open: Vec<u8> = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, open.last()) {
            (b'\\', _) => at += 1,
            (b'"', None) => return at + 1,
            (b'"', Some(b')')) => open.push(b'"'),
            (b'(', _) if at > 0 && text.get(at - 1) == Some(&b'$') || matches!(open.last(), Some(b')')) => open.push(b')'),
            (b'"', Some(b'"')) | (b')', Some(b')')) => {
                open.pop();
            }
            (b'\'', Some(b')')) => {
                let rest = text.get(at + 1..).unwrap_or_default();
                at += rest.iter().position(|b| *b == b'\'').map_or(rest.len(), |p| p + 1);
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}
