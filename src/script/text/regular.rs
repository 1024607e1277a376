//! POSIX basic and extended regular expressions, with GNU's additions, by translation to the `regex` crate on bytes.
//!
//! Invariant: linear time whatever the pattern; back-references are refused. POSIX wants the longest match: alternatives of fixed length are
//! tried longest first; where others overlap, the first wins, and only whether a line matches is certain.

use std::fmt::Write as _;

use regex::bytes::{Regex, RegexBuilder};

use crate::script::text::regular::Token as T;

/// Largest compiled program, in bytes: the limit of hostile repetition counts.
const MAX_PROGRAM: usize = 4 << 20;

/// How the translation begins: bytes, and a dot that matches every one.
const FLAGS: &str = "(?s-u)";

/// Compiles a pattern; the error is a reason for an uncovered call.
pub(in crate::script) fn compile(pattern: &[u8], extended: bool, ignore_case: bool) -> Result<Regex, String> {
    let mut translator =
        Translator { pattern, at: 0, extended, out: String::from(FLAGS), atom: None, repeated: false, open: Vec::new() };
    translator.all()?;
    RegexBuilder::new(&translator.out)
        .unicode(false)
        .case_insensitive(ignore_case)
        .size_limit(MAX_PROGRAM)
        .build()
        .map_err(|_| format!("the regular expression {:?} is not covered", String::from_utf8_lossy(pattern)))
}

/// Compiles fixed text.
pub(in crate::script) fn compile_fixed(text: &[u8], ignore_case: bool) -> Result<Regex, String> {
    let mut out = String::new();
    for byte in text {
        literal(&mut out, *byte);
    }
    let built = RegexBuilder::new(&out).unicode(false).case_insensitive(ignore_case).size_limit(MAX_PROGRAM).build();
    built.map_err(|_| "the text is too long".to_owned())
}

fn literal(out: &mut String, byte: u8) {
    let _ = if byte.is_ascii_alphanumeric() || byte == b' ' {
        write!(out, "{}", char::from(byte))
    } else {
        write!(out, "\\x{byte:02x}")
    };
}

/// How many characters a translated text matches, if it always matches as many; places (`^`, `$`) have none.
fn fixed_length(text: &str) -> Option<usize> {
    let (mut rest, mut length) = (text, 0);
    while let Some(first) = rest.chars().next() {
        let size = match first {
            '\\' => rest.get(1..)?.starts_with('x').then_some(4)?,
            '[' => rest.find(']')? + 1,
            '^' | '$' => {
                rest = rest.get(1..)?;
                continue;
            }
            '.' | ' ' => 1,
            other => other.is_ascii_alphanumeric().then_some(1)?,
        };
        rest = rest.get(size..)?;
        length += 1;
    }
    Some(length)
}

enum Token {
    Byte(u8),
    Any,
    Open,
    Close,
    Or,
    Repeat(String),
    Start,
    End,
    Raw(&'static str),
    Bracket,
}

struct Translator<'a> {
    pattern: &'a [u8],
    at: usize,
    extended: bool,
    out: String,
    /// Where the last atom begins in the output.
    atom: Option<usize>,
    repeated: bool,
    open: Vec<usize>,
}

