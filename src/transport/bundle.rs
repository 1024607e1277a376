//! Places that take an image as one stream: a tar file, an engine.
//!
//! Invariant: a bundle is complete (every blob that its documents name has a supply, foreign layers apart), so a place may
//! read it again after a failure.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::{BoxFuture, Root, Supply};
use crate::error::Result;
use crate::oci::{Descriptor, Digest, Document, DocumentError, Index, Manifest, Reference};

/// A blob and where its bytes come from.
#[derive(Clone)]
pub struct BundleBlob {
    /// Which bytes.
    pub descriptor: Descriptor,
    /// Their supply; what it hands out is checked.
    pub supply: Arc<dyn Supply>,
}

/// An image, or an index of several, with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Manifest or index.
    pub root: Root,
    /// Its names, for `RepoTags` and the index's annotations.
    pub names: Vec<Reference>,
    /// The manifests (and indexes) that an index names.
    pub documents: Vec<Root>,
    /// Configs and layers, each once.
    pub blobs: Vec<BundleBlob>,
    /// The base's manifest, where the image has one: an engine that has it needs no base layer.
    pub base: Option<Manifest>,
}

impl Bundle {
    /// The image itself, or the first one that the index names.
    pub fn first_image(&self) -> Result<Manifest> {
        let mut root = self.root.clone();
        for _ in 0..=Index::MAX_NESTING {
            let index = match Document::parse(root.raw, Some(&root.descriptor.media_type))? {
                Document::Manifest(manifest) => return Ok(*manifest),
                Document::Index(index) => index,
            };
            let held = |entry: &Descriptor| self.documents.iter().find(|d| d.descriptor.digest == entry.digest);
            let none = || DocumentError::Kind { found: "an index without images".into() };
            root = index.images().find_map(held).ok_or_else(none)?.clone();
        }
        Err(DocumentError::Nesting(Index::MAX_NESTING).into())
    }
}

impl fmt::Debug for BundleBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BundleBlob").field("descriptor", &self.descriptor).finish_non_exhaustive()
    }
}

/// What a place took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Blobs that were not sent, since the place has them.
    pub left_out: BTreeSet<Digest>,
    /// Bytes that were sent, tar headers included.
    pub bytes: u64,
}

/// A place that takes an image as one stream.
pub trait StreamTarget: Send + Sync + fmt::Debug {
    /// The place as a user knows it, for messages.
    fn place(&self) -> String;
    /// Fails if this user may not write here; called before any work is done for this target.
    fn check_rights(&self) -> BoxFuture<'_, Result<()>>;
    /// Takes the image, whole, and gives it its names.
    fn load<'a>(&'a self, bundle: &'a Bundle) -> BoxFuture<'a, Result<Loaded>>;
}
