//! The grammar of apt.conf(5), as `ReadConfigFile` of apt reads it: text to settings, in order.
//!
//! Invariant: one pass, memory bounded by the text; the nesting of scopes is limited. Meaning is [`super::conf`]'s.

use std::borrow::Cow;

/// The deepest nesting of scopes; real files have four.
const MAX_DEPTH: usize = 64;

/// One thing that a file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// `NAME "VALUE";` with all scopes before the name; a list element's name ends in `::`.
    Set { name: String, value: String },
    /// `#clear NAME;`
    Clear { name: String },
}

/// Where (line from 1) and what is wrong.
pub(super) type Wrong = (usize, &'static str);

/// All settings of `text`; nothing comes after an error. Text after the last `;` or `}` is ignored, as apt does.
pub(super) fn parse(text: &str) -> impl Iterator<Item = Result<Event, Wrong>> {
    let mut parser = Parser { scopes: Vec::new(), events: Vec::new() };
    let wrong = parser.run(text).err();
    parser.events.into_iter().map(Ok).chain(wrong.map(Err))
}

struct Parser {
    /// The full name of each open scope.
    scopes: Vec<String>,
    events: Vec<Event>,
}

impl Parser {
    fn run(&mut self, text: &str) -> Result<(), Wrong> {
        let mut pending = String::new();
        let mut rest = text;
        let mut line = 1;
        let mut started = 1;
        let mut quoted = false;
        while let Some(c) = rest.chars().next() {
            if !quoted && let Some(length) = comment(rest).map_err(|what| (line, what))? {
                line += rest.bytes().take(length).filter(|b| *b == b'\n').count();
                rest = rest.get(length..).unwrap_or_default();
                pending.push(' ');
                continue;
            }
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            if pending.trim().is_empty() {
                started = line;
            }
            match c {
                '{' | ';' | '}' if !quoted => {
                    self.item(pending.trim(), c).map_err(|what| (started, what))?;
                    pending.clear();
                }
                // Whoever forgot the closing quote did so on this line: no value spans two.
                '\n' if quoted => return Err((line, "a quoted value does not end")),
                '\n' => {
                    line += 1;
                    pending.push(' ');
                }
                _ => {
                    quoted ^= c == '"';
                    pending.push(c);
                }
            }
        }
        if quoted { Err((line, "a quoted value does not end")) } else { Ok(()) }
    }

    /// One piece of text and the sign that ended it.
    fn item(&mut self, text: &str, end: char) -> Result<(), &'static str> {
        if text.is_empty() {
            match end {
                '{' => return Err("a block starts with no name"),
                '}' => drop(self.scopes.pop()),
                _ => {}
            }
            return Ok(());
        }
        let (first, rest) = word(text).ok_or("a name is malformed")?;
        let (second, rest) = match value(rest) {
            Some((value, rest)) => (Some(value), rest),
            None => (None, rest),
        };
        if !rest.trim().is_empty() {
            return Err("there is more after the value");
        }
        let parent = self.scopes.last().cloned().unwrap_or_default();
        if let Some(directive) = first.strip_prefix('#') {
            return self.directive(directive, second, &parent);
        }
        let below = |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}::{name}") };
        match (end, second) {
            ('{', section) => {
                if self.scopes.len() >= MAX_DEPTH {
                    return Err("the blocks are nested too deep");
                }
                let scope = below(&first);
                if let Some(value) = section {
                    self.events.push(Event::Set { name: scope.clone(), value: value.into_owned() });
                }
                self.scopes.push(scope);
            }
            (_, Some(value)) => self.events.push(Event::Set { name: below(&first), value: value.into_owned() }),
            // A lone word is the value of an element of the scope; outside any scope it says nothing.
            (_, None) if !parent.is_empty() => self.events.push(Event::Set { name: below(""), value: first.into_owned() }),
            (_, None) => {}
        }
        if end == '}' {
            self.scopes.pop();
        }
        Ok(())
    }

    fn directive(&mut self, name: &str, word: Option<Cow<'_, str>>, parent: &str) -> Result<(), &'static str> {
        if !parent.is_empty() {
            return Err("directives stand outside all blocks only");
        }
        match (name, word) {
            ("clear", Some(name)) => {
                self.events.push(Event::Clear { name: name.into_owned() });
                Ok(())
            }
            ("clear", None) => Err("#clear needs a name"),
            _ => Err("this directive is not supported"),
        }
    }
}

/// The length of the comment that `text` starts with: `//` and `#` to the end of the line, `/*` to `*/`.
fn comment(text: &str) -> Result<Option<usize>, &'static str> {
    if text.starts_with("/*") {
        return text.find("*/").map(|at| Some(at + 2)).ok_or("a comment does not end");
    }
    let directive = text.starts_with("#clear") || text.starts_with("#include");
    if text.starts_with("//") || (text.starts_with('#') && !directive) {
        return Ok(Some(text.find('\n').unwrap_or(text.len())));
    }
    Ok(None)
}

/// A word up to white space, in which quotes and `[...]` protect it, with `%XX` decoded; and what follows.
fn word(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let text = text.trim_start();
    let mut quoted = false;
    let mut bracketed = false;
    let end = text
        .find(|c: char| {
            match c {
                '"' => quoted = !quoted,
                '[' if !quoted => bracketed = true,
                ']' if !quoted => bracketed = false,
                _ => {}
            }
            c.is_ascii_whitespace() && !quoted && !bracketed
        })
        .unwrap_or(text.len());
    let (found, rest) = text.split_at_checked(end)?;
    if found.is_empty() {
        return None;
    }
    let bare = found.replace('"', "");
    let decoded = percent_encoding::percent_decode_str(&bare).decode_utf8_lossy().into_owned();
    Some((Cow::Owned(decoded), rest))
}

/// A value: one or more quoted strings that stand side by side, or a word; and what follows.
fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut rest = text.trim_start();
    if !rest.starts_with('"') {
        return word(rest);
    }
    let mut value = String::new();
    while let Some(inner) = rest.trim_start().strip_prefix('"') {
        let (piece, after) = inner.split_once('"')?;
        value.push_str(piece);
        rest = after;
    }
    Some((Cow::Owned(value), rest))
}
