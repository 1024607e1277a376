//! The packages of a lock, by digest and size, into the store.
//!
//! Invariant: a package that the store has is not asked for. Every other one is asked for once, four at a time.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::deliver::{Events, How};
use crate::error::{During as _, Result};
use crate::http::{Client, Url};
use crate::oci::{Descriptor, Digest};
use crate::store::Store;

use super::transfer::{Access, canonical};
use super::{LockedPackage, PinError};

/// Large transfers at a time.
const AT_A_TIME: usize = 4;
/// What listeners are told that a package is (IANA).
const MEDIA_TYPE: &str = "application/vnd.debian.binary-package";

/// Makes sure that the store has every package file; removals have none.
pub async fn fetch(
    packages: &[LockedPackage],
    store: &Arc<Store>,
    http: &Client,
    mirrors: &[(String, String)],
    offline: bool,
    events: &Arc<dyn Events>,
) -> Result<()> {
    let access = Access { store: store.clone(), http: http.clone(), mirrors: mirrors.into(), offline };
    let mut missing: Vec<(&LockedPackage, Digest)> = Vec::new();
    for package in packages {
        if let Some(digest) = package.sha256
            && !store.has(&digest, package.size)?
            && !missing.iter().any(|(_, known)| *known == digest)
        {
            missing.push((package, digest));
        }
    }
    let fetching = missing.into_iter().map(|(package, digest)| one(package, digest, &access, events));
    futures_util::stream::iter(fetching).buffer_unordered(AT_A_TIME).try_collect().await
}

async fn one(package: &LockedPackage, digest: Digest, access: &Access, events: &Arc<dyn Events>) -> Result<()> {
    let object = format!("package {} {}", package.name, package.version);
    if access.offline {
        return Err(PinError::Offline { object }.into());
    }
    let location = package.location.clone().unwrap_or_default();
    let url: Url = location.parse().map_err(|_| PinError::Location { location })?;
    let blob = Descriptor::new(MEDIA_TYPE, digest, package.size);
    events.started(&blob);
    let moved = |bytes| events.moved(&blob, bytes);
    let there = access.to_store(&url, digest, package.size, &object, &moved).await.during(|| format!("fetching {object}"))?;
    if !there {
        return Err(PinError::Gone { object, url: canonical(&url).to_string() }.into());
    }
    events.finished(&blob, How::Fetched);
    Ok(())
}
