//! Which packages: out of the lock, out of the memory of a young choice, or asked of the archives now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::image::Base;
use crate::oci::{Digest, Hasher};
use crate::pin::{self, Asked, Chosen, Inputs, LocalPackage, Lock, LockError, NamedSource, Results, SolverRequest};
use crate::plan::RULES;
use crate::recipe::Resolved;
use crate::rootfs::RootFs;
use crate::store::Sighting;

use super::prepare::Prepared;
use super::{BuildError, Request, Services};

const CHOICE: &str = "choice";

/// The profile's request, then the file's, as the solver takes them.
pub(super) fn requests(resolved: &Resolved, request: &Request, local: &[LocalPackage]) -> Vec<SolverRequest> {
    [true, false]
        .into_iter()
        .map(|of_profile| {
            let units = resolved.units.iter().filter(|u| u.packages.of_profile == of_profile);
            let recommends = request.recommends.or_else(|| units.clone().filter_map(|u| u.packages.recommends).next_back());
            let asked = units.filter(|u| !u.packages.arguments.is_empty());
            let units: Vec<(String, Vec<String>)> = asked.map(|u| (u.name.clone(), u.packages.arguments.clone())).collect();
            let is_named = |file: &&LocalPackage| units.iter().any(|(_, words)| words.contains(&file.word));
            let files = local.iter().filter(is_named).cloned().collect();
            SolverRequest { units, recommends, files }
        })
        .filter(|r| !r.is_empty())
        .collect()
}

/// What is asked for, and of which archives beside the base's.
type Asking<'a> = (&'a [SolverRequest], &'a [NamedSource]);

/// What is asked for, as it counts in keys: a package file and an archive by digest.
fn asked((requests, sources): Asking<'_>) -> impl serde::Serialize {
    let files = |r: &SolverRequest| r.files.iter().map(|file| (file.word.clone(), file.digest)).collect::<Vec<_>>();
    let requests: Vec<_> = requests.iter().map(|r| (r.units.clone(), r.recommends, files(r))).collect();
    let sources: Vec<Digest> = sources.iter().map(|source| Digest::of(source.stanza.as_bytes())).collect();
    (requests, sources)
}

/// The key of a choice: the base, what is asked for, and how.
fn key(base: &Base, asking: Asking<'_>, request: &Request) -> String {
    let parts = (RULES, base.manifest.descriptor().digest, asked(asking), request.allow_expired);
    Digest::of(&serde_json::to_vec(&parts).unwrap_or_default()).hex()
}

/// A choice of an earlier run that is young enough, or any where nothing may be asked.
pub(super) fn remembered(base: &Base, asking: Asking<'_>, request: &Request, services: &Services) -> Result<Option<Chosen>> {
    recall(&key(base, asking, request), request, services)
}

/// A choice under a key, if it may be used now.
fn recall(key: &str, request: &Request, services: &Services) -> Result<Option<Chosen>> {
    if request.refresh {
        return Ok(None);
    }
    let young = services
        .store
        .seen(&format!("{CHOICE} {key}"))?
        .is_some_and(|seen| services.now.duration_since(seen.checked).is_ok_and(|age| age <= Duration::from_secs(request.max_age)));
    if !young && !request.offline {
        return Ok(None);
    }
    Ok(services.store.memo(CHOICE, key)?.and_then(|memo| serde_json::from_slice(&memo).ok()))
}

/// Asks the archives, and remembers what they said.
pub(super) async fn ask(
    one: &Prepared,
    rootfs: &Arc<RootFs>,
    requests: Vec<SolverRequest>,
    request: &Request,
    services: &Services,
) -> Result<Chosen> {
    let base = &one.base;
    let own = key(base, (&requests, &one.sources), request);
    let state = state_key(&base.platform.to_string(), rootfs, (&requests, &one.sources), request);
    if let Some(chosen) = recall(&state, request, services)? {
        adopt(&state, &own, services)?;
        return Ok(chosen);
    }
    let architecture = base
        .platform
        .debian_architecture()
        .ok_or_else(|| BuildError::Words(format!("Debian has no packages for {}", base.platform)))?;
    let asked = Asked {
        rootfs,
        architecture,
        requests,
        now: services.now,
        allow_expired: request.allow_expired,
        offline: request.offline,
        refresh: request.refresh,
        max_age: Duration::from_secs(request.max_age),
        sources: &one.sources,
        mirrors: &one.mirrors,
    };
    let chosen = pin::choose(&asked, &services.store, &services.http).await?;
    note(&chosen, &own, request, services)?;
    note(&chosen, &state, request, services)?;
    Ok(chosen)
}

/// What of a base apt looks at: its settings, sources, pins and keys, and the states of its packages.
const LOOKED_AT: [&str; 6] = [
    "etc/apt",
    "usr/share/keyrings",
    "var/lib/dpkg/status",
    "var/lib/dpkg/arch",
    "var/lib/dpkg/arch-native",
    "var/lib/apt/extended_states",
];

/// The key that two bases share for which apt would choose the same.
fn state_key(platform: &str, rootfs: &RootFs, asking: Asking<'_>, request: &Request) -> String {
    let mut hasher = Hasher::new();
    let below = |path: &[u8], above: &str| {
        path.strip_prefix(above.as_bytes()).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
    };
    for node in rootfs.nodes().filter(|n| LOOKED_AT.iter().any(|above| below(n.entry.path.as_bytes(), above))) {
        let what = (&node.entry.path, &node.entry.kind, node.digest);
        hasher.update(&postcard::to_stdvec(&what).unwrap_or_default());
    }
    hasher.update(&serde_json::to_vec(&(RULES, asked(asking), request.allow_expired, platform)).unwrap_or_default());
    format!("state {}", hasher.finish().hex())
}

