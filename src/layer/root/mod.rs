//! The virtual root: the base as its catalogue shows it, plus what was placed and written since, in memory.
//!
//! Invariant: a path of it never becomes a path on this machine's disk; every link, also `..`, is resolved inside the root.
//! The base is never changed. Each node knows whether its bytes or numbers come from the base, and who wrote it.

mod change;
mod inode;
mod place;
mod resolve;
#[cfg(test)]
mod tests;

pub use inode::{Author, Content, Inode, InodeKind, Provenance};
pub use resolve::Last;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use crate::error::{Class, Fault, Side};
use crate::oci::Digest;
use crate::rootfs::{NameShape, Reads, RootFs, Watched, collect_names};
use crate::stream::{EntryPath, PathError};

/// Largest file that is read into memory: scripts and registries are far below, and a hostile package must not fill it.
pub const MAX_READ: u64 = 256 << 20;

/// Where the bytes of packages' files are fetched from.
pub trait Bodies: Send + Sync {
    /// The bytes of the regular file that `archive` ships at `path`.
    fn read(&self, archive: &Digest, path: &EntryPath) -> Result<Arc<[u8]>, crate::Error>;
}

/// No archive at all; for roots without packages.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBodies;

impl Bodies for NoBodies {
    fn read(&self, _: &Digest, path: &EntryPath) -> Result<Arc<[u8]>, crate::Error> {
        Err(RootError::NotFound(path.to_string()).into())
    }
}

/// Why an operation on the virtual root failed. Paths are shown with a leading slash.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// ENOENT.
    #[error("{0}: no such file or directory")]
    NotFound(String),
    /// ENOTDIR.
    #[error("{0}: not a directory")]
    NotADirectory(String),
    /// EISDIR.
    #[error("{0}: is a directory")]
    IsADirectory(String),
    /// EEXIST.
    #[error("{0}: file exists")]
    Exists(String),
    /// ENOTEMPTY.
    #[error("{0}: directory not empty")]
    NotEmpty(String),
    /// ELOOP.
    #[error("{0}: too many levels of symbolic links")]
    Loop(String),
    /// EINVAL: a directory moved into itself, the root removed, a device read.
    #[error("{0}: invalid argument")]
    Invalid(String),
    /// No path of an entry.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The base has the file but its catalogue did not keep the bytes.
    #[error("{0}: the bytes of this file of the base are not in its catalogue")]
    Unkept(String),
    /// Over [`MAX_READ`].
    #[error("{0}: {1} bytes are more than are read into memory")]
    TooLarge(String, u64),
    /// The archive could not be read.
    #[error("{path}: {cause}")]
    Body {
        /// The file.
        path: String,
        /// What the archive's reader said.
        cause: crate::Error,
    },
}

impl RootError {
    /// Whether a real system would fail alike (a script may then go on), or only this root does not know.
    pub fn is_real(&self) -> bool {
        !matches!(self, Self::Unkept(_) | Self::TooLarge(..) | Self::Body { .. })
    }
    /// The system's own words, as tools print them.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "No such file or directory",
            Self::NotADirectory(_) => "Not a directory",
            Self::IsADirectory(_) => "Is a directory",
            Self::Exists(_) => "File exists",
            Self::NotEmpty(_) => "Directory not empty",
            Self::Loop(_) => "Too many levels of symbolic links",
            Self::Path(PathError::TooLong(_)) => "File name too long",
            Self::Invalid(_) | Self::Path(_) => "Invalid argument",
            Self::Unkept(_) | Self::TooLarge(..) | Self::Body { .. } => "Input/output error",
        }
    }
}

impl Fault for RootError {
    fn class(&self) -> Class {
        if let Self::Body { cause, .. } = self { cause.class() } else { Class::Refused }
    }
    fn side(&self) -> Side {
        Side::Source
    }
}

/// A change against the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Written or placed; the number is the same for all names of one file.
    Node(usize, &'a Inode),
    /// The base has it, and it is gone; who removed it.
    Removed(Author),
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Node(usize),
    Removed(Author),
}

