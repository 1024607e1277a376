//! What is to be delivered: documents as raw bytes, blobs with the places where they are.
//!
//! Invariant: a job is complete and in order: children before the documents that name them, each blob once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::FromSource;
use crate::error::Result;
use crate::oci::{Descriptor, Digest, Document, DocumentError, Index, Manifest, Repository};
use crate::transport::{Root, Source, Supply};

/// What a blob is in its image. Configs are written after layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A layer, or what else a manifest lists.
    Layer,
    /// A config.
    Config,
}

/// A blob and where it can be had.
#[derive(Clone)]
pub struct Blob {
    /// Which bytes.
    pub descriptor: Descriptor,
    /// Layer or config.
    pub role: Role,
    /// Its bytes; not asked for foreign layers.
    pub supply: Arc<dyn Supply>,
    /// Repositories that have it, for a mount.
    pub mounts: Vec<Repository>,
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blob").field("descriptor", &self.descriptor).field("mounts", &self.mounts).finish_non_exhaustive()
    }
}

/// An image, or an index of several, with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Manifest or index.
    pub root: Root,
    /// The manifests and indexes that an index names, children first.
    pub documents: Vec<Root>,
    /// All blobs.
    pub blobs: Vec<Blob>,
    /// The manifest of the base, where there is one: what an engine may have already.
    pub base: Option<Manifest>,
}

impl Job {
    /// The blobs of a manifest, each from `supply`, config last.
    pub fn blobs_of(manifest: &Manifest, mounts: &[Repository], supply: impl Fn(&Descriptor) -> Arc<dyn Supply>) -> Vec<Blob> {
        let layers = manifest.layers.iter().map(|d| (d, Role::Layer));
        let blob = |(descriptor, role): (&Descriptor, Role)| Blob {
            descriptor: Descriptor::new(descriptor.media_type.clone(), descriptor.digest, descriptor.size),
            role,
            supply: supply(descriptor),
            mounts: mounts.to_vec(),
        };
        layers.chain([(&manifest.config, Role::Config)]).map(blob).collect()
    }
}

/// The whole graph below `root` in `source`: every platform, attestations too, byte for byte.
pub async fn gather(source: Arc<dyn Source>, root: Root) -> Result<Job> {
    let mut job = Job { root: root.clone(), documents: Vec::new(), blobs: Vec::new(), base: None };
    let mounts: Vec<Repository> = source.repository().cloned().into_iter().collect();
    let mut blobs: BTreeSet<Digest> = BTreeSet::new();
    let mut seen: BTreeSet<Digest> = [root.descriptor.digest].into();
    let mut waiting = vec![(root, 0)];
    while let Some((root, depth)) = waiting.pop() {
        match Document::parse(root.raw.clone(), Some(&root.descriptor.media_type))? {
            Document::Manifest(manifest) => {
                let supply = |d: &Descriptor| -> Arc<dyn Supply> {
                    Arc::new(FromSource { source: Arc::clone(&source), descriptor: d.clone() })
                };
                let found = Job::blobs_of(&manifest, &mounts, supply);
                job.blobs.extend(found.into_iter().filter(|blob| blobs.insert(blob.descriptor.digest)));
            }
            Document::Index(_) if depth >= Index::MAX_NESTING => return Err(DocumentError::Nesting(Index::MAX_NESTING).into()),
            Document::Index(index) => {
                for child in index.manifests {
                    if seen.insert(child.digest) {
                        let raw = source.document(&child).await?;
                        let descriptor = Descriptor::new(child.media_type, child.digest, child.size);
                        waiting.push((Root { descriptor, raw }, depth + 1));
                    }
                }
            }
        }
        if depth > 0 {
            job.documents.push(root);
        }
    }
    // They were found from the top down.
    job.documents.reverse();
    Ok(job)
}
