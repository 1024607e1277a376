//! A taken UID is told before anything large is read: the first kilobytes of sorted layers have the accounts.
//!
//! Invariant: a prefix feeds this question only. What it cannot answer is left to the plan, which knows whole layers.

use std::io::Read as _;
use std::sync::Arc;

use crate::error::Result;
use crate::image::Base;
use crate::oci::Descriptor;
use crate::plan::{self, UidTaken};
use crate::recipe::Resolved;
use crate::rootfs::{AccountFacts, Prefix, read_accounts_prefix};
use crate::stream::decompress;
use crate::transport::Source;

use super::{Request, Services, probe};

/// How much of a layer is read: most need the first; with the second it is at most 512 KiB in all.
const PREFIXES: [u64; 2] = [128 << 10, 384 << 10];

/// A layer of which the prefixes would be the larger part.
const SMALL: u64 = 1 << 20;

/// Fails where a user of the recipes wants a UID that somebody in the base has.
pub(super) async fn check(
    base: &Base,
    source: &Arc<dyn Source>,
    resolved: &Resolved,
    request: &Request,
    services: &Services,
) -> Result<()> {
    let asks = resolved.units.iter().flat_map(|u| &u.users).any(|user| user.uid.is_some());
    // With every large layer known the plan itself is as quick, and a warm build reads no catalogue at all.
    let unseen = base.manifest.layers.iter().any(|layer| layer.size > SMALL && !probe::is_known(layer, &services.store));
    if !asks || !unseen || request.uid_taken != UidTaken::Fail {
        return Ok(());
    }
    let mut layers = Vec::with_capacity(base.manifest.layers.len());
    for layer in &base.manifest.layers {
        let facts = if let Some(catalogue) = probe::known(layer, &services.store)? {
            Some(AccountFacts::of(&catalogue))
        } else {
            prefix(layer, source).await?
        };
        let Some(facts) = facts else { return Ok(()) };
        layers.push(facts);
    }
    plan::check_uids(AccountFacts::merge(&layers)?, resolved)
}

/// The accounts of a layer out of its first bytes; nothing where those do not tell.
async fn prefix(layer: &Descriptor, source: &Arc<dyn Source>) -> Result<Option<AccountFacts>> {
    let Some(compression) = layer.media_type.layer_compression() else { return Ok(None) };
    for length in PREFIXES {
        let length = length.min(layer.size);
        let mut body = source.open(layer, 0..length).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece?);
        }
        let whole = length == layer.size;
        let Ok(plain) = decompress(bytes.as_slice().take(length), compression) else { return Ok(None) };
        match read_accounts_prefix(plain, whole) {
            Ok(Prefix::Facts(facts)) => return Ok(Some(facts)),
            Ok(Prefix::NeedMore) if !whole => {}
            // A damaged layer is told by the reader that reads it whole.
            Ok(Prefix::NeedMore | Prefix::NeedAll) | Err(_) => return Ok(None),
        }
    }
    Ok(None)
}
