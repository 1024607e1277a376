//! The documents of an image, read for commands that show them.

use crate::error::Result;
use crate::image::Base;
use crate::oci::{Config, Document, DocumentError, Manifest, Platform};
use crate::transport::{Root, Source};

/// The image that `root` is, whatever its platform.
pub(super) async fn base(source: &dyn Source, root: &Root) -> Result<Base> {
    let manifest = Manifest::parse(root.raw.clone(), Some(&root.descriptor.media_type))?;
    let config = config(source, &manifest).await?;
    Base::new(manifest, config)
}

/// The config of an image, verified.
pub(super) async fn config(source: &dyn Source, manifest: &Manifest) -> Result<Config> {
    let descriptor = &manifest.config;
    if descriptor.size > crate::oci::DOCUMENT_LIMIT {
        let (size, limit) = (descriptor.size, crate::oci::DOCUMENT_LIMIT);
        return Err(DocumentError::TooLarge { what: "image config", size, limit }.into());
    }
    let mut body = crate::transport::verified(source.open(descriptor, 0..descriptor.size).await?, descriptor);
    let mut raw = Vec::with_capacity(descriptor.size as usize);
    while let Some(piece) = body.next().await {
        raw.extend_from_slice(&piece?);
    }
    Ok(Config::parse(raw.into())?)
}

/// The platforms of an index with their manifests' digests, attestations left out; nothing for a manifest.
pub(super) fn platforms(root: &Root) -> Result<Vec<(Option<Platform>, crate::oci::Descriptor)>> {
    Ok(match Document::parse(root.raw.clone(), Some(&root.descriptor.media_type))? {
        Document::Manifest(_) => Vec::new(),
        Document::Index(index) => index.images().map(|d| (d.platform.clone(), d.clone())).collect(),
    })
}