/// What is remembered for bases of this state holds for this one, and is as old.
fn adopt(state: &str, own: &str, services: &Services) -> Result<()> {
    let store = &services.store;
    if let Some(memo) = store.memo(CHOICE, state)? {
        store.set_memo(CHOICE, own, &memo, &[])?;
    }
    if let Some(seen) = store.seen(&format!("{CHOICE} {state}"))? {
        store.set_seen(&format!("{CHOICE} {own}"), &seen)?;
    }
    Ok(())
}

/// Remembers a choice. It counts as checked now only if every archive could be asked.
fn note(chosen: &Chosen, key: &str, request: &Request, services: &Services) -> Result<()> {
    let memo = serde_json::to_vec(chosen).unwrap_or_default();
    services.store.set_memo(CHOICE, key, &memo, &[])?;
    if !request.offline && !chosen.is_makeshift {
        let sighting = Sighting { digest: Digest::of(&memo), checked: services.now };
        services.store.set_seen(&format!("{CHOICE} {key}"), &sighting)?;
    }
    Ok(())
}

/// The platform's part of the lock that the request brings, if it fits what is asked for now.
pub(super) fn locked(request: &Request, platform: &str, fresh: &Inputs, services: &Services) -> Result<Option<Inputs>> {
    let Some((file, text)) = &request.lock.text else {
        if request.lock.locked {
            return Err(BuildError::Words("--locked needs a lock: there is no plywood.lock here and none was named".into()).into());
        }
        return Ok(None);
    };
    let lock = Lock::parse(file, text)?;
    let entry = lock.platforms.get(platform).map(|p| &p.inputs);
    let reason = match entry {
        None => Some(format!("it has no platform {platform}")),
        Some(inputs) => inputs.stale(fresh),
    };
    match (entry, reason) {
        (Some(inputs), None) => Ok(Some(inputs.clone())),
        (_, Some(reason)) if request.lock.locked => Err(LockError::Stale { file: file.clone(), reason }.into()),
        (_, reason) => {
            let reason = reason.unwrap_or_default();
            services.events.warning(&format!("lock {file} is stale and pinned anew: {reason}"));
            Ok(None)
        }
    }
}

/// The request's lock as it is; empty where there is none.
pub(super) fn known_lock(request: &Request) -> Result<Lock> {
    match &request.lock.text {
        Some((file, text)) => Ok(Lock::parse(file, text)?),
        None => Ok(Lock { version: Lock::VERSION, platforms: BTreeMap::new() }),
    }
}

/// Under `--locked` the result must be the one that the lock names.
pub(super) fn check_results(request: &Request, platform: &str, found: &Results) -> Result<()> {
    let (Some((file, _)), true) = (&request.lock.text, request.lock.locked) else { return Ok(()) };
    match known_lock(request)?.platforms.get(platform).and_then(|p| p.results.as_ref()) {
        Some(wanted) if wanted.manifest != found.manifest => {
            let reason = format!("the image is {}, the lock says {}", found.manifest, wanted.manifest);
            Err(LockError::Stale { file: file.clone(), reason }.into())
        }
        _ => Ok(()),
    }
}

/// Puts a choice into the inputs of a lock.
pub(super) fn fill(inputs: &mut Inputs, chosen: Chosen, allow_expired: bool) {
    inputs.indexes = chosen.indexes;
    inputs.packages = chosen.packages;
    inputs.calls = chosen.calls;
    inputs.extended_states = chosen.extended_states;
    inputs.allow_expired = allow_expired;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::bench;
    use crate::rootfs::Node;
    use crate::stream::{Entry, EntryPath, Kind};

    #[test]
    fn only_a_choice_that_every_archive_spoke_for_counts_as_checked() {
        let folder = tempfile::tempdir().expect("a folder");
        let services = bench::services(folder.path(), Vec::new());
        for (key, offline, is_makeshift, checked) in
            [("a", false, false, true), ("b", true, false, false), ("c", false, true, false), ("d", true, true, false)]
        {
            let request = Request { offline, ..bench::request() };
            // A standing warning of the base is no reason to ask again.
            let chosen = Chosen { is_makeshift, warnings: vec!["a key has expired".into()], ..Chosen::default() };
            note(&chosen, key, &request, &services).expect("noted");
            assert_eq!(services.store.seen(&format!("{CHOICE} {key}")).expect("read").is_some(), checked, "{key}");
            assert!(services.store.memo(CHOICE, key).expect("read").is_some(), "{key}");
        }
    }

    #[test]
    fn bases_share_a_choice_where_apt_sees_the_same_in_them() {
        let node = |path: &str, text: &[u8]| Node {
            entry: Entry::new(EntryPath::new(path).expect("a path"), Kind::File { size: text.len() as u64 }, 0o644),
            bytes: None,
            digest: Some(Digest::of(text)),
            elf: None,
            layer: 0,
        };
        let key = |platform: &str, path: &str, text: &[u8]| {
            let nodes = [node("etc/apt/sources.list", b"deb"), node("var/lib/dpkg/status", b"old"), node(path, text)];
            state_key(platform, &RootFs::from_nodes(nodes), (&[], &[]), &bench::request())
        };
        let same = key("linux/amd64", "opt/file", b"one");
        assert_eq!(key("linux/amd64", "opt/file", b"two"), same);
        assert_eq!(key("linux/amd64", "etc/aptitude", b"two"), same);
        assert_ne!(key("linux/arm64", "opt/file", b"one"), same);
        for path in ["etc/apt/sources.list", "etc/apt/apt.conf.d/x", "var/lib/dpkg/status", "usr/share/keyrings/k.gpg"] {
            assert_ne!(key("linux/amd64", path, b"new"), same, "{path}");
        }
    }
}
