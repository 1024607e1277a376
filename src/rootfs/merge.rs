//! Layers on top of each other, as an engine with overlayfs shows them (image-spec, layer.md).
//!
//! Invariant: the result is what dockerd's overlay2 and containerd's overlayfs snapshotter give, which unpack each layer
//! into a directory of its own. So parents are resolved through the symbolic links of the *same* layer only; where a
//! lower layer has a link `lib`, an entry `lib/x` hides it by a directory. Whiteouts concern lower layers only, wherever
//! they stand. Unlisted parents that no layer has become directories of root, mode 0755.

use std::collections::BTreeMap;

use crate::stream::{Entry, EntryPath, Kind};

use super::catalogue::{Record, WHITEOUT};
use super::resolve::{MAX_LINKS, steps};
use super::{Catalogue, Node, RootFs, RootFsError};

/// Memory for the paths that no layer lists, of the whole image: some entries with deep paths imply thousands of times
/// their own bytes. Images that list no directory at all have some tens of thousands, a few MiB.
pub(super) const IMPLIED: u64 = 64 << 20;
/// What one of them takes besides its name.
const NODE: u64 = 256;

/// What one layer has at a path.
#[derive(Clone, Copy)]
enum Upper<'a> {
    Listed(&'a Record),
    /// A directory that only entries below it tell of.
    Implied,
}

impl Upper<'_> {
    fn is_directory(self) -> bool {
        match self {
            Self::Listed(record) => record.entry.is_directory(),
            Self::Implied => true,
        }
    }
    fn node(self, path: EntryPath, layer: usize) -> Node {
        match self {
            Self::Implied => Node { entry: Entry::new(path, Kind::Directory, 0o755), bytes: None, digest: None, elf: None, layer },
            Self::Listed(record) => {
                let mut entry = record.entry.clone();
                entry.path = path;
                Node { entry, bytes: record.bytes.clone(), digest: record.digest, elf: record.elf.clone(), layer }
            }
        }
    }
    /// The path in the merged view and the one of the entry with the bytes, where they differ.
    fn written_elsewhere(self, path: &EntryPath) -> Option<(EntryPath, EntryPath)> {
        match self {
            Self::Listed(record) if record.entry.path != *path => Some((path.clone(), record.entry.path.clone())),
            _ => None,
        }
    }
}

/// One layer unpacked by itself.
struct Unpacked<'a> {
    layer: usize,
    tree: BTreeMap<EntryPath, Upper<'a>>,
    /// What [`IMPLIED`] bounds, of the whole image.
    implied: u64,
    /// A directory of the tree under its own path: neighbours in a layer mostly have one parent.
    parent: Option<EntryPath>,
}

impl RootFs {
    /// The view of layers, bottom to top. No catalogue is kept; bytes are shared with them.
    pub fn merge<'a>(catalogues: impl IntoIterator<Item = &'a Catalogue>) -> Result<Self, RootFsError> {
        let mut root = Self::default();
        for (layer, catalogue) in catalogues.into_iter().enumerate() {
            root.add(layer, catalogue)?;
        }
        Ok(root)
    }

    /// Puts a layer, counted from the bottom, over those that are there. After a failure the view is of no use.
    pub fn add(&mut self, layer: usize, catalogue: &Catalogue) -> Result<(), RootFsError> {
        let mut upper = Unpacked { layer, tree: BTreeMap::new(), implied: self.implied, parent: None };
        for record in catalogue.records() {
            upper.unpack(record)?;
        }
        for whiteout in catalogue.whiteouts() {
            let path = upper.place(whiteout)?;
            self.remove(&path);
        }
        for directory in catalogue.opaque() {
            let path = upper.directory(directory, directory)?;
            self.remove_below(&path);
        }
        self.implied = upper.implied;
        if self.nodes.is_empty() {
            // The usual lowest layer has most entries of an image, and a map is made from sorted entries at once.
            self.written.extend(upper.tree.iter().filter_map(|(path, part)| part.written_elsewhere(path)));
            self.nodes = upper.tree.into_iter().map(|(path, part)| (path.clone(), part.node(path, layer))).collect();
            return Ok(());
        }
        for (path, part) in upper.tree {
            self.lay(path, part, layer);
        }
        Ok(())
    }

    /// Puts one path of a layer over what lower layers have. All parents of all nodes have nodes themselves here.
    fn lay(&mut self, path: EntryPath, part: Upper<'_>, layer: usize) {
        let lower_directory = self.nodes.get(&path).is_some_and(|node| node.entry.is_directory());
        if lower_directory && !part.is_directory() {
            self.remove_below(&path);
        }
        if lower_directory && matches!(part, Upper::Implied) {
            return;
        }
        self.written.remove(&path);
        self.written.extend(part.written_elsewhere(&path));
        self.nodes.insert(path.clone(), part.node(path, layer));
    }

    fn remove(&mut self, path: &EntryPath) {
        self.remove_below(path);
        self.nodes.remove(path);
        self.written.remove(path);
    }

    fn remove_below(&mut self, above: &EntryPath) {
        let gone: Vec<EntryPath> = self.below(above).map(|node| node.entry.path.clone()).collect();
        for path in gone {
            self.nodes.remove(&path);
            self.written.remove(&path);
        }
    }
}

