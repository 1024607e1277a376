//! Conda prefixes on their way: which files they are linked from (for the lock), then what those bring (for the plan).
//!
//! Invariant: after `pin` every file is in the store and named by digest; nothing is asked for a prefix that the base has.

mod explicit;
mod fetch;
mod installer;
mod packages;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::conda::platform_of;
use crate::error::Result;
use crate::layer::root::{NoBodies, VirtualRoot};
use crate::pin::{LockError, LockedConda, LockedFile};
use crate::plan::conda::{Prefix, is_standing};
use crate::recipe::{Conda, CondaSource, ResolvedUnit};
use crate::stream::EntryPath;

use super::prepare::{Prepared, rootfs_of};
use super::{BuildError, Request, Services};
use fetch::Fetch;

/// What the memory says of prefixes that a base has or has not.
const STANDING: &str = "conda-standing";

/// Gets what the units' prefixes are linked from, and writes it into the inputs.
pub(super) async fn pin(one: &mut Prepared, request: &Request, services: &Services) -> Result<()> {
    let before = std::mem::take(&mut one.inputs.conda);
    let machine = one.base.platform.machine().unwrap_or("unknown").to_owned();
    let units: Vec<ResolvedUnit> = one.resolved.units.iter().filter(|u| u.conda.is_some()).cloned().collect();
    for unit in units {
        let Some(conda) = &unit.conda else { continue };
        let prefix = text(&conda.prefix);
        let locked = before.iter().find(|l| l.recipe == unit.name && l.prefix == prefix);
        let files = if stands(one, &conda.prefix, services).await? {
            Vec::new()
        } else {
            let fetch = Fetch { request, services, folder: conda.folder.as_deref() };
            let known = locked.map(|l| l.files.as_slice()).unwrap_or_default();
            match &conda.source {
                CondaSource::Installer { location, sha256 } => {
                    vec![installer::pin(&fetch, location, *sha256, known.first(), &machine).await?]
                }
                CondaSource::Explicit { file, packages } => explicit::pin(&fetch, file, packages.as_deref(), known).await?,
            }
        };
        if let Some(locked) = locked {
            differs(&unit, &locked.files, &files, request, services)?;
        }
        one.inputs.conda.push(LockedConda { recipe: unit.name.clone(), prefix, files });
    }
    Ok(())
}

/// A lock that names other files is stale.
fn differs(unit: &ResolvedUnit, then: &[LockedFile], now: &[LockedFile], request: &Request, services: &Services) -> Result<()> {
    let same = then.len() == now.len() && then.iter().zip(now).all(|(a, b)| a.sha256 == b.sha256 && a.location == b.location);
    let Some((file, _)) = request.lock.text.as_ref().filter(|_| !same) else { return Ok(()) };
    let reason = format!("{} is linked from other files now", unit.label);
    if request.lock.locked {
        return Err(LockError::Stale { file: file.clone(), reason }.into());
    }
    services.events.warning(&format!("lock {file} is stale and pinned anew: {reason}"));
    Ok(())
}

/// Whether the base has the prefix.
async fn stands(one: &mut Prepared, prefix: &EntryPath, services: &Services) -> Result<bool> {
    let key = format!("{} {prefix}", one.inputs.base_digest.hex());
    if let Some(memo) = services.store.memo(STANDING, &key)? {
        return Ok(memo == b"yes");
    }
    let root = VirtualRoot::new(rootfs_of(one, services).await?, Arc::new(NoBodies));
    let there = is_standing(&root, prefix);
    services.store.set_memo(STANDING, &key, if there { b"yes" } else { b"no" }, &[])?;
    Ok(there)
}

/// What the pinned files bring, for the plan.
pub(super) async fn read(one: &Prepared, request: &Request, services: &Services) -> Result<Vec<Prefix>> {
    let platform = platform_of(one.base.platform.machine().unwrap_or("unknown"));
    let mut prefixes = Vec::new();
    for (number, unit) in one.resolved.units.iter().enumerate() {
        let Some(conda) = &unit.conda else { continue };
        let name = text(&conda.prefix);
        let locked = one.inputs.conda.iter().find(|l| l.recipe == unit.name && l.prefix == name);
        let mut prefix = Prefix {
            unit: number,
            path: conda.prefix.clone(),
            environment: None,
            files: BTreeMap::new(),
            group_writable: conda.group_writable,
            cache: Vec::new(),
        };
        if let Some(files) = locked.map(|l| &l.files).filter(|files| !files.is_empty()) {
            let found = match &conda.source {
                CondaSource::Installer { .. } => installer::read(files, services)?,
                CondaSource::Explicit { file, .. } => {
                    explicit::read(&Fetch { request, services, folder: conda.folder.as_deref() }, file, files)?
                }
            };
            prefix.files.clone_from(&found.files);
            prefix.files.retain(|name, _| conda.keep_pkgs || !name.starts_with("pkgs/"));
            if conda.keep_pkgs {
                prefix.cache = packages::cache(&found, one).await?;
            }
            prefix.environment = Some(packages::environment(found, conda, &platform, one, services).await?);
        }
        prefixes.push(prefix);
    }
    Ok(prefixes)
}

fn text(prefix: &EntryPath) -> String {
    String::from_utf8_lossy(&prefix.absolute()).into_owned()
}

/// A path beside the file that says it.
fn beside(path: &str, folder: Option<&std::path::Path>) -> std::path::PathBuf {
    folder.map_or_else(|| path.into(), |folder| folder.join(path))
}

fn worker<E>(_: E) -> BuildError {
    BuildError::Worker
}

/// The absolute prefix of a unit.
fn prefix_of(conda: &Conda) -> String {
    text(&conda.prefix)
}
