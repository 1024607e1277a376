//! One platform on its way: base resolved, recipes filled, packages chosen, archives fetched and read.
//!
//! Invariant: from here on no tag and no archive index is read again; everything is named by digest.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{During as _, Result};
use crate::image::Base;
use crate::layer::Contents;
use crate::oci::{Digest, Platform};
use crate::pin::{self, Inputs, RecipeInput};
use crate::plan;
use crate::recipe::{Rank, Resolved, Surroundings, Unit, merge, resolve};
use crate::rootfs::RootFs;

use super::archives::Archives;
use super::{
    BuildError, Opened, Request, Services, accounts, assemble, choice, conda, held, local_packages, probe, sources, trees,
};

/// One platform on its way.
pub(super) struct Prepared {
    pub(super) opened: Opened,
    pub(super) base: Base,
    pub(super) named_digest: Digest,
    pub(super) resolved: Resolved,
    pub(super) inputs: Inputs,
    pub(super) archives: Archives,
    pub(super) trees: Vec<plan::Tree>,
    /// Package files of this machine.
    pub(super) local: Vec<pin::LocalPackage>,
    /// Archives beside the base's.
    pub(super) sources: Vec<pin::NamedSource>,
    /// What is asked in place of archives' addresses.
    pub(super) mirrors: Vec<(String, String)>,
    pub(super) rootfs: Option<Arc<RootFs>>,
    /// What pin says.
    pub(super) notes: Vec<String>,
    /// What the plan says of each package.
    pub(super) told: Vec<plan::Told>,
    /// What the plan decided, in words.
    pub(super) decided: Vec<String>,
}

/// Resolve, merge, and what else is needed before a plan.
pub(super) async fn prepare(request: &Request, platform: &Platform, services: &Services) -> Result<Prepared> {
    let opened = services.remembered(&request.base).await?;
    let step = || format!("resolving {}", request.base);
    let root = opened.source.resolve(&opened.selector).await.during(step)?;
    let base = Base::read(&*opened.source, &root, platform).await.during(step)?;
    let onbuild = base.config.onbuild().len();
    if onbuild > 0 && !request.ignore_onbuild {
        return Err(BuildError::OnBuild(onbuild).into());
    }
    let resolved = recipes(request, &base)?;
    if base.config.starts_agent_server() && resolved.config.entrypoint.as_ref().is_some_and(Vec::is_empty) {
        return Err(BuildError::AgentServer(request.ask.profile.clone()).into());
    }
    accounts::check(&base, &opened.source, &resolved, request, services).await?;
    let archives = Archives::new(services.store.clone());
    let (trees, local, sources) = of_this_machine(&resolved, &archives, services).await?;
    let inputs = Inputs {
        base: request.base.canonical(),
        base_digest: base.manifest.descriptor().digest,
        named_digest: root.descriptor.digest,
        files: trees
            .iter()
            .map(|t| t.archive)
            .chain(local.iter().map(|file| file.digest))
            .chain(sources.iter().map(|s| Digest::of(s.stanza.as_bytes())))
            .collect(),
        flags: flags(request),
        recipes: recipe_inputs(&resolved),
        indexes: Vec::new(),
        allow_expired: false,
        shadow_day: shadow_day(request, &base),
        packages: Vec::new(),
        calls: Vec::new(),
        extended_states: None,
        conda: Vec::new(),
    };
    let own_base = sources::is_ours(&request.base, &services.http.settings().allow_private).await;
    let mut prepared = Prepared {
        named_digest: root.descriptor.digest,
        opened,
        base,
        resolved,
        inputs,
        archives,
        trees,
        local,
        mirrors: sources::mirrors(&request.apt_mirrors, &sources, own_base),
        sources,
        rootfs: None,
        notes: Vec::new(),
        told: Vec::new(),
        decided: Vec::new(),
    };
    choose(&mut prepared, request, services).await?;
    conda::pin(&mut prepared, request, services).await?;
    Ok(prepared)
}

/// The units that the lock names: those of this program alone are none of its inputs.
fn recipe_inputs(resolved: &Resolved) -> Vec<RecipeInput> {
    let units = resolved.units.iter().filter(|unit| !unit.of_program);
    units.map(|unit| RecipeInput { name: unit.label.clone(), digest: unit.digest }).collect()
}

/// The digest of everything that the command line decides besides recipes and base.
fn flags(request: &Request) -> Digest {
    let ask = &request.ask;
    // Words that change nothing are left out, so that a lock does not go stale by a further option.
    let scripts = if request.scripts == plan::ScriptPolicy::Stop { "" } else { " Defer" };
    let policy = format!("{:?}{scripts}", request.uid_taken);
    let parts = (&ask.words, &ask.profile, &ask.set, &ask.without, request.recommends, policy, request.fold);
    Digest::of(&serde_json::to_vec(&parts).unwrap_or_default())
}