impl<'a> Unpacked<'a> {
    /// Takes one entry; a later one for the same path wins, and two directories are one.
    fn unpack(&mut self, record: &'a Record) -> Result<(), RootFsError> {
        let (mut record, path) = (record, self.place(&record.entry.path)?);
        if let Kind::HardLink { target } = &record.entry.kind {
            record = self.linked(&path, target)?;
        }
        let replaced = self.tree.get(&path).is_some_and(|part| part.is_directory() && !record.entry.is_directory());
        if replaced {
            self.parent = None;
            for inside in below(&self.tree, &path) {
                self.tree.remove(&inside);
            }
        }
        self.tree.insert(path, Upper::Listed(record));
        Ok(())
    }

    /// What a hard link shares; links are not followed at the end of its target, only on the way.
    fn linked(&self, path: &EntryPath, target: &EntryPath) -> Result<&'a Record, RootFsError> {
        let fault = |what| RootFsError::HardLink { layer: self.layer, path: path.clone(), target: target.clone(), what };
        let place = match target.parent() {
            Some(parent) => self.follow(&parent).and_then(|parent| parent.join(target.file_name()).ok()),
            None => None,
        };
        match place.and_then(|place| self.tree.get(&place)) {
            Some(Upper::Listed(record)) if !record.entry.is_directory() => Ok(record),
            Some(_) => Err(fault("a directory")),
            None => Err(fault("not in this layer before it")),
        }
    }

    /// Where an entry written as `path` lands: its parents followed and made, itself not.
    fn place(&mut self, path: &EntryPath) -> Result<EntryPath, RootFsError> {
        if self.parent.as_ref().is_some_and(|parent| path.parent_bytes() == Some(parent.as_bytes())) {
            return Ok(path.clone());
        }
        let Some(parent) = path.parent() else { return Ok(EntryPath::root()) };
        let real = self.directory(&parent, path)?;
        if real == parent {
            self.parent = Some(parent);
            return Ok(path.clone());
        }
        real.join(path.file_name()).map_err(|_| self.in_the_way(path, real, "too deep"))
    }

    /// The real path of a directory, made with its parents where the layer does not have it.
    fn directory(&mut self, written: &EntryPath, entry: &EntryPath) -> Result<EntryPath, RootFsError> {
        let real = self.follow(written).ok_or_else(|| self.in_the_way(entry, written.clone(), "below a loop of symbolic links"))?;
        if real.is_root() || self.tree.get(&real).is_some_and(|part| part.is_directory()) {
            return Ok(real);
        }
        for parent in real.parents().chain(std::iter::once(real.clone())) {
            match self.tree.get(&parent) {
                Some(part) if part.is_directory() => {}
                Some(_) => return Err(self.in_the_way(entry, parent, "not a directory in the same layer")),
                None if parent.file_name().starts_with(WHITEOUT) => {
                    return Err(self.in_the_way(entry, parent, "named as a whiteout"));
                }
                None => {
                    self.implied += parent.as_bytes().len() as u64 + NODE;
                    if self.implied > IMPLIED {
                        return Err(RootFsError::Implied { layer: self.layer, path: entry.clone() });
                    }
                    self.tree.insert(parent, Upper::Implied);
                }
            }
        }
        Ok(real)
    }

    fn in_the_way(&self, path: &EntryPath, parent: EntryPath, what: &'static str) -> RootFsError {
        RootFsError::Parent { layer: self.layer, path: path.clone(), parent, what }
    }

    /// The path with every link followed, the last one too; nothing for a loop.
    fn follow(&self, path: &EntryPath) -> Option<EntryPath> {
        if self.tree.get(path).is_some_and(|part| part.is_directory()) {
            return Some(path.clone());
        }
        steps(path.as_bytes(), true, MAX_LINKS, |at| match self.tree.get(at) {
            Some(Upper::Listed(Record { entry: Entry { kind: Kind::Symlink { target }, .. }, .. })) => Some(target.as_slice()),
            _ => None,
        })
    }
}

/// The paths of `tree` strictly below `above`.
fn below(tree: &BTreeMap<EntryPath, Upper<'_>>, above: &EntryPath) -> Vec<EntryPath> {
    let start = [above.as_bytes(), b"/"].concat();
    tree.range::<[u8], _>((std::ops::Bound::Excluded(start.as_slice()), std::ops::Bound::Unbounded))
        .map(|(path, _)| path)
        .take_while(|path| path.as_bytes().starts_with(&start))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests;
