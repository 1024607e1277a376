//! The base: one image of one platform, with its documents as raw bytes.
//!
//! Invariant: manifest and config fit together (counts, platform) and were verified by digest; no tag is read here.

use bytes::Bytes;

use super::ImageError;
use crate::error::{During as _, Error, Result};
use crate::oci::{Config, DOCUMENT_LIMIT, Descriptor, Digest, Document, DocumentError, Family, Index, Manifest, Platform};
use crate::transport::{Root, Source};

/// An image that layers can be added to.
#[derive(Clone, Debug)]
pub struct Base {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its config.
    pub config: Config,
    /// Where it runs, as its config says.
    pub platform: Platform,
    /// Its family of documents, which the result keeps.
    pub family: Family,
}

impl Base {
    /// Puts the documents together, if they fit.
    pub fn new(manifest: Manifest, config: Config) -> Result<Self> {
        manifest.require_image()?;
        config.check_against(&manifest)?;
        Ok(Self { platform: config.platform.clone(), family: manifest.family, manifest, config })
    }

    /// Reads the image for `wanted` that `root` is or holds.
    pub async fn read(source: &dyn Source, root: &Root, wanted: &Platform) -> Result<Self> {
        let manifest = select(source, root, wanted).await?;
        manifest.require_image()?;
        let raw = whole(source, &manifest.config).await?;
        let config = Config::parse(raw).during(|| format!("reading config {}", manifest.config.digest))?;
        if !config.platform.satisfies(wanted) {
            return Err(ImageError::Platform { found: config.platform.to_string(), wanted: wanted.to_string() }.into());
        }
        Self::new(manifest, config)
    }
}

/// The manifest for `wanted` that `root` is or holds, through nested indexes. A root that is a manifest is taken as it is.
pub async fn select(source: &dyn Source, root: &Root, wanted: &Platform) -> Result<Manifest> {
    let mut raw = root.raw.clone();
    let mut media_type = root.descriptor.media_type.clone();
    for _ in 0..=Index::MAX_NESTING {
        match Document::parse(raw, Some(&media_type))? {
            Document::Manifest(manifest) => return Ok(*manifest),
            Document::Index(index) => {
                let chosen = index.select(wanted)?;
                raw = source.document(chosen).await?;
                media_type = chosen.media_type.clone();
            }
        }
    }
    Err(DocumentError::Nesting(Index::MAX_NESTING).into())
}

/// A small blob (a config), whole and verified.
pub(super) async fn whole(source: &dyn Source, descriptor: &Descriptor) -> Result<Bytes> {
    if descriptor.size > DOCUMENT_LIMIT {
        return Err(DocumentError::TooLarge { what: "image config", size: descriptor.size, limit: DOCUMENT_LIMIT }.into());
    }
    let mut body = source.open(descriptor, 0..descriptor.size).await?;
    let mut bytes = Vec::with_capacity(descriptor.size as usize);
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece?);
        if bytes.len() as u64 > descriptor.size {
            break;
        }
    }
    let found = Digest::of(&bytes);
    if found != descriptor.digest {
        return Err(Error::from(ImageError::Document { wanted: descriptor.digest, found }));
    }
    Ok(bytes.into())
}
