//! Specs to blobs: a layer whose key is known is not made again.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{During as _, Result};
use crate::layer::{Key, Linked, link};
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

/// What the memo of a linked layer says.
#[derive(Serialize, Deserialize)]
struct Noted<'a> {
    kind: LayerKind,
    recipe: Cow<'a, str>,
    key: Digest,
    #[serde(flatten)]
    linked: Linked,
}

/// A ply that the store has, ready for the next image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkedPly {
    /// The recipe that it was made for.
    pub recipe: String,
    /// Of its spec.
    pub key: Digest,
    /// The layer.
    #[serde(flatten)]
    pub linked: Linked,
}

/// Every ply that the store has, by recipe and key.
pub fn linked_plies(store: &Store) -> Result<Vec<LinkedPly>> {
    let mut plies = Vec::new();
    for memo in store.memos(LAYER)? {
        let Ok(Noted { kind: LayerKind::Ply, recipe, key, linked }) = serde_json::from_slice(&memo) else { continue };
        if known(&Key(key), store)? == Some(linked) {
            plies.push(LinkedPly { recipe: recipe.into_owned(), key, linked });
        }
    }
    plies.sort_by(|a, b| (&a.recipe, a.key).cmp(&(&b.recipe, b.key)));
    Ok(plies)
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
            None => (link_one(key, &layer, archives, store, threads).await.during(|| format!("linking {name}"))?, false),
        };
        made.push(Made { kind: layer.kind, recipe: layer.recipe, key, linked, reused });
    }
    Ok(made)
}

async fn link_one(key: Key, layer: &PlannedLayer, archives: &Archives, store: &Arc<Store>, threads: usize) -> Result<Linked> {
    let (archives, store, layer) = (archives.clone(), store.clone(), layer.clone());
    let work = move || -> Result<Linked> {
        let open = |digest: &Digest| archives.data(digest);
        let linked = link(&layer.spec, &open, store.writer()?, threads)?;
        let noted = Noted { kind: layer.kind, recipe: Cow::Borrowed(&layer.recipe), key: key.0, linked };
        let memo = serde_json::to_vec(&noted).unwrap_or_default();
        store.set_memo(LAYER, &format!("{} {ENCODER}", key.0.hex()), &memo, &[linked.digest])?;
        Ok(linked)
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| BuildError::Worker)?
}
