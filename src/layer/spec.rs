//! The spec: all that a layer is made of. Its digest is the layer's key.

use std::sync::Arc;

use crate::oci::Digest;
use crate::stream::{Entry, EntryPath, Owner};

/// A change to what a source brings. Edits name paths as shipped by the source; but for `Map`, a path that the source does not
/// ship is an error, and so are two edits of one kind for one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Entries at or below `from` go to the same place below `to` (symlinked parents, diversions). The longest `from` wins; the
    /// root is a `from` too. Targets of hard links are mapped, those of symbolic links are not.
    Map {
        /// Path as shipped.
        from: EntryPath,
        /// Path in the layer.
        to: EntryPath,
    },
    /// The entry is not written. What lies below an omitted directory has its own `Omit`.
    Omit(EntryPath),
    /// Mode and owner in place of the shipped ones. Not for directories, which [`LayerSpec::directories`] describes. A hard
    /// link always has its target's metadata; its own `Own` and `Replace` must say the same as the target's.
    Own {
        /// Path as shipped.
        path: EntryPath,
        /// 12 bits.
        mode: u32,
        /// Numbers.
        owner: Owner,
    },
    /// Bytes in place of others, at ascending, non-overlapping offsets of the shipped file (a prefix patch). The new bytes
    /// may be shorter or longer than the range they replace.
    Replace {
        /// Path as shipped.
        path: EntryPath,
        /// Offset, length of the old bytes, new bytes.
        changes: Vec<(u64, u64, Vec<u8>)>,
    },
}

/// An entry that the plan made, with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Where and what. `Kind::File` has the size of `bytes`.
    pub entry: Entry,
    /// Bytes of a regular file; empty for others.
    pub bytes: Arc<[u8]>,
}

/// All that a layer is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerSpec {
    /// Every directory that the layer lists, with final mode, owner and time: shipped ones, and all parents of all entries.
    /// A source's own directory entries are never written as such; each directory is written once, before its first child.
    pub directories: Vec<Entry>,
    /// Paths that a lower layer has and that shall vanish (written as `.wh.NAME`). None of them may be in this layer: engines
    /// differ in what a whiteout beside a new entry of that name does.
    pub whiteouts: Vec<EntryPath>,
    /// Archives by digest, in order, each with its edits.
    pub sources: Vec<(Digest, Vec<Edit>)>,
    /// Files and links that the plan made; written last.
    pub made: Vec<Made>,
}
