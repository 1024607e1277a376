//! What a layer takes from one package's archive, as edits of its entries.

use std::collections::{BTreeMap, BTreeSet};

use crate::layer::Edit;
use crate::layer::root::{Content, Inode, InodeKind};
use crate::stream::{Entry, EntryPath, Kind};

use super::{Placed, PlacedPackage};

/// The paths of the layer that come from the archive, and the edits that make it so.
pub(super) struct Taken<'a> {
    pub(super) paths: Vec<&'a EntryPath>,
    pub(super) edits: Vec<Edit>,
}

/// From this many bytes of one archive on state and glue take its files out of the archive; fewer are held in memory.
const STREAMED: u64 = 1 << 20;

/// Whether the nodes of a layer have too many bytes of the package's archive for memory.
pub(super) fn is_streamed(package: &PlacedPackage, by_path: &BTreeMap<&EntryPath, &Placed<'_>>) -> bool {
    let nodes = package.places.iter().flatten().filter_map(|place| by_path.get(place));
    let from_here = nodes.filter_map(|node| match &node.inode.kind {
        InodeKind::File { content: Content::Archive { archive, .. }, size } if *archive == package.archive => Some(*size),
        _ => None,
    });
    from_here.fold(0, u64::saturating_add) >= STREAMED
}

/// Takes the entries whose final node is still what the package brought. `by_path` has the nodes of this layer.
pub(super) fn take<'a>(
    package: &PlacedPackage,
    by_path: &BTreeMap<&'a EntryPath, &Placed<'a>>,
    taken_before: &BTreeSet<&EntryPath>,
    held: &BTreeMap<usize, &EntryPath>,
) -> Taken<'a> {
    let mut taken = Taken { paths: Vec::new(), edits: Vec::new() };
    let mut kept: BTreeMap<&EntryPath, &'a EntryPath> = BTreeMap::new();
    let mut maps = Maps::default();
    let links = links(package);
    for (entry, place) in package.contents.entries.iter().zip(&package.places) {
        // The spec lists the layer's directories itself.
        if entry.is_directory() {
            taken.edits.push(Edit::Omit(entry.path.clone()));
            continue;
        }
        // A further name of a file that an earlier archive brought is a link to that.
        let is_new = |n: &&&Placed<'_>| !taken_before.contains(n.path) && n.number.is_none_or(|n| !held.contains_key(&n));
        let found = place.as_ref().and_then(|p| by_path.get(p)).filter(is_new);
        let Some(node) = found.filter(|node| is_shipped(package, entry, node.inode, &kept, &links)) else {
            taken.edits.push(Edit::Omit(entry.path.clone()));
            continue;
        };
        kept.insert(&entry.path, node.path);
        taken.paths.push(node.path);
        maps.add(&entry.path, node.path);
        let is_own = matches!(entry.kind, Kind::File { .. } | Kind::Symlink { .. });
        if is_own && (node.inode.mode != entry.mode || node.inode.owner != entry.owner) {
            taken.edits.push(Edit::Own { path: entry.path.clone(), mode: node.inode.mode, owner: node.inode.owner });
        }
        if let Some(patched) = package.conda.as_ref().and_then(|conda| conda.patched.get(&entry.path)) {
            taken.edits.push(Edit::Replace { path: entry.path.clone(), changes: patched.changes.clone() });
        }
    }
    if taken.paths.is_empty() {
        taken.edits.clear();
    }
    taken.edits.extend(maps.edits());
    taken
}

/// Whether the final node is this entry, but for mode and owner of a file or link.
fn is_shipped(
    package: &PlacedPackage,
    entry: &Entry,
    inode: &Inode,
    kept: &BTreeMap<&EntryPath, &EntryPath>,
    links: &BTreeMap<&EntryPath, &EntryPath>,
) -> bool {
    match (&entry.kind, &inode.kind) {
        (Kind::File { .. }, InodeKind::File { content: Content::Archive { archive, path }, .. }) => {
            *archive == package.archive && *path == entry.path && inode.mtime == entry.mtime && inode.xattrs == entry.xattrs
        }
        // A further name counts only where the file that it shares comes from here too.
        (Kind::HardLink { target }, InodeKind::File { content: Content::Archive { archive, path }, .. }) => {
            *archive == package.archive && first_target(links, target) == path && kept.contains_key(path)
        }
        (Kind::Symlink { target }, InodeKind::Symlink(now)) => target == now && inode.mtime == entry.mtime,
        (Kind::CharDevice { major, minor }, InodeKind::CharDevice(a, b))
        | (Kind::BlockDevice { major, minor }, InodeKind::BlockDevice(a, b)) => {
            (major, minor) == (a, b) && inode.mode == entry.mode && inode.owner == entry.owner
        }
        (Kind::Fifo, InodeKind::Fifo) => inode.mode == entry.mode && inode.owner == entry.owner,
        _ => false,
    }
}

/// Targets of the package's hard links.
fn links(package: &PlacedPackage) -> BTreeMap<&EntryPath, &EntryPath> {
    let entries = package.contents.entries.iter();
    entries.filter_map(|e| if let Kind::HardLink { target } = &e.kind { Some((&e.path, target)) } else { None }).collect()
}

/// The regular file behind a chain of hard links.
fn first_target<'a>(links: &BTreeMap<&'a EntryPath, &'a EntryPath>, target: &'a EntryPath) -> &'a EntryPath {
    let mut path = target;
    for _ in 0..links.len() {
        match links.get(path) {
            Some(target) => path = target,
            None => break,
        }
    }
    path
}

/// Moves of entries, said once for a directory where all below it follows.
#[derive(Default)]
struct Maps {
    directories: BTreeMap<EntryPath, EntryPath>,
    files: BTreeMap<EntryPath, EntryPath>,
}

impl Maps {
    fn add(&mut self, shipped: &EntryPath, place: &EntryPath) {
        let (Some(from), Some(to)) = (shipped.parent(), place.parent()) else { return };
        let renamed = shipped.file_name() != place.file_name();
        if renamed || self.directories.get(&from).is_some_and(|known| *known != to) {
            self.files.insert(shipped.clone(), place.clone());
        } else {
            self.directories.insert(from, to);
        }
    }

    /// Only what the nearest mapped directory above does not say already.
    fn edits(self) -> Vec<Edit> {
        let mut said: BTreeMap<EntryPath, EntryPath> = BTreeMap::new();
        for (from, to) in self.directories {
            if implied(&said, &from) != to {
                said.insert(from, to);
            }
        }
        let directories = said.into_iter().map(|(from, to)| Edit::Map { from, to });
        directories.chain(self.files.into_iter().map(|(from, to)| Edit::Map { from, to })).collect()
    }
}

/// Where `path` goes by the moves that are known.
fn implied(said: &BTreeMap<EntryPath, EntryPath>, path: &EntryPath) -> EntryPath {
    let mut above = Some(path.clone());
    while let Some(directory) = above {
        if let Some(to) = said.get(&directory) {
            let rest = path.as_bytes().get(directory.as_bytes().len()..).unwrap_or_default();
            return to.join(rest).unwrap_or_else(|_| path.clone());
        }
        above = directory.parent();
    }
    path.clone()
}