impl Translator<'_> {
    fn refuse<R>(&self, why: &str) -> Result<R, String> {
        Err(format!("the regular expression {:?} is not covered: {why}", String::from_utf8_lossy(self.pattern)))
    }
    fn all(&mut self) -> Result<(), String> {
        while self.at < self.pattern.len() {
            let token = self.token()?;
            let start = self.out.len();
            let mut atom = Some(start);
            match token {
                T::Byte(byte) => literal(&mut self.out, byte),
                T::Any => self.out.push('.'),
                T::Raw(text) => self.out.push_str(text),
                T::Bracket => self.bracket()?,
                T::Start => {
                    self.out.push('^');
                    atom = None;
                }
                T::End => {
                    self.out.push('$');
                    atom = None;
                }
                T::Open => {
                    self.open.push(start);
                    self.out.push('(');
                    atom = None;
                }
                T::Close => {
                    let Some(open) = self.open.pop() else { return self.refuse("a parenthesis is not open") };
                    self.longest_first(open + 1);
                    self.out.push(')');
                    atom = Some(open);
                }
                T::Or => {
                    self.out.push('|');
                    atom = None;
                }
                T::Repeat(text) => {
                    let Some(from) = self.atom else { return self.refuse("nothing to repeat") };
                    if self.repeated {
                        self.out.insert_str(from, "(?:");
                        self.out.push(')');
                    }
                    self.out.push_str(&text);
                    self.repeated = true;
                    continue;
                }
            }
            self.atom = atom;
            self.repeated = false;
        }
        if !self.open.is_empty() {
            return self.refuse("a parenthesis is not closed");
        }
        self.longest_first(FLAGS.len());
        Ok(())
    }
    /// Sorts the alternatives that stand from here on, if each has a fixed length.
    fn longest_first(&mut self, from: usize) {
        let Some(text) = self.out.get(from..).filter(|text| text.contains('|')) else { return };
        let measured: Option<Vec<(usize, &str)>> = text.split('|').map(|part| Some((fixed_length(part)?, part))).collect();
        let Some(mut parts) = measured else { return };
        parts.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        let sorted = parts.into_iter().map(|(_, part)| part).collect::<Vec<_>>().join("|");
        self.out.replace_range(from.., &sorted);
    }
    fn rest(&self) -> &[u8] {
        self.pattern.get(self.at..).unwrap_or_default()
    }
    fn token(&mut self) -> Result<Token, String> {
        let Some(byte) = self.rest().first().copied() else { return self.refuse("it ends early") };
        let begins = self.atom.is_none() && !self.out.ends_with('$');
        self.at += 1;
        Ok(match byte {
            b'\\' => return self.escape(),
            b'[' => T::Bracket,
            b'.' => T::Any,
            b'*' if begins => T::Byte(b'*'),
            b'*' => T::Repeat("*".into()),
            b'^' if self.extended || begins && !self.out.ends_with('^') => T::Start,
            b'$' if self.extended
                || self.rest().is_empty()
                || self.rest().starts_with(b"\\)")
                || self.rest().starts_with(b"\\|") =>
            {
                T::End
            }
            b'(' if self.extended => T::Open,
            b')' if self.extended && !self.open.is_empty() => T::Close,
            b'|' if self.extended => T::Or,
            b'+' | b'?' if self.extended && !begins => T::Repeat(char::from(byte).to_string()),
            b'{' if self.extended && !begins && self.rest().first().is_some_and(|b| b.is_ascii_digit() || *b == b',') => {
                self.interval()?
            }
            _ => T::Byte(byte),
        })
    }
    fn escape(&mut self) -> Result<Token, String> {
        let Some(byte) = self.rest().first().copied() else { return self.refuse("it ends in a backslash") };
        let begins = self.atom.is_none();
        self.at += 1;
        Ok(match byte {
            b'(' if !self.extended => T::Open,
            b')' if !self.extended => T::Close,
            b'|' if !self.extended => T::Or,
            b'{' if !self.extended && !begins => self.interval()?,
            b'+' | b'?' if !self.extended && !begins => T::Repeat(char::from(byte).to_string()),
            b'1'..=b'9' => return self.refuse("back-references"),
            b'n' => T::Byte(b'\n'),
            b't' => T::Byte(b'\t'),
            b'w' => T::Raw("[0-9A-Za-z_]"),
            b'W' => T::Raw("[^0-9A-Za-z_]"),
            b's' => T::Raw("[\\x09-\\x0d ]"),
            b'S' => T::Raw("[^\\x09-\\x0d ]"),
            b'b' => T::Raw("\\b"),
            b'B' => T::Raw("\\B"),
            b'<' => T::Raw("\\b{start}"),
            b'>' => T::Raw("\\b{end}"),
            b'`' => T::Raw("\\A"),
            b'\'' => T::Raw("\\z"),
            _ if byte.is_ascii_alphanumeric() => return self.refuse("an unknown escape"),
            _ => T::Byte(byte),
        })
    }
    fn interval(&mut self) -> Result<Token, String> {
        let end: &[u8] = if self.extended { b"}" } else { b"\\}" };
        let rest = self.rest();
        let Some(length) = rest.windows(end.len()).position(|window| window == end) else {
            return self.refuse("an interval does not end");
        };
        let text = String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned();
        let valid = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b',');
        if !valid {
            return self.refuse("an interval");
        }
        self.at += length + end.len();
        let text = if text.starts_with(',') { format!("0{text}") } else { text };
        Ok(T::Repeat(format!("{{{text}}}")))
    }
    /// After `[`.
    fn bracket(&mut self) -> Result<(), String> {
        let negated = self.rest().first() == Some(&b'^');
        self.at += usize::from(negated);
        let first = self.at;
        let mut set = [false; 256];
        loop {
            let Some(byte) = self.rest().first().copied() else { return self.refuse("a bracket is not closed") };
            if byte == b']' && self.at > first {
                self.at += 1;
                break;
            }
            if byte == b'[' && matches!(self.rest().get(1), Some(b':' | b'.' | b'=')) {
                self.class(&mut set)?;
                continue;
            }
            self.at += 1;
            let range = self.rest().first() == Some(&b'-') && !matches!(self.rest().get(1), None | Some(b']'));
            let mut end = byte;
            if range {
                end = self.rest().get(1).copied().unwrap_or(byte);
                self.at += 2;
            }
            if end < byte {
                return self.refuse("a range that ends before it begins");
            }
            (byte..=end).for_each(|b| set[usize::from(b)] = true);
        }
        let members = (0..=255_u8).filter(|byte| set[usize::from(*byte)]);
        self.out.push_str(if negated { "[^" } else { "[" });
        members.for_each(|byte| {
            let _ = write!(self.out, "\\x{byte:02x}");
        });
        self.out.push(']');
        Ok(())
    }
    fn class(&mut self, set: &mut [bool; 256]) -> Result<(), String> {
        let rest = self.rest();
        let name =
            rest.strip_prefix(b"[:").and_then(|rest| Some(rest.get(..rest.windows(2).position(|pair| pair == b":]")?)?.to_vec()));
        let Some(name) = name else { return self.refuse("a collating element") };
        self.at += name.len() + 4;
        let mut any = false;
        for byte in 0..=255_u8 {
            if crate::script::shell::class(&name, byte) {
                set[usize::from(byte)] = true;
                any = true;
            }
        }
        if any { Ok(()) } else { self.refuse("an unknown class") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_fixed_alternatives_matches() {
        for (pattern, text, found) in [
            ("a|ab|abc", "xabcd", "abc"),
            ("x(.|[a-c]b)$", "xab", "xab"),
            ("^a|^ab", "ab", "ab"),
            ("(a*|b)c", "aac", "aac"),
            ("if|ifdown|ifup", "ifup", "ifup"),
        ] {
            let regex = compile(pattern.as_bytes(), true, false).expect("compiles");
            assert_eq!(regex.find(text.as_bytes()).map(|found| found.as_bytes()), Some(found.as_bytes()), "{pattern}");
        }
    }
}
