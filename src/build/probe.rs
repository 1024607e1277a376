//! What is in the base: a catalogue of each unseen layer, read once as a stream; seen ones come from the store's memory.

use std::io::Read;
use std::sync::Arc;

use futures_util::StreamExt as _;

use crate::error::{During as _, Error, IoFault, Result};
use crate::image::Base;
use crate::oci::{Descriptor, DiffId, Digest};
use crate::rootfs::{Catalogue, RootFs};
use crate::store::Store;
use crate::stream::{HashingReader, Limits, ReadAhead, Verified, decompress};
use crate::transport::Source;

use super::BuildError;

const CATALOGUE: &str = "catalogue";

/// Layers that are read at a time.
const AT_ONCE: usize = 2;

/// Smaller layers are read before a second thread would have started.
const ALONE: u64 = 1 << 20;

/// The merged view of the base's layers.
pub async fn rootfs(base: &Base, source: &Arc<dyn Source>, store: &Arc<Store>) -> Result<RootFs> {
    let layers = base.manifest.layers.iter().zip(&base.config.diff_ids);
    let read = layers.map(|(layer, diff_id)| catalogue(layer, Some(*diff_id), source, store));
    // Few catalogues at a time: the view has all that is asked of them.
    let mut read = futures_util::stream::iter(read).buffered(AT_ONCE);
    let (mut root, mut number) = (RootFs::default(), 0);
    while let Some(catalogue) = read.next().await {
        root.add(number, &catalogue?)?;
        number += 1;
    }
    Ok(root)
}

/// The catalogue of one layer. Every byte of an unseen layer is checked against its digest and, where known, its diff ID.
pub async fn catalogue(
    layer: &Descriptor,
    diff_id: Option<DiffId>,
    source: &Arc<dyn Source>,
    store: &Arc<Store>,
) -> Result<Catalogue> {
    let (memory, known) = (store.clone(), layer.clone());
    let known = tokio::task::spawn_blocking(move || remembered(&known, &memory)).await.map_err(|_| BuildError::Worker)?;
    if let Some((found, known)) = known? {
        return matching(layer.digest, found, diff_id).map(|()| known);
    }
    let Some(compression) = layer.media_type.layer_compression() else {
        return Err(BuildError::LayerType { digest: layer.digest, media_type: layer.media_type.to_string() }.into());
    };
    let step = || format!("reading layer {} of {}", layer.digest, source.place());
    let body = source.open(layer, 0..layer.size).await.during(step)?;
    let reader = body.into_read(&tokio::runtime::Handle::current());
    let (digest, size) = (layer.digest, layer.size);
    let read = tokio::task::spawn_blocking(move || -> Result<(DiffId, Catalogue)> {
        let verified = Verified::new(reader, digest, size);
        let plain = decompress(verified, compression).map_err(unreadable)?;
        let (found, catalogue) = if size < ALONE { read(plain)? } else { read_ahead(plain)? };
        matching(digest, found, diff_id).map(|()| (found, catalogue))
    });
    let (found, catalogue) = read.await.map_err(|_| BuildError::Worker)?.during(step)?;
    let memo = [found.0.bytes().as_slice(), &catalogue.to_memo()].concat();
    store.set_memo(CATALOGUE, &layer.digest.hex(), &memo, &[])?;
    Ok(catalogue)
}

/// Reads while another thread decompresses.
fn read_ahead(plain: Box<dyn Read + Send>) -> Result<(DiffId, Catalogue)> {
    let mut plain = Some(plain);
    std::thread::scope(|scope| {
        let open = move |_| plain.take().ok_or_else(|| BuildError::Worker.into());
        let ahead = ReadAhead::start(scope, 1, Box::new(open)).map_err(|e| IoFault::new("starting a thread", e))?;
        read(ahead.source())
    })
}

fn read(plain: impl Read) -> Result<(DiffId, Catalogue)> {
    let mut plain = HashingReader::new(plain);
    let catalogue = Catalogue::read(&mut plain, Limits::default())?;
    Ok((DiffId(plain.finish().map_err(unreadable)?), catalogue))
}

