//! Bytes of the few base files that a plan moves: read out of their layer once more, then remembered.
//!
//! Invariant: the layer is read to its last byte and verified before a byte of it counts.

use std::io::Read as _;
use std::sync::Arc;

use crate::error::{During as _, IoFault, Result};
use crate::image::Base;
use crate::layer::root::{NoBodies, VirtualRoot};
use crate::oci::{Descriptor, Digest};
use crate::plan;
use crate::recipe::Resolved;
use crate::rootfs::RootFs;
use crate::store::Store;
use crate::stream::{EntryPath, Limits, TarReader, Verified, decompress};
use crate::transport::Source;

use super::BuildError;

const FILE: &str = "file";

/// Far more than any server program has.
const LARGEST: u64 = 64 << 20;

/// Gives the view the bytes of the programs that make way for a wrapper.
pub(super) async fn hold(
    rootfs: RootFs,
    base: &Base,
    resolved: &Resolved,
    source: &Arc<dyn Source>,
    store: &Arc<Store>,
) -> Result<Arc<RootFs>> {
    let mut rootfs = Arc::new(rootfs);
    for path in moved(&rootfs, resolved) {
        let Some(found) = rootfs.find(&path).filter(|found| found.bytes.is_none()) else { continue };
        let Some(layer) = base.manifest.layers.get(found.layer) else { continue };
        let bytes = file(layer, &found.entry, source, store).await?;
        Arc::make_mut(&mut rootfs).hold(&path, bytes);
    }
    Ok(rootfs)
}

fn moved(rootfs: &Arc<RootFs>, resolved: &Resolved) -> Vec<EntryPath> {
    if resolved.units.iter().all(|unit| unit.packages.arguments.is_empty()) {
        return Vec::new();
    }
    let root = VirtualRoot::new(rootfs.clone(), Arc::new(NoBodies));
    plan::moved(&root, resolved).into_iter().map(|(_, divert)| divert.path.clone()).collect()
}

/// The bytes of one entry of a layer.
async fn file(layer: &Descriptor, entry: &EntryPath, source: &Arc<dyn Source>, store: &Arc<Store>) -> Result<Arc<[u8]>> {
    let key = format!("{} {}", layer.digest.hex(), Digest::of(entry.as_bytes()).hex());
    if let Some(bytes) = store.memo(FILE, &key)? {
        return Ok(bytes.into());
    }
    let step = || format!("reading {entry} from layer {} of {}", layer.digest, source.place());
    let Some(compression) = layer.media_type.layer_compression() else {
        return Err(BuildError::LayerType { digest: layer.digest, media_type: layer.media_type.to_string() }.into());
    };
    let reader = source.open(layer, 0..layer.size).await.during(step)?.into_read(&tokio::runtime::Handle::current());
    let (digest, size, wanted) = (layer.digest, layer.size, entry.clone());
    let read = move || -> Result<Option<Vec<u8>>> {
        let plain = decompress(Verified::new(reader, digest, size), compression).map_err(|e| IoFault::new("decompressing", e))?;
        let mut tar = TarReader::new(plain, Limits::default());
        let mut bytes = None;
        while let Some(entry) = tar.next_entry()? {
            if entry.path == wanted && entry.size() <= LARGEST {
                let mut all = Vec::new();
                tar.body().read_to_end(&mut all).map_err(|e| IoFault::new(wanted.to_string(), e))?;
                bytes = Some(all);
            }
        }
        tar.finish()?;
        Ok(bytes)
    };
    let bytes = tokio::task::spawn_blocking(read).await.map_err(|_| BuildError::Worker)?.during(step)?;
    let absent = || BuildError::File { path: entry.to_string(), reason: format!("is not in layer {}", layer.digest) };
    let bytes = bytes.ok_or_else(absent)?;
    store.set_memo(FILE, &key, &bytes, &[])?;
    Ok(bytes.into())
}
