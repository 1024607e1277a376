//! What scripts compute with: byte strings that know whether they come from the base; streams and exit statuses.
//!
//! Invariant: a value made of parts comes from the base if any part does (rules.md, "Provenance").

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// A byte string and its provenance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// The bytes, in no particular encoding.
    pub bytes: Vec<u8>,
    /// Whether they were read from a base file or registry, or made of such.
    pub base: bool,
}

impl Value {
    /// Bytes that come from packages or from the script's text.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), base: false }
    }
    /// Bytes with their provenance.
    pub fn with(bytes: impl Into<Vec<u8>>, base: bool) -> Self {
        Self { bytes: bytes.into(), base }
    }
    /// As text for messages and comparisons; what is not UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
    /// Adds another value at the end.
    pub fn push(&mut self, more: &Self) {
        self.bytes.extend_from_slice(&more.bytes);
        self.base |= more.base;
    }
    /// Adds bytes at the end.
    pub fn push_bytes(&mut self, bytes: &[u8], base: bool) {
        self.bytes.extend_from_slice(bytes);
        self.base |= base;
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExitStatus(pub u8);

impl ExitStatus {
    /// 0.
    pub const SUCCESS: Self = Self(0);
    /// 1: false, not found, or a failure.
    pub const FAILURE: Self = Self(1);
    /// 2: wrong usage, or trouble.
    pub const TROUBLE: Self = Self(2);
    /// 127: the shell found no such command.
    pub const NOT_FOUND: Self = Self(127);

    /// Whether it is 0.
    pub fn success(self) -> bool {
        self.0 == 0
    }
}

impl From<bool> for ExitStatus {
    fn from(success: bool) -> Self {
        if success { Self::SUCCESS } else { Self::FAILURE }
    }
}

#[derive(Debug, Default)]
struct Source {
    value: Value,
    at: usize,
}

/// A stream that is read: standard input. Clones share the place where they are, as file descriptors do.
#[derive(Clone, Debug, Default)]
pub struct Input(Rc<RefCell<Source>>);

impl Input {
    /// A stream of these bytes.
    pub fn new(value: Value) -> Self {
        Self(Rc::new(RefCell::new(Source { value, at: 0 })))
    }
    /// All that is left.
    pub fn rest(&self) -> Value {
        let mut source = self.0.borrow_mut();
        let bytes = source.value.bytes.get(source.at..).unwrap_or_default().to_vec();
        source.at = source.value.bytes.len();
        Value::with(bytes, source.value.base)
    }
    /// The next line without its newline, and whether it had one; nothing at the end.
    pub fn line(&self) -> Option<(Value, bool)> {
        let mut source = self.0.borrow_mut();
        let rest = source.value.bytes.get(source.at..).filter(|rest| !rest.is_empty())?;
        let end = rest.iter().position(|b| *b == b'\n');
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().to_vec();
        source.at += line.len() + usize::from(end.is_some());
        Some((Value::with(line, source.value.base), end.is_some()))
    }
}
