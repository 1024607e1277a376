//! The index of one `Packages` or `status` file: what the selection needs of it, compact, and kept as a memo.
//!
//! Invariant: names are numbered in the order in which the file first mentions them, since apt prefers the provider whose
//! name was mentioned last (facts of apt's `CompareProviders`); several indexes merge into one such order. Relations stay
//! text until a package is reached. It may not judge: which version is the candidate is the universe's matter.

mod fields;
mod read;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use fields::Field;

use crate::error::{Class, Fault, Side};

/// Largest stanza that is accepted, in bytes; the largest of Debian's has under 100 KiB.
pub const MAX_STANZA: usize = 1 << 20;
/// Most packages that one file may hold; Debian's largest has 70 000.
pub const MAX_PACKAGES: usize = 1_000_000;
/// Largest file, in bytes: positions in the index are 32-bit.
pub const MAX_FILE: usize = 1 << 30;
/// Raised when the memo's form changes.
const MEMO_FORMAT: u32 = 1;

/// Why a file or a memo is no index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexFault {
    /// A stanza is larger than any real one.
    #[error("the package index has a stanza of {size} bytes at byte {offset}, more than {MAX_STANZA}")]
    Stanza {
        /// Where it starts.
        offset: usize,
        /// Its length in bytes.
        size: usize,
    },
    /// The file holds too much.
    #[error("the package index is too large: more than {MAX_PACKAGES} packages or {MAX_FILE} bytes")]
    Size,
    /// The memo is from another release or damaged; the index must be read anew.
    #[error("the remembered package index cannot be used: {0}")]
    Memo(&'static str),
}

impl Fault for IndexFault {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        match self {
            Self::Memo(_) => Side::Local,
            Self::Stanza { .. } | Self::Size => Side::Source,
        }
    }
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Size).then(|| "name fewer components of the archive in the base's sources".into())
    }
}

/// One file's packages in file order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    architecture: String,
    /// All names, one behind the other, in the order of their first mention.
    names: String,
    /// Where each name ends in `names`.
    name_ends: Vec<u32>,
    records: Vec<Record>,
    /// Provided name and the record that provides it.
    provides: Vec<(u32, u32)>,
    /// The kept fields of all records, see [`fields`].
    text: fields::Blob,
}

/// Where a package's fields are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    name: u32,
    start: u32,
    end: u32,
    /// Over what makes two stanzas of one version number the same version, see [`fields::content_hash`].
    content: u64,
}

impl Index {
    /// The index of a `Packages` or `status` file for a system of this architecture; packages of other architectures
    /// are left out.
    pub fn read(text: &[u8], architecture: &str) -> Result<Self, IndexFault> {
        read::read(text, architecture)
    }

    /// The architecture that counts as native.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// How many packages it holds.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it holds no package.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// All names in the order of their first mention: packages, and what relations point to.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        (0..self.name_ends.len()).map(|at| self.name(at as u32))
    }

    /// The package at this place in the file.
    pub fn stanza(&self, at: usize) -> Option<Stanza<'_>> {
        self.records.get(at).map(|record| Stanza { index: self, record: *record })
    }

    /// Number of a provided name, and the place of the package that provides it.
    pub(super) fn provides(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.provides.iter().copied()
    }

    fn name(&self, at: u32) -> &str {
        let at = at as usize;
        let start = at.checked_sub(1).and_then(|before| self.name_ends.get(before)).copied().unwrap_or(0);
        let end = self.name_ends.get(at).copied().unwrap_or(start);
        self.names.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The index as bytes for the store.
    pub fn to_memo(&self) -> Vec<u8> {
        postcard::to_stdvec(&(MEMO_FORMAT, self)).unwrap_or_default()
    }

    /// The index that [`Self::to_memo`] wrote. A memo of another format is refused, never guessed at.
    pub fn from_memo(memo: &[u8]) -> Result<Self, IndexFault> {
        let (format, rest): (u32, &[u8]) = postcard::take_from_bytes(memo).map_err(|_| IndexFault::Memo("it is cut short"))?;
        if format != MEMO_FORMAT {
            return Err(IndexFault::Memo("it has another format"));
        }
        postcard::from_bytes(rest).map_err(|_| IndexFault::Memo("it is damaged"))
    }
}

/// One package of an index.
#[derive(Debug, Clone, Copy)]
pub struct Stanza<'a> {
    index: &'a Index,
    record: Record,
}

impl<'a> Stanza<'a> {
    /// The package's name.
    pub fn name(&self) -> &'a str {
        self.index.name(self.record.name)
    }

    /// Number of the name within its index.
    pub(super) fn name_number(&self) -> u32 {
        self.record.name
    }

    /// A field's value.
    pub fn get(&self, field: Field) -> Option<&'a str> {
        fields::find(self.index.text.get(self.record.start as usize..self.record.end as usize)?, field)
    }

    /// The version as it stands.
    pub fn version(&self) -> &'a str {
        self.get(Field::Version).unwrap_or_default()
    }

    /// Whether a field says `yes`.
    pub fn says_yes(&self, field: Field) -> bool {
        self.get(field).is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }

    /// Name and version of the source package: `Source: NAME (VERSION)`, else the package's own.
    pub fn source(&self) -> (&'a str, &'a str) {
        let Some(source) = self.get(Field::Source) else { return (self.name(), self.version()) };
        match source.split_once('(') {
            None => (source.trim_ascii(), self.version()),
            Some((name, version)) => (name.trim_ascii(), version.trim_ascii().trim_end_matches(')')),
        }
    }

    /// Whether two stanzas with one version number are the same version: equal relations and size, as apt judges. The
    /// status file has no size.
    pub(super) fn is_same_build(&self, other: &Stanza<'_>) -> bool {
        let differs = |field: Field| matches!((self.get(field), other.get(field)), (Some(a), Some(b)) if a != b);
        self.record.content == other.record.content
            && !differs(Field::Size)
            && self.get(Field::MultiArch).unwrap_or("no") == other.get(Field::MultiArch).unwrap_or("no")
    }
}
