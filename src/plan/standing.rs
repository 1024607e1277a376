//! What the base has already, to the byte: it is not placed again, so that building on our own output adds no layer.
//!
//! Invariant: only what nobody of ours wrote counts, and bytes are compared by the digest of the base's layer, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use crate::layer::Contents;
use crate::layer::root::{Author, InodeKind, Last, VirtualRoot};
use crate::oci::Digest;
use crate::stream::{Entry, EntryPath, Kind};

/// Whether the base has this very entry, which is no directory. `digest` is that of a file's bytes. The time is not asked for.
pub(super) fn stands(root: &VirtualRoot, entry: &Entry, digest: Option<&Digest>) -> bool {
    let Ok(place) = root.resolve(&entry.path.absolute(), Last::Keep) else { return false };
    let alike =
        |now: &crate::layer::root::Inode| now.author == Author::Base && now.owner == entry.owner && now.xattrs == entry.xattrs;
    let Some(now) = root.at(&place).filter(alike) else { return false };
    match (&entry.kind, &now.kind) {
        (Kind::File { size: 0 }, InodeKind::File { size: 0, .. }) | (Kind::Fifo, InodeKind::Fifo) => now.mode == entry.mode,
        (Kind::File { size }, InodeKind::File { size: has, .. }) => {
            let known = root.base().get(&place).and_then(|node| node.digest.as_ref());
            size == has && now.mode == entry.mode && known.is_some() && known == digest
        }
        (Kind::Symlink { target }, InodeKind::Symlink(has)) => target == has,
        (Kind::CharDevice { major, minor }, InodeKind::CharDevice(a, b))
        | (Kind::BlockDevice { major, minor }, InodeKind::BlockDevice(a, b)) => (major, minor) == (a, b) && now.mode == entry.mode,
        _ => false,
    }
}

/// The entries of a ready layer that stand. A file stands only with all its names, else its links would have nothing to share.
pub(super) struct Standing<'a> {
    contents: &'a Contents,
    /// Further names of each file.
    names: BTreeMap<&'a EntryPath, Vec<&'a EntryPath>>,
    found: BTreeSet<&'a EntryPath>,
}

impl<'a> Standing<'a> {
    pub(super) fn new(contents: &'a Contents) -> Self {
        let mut names: BTreeMap<&EntryPath, Vec<&EntryPath>> = BTreeMap::new();
        let mut first: BTreeMap<&EntryPath, &EntryPath> = BTreeMap::new();
        for entry in &contents.entries {
            if let Kind::HardLink { target } = &entry.kind {
                let file = first.get(target).copied().unwrap_or(target);
                first.insert(&entry.path, file);
                names.entry(file).or_default().push(&entry.path);
            }
        }
        Self { contents, names, found: BTreeSet::new() }
    }

    /// Whether the next entry stands; asked in order, while all before it are placed.
    pub(super) fn next(&mut self, root: &VirtualRoot, entry: &'a Entry) -> bool {
        let there = if let Kind::HardLink { target } = &entry.kind {
            self.found.contains(target)
        } else {
            let digest = self.contents.digests.get(&entry.path);
            let timed = |path: &EntryPath| root.lstat(&path.absolute()).is_ok_and(|now| now.mtime == entry.mtime);
            let same = |path: &EntryPath| timed(path) && stands(root, &Entry { path: path.clone(), ..entry.clone() }, digest);
            same(&entry.path) && self.names.get(&entry.path).into_iter().flatten().all(|name| same(name))
        };
        if there {
            self.found.insert(&entry.path);
        } else {
            self.found.remove(&entry.path);
        }
        there
    }
}
