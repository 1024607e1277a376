//! From the pieces that an expansion gave to fields (XCU 2.6.5) and patterns.
//!
//! Invariant: quoted text is never split and never a pattern.

use crate::script::value::Value;

use super::pattern;

/// A part of an expanded word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Quoted: kept as it is; makes a field even when empty.
    Quoted(Value),
    /// Unquoted text of the script: a pattern, not split.
    Literal(Value),
    /// Unquoted result of an expansion: a pattern, and split.
    Expanded(Value),
    /// Between the parameters of `$@`.
    Break,
}

/// A field before pathname expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Field {
    /// The bytes, quotes removed.
    pub(super) value: Value,
    /// The same as a pattern, if unquoted text in it is special.
    pub(super) pattern: Vec<u8>,
    /// Whether it has something special.
    pub(super) special: bool,
}

impl Field {
    fn add(&mut self, bytes: &[u8], base: bool, quoted: bool) {
        self.value.push_bytes(bytes, base);
        if quoted {
            pattern::quote(bytes, &mut self.pattern);
        } else {
            self.pattern.extend_from_slice(bytes);
            self.special |= pattern::is_special(bytes);
        }
    }
}

/// Splits parts into fields.
pub(super) fn split(parts: &[Part], separators: &[u8]) -> Vec<Field> {
    let mut splitter = Splitter { separators, fields: Vec::new(), field: None, ended_by_space: false };
    for part in parts {
        match part {
            Part::Quoted(value) => splitter.field().add(&value.bytes, value.base, true),
            Part::Literal(value) => splitter.field().add(&value.bytes, value.base, false),
            Part::Expanded(value) => splitter.expanded(value),
            Part::Break => {
                splitter.end();
                splitter.ended_by_space = false;
            }
        }
    }
    splitter.end();
    splitter.fields
}

struct Splitter<'a> {
    separators: &'a [u8],
    fields: Vec<Field>,
    field: Option<Field>,
    /// The last field was ended by white space, so that a separator that follows belongs to the same end.
    ended_by_space: bool,
}

impl Splitter<'_> {
    fn field(&mut self) -> &mut Field {
        self.ended_by_space = false;
        self.field.get_or_insert_with(Field::default)
    }
    fn end(&mut self) -> bool {
        let field = self.field.take();
        let ended = field.is_some();
        self.fields.extend(field);
        ended
    }
    fn expanded(&mut self, value: &Value) {
        let mut start = 0;
        for (at, byte) in value.bytes.iter().enumerate() {
            if !self.separators.contains(byte) {
                continue;
            }
            if at > start {
                self.field().add(&value.bytes[start..at], value.base, false);
            }
            start = at + 1;
            if matches!(byte, b' ' | b'\t' | b'\n') {
                self.ended_by_space |= self.end();
            } else if !self.end() && !self.ended_by_space {
                self.fields.push(Field { value: Value::with("", value.base), ..Field::default() });
            } else {
                self.ended_by_space = false;
            }
        }
        if value.bytes.len() > start {
            self.field().add(&value.bytes[start..], value.base, false);
        }
    }
}

/// All parts as one value, `$@` joined by spaces.
pub(super) fn join(parts: &[Part]) -> Value {
    let mut joined = Value::default();
    for part in parts {
        match part {
            Part::Quoted(value) | Part::Literal(value) | Part::Expanded(value) => joined.push(value),
            Part::Break => joined.push_bytes(b" ", false),
        }
    }
    joined
}

/// All parts as one pattern.
pub(super) fn as_pattern(parts: &[Part]) -> Vec<u8> {
    let mut result = Vec::new();
    for part in parts {
        match part {
            Part::Quoted(value) => pattern::quote(&value.bytes, &mut result),
            Part::Literal(value) | Part::Expanded(value) => result.extend_from_slice(&value.bytes),
            Part::Break => result.push(b' '),
        }
    }
    result
}