/// The recipes of the request, filled with what the base says.
fn recipes(request: &Request, base: &Base) -> Result<Resolved> {
    let mut read = |name: &str| -> Result<Unit> {
        let text = std::fs::read_to_string(name).map_err(|cause| BuildError::Absent { path: name.into(), cause })?;
        let mut unit = Unit::parse(name, Rank::Recipe, &text)?;
        unit.folder = std::path::Path::new(name).parent().map(std::path::Path::to_owned);
        Ok(unit)
    };
    let merged = merge(request.ask.clone(), &request.library, &mut read)?;
    let pairs = base.config.env.iter().filter_map(|line| line.split_once('='));
    let env: BTreeMap<String, String> = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let surroundings = Surroundings {
        parameters: BTreeMap::new(),
        env: &env,
        arch: base.platform.machine().unwrap_or(&base.platform.architecture),
        deb_arch: base.platform.debian_architecture().unwrap_or(&base.platform.architecture),
    };
    Ok(resolve(&merged, &surroundings)?)
}

/// Fills the packages of the inputs: from the lock, from memory, or from the archives.
async fn choose(one: &mut Prepared, request: &Request, services: &Services) -> Result<()> {
    let platform = one.base.platform.to_string();
    if let Some(locked) = choice::locked(request, &platform, &one.inputs, services)? {
        one.named_digest = locked.named_digest;
        one.inputs = locked;
        return Ok(());
    }
    let requests = choice::requests(&one.resolved, request, &one.local);
    if requests.is_empty() {
        return Ok(());
    }
    let chosen = if let Some(chosen) = choice::remembered(&one.base, (&requests, &one.sources), request, services)? {
        chosen
    } else {
        let rootfs = rootfs_of(one, services).await?;
        choice::ask(one, &rootfs, requests, request, services).await?
    };
    for warning in &chosen.warnings {
        services.events.warning(warning);
    }
    one.notes.clone_from(&chosen.notes);
    if request.epoch.is_none()
        && let Some(newest) = chosen.newest_release
    {
        one.inputs.shadow_day = u32::try_from(newest / 86_400).ok().filter(|d| *d > 0);
    }
    choice::fill(&mut one.inputs, chosen, request.allow_expired);
    Ok(())
}

/// What the recipes name on this machine: trees and ready layers, packages, keys of sources.
type OfThisMachine = (Vec<plan::Tree>, Vec<pin::LocalPackage>, Vec<pin::NamedSource>);

/// Packs it on a thread that may wait for the disk.
async fn of_this_machine(resolved: &Resolved, archives: &Archives, services: &Services) -> Result<OfThisMachine> {
    let (units, store, archives) = (resolved.clone(), services.store.clone(), archives.clone());
    let pack = move || -> Result<OfThisMachine> {
        let trees = trees::pack(&units, &store, &archives)?;
        Ok((trees, local_packages::take(&units, &store, &archives)?, sources::take(&units)?))
    };
    tokio::task::spawn_blocking(pack).await.map_err(|_| BuildError::Worker)?
}

/// The base's files, read once.
pub(super) async fn rootfs_of(one: &mut Prepared, services: &Services) -> Result<Arc<RootFs>> {
    if let Some(rootfs) = &one.rootfs {
        return Ok(rootfs.clone());
    }
    let rootfs = probe::rootfs(&one.base, &one.opened.source, &services.store).await?;
    let rootfs = held::hold(rootfs, &one.base, &one.resolved, &one.opened.source, &services.store).await?;
    one.rootfs = Some(rootfs.clone());
    Ok(rootfs)
}

/// Every archive of the lock, fetched and read.
pub(super) async fn contents(one: &Prepared, request: &Request, services: &Services) -> Result<BTreeMap<Digest, Arc<Contents>>> {
    pin::fetch(&one.inputs.packages, &services.store, &services.http, &one.mirrors, request.offline, &services.events).await?;
    let wanted: Vec<(Digest, u64)> = one.inputs.packages.iter().filter_map(|p| Some((p.sha256?, p.size))).collect();
    let (archives, threads) = (one.archives.clone(), services.threads);
    tokio::task::spawn_blocking(move || archives.read_all(wanted, threads)).await.map_err(|_| BuildError::Worker)?
}

/// `SOURCE_DATE_EPOCH`, else the base's `created`, else nothing.
fn shadow_day(request: &Request, base: &Base) -> Option<u32> {
    let day = |seconds: i64| u32::try_from(seconds / 86_400).ok().filter(|d| *d > 0);
    request.epoch.and_then(day).or_else(|| assemble::seconds_of(base.config.created.as_deref()?).and_then(day))
}
