//! What is in the base: a catalogue of each unseen layer, read once as a stream; seen ones come from the store's memory.

use std::sync::Arc;

use crate::error::{During as _, Error, Result};
use crate::image::Base;
use crate::oci::{Descriptor, DiffId, Hasher};
use crate::rootfs::{Catalogue, RootFs};
use crate::store::Store;
use crate::stream::{Limits, Verified, decompress};
use crate::transport::Source;

use super::BuildError;

const CATALOGUE: &str = "catalogue";

/// The merged view of the base's layers.
pub async fn rootfs(base: &Base, source: &Arc<dyn Source>, store: &Arc<Store>) -> Result<RootFs> {
    let mut catalogues = Vec::with_capacity(base.manifest.layers.len());
    for (layer, diff_id) in base.manifest.layers.iter().zip(&base.config.diff_ids) {
        catalogues.push(catalogue(layer, Some(*diff_id), source, store).await?);
    }
    Ok(RootFs::merge(catalogues.iter())?)
}

/// The catalogue of one layer. Every byte of an unseen layer is checked against its digest and, where known, its diff ID.
pub async fn catalogue(
    layer: &Descriptor,
    diff_id: Option<DiffId>,
    source: &Arc<dyn Source>,
    store: &Arc<Store>,
) -> Result<Catalogue> {
    let key = layer.digest.hex();
    if let Some(known) = known(layer, store)? {
        return Ok(known);
    }
    let Some(compression) = layer.media_type.layer_compression() else {
        return Err(BuildError::LayerType { digest: layer.digest, media_type: layer.media_type.to_string() }.into());
    };
    let step = || format!("reading layer {} of {}", layer.digest, source.place());
    let body = source.open(layer, 0..layer.size).await.during(step)?;
    let reader = body.into_read(&tokio::runtime::Handle::current());
    let (digest, size) = (layer.digest, layer.size);
    let read = tokio::task::spawn_blocking(move || -> Result<Catalogue> {
        let mut hasher = Hasher::new();
        let verified = Verified::new(reader, digest, size);
        let plain = decompress(verified, compression).map_err(unreadable)?;
        let catalogue = Catalogue::read(Hashed { inner: plain, hasher: &mut hasher }, Limits::default())?;
        let found = DiffId(hasher.finish());
        match diff_id {
            Some(wanted) if wanted != found => Err(BuildError::DiffId { digest, found, wanted }.into()),
            _ => Ok(catalogue),
        }
    });
    let catalogue = read.await.map_err(|_| BuildError::Worker)?.during(step)?;
    store.set_memo(CATALOGUE, &key, &catalogue.to_memo(), &[])?;
    Ok(catalogue)
}

/// The catalogue of a layer that was read before.
pub(super) fn known(layer: &Descriptor, store: &Store) -> Result<Option<Catalogue>> {
    Ok(store.memo(CATALOGUE, &layer.digest.hex())?.and_then(|memo| Catalogue::from_memo(&memo)))
}

fn unreadable(error: std::io::Error) -> Error {
    crate::error::IoFault::new("decompressing", error).into()
}

/// Hashes what is read.
struct Hashed<'a, R> {
    inner: R,
    hasher: &'a mut Hasher,
}

impl<R: std::io::Read> std::io::Read for Hashed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        Ok(n)
    }
}
