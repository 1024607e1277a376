//! Specs to blobs: a layer whose key is known is not made again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{During as _, Result};
use crate::layer::{Key, LayerSpec, Linked, link};
use crate::oci::Digest;
use crate::plan::{LayerKind, PlannedLayer};
use crate::store::Store;
use crate::stream::ENCODER;

use super::BuildError;
use super::archives::Archives;

const LAYER: &str = "layer";

/// A layer of the image, made or known.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) kind: LayerKind,
    pub(super) recipe: String,
    pub(super) key: Key,
    pub(super) linked: Linked,
    pub(super) reused: bool,
}

/// What a plan's memo says of a layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Noted {
    pub(super) kind: LayerKind,
    pub(super) recipe: String,
    pub(super) key: Digest,
}

/// The layer of a key, if it was linked before and its blob is there.
pub(super) fn known(key: &Key, store: &Store) -> Result<Option<Linked>> {
    let memo = store.memo(LAYER, &format!("{} {ENCODER}", key.0.hex()))?;
    let linked: Option<Linked> = memo.and_then(|memo| serde_json::from_slice(&memo).ok());
    Ok(linked.filter(|l| store.has(&l.digest, l.size).unwrap_or(false)))
}

/// Makes what is not known, in order.
pub(super) async fn link_all(
    planned: Vec<PlannedLayer>,
    archives: &Archives,
    store: &Arc<Store>,
    threads: usize,
) -> Result<Vec<Made>> {
    let mut made = Vec::with_capacity(planned.len());
    for layer in planned {
        let key = layer.spec.key();
        let name =
            if layer.recipe.is_empty() { format!("{:?}", layer.kind).to_lowercase() } else { format!("ply {}", layer.recipe) };
        let (linked, reused) = match known(&key, store)? {
            Some(linked) => (linked, true),
            None => (link_one(key, layer.spec, archives, store, threads).await.during(|| format!("linking {name}"))?, false),
        };
        made.push(Made { kind: layer.kind, recipe: layer.recipe, key, linked, reused });
    }
    Ok(made)
}

async fn link_one(key: Key, spec: LayerSpec, archives: &Archives, store: &Arc<Store>, threads: usize) -> Result<Linked> {
    let (archives, store) = (archives.clone(), store.clone());
    let work = move || -> Result<Linked> {
        let open = |digest: &Digest| archives.data(digest);
        let linked = link(&spec, &open, store.writer()?, threads)?;
        let memo = serde_json::to_vec(&linked).unwrap_or_default();
        store.set_memo(LAYER, &format!("{} {ENCODER}", key.0.hex()), &memo, &[linked.digest])?;
        Ok(linked)
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| BuildError::Worker)?
}
