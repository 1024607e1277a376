//! The kept fields of a stanza as bytes: for each its number, the length of its value (u32, little endian) and the value.
//!
//! Invariant: a lookup touches only the heads, never the values between them. Values are UTF-8; a value that is not is
//! kept with replacement characters, so that it still differs from every real name.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A field that the selection, the order or the fetch needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Field {
    /// `Version`
    Version,
    /// `Status`: wanted state, error flag and state of an installed package.
    Status,
    /// `Architecture`
    Architecture,
    /// `Multi-Arch`
    MultiArch,
    /// `Essential`
    Essential,
    /// `Important`, the older word for `Protected`.
    Important,
    /// `Protected`
    Protected,
    /// `Priority`
    Priority,
    /// `Section`
    Section,
    /// `Source`
    Source,
    /// `Pre-Depends`
    PreDepends,
    /// `Depends`
    Depends,
    /// `Conflicts`
    Conflicts,
    /// `Breaks`
    Breaks,
    /// `Recommends`
    Recommends,
    /// `Suggests`
    Suggests,
    /// `Replaces`
    Replaces,
    /// `Enhances`
    Enhances,
    /// `Provides`
    Provides,
    /// `Installed-Size`, in KiB.
    InstalledSize,
    /// `Filename`, relative to the archive's root.
    Filename,
    /// `Size` of the archive file in bytes.
    Size,
    /// `SHA256` of the archive file.
    Sha256,
    /// `Phased-Update-Percentage`
    Phased,
}

impl Field {
    /// All kept fields with their names in control files.
    pub(super) const NAMED: [(Field, &'static str); 24] = [
        (Self::Version, "Version"),
        (Self::Status, "Status"),
        (Self::Architecture, "Architecture"),
        (Self::MultiArch, "Multi-Arch"),
        (Self::Essential, "Essential"),
        (Self::Important, "Important"),
        (Self::Protected, "Protected"),
        (Self::Priority, "Priority"),
        (Self::Section, "Section"),
        (Self::Source, "Source"),
        (Self::PreDepends, "Pre-Depends"),
        (Self::Depends, "Depends"),
        (Self::Conflicts, "Conflicts"),
        (Self::Breaks, "Breaks"),
        (Self::Recommends, "Recommends"),
        (Self::Suggests, "Suggests"),
        (Self::Replaces, "Replaces"),
        (Self::Enhances, "Enhances"),
        (Self::Provides, "Provides"),
        (Self::InstalledSize, "Installed-Size"),
        (Self::Filename, "Filename"),
        (Self::Size, "Size"),
        (Self::Sha256, "SHA256"),
        (Self::Phased, "Phased-Update-Percentage"),
    ];

    /// The fields whose relations mention names, in the order in which apt reads them.
    pub(super) const MENTIONING: [Field; 9] = [
        Self::PreDepends,
        Self::Depends,
        Self::Conflicts,
        Self::Breaks,
        Self::Recommends,
        Self::Suggests,
        Self::Replaces,
        Self::Enhances,
        Self::Provides,
    ];

    /// The fields of which apt makes the identity of a version.
    const IDENTIFYING: [Field; 6] =
        [Self::InstalledSize, Self::Depends, Self::PreDepends, Self::Conflicts, Self::Breaks, Self::Replaces];
}

/// Bytes of head before each value.
const HEAD: usize = 5;

/// Appends a field.
pub(super) fn append(text: &mut Vec<u8>, field: Field, value: &str) {
    text.push(field as u8);
    text.extend_from_slice(&(value.len() as u32).to_le_bytes());
    text.extend_from_slice(value.as_bytes());
}

/// The value of a field among the appended ones; the last one counts.
pub(super) fn find(mut text: &[u8], field: Field) -> Option<&str> {
    let mut found = None;
    while let Some((head, rest)) = text.split_first_chunk::<HEAD>() {
        let [number, length @ ..] = *head;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(length) as usize)?;
        if number == field as u8 {
            found = Some(value);
        }
        text = rest;
    }
    std::str::from_utf8(found?).ok()
}

/// What must be equal for two stanzas of one version number to be one version: the identifying fields without blanks,
/// `=` and zero epochs, and without regard to case, so that dpkg's reprinting does not count. (FNV-1a, 64 bit.)
pub(super) fn content_hash(text: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for field in Field::IDENTIFYING {
        let value = find(text, field).unwrap_or_default().as_bytes();
        let mut at = 0;
        while let Some(byte) = value.get(at) {
            if *byte == b'0' && value.get(at + 1) == Some(&b':') {
                at += 2;
                continue;
            }
            if !byte.is_ascii_whitespace() && *byte != b'=' {
                add(byte.to_ascii_lowercase());
            }
            at += 1;
        }
        add(0);
    }
    hash
}

/// Bytes that a memo holds as one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Blob(pub(super) Vec<u8>);

impl std::ops::Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
