//! The merged view of an image's layers.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::oci::Digest;
use crate::stream::{Entry, EntryPath};

use super::ElfNote;

/// One path of the merged view.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its metadata. A hard link stands as `Kind::File` with the size, mode, owner and bytes of the file that it shares.
    pub entry: Entry,
    /// Its bytes, if the catalogue keeps them.
    pub bytes: Option<Arc<[u8]>>,
    /// The digest of its bytes, for a regular file that is not empty.
    pub digest: Option<Digest>,
    /// What the loader's cache needs, for shared objects.
    pub elf: Option<ElfNote>,
    /// The layer it comes from, counted from the bottom.
    pub layer: usize,
}

/// All paths of an image. The root itself has a node only if a layer lists it.
#[derive(Clone, Debug, Default)]
pub struct RootFs {
    pub(super) nodes: BTreeMap<EntryPath, Node>,
    /// The entry of the node's layer that has its bytes, where that is not the node's own path: hard links, and entries
    /// written through a link of their own layer.
    pub(super) written: BTreeMap<EntryPath, EntryPath>,
    /// What the directories that no layer lists take, in bytes.
    pub(super) implied: u64,
}

impl RootFs {
    /// A view of the given nodes; a later one for the same path wins. Parents need not be listed.
    pub fn from_nodes(nodes: impl IntoIterator<Item = Node>) -> Self {
        let nodes = nodes.into_iter().map(|n| (n.entry.path.clone(), n)).collect();
        Self { nodes, ..Self::default() }
    }
    /// The node at exactly this path; no link is followed.
    pub fn get(&self, path: &EntryPath) -> Option<&Node> {
        self.nodes.get(path)
    }
    /// All nodes, in byte order of their paths.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }
    /// The nodes from `start` on, in byte order of their paths; for readers that skip.
    pub fn range_from(&self, start: Bound<&[u8]>) -> impl Iterator<Item = &Node> {
        self.nodes.range::<[u8], _>((start, Bound::Unbounded)).map(|(_, node)| node)
    }
    /// The nodes strictly below `above`, in byte order of their paths.
    pub fn below<'a>(&'a self, above: &EntryPath) -> impl Iterator<Item = &'a Node> + use<'a> {
        // Between `a` and `a/x` may stand `a-b`, so the range starts there and ends at the first path past `a/`.
        let mut start = above.as_bytes().to_vec();
        if !start.is_empty() {
            start.push(b'/');
        }
        let prefix = start.clone();
        self.nodes
            .range::<[u8], _>((Bound::Excluded(start.as_slice()), Bound::Unbounded))
            .map(|(_, node)| node)
            .take_while(move |node| node.entry.path.as_bytes().starts_with(&prefix))
    }
    /// The nodes directly in `directory`, in byte order of their names.
    pub fn children<'a>(&'a self, directory: &EntryPath) -> impl Iterator<Item = &'a Node> + use<'a> {
        let depth = directory.components().count() + 1;
        self.below(directory).filter(move |node| node.entry.path.components().count() == depth)
    }
}
