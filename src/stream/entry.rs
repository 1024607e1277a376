//! One file, directory or link of a tree, as tar knows it, without its bytes.
//!
//! Invariant: an [`EntryPath`] is relative to the image's root and has no empty, `.` or `..` component; it is a key, and
//! never becomes a path on this machine's disk.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A path below the image's root, in bytes: `usr/bin/env`. The root itself is empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct EntryPath(Vec<u8>);

/// Why some bytes are no path of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A `..` component, which could lead out of the root.
    #[error("path {0:?} has a `..` component")]
    Upwards(String),
    /// A NUL byte.
    #[error("path {0:?} has a NUL byte")]
    Nul(String),
    /// Longer than 4096 bytes, or a component longer than 255.
    #[error("path {0:?} is too long")]
    TooLong(String),
}

impl crate::error::Fault for PathError {
    fn class(&self) -> crate::error::Class {
        crate::error::Class::Input
    }
    fn side(&self) -> crate::error::Side {
        crate::error::Side::Source
    }
}

impl EntryPath {
    /// The longest path and the longest component that Linux takes.
    const MAX: (usize, usize) = (4096, 255);

    /// The root.
    pub const fn root() -> Self {
        Self(Vec::new())
    }
    /// Normalises `bytes`: a leading `/` or `./`, doubled slashes, `.` components and a trailing slash fall away.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let bytes = bytes.as_ref();
        let shown = || String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        if bytes.contains(&0) {
            return Err(PathError::Nul(shown()));
        }
        let mut path = Vec::with_capacity(bytes.len());
        for component in bytes.split(|b| *b == b'/') {
            match component {
                b"" | b"." => continue,
                b".." => return Err(PathError::Upwards(shown())),
                _ if component.len() > Self::MAX.1 => return Err(PathError::TooLong(shown())),
                _ => {}
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(component);
        }
        if path.len() > Self::MAX.0 {
            return Err(PathError::TooLong(shown()));
        }
        Ok(Self(path))
    }
    /// The bytes, without leading slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
    /// The components from the root down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|c| !c.is_empty())
    }
    /// The last component; empty for the root.
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|b| *b == b'/').next().unwrap_or_default()
    }
    /// The directory that holds it; nothing for the root.
    pub fn parent(&self) -> Option<Self> {
        self.parent_bytes().map(|parent| Self(parent.to_vec()))
    }
    /// The bytes of [`Self::parent`].
    pub fn parent_bytes(&self) -> Option<&[u8]> {
        if self.is_root() {
            return None;
        }
        Some(self.0.iter().rposition(|b| *b == b'/').map_or(&[][..], |at| &self.0[..at]))
    }
    /// All directories above it, from the first below the root down to its parent.
    pub fn parents(&self) -> impl Iterator<Item = Self> + '_ {
        self.0.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| Self(self.0[..at].to_vec()))
    }
    /// A path below this one; `more` is normalised.
    pub fn join(&self, more: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let mut bytes = self.0.clone();
        bytes.push(b'/');
        bytes.extend_from_slice(more.as_ref());
        Self::new(bytes)
    }
    /// Whether this is `above` or lies below it.
    pub fn is_below(&self, above: &Self) -> bool {
        above.is_root() || self.0.strip_prefix(above.0.as_slice()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
    /// With a leading slash, as dpkg writes it.
    pub fn absolute(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() + 1);
        bytes.push(b'/');
        bytes.extend_from_slice(&self.0);
        bytes
    }
}

impl Borrow<[u8]> for EntryPath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for EntryPath {
    /// With a leading slash; control characters and bytes that are not UTF-8 are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/")?;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for EntryPath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file of `size` bytes.
    File {
        /// Bytes of content.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link; the target is kept as written.
    Symlink {
        /// Target, uninterpreted.
        target: Vec<u8>,
    },
    /// A further name of a file that stands earlier in the same stream.
    HardLink {
        /// That file.
        target: EntryPath,
    },
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// Numeric owner and group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Owner {
    /// User ID.
    pub uid: u32,
    /// Group ID.
    pub gid: u32,
}

/// A file, directory or link with its metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where.
    pub path: EntryPath,
    /// What.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky: 12 bits.
    pub mode: u32,
    /// Numbers of owner and group.
    pub owner: Owner,
    /// The owner's name as the archive gives it; empty where it gives none. Never written to a layer.
    pub user_name: Vec<u8>,
    /// The group's name as the archive gives it.
    pub group_name: Vec<u8>,
    /// Time of last change, in seconds since 1970.
    pub mtime: i64,
    /// Extended attributes (`security.capability`, `user.*`), by name.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Entry {
    /// An entry of root with time 0.
    pub fn new(path: EntryPath, kind: Kind, mode: u32) -> Self {
        Self {
            path,
            kind,
            mode,
            owner: Owner::default(),
            user_name: Vec::new(),
            group_name: Vec::new(),
            mtime: 0,
            xattrs: BTreeMap::new(),
        }
    }
    /// Bytes of content: 0 for all but regular files.
    pub fn size(&self) -> u64 {
        if let Kind::File { size } = self.kind { size } else { 0 }
    }
    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_or_refused() {
        let path = |text: &str| EntryPath::new(text).map(|p| String::from_utf8(p.as_bytes().to_vec()).unwrap_or_default());
        for (given, kept) in [("./usr//bin/./env", "usr/bin/env"), ("/etc/", "etc"), ("./", ""), ("", ""), ("a/.b", "a/.b")] {
            assert_eq!(path(given).as_deref(), Ok(kept));
        }
        for bad in ["../x", "a/../b", "a/..", "a\0b"] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
        assert!(path(&"a/".repeat(3000)).is_err());
    }

    #[test]
    fn below_means_whole_components() {
        let path = |text: &str| EntryPath::new(text).expect("a path");
        assert!(path("usr/bin").is_below(&path("usr")));
        assert!(path("usr").is_below(&path("usr")));
        assert!(!path("usrx").is_below(&path("usr")));
        assert_eq!(path("a/b/c").parents().collect::<Vec<_>>(), [path("a"), path("a/b")]);
        assert_eq!(path("a").parent(), Some(EntryPath::root()));
        assert_eq!(EntryPath::root().parent(), None);
    }
}
