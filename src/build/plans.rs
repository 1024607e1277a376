//! Plans that are remembered: by everything that they are a function of, and by what they asked of the base.
//!
//! Invariant: a plan counts again only where a new one would give the same specs: all else is equal, and this base answers
//! every question alike that the plan asked of its own. What is forgotten is planned anew.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::layer::Key;
use crate::oci::Digest;
use crate::pin::Inputs;
use crate::plan::{LayerKind, RULES};
use crate::rootfs::{Reads, RootFs};
use crate::store::Store;

use super::Request;
use super::layers::{self, Made};
use super::prepare::Prepared;

const PLAN: &str = "plan";
const READS: &str = "reads";

/// Kinds of bases that one request is remembered for; the newest stand first.
const KINDS: usize = 4;

#[derive(Serialize, Deserialize)]
struct Memo {
    layers: Vec<Noted>,
    /// What the plan decided, in words: a warm build says it too.
    notes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Noted {
    kind: LayerKind,
    recipe: String,
    key: Digest,
}

/// The layers of this very base, made before.
pub(super) fn of_base(one: &mut Prepared, request: &Request, store: &Store) -> Result<Option<Vec<Made>>> {
    let key = key(&one.inputs, one, request);
    recall(&key, one, store)
}

/// The layers of another base that answers every question of its plan as this one does.
pub(super) fn of_another(one: &mut Prepared, rootfs: &RootFs, request: &Request, store: &Store) -> Result<Option<Vec<Made>>> {
    let any = any_base(one, request);
    for reads in asked(&any, store)? {
        if let Some(made) = recall(&answered(&any, &reads, rootfs), one, store)? {
            keep(&key(&one.inputs, one, request), one, &made, store)?;
            return Ok(Some(made));
        }
    }
    Ok(None)
}

/// Remembers the layers of a plan and what it asked of the base.
pub(super) fn note(
    one: &Prepared,
    asked_now: Option<(&Reads, &RootFs)>,
    made: &[Made],
    request: &Request,
    store: &Store,
) -> Result<()> {
    keep(&key(&one.inputs, one, request), one, made, store)?;
    let Some((reads, rootfs)) = asked_now else { return Ok(()) };
    let any = any_base(one, request);
    keep(&answered(&any, reads, rootfs), one, made, store)?;
    let mut all = asked(&any, store)?;
    all.retain(|known| known != reads);
    all.insert(0, reads.clone());
    all.truncate(KINDS);
    Ok(store.set_memo(READS, &any, &postcard::to_stdvec(&all).unwrap_or_default(), &[])?)
}

/// The key of a plan: everything that it is a function of, the base by its digest.
fn key(inputs: &Inputs, one: &Prepared, request: &Request) -> String {
    let trees: Vec<Digest> = one.trees.iter().map(|t| t.archive).collect();
    let parts = (
        RULES,
        inputs.base_digest,
        inputs.digest(),
        trees,
        format!("{:?} {:?} {} {:?} {:?}", request.uid_taken, request.epoch, request.fold, request.recommends, request.scripts),
        request.ask.set.clone(),
        request.ask.profile.clone(),
        &one.resolved.notes,
    );
    Digest::of(&serde_json::to_vec(&parts).unwrap_or_default()).hex()
}

/// The same for any base: what the base's config decides stands in the recipes as they were filled.
fn any_base(one: &Prepared, request: &Request) -> String {
    let none = Digest::of(b"any base");
    let inputs = Inputs { base: String::new(), base_digest: none, named_digest: none, ..one.inputs.clone() };
    let filled = format!("{} {:?} {:?}", key(&inputs, one, request), one.base.platform, one.resolved.units);
    Digest::of(filled.as_bytes()).hex()
}

fn answered(any: &str, reads: &Reads, rootfs: &RootFs) -> String {
    format!("{any} {}", reads.answers(rootfs).hex())
}

fn asked(any: &str, store: &Store) -> Result<Vec<Reads>> {
    Ok(store.memo(READS, any)?.and_then(|memo| postcard::from_bytes(&memo).ok()).unwrap_or_default())
}

fn keep(key: &str, one: &Prepared, made: &[Made], store: &Store) -> Result<()> {
    let layers = made.iter().map(|m| Noted { kind: m.kind, recipe: m.recipe.clone(), key: m.key.0 }).collect();
    let held: Vec<Digest> = made.iter().map(|m| m.linked.digest).collect();
    Ok(store.set_memo(PLAN, key, &serde_json::to_vec(&Memo { layers, notes: one.decided.clone() }).unwrap_or_default(), &held)?)
}

fn recall(key: &str, one: &mut Prepared, store: &Store) -> Result<Option<Vec<Made>>> {
    let memo = store.memo(PLAN, key)?;
    let Some(memo) = memo.and_then(|m| serde_json::from_slice::<Memo>(&m).ok()) else { return Ok(None) };
    let mut made = Vec::with_capacity(memo.layers.len());
    for noted in memo.layers {
        let key = Key(noted.key);
        let Some(linked) = layers::known(&key, store)? else { return Ok(None) };
        made.push(Made { kind: noted.kind, recipe: noted.recipe, key, linked, reused: true });
    }
    one.decided = memo.notes;
    Ok(Some(made))
}
