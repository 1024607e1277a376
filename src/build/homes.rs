//! Where our layers lie already: repositories that were given them, as candidates for a mount in the same registry.
//!
//! Invariant: a hint only. A registry that lost a layer refuses the mount, and the layer is sent.

use crate::error::Result;
use crate::oci::{Digest, Repository};
use crate::store::Store;

const PUSHED: &str = "pushed";

/// More candidates than this are no better: the newest stand first.
const MOST: usize = 4;

/// The repositories that were given a layer, newest first.
pub(super) fn of(layer: &Digest, store: &Store) -> Result<Vec<Repository>> {
    let memo = store.memo(PUSHED, &layer.hex())?;
    Ok(memo.and_then(|memo| serde_json::from_slice(&memo).ok()).unwrap_or_default())
}

/// Remembers that a repository has these layers.
pub(super) fn note(layers: &[Digest], repository: &Repository, store: &Store) -> Result<()> {
    for layer in layers {
        let mut homes = of(layer, store)?;
        if homes.first() == Some(repository) {
            continue;
        }
        homes.retain(|home| home != repository);
        homes.insert(0, repository.clone());
        homes.truncate(MOST);
        store.set_memo(PUSHED, &layer.hex(), &serde_json::to_vec(&homes).unwrap_or_default(), &[])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_homes_of_a_layer_are_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        let (layer, other) = (Digest::of(b"layer"), Digest::of(b"other"));
        let home = |n: usize| Repository { registry: "localhost:5000".into(), path: format!("a/{n}") };
        for n in [0, 1, 2, 3, 4, 2] {
            note(&[layer], &home(n), &store).expect("noted");
        }
        assert_eq!(of(&layer, &store).expect("known"), [home(2), home(4), home(3), home(1)]);
        assert_eq!(of(&other, &store).expect("known"), []);
    }
}