/// Fails where a config says another diff ID than the layer's: each base says its own, also of a layer that is known.
fn matching(digest: Digest, found: DiffId, wanted: Option<DiffId>) -> Result<()> {
    match wanted {
        Some(wanted) if wanted != found => Err(BuildError::DiffId { digest, found, wanted }.into()),
        _ => Ok(()),
    }
}

/// Whether a layer was read before.
pub(super) fn is_known(layer: &Descriptor, store: &Store) -> bool {
    store.has_memo(CATALOGUE, &layer.digest.hex())
}

/// The catalogue of a layer that was read before.
pub(super) fn known(layer: &Descriptor, store: &Store) -> Result<Option<Catalogue>> {
    Ok(remembered(layer, store)?.map(|(_, catalogue)| catalogue))
}

/// The same with the diff ID that the layer has: 32 bytes before the catalogue's own.
fn remembered(layer: &Descriptor, store: &Store) -> Result<Option<(DiffId, Catalogue)>> {
    let memo = store.memo(CATALOGUE, &layer.digest.hex())?;
    Ok(memo.and_then(|memo| {
        let (found, catalogue) = memo.split_first_chunk::<32>()?;
        Some((DiffId(Digest::from_bytes(*found)), Catalogue::from_memo(catalogue)?))
    }))
}

fn unreadable(error: std::io::Error) -> Error {
    IoFault::new("decompressing", error).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::MediaType;
    use crate::transport::{Body, BoxFuture, Root, Selector};

    /// One blob, which may be opened or not.
    #[derive(Debug)]
    struct Blob(Option<Vec<u8>>);

    impl Source for Blob {
        fn place(&self) -> String {
            "a test".into()
        }
        fn look_up<'a>(&'a self, _: &'a Selector) -> BoxFuture<'a, Result<Descriptor>> {
            Box::pin(async { Err(BuildError::NotStored("a name".into()).into()) })
        }
        fn resolve<'a>(&'a self, _: &'a Selector) -> BoxFuture<'a, Result<Root>> {
            Box::pin(async { Err(BuildError::NotStored("a name".into()).into()) })
        }
        fn document<'a>(&'a self, _: &'a Descriptor) -> BoxFuture<'a, Result<bytes::Bytes>> {
            Box::pin(async { Err(BuildError::NotStored("a document".into()).into()) })
        }
        fn open<'a>(&'a self, _: &'a Descriptor, _: std::ops::Range<u64>) -> BoxFuture<'a, Result<Body>> {
            Box::pin(async { self.0.clone().map(Body::held).ok_or_else(|| BuildError::NotStored("it".into()).into()) })
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_known_layer_does_not_hide_a_lie_about_its_diff_id() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(Store::open(&folder.path().join("store")).expect("a store"));
        let mut tar = crate::stream::TarWriter::new(Vec::new());
        let path = crate::stream::EntryPath::new("a").expect("a path");
        let entry = crate::stream::Entry::new(path, crate::stream::Kind::File { size: 1 }, 0o644);
        tar.append(&entry, &mut b"x".as_slice()).expect("a vector");
        let layer = tar.finish().expect("a vector");
        let descriptor = Descriptor::of(MediaType::from("application/vnd.oci.image.layer.v1.tar"), &layer);
        let truth = DiffId(descriptor.digest);
        let lie = DiffId(Digest::of(b"another"));
        let seen: Arc<dyn Source> = Arc::new(Blob(Some(layer)));
        let unseen: Arc<dyn Source> = Arc::new(Blob(None));
        for (source, diff_id, passes) in
            [(&seen, lie, false), (&unseen, truth, false), (&seen, truth, true), (&unseen, lie, false), (&unseen, truth, true)]
        {
            let read = catalogue(&descriptor, Some(diff_id), source, &store).await;
            assert_eq!(read.is_ok(), passes, "{source:?} {diff_id}: {read:?}");
        }
    }
}