/// Base plus changes.
pub struct VirtualRoot {
    base: Watched,
    bodies: Arc<dyn Bodies>,
    slots: BTreeMap<EntryPath, Slot>,
    inodes: Vec<Inode>,
    author: Author,
    time: i64,
}

impl VirtualRoot {
    /// The base as it is.
    pub fn new(base: Arc<RootFs>, bodies: Arc<dyn Bodies>) -> Self {
        Self { base: Watched::new(base), bodies, slots: BTreeMap::new(), inodes: Vec::new(), author: Author::Base, time: 0 }
    }
    /// Forgets all changes. What was asked of the base stays noted: the answers led here.
    pub fn start_again(&mut self) {
        (self.slots, self.inodes, self.author, self.time) = (BTreeMap::new(), Vec::new(), Author::Base, 0);
    }
    /// The base, unchanged.
    pub fn base(&self) -> &Watched {
        &self.base
    }
    /// All that was asked of the base so far: what the changes are a function of, besides the steps themselves.
    pub fn reads(&self) -> Reads {
        self.base.reads()
    }
    /// Who writes from now on.
    pub fn set_author(&mut self, author: Author) {
        self.author = author;
    }
    /// Who writes now.
    pub fn author(&self) -> Author {
        self.author
    }
    /// The time that files made from now on get, in seconds since 1970.
    pub fn set_time(&mut self, time: i64) {
        self.time = time;
    }
    /// The time that made files get.
    pub fn time(&self) -> i64 {
        self.time
    }
    /// All changes against the base, in byte order of their paths.
    pub fn changes(&self) -> impl Iterator<Item = (&EntryPath, Change<'_>)> {
        self.slots.iter().filter_map(|(path, slot)| {
            let change = match *slot {
                Slot::Removed(author) => Change::Removed(author),
                Slot::Node(number) => Change::Node(number, self.inodes.get(number)?),
            };
            Some((path, change))
        })
    }
    /// The node at exactly this path of the root; no link is followed, not even in its parents.
    pub fn at(&self, path: &EntryPath) -> Option<Inode> {
        match self.slots.get(path) {
            Some(Slot::Removed(_)) => None,
            Some(Slot::Node(number)) => self.inodes.get(*number).cloned(),
            None => self.of_base(path),
        }
    }
    /// As [`Self::at`], with the kind alone and nothing copied.
    fn is_directory_at(&self, path: &EntryPath) -> bool {
        match self.slots.get(path) {
            Some(Slot::Removed(_)) => false,
            Some(Slot::Node(number)) => self.inodes.get(*number).is_some_and(Inode::is_directory),
            None => match self.base.get(path) {
                Some(node) => node.entry.is_directory(),
                None => self.base_implies(path),
            },
        }
    }
    fn of_base(&self, path: &EntryPath) -> Option<Inode> {
        if let Some(node) = self.base.get(path) {
            return Some(Inode::of_base(node));
        }
        self.base_implies(path).then(|| Inode { provenance: Provenance::BASE, ..Inode::new(InodeKind::Directory, 0o755) })
    }
    /// Whether the base has a directory here that no layer lists.
    fn base_implies(&self, path: &EntryPath) -> bool {
        if path.is_root() {
            return true;
        }
        self.base.has_below(path)
    }
    fn in_base(&self, path: &EntryPath) -> bool {
        self.base.get(path).is_some() || self.base_implies(path)
    }
    /// Names in the directory at exactly this path, sorted; at least all that have the shape.
    fn names(&self, directory: &EntryPath, like: &NameShape) -> Vec<Vec<u8>> {
        let mut names = self.base.names(directory, like);
        collect_names(directory, like, &mut names, |start| {
            self.slots.range::<[u8], _>((start, Bound::Unbounded)).next().map(|(path, _)| path.as_bytes())
        });
        let gone = |name: &Vec<u8>| directory.join(name).is_ok_and(|path| matches!(self.slots.get(&path), Some(Slot::Removed(_))));
        names.into_iter().filter(|name| !gone(name)).collect()
    }
}

impl fmt::Debug for VirtualRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualRoot").field("changes", &self.slots.len()).field("author", &self.author).finish_non_exhaustive()
    }
}
