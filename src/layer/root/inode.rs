//! What stands at a path of the virtual root: metadata, where its bytes lie, where they come from and who wrote it.
//!
//! Invariant: provenance only grows less shared: what was once made from the base stays marked until it is written anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::oci::Digest;
use crate::rootfs;
use crate::stream::{Entry, EntryPath, Kind, Owner};

/// Whether bytes or numbers come from this base (`true`) or from packages alone (`false`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The content was read from a base file or registry, or made from such.
    pub bytes: bool,
    /// Owner or group was found in the base's accounts.
    pub ids: bool,
}

impl Provenance {
    /// Bytes and ids of the base.
    pub const BASE: Self = Self { bytes: true, ids: true };
    /// Whether any of it comes from the base.
    pub fn any(self) -> bool {
        self.bytes || self.ids
    }
}

/// Who wrote a node; set before each step of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Author {
    /// Nobody of ours: it is the base's.
    #[default]
    Base,
    /// The package at this place of the plan: its entries and its scripts.
    Package(usize),
    /// The recipe at this place of the plan.
    Recipe(usize),
    /// dpkg's and apt's own records.
    Dpkg,
}

/// Where the bytes of a regular file lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In memory.
    Held(Arc<[u8]>),
    /// In an archive, at the path as shipped; fetched when asked.
    Archive {
        /// The archive.
        archive: Digest,
        /// Path as shipped.
        path: EntryPath,
    },
    /// In a base layer whose catalogue did not keep them. Reading is an error that names this path, where the base has it.
    Unkept(EntryPath),
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InodeKind {
    /// A regular file.
    File {
        /// Its bytes.
        content: Content,
        /// Bytes of content.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link, target as written.
    Symlink(Vec<u8>),
    /// A character device: major and minor number.
    CharDevice(u32, u32),
    /// A block device: major and minor number.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
}

/// One file, directory or link. Hard links are several paths with one inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inode {
    /// What it is.
    pub kind: InodeKind,
    /// 12 permission bits.
    pub mode: u32,
    /// Numbers of owner and group.
    pub owner: Owner,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Extended attributes by name.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Where bytes and numbers come from.
    pub provenance: Provenance,
    /// Who wrote it last.
    pub author: Author,
}

impl Inode {
    /// A node of root at time 0 with the base's provenance unset.
    pub fn new(kind: InodeKind, mode: u32) -> Self {
        Self {
            kind,
            mode,
            owner: Owner::default(),
            mtime: 0,
            xattrs: BTreeMap::new(),
            provenance: Provenance::default(),
            author: Author::default(),
        }
    }
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, InodeKind::Directory)
    }
    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        matches!(self.kind, InodeKind::File { .. })
    }
    /// The target of a symbolic link.
    pub fn target(&self) -> Option<&[u8]> {
        if let InodeKind::Symlink(target) = &self.kind { Some(target) } else { None }
    }
    /// Bytes of content; of a link, the length of its target.
    pub fn size(&self) -> u64 {
        match &self.kind {
            InodeKind::File { size, .. } => *size,
            InodeKind::Symlink(target) => target.len() as u64,
            _ => 0,
        }
    }
    /// As an entry of a tar, at `path`.
    pub fn entry(&self, path: EntryPath) -> Entry {
        let kind = match &self.kind {
            InodeKind::File { size, .. } => Kind::File { size: *size },
            InodeKind::Directory => Kind::Directory,
            InodeKind::Symlink(target) => Kind::Symlink { target: target.clone() },
            InodeKind::CharDevice(major, minor) => Kind::CharDevice { major: *major, minor: *minor },
            InodeKind::BlockDevice(major, minor) => Kind::BlockDevice { major: *major, minor: *minor },
            InodeKind::Fifo => Kind::Fifo,
        };
        Entry { owner: self.owner, mtime: self.mtime, xattrs: self.xattrs.clone(), ..Entry::new(path, kind, self.mode) }
    }
    /// What the base has. The time of its directories is nobody's business: layers never list it, and two bases would differ by
    /// it alone.
    pub(super) fn of_base(node: &rootfs::Node) -> Self {
        let entry = &node.entry;
        let kind = match &entry.kind {
            // The catalogue shows hard links as files; one that it could not follow is a file without bytes.
            Kind::File { .. } | Kind::HardLink { .. } => {
                let content = match &node.bytes {
                    Some(bytes) => Content::Held(bytes.clone()),
                    None if entry.size() == 0 && entry.kind == (Kind::File { size: 0 }) => Content::Held(Arc::from([])),
                    None => Content::Unkept(entry.path.clone()),
                };
                InodeKind::File { content, size: entry.size() }
            }
            other => Self::special(other),
        };
        Self {
            owner: entry.owner,
            mtime: if entry.is_directory() { 0 } else { entry.mtime },
            xattrs: entry.xattrs.clone(),
            provenance: Provenance::BASE,
            ..Self::new(kind, entry.mode)
        }
    }
    /// What a package's entry makes of anything but regular files and hard links.
    pub(super) fn special(kind: &Kind) -> InodeKind {
        match kind {
            Kind::Symlink { target } => InodeKind::Symlink(target.clone()),
            Kind::CharDevice { major, minor } => InodeKind::CharDevice(*major, *minor),
            Kind::BlockDevice { major, minor } => InodeKind::BlockDevice(*major, *minor),
            Kind::Fifo => InodeKind::Fifo,
            Kind::Directory | Kind::File { .. } | Kind::HardLink { .. } => InodeKind::Directory,
        }
    }
}
