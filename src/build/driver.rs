//! The way of the data for one request: per platform from reference to image, then one delivery.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{During as _, Result};
use crate::image::{Base, index};
use crate::layer::Contents;
use crate::oci::{Descriptor, Digest, Platform};
use crate::pin::{self, Inputs, LinkedLayer, Lock, PlatformLock, RecipeInput, Results};
use crate::plan::{self, PlannedLayer, RULES};
use crate::recipe::{Resolved, Surroundings, merge, resolve};
use crate::rootfs::RootFs;
use crate::transport::Root;

use super::archives::{Archives, Shape};
use super::assemble::{Named, assemble};
use super::layers::{self, Made, Noted};
use super::outcome::{BuiltImage, BuiltIndex, BuiltLayer, Outcome, PlannedImage, PlannedPackage};
use super::targets::{self, Finished};
use super::{BuildError, Opened, Request, Services, choice, probe, trees};

const PLAN: &str = "plan";

/// What a plan's memo says.
#[derive(Serialize, Deserialize)]
struct PlanMemo {
    layers: Vec<Noted>,
}

/// One platform on its way.
struct Prepared {
    opened: Opened,
    base: Base,
    named_digest: Digest,
    resolved: Resolved,
    inputs: Inputs,
    archives: Archives,
    trees: Vec<plan::Tree>,
    rootfs: Option<Arc<RootFs>>,
    /// What pin says.
    notes: Vec<String>,
    /// Scripts that were evaluated, by package.
    scripts: Vec<Vec<String>>,
}

/// Makes the images and delivers them.
pub async fn build(request: Request, services: &Services) -> Result<Outcome> {
    let request = Arc::new(request);
    targets::check(&request.destinations, services, false).await?;
    let mut prepared = Vec::new();
    for platform in &request.platforms {
        let one = prepare(&request, platform, services).await?;
        let machine = one.base.platform.machine().unwrap_or("unknown");
        super::installer::check(&one.resolved, &request, services, machine).await?;
        prepared.push(one);
    }
    let mut finished = Vec::new();
    let mut built: Vec<Vec<BuiltLayer>> = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    let mut lock = Lock { version: Lock::VERSION, platforms: BTreeMap::new() };
    for one in &mut prepared {
        let made = make_layers(one, &request, services).await?;
        let named = Named {
            name: &one.inputs.base,
            digest: one.named_digest,
            recipes: one.resolved.units.iter().filter(|u| u.rank == crate::recipe::Rank::Recipe).map(|u| u.name.as_str()).collect(),
        };
        let assembled = assemble(&one.base, &named, &made, &one.resolved.config, request.epoch)?;
        for note in one.resolved.notes.iter().chain(&one.notes) {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        built.push(made.iter().map(built_layer).collect());
        let layers = made.iter().map(|m| LinkedLayer { digest: m.linked.digest, size: m.linked.size, diff_id: m.linked.diff_id });
        let results = Results { layers: layers.collect(), manifest: assembled.manifest.descriptor.digest };
        let entry = PlatformLock { inputs: one.inputs.clone(), results: Some(results) };
        lock.platforms.insert(one.base.platform.to_string(), entry);
        let own = made.iter().map(|m| m.linked.digest).collect();
        finished.push(Finished { assembled, base: one.base.clone(), source: one.opened.source.clone(), own });
    }
    let root = root_of(&finished);
    let job = targets::job(&finished, (finished.len() > 1).then(|| root.clone()), services)?;
    targets::keep(&finished, &root, &request.names, services)?;
    let receipts = targets::deliver_all(&job, &request.names, &request.destinations, services).await?;
    Ok(outcome(&request, &finished, &built, &root, &receipts, notes, lock))
}

/// Says what [`build`] would do.
pub async fn plan(request: Request, services: &Services) -> Result<Vec<PlannedImage>> {
    let request = Arc::new(request);
    let mut images = Vec::new();
    for platform in &request.platforms {
        let mut one = prepare(&request, platform, services).await?;
        let planned = plan_layers(&mut one, &request, services).await?;
        let mut layers = Vec::new();
        for layer in planned {
            let known = layers::known(&layer.spec.key(), &services.store)?;
            layers.push(BuiltLayer {
                digest: known.map(|k| k.digest),
                size: known.map(|k| k.size),
                kind: layer.kind,
                recipe: layer.recipe,
                reused: known.is_some(),
            });
        }
        images.push(PlannedImage {
            base: one.inputs.base.clone(),
            base_digest: one.inputs.base_digest,
            platform: one.base.platform.to_string(),
            layers,
            packages: packages(&one),
            notes: one.resolved.notes.iter().chain(&one.notes).cloned().collect(),
        });
    }
    Ok(images)
}

/// Resolve, merge, and what else is needed before a plan.
async fn prepare(request: &Request, platform: &Platform, services: &Services) -> Result<Prepared> {
    let opened = services.remembered(&request.base).await?;
    let step = || format!("resolving {}", request.base);
    let root = opened.source.resolve(&opened.selector).await.during(step)?;
    let base = Base::read(&*opened.source, &root, platform).await.during(step)?;
    let onbuild = base.config.onbuild().len();
    if onbuild > 0 && !request.ignore_onbuild {
        return Err(BuildError::OnBuild(onbuild).into());
    }
    let mut read = |name: &str| -> Result<crate::recipe::Unit> {
        let text = std::fs::read_to_string(name).map_err(|cause| BuildError::Absent { path: name.into(), cause })?;
        let mut unit = crate::recipe::Unit::parse(name, crate::recipe::Rank::Recipe, &text)?;
        unit.folder = std::path::Path::new(name).parent().map(std::path::Path::to_owned);
        Ok(unit)
    };
    let merged = merge(request.ask.clone(), &request.library, &mut read)?;
    let env: BTreeMap<String, String> =
        base.config.env.iter().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let surroundings = Surroundings {
        parameters: BTreeMap::new(),
        env: &env,
        arch: base.platform.machine().unwrap_or(&base.platform.architecture),
        deb_arch: base.platform.debian_architecture().unwrap_or(&base.platform.architecture),
    };
    let resolved = resolve(&merged, &surroundings)?;
    if base.config.starts_agent_server() && resolved.config.entrypoint.as_ref().is_some_and(Vec::is_empty) {
        return Err(BuildError::AgentServer(request.ask.profile.clone()).into());
    }
    let archives = Archives::new(services.store.clone());
    let trees = trees::pack(&resolved, &services.store, &archives)?;
    let recipes: Vec<RecipeInput> =
        resolved.units.iter().map(|u| RecipeInput { name: u.label.clone(), digest: u.digest }).collect();
    let inputs = Inputs {
        base: request.base.canonical(),
        base_digest: base.manifest.descriptor().digest,
        named_digest: root.descriptor.digest,
        flags: Digest::of(request.ask.words.as_bytes()),
        recipes,
        indexes: Vec::new(),
        allow_expired: false,
        shadow_day: shadow_day(request, &base),
        packages: Vec::new(),
        calls: Vec::new(),
        extended_states: None,
        installer: None,
    };
    let mut prepared = Prepared {
        named_digest: root.descriptor.digest,
        opened,
        base,
        resolved,
        inputs,
        archives,
        trees,
        rootfs: None,
        notes: Vec::new(),
        scripts: Vec::new(),
    };
    choose(&mut prepared, request, services).await?;
    Ok(prepared)
}

/// Fills the packages of the inputs: from the lock, from memory, or from the archives.
async fn choose(one: &mut Prepared, request: &Request, services: &Services) -> Result<()> {
    let platform = one.base.platform.to_string();
    if let Some(locked) = choice::locked(request, &platform, &one.inputs, services)? {
        one.inputs = locked;
        return Ok(());
    }
    let requests = choice::requests(&one.resolved, request);
    if requests.is_empty() {
        return Ok(());
    }
    let chosen = match choice::remembered(&one.base, &requests, request, services)? {
        Some(chosen) => chosen,
        None => {
            let rootfs = rootfs_of(one, services).await?;
            choice::ask(&one.base, &rootfs, requests, request, services).await?
        }
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

/// The base's files, read once.
async fn rootfs_of(one: &mut Prepared, services: &Services) -> Result<Arc<RootFs>> {
    if let Some(rootfs) = &one.rootfs {
        return Ok(rootfs.clone());
    }
    let rootfs = Arc::new(probe::rootfs(&one.base, &one.opened.source, &services.store).await?);
    one.rootfs = Some(rootfs.clone());
    Ok(rootfs)
}

/// Every archive of the lock, fetched and read.
async fn contents(one: &Prepared, request: &Request, services: &Services) -> Result<BTreeMap<Digest, Arc<Contents>>> {
    pin::fetch(&one.inputs.packages, &services.store, &services.http, &request.apt_mirrors, request.offline, &services.events)
        .await?;
    let wanted: Vec<(Digest, u64)> = one.inputs.packages.iter().filter_map(|p| Some((p.sha256?, p.size))).collect();
    let archives = one.archives.clone();
    let read = move || wanted.into_iter().map(|(digest, size)| Ok((digest, archives.read(digest, size, Shape::Deb)?))).collect();
    tokio::task::spawn_blocking(read).await.map_err(|_| BuildError::Worker)?
}

/// SOURCE_DATE_EPOCH, else the base's `created`, else nothing.
fn shadow_day(request: &Request, base: &Base) -> Option<u32> {
    let day = |seconds: i64| u32::try_from(seconds / 86_400).ok().filter(|d| *d > 0);
    request.epoch.and_then(day).or_else(|| super::assemble::seconds_of(base.config.created.as_deref()?).and_then(day))
}

/// The layers of one platform: all known from an earlier plan, or planned and linked now.
async fn make_layers(one: &mut Prepared, request: &Request, services: &Services) -> Result<Vec<Made>> {
    if let Some(made) = remembered_layers(one, request, services)? {
        return Ok(made);
    }
    targets::check(&request.destinations, services, true).await?;
    let planned = plan_layers(one, request, services).await?;
    let made = layers::link_all(planned, &one.archives, &services.store, services.threads).await?;
    let noted = made.iter().map(|m| Noted { kind: m.kind, recipe: m.recipe.clone(), key: m.key.0 }).collect();
    let memo = serde_json::to_vec(&PlanMemo { layers: noted }).unwrap_or_default();
    let held: Vec<Digest> = made.iter().map(|m| m.linked.digest).collect();
    services.store.set_memo(PLAN, &plan_key(one, request), &memo, &held)?;
    Ok(made)
}

/// The key of a plan: everything that it is a function of.
fn plan_key(one: &Prepared, request: &Request) -> String {
    let trees: Vec<Digest> = one.trees.iter().map(|t| t.archive).collect();
    let parts = (
        RULES,
        one.inputs.base_digest,
        one.inputs.digest(),
        trees,
        format!("{:?} {:?} {} {:?}", request.uid_taken, request.epoch, request.fold, request.recommends),
        request.ask.set.clone(),
        request.ask.profile.clone(),
        &one.resolved.notes,
    );
    Digest::of(&serde_json::to_vec(&parts).unwrap_or_default()).hex()
}

fn remembered_layers(one: &Prepared, request: &Request, services: &Services) -> Result<Option<Vec<Made>>> {
    let memo = services.store.memo(PLAN, &plan_key(one, request))?;
    let Some(memo) = memo.and_then(|m| serde_json::from_slice::<PlanMemo>(&m).ok()) else { return Ok(None) };
    let mut made = Vec::with_capacity(memo.layers.len());
    for noted in memo.layers {
        let key = crate::layer::Key(noted.key);
        let Some(linked) = layers::known(&key, &services.store)? else { return Ok(None) };
        made.push(Made { kind: noted.kind, recipe: noted.recipe, key, linked, reused: true });
    }
    Ok(Some(made))
}

/// Whether the recipes place anything, so that the base must be known.
fn needs_rootfs(resolved: &Resolved) -> bool {
    resolved.units.iter().any(|u| {
        !(u.packages.arguments.is_empty()
            && u.users.is_empty()
            && u.files.is_empty()
            && u.directories.is_empty()
            && u.tars.is_empty())
            || u.installer.is_some()
    })
}

async fn plan_layers(one: &mut Prepared, request: &Request, services: &Services) -> Result<Vec<PlannedLayer>> {
    if !needs_rootfs(&one.resolved) {
        return Ok(Vec::new());
    }
    let rootfs = rootfs_of(one, services).await?;
    let contents = contents(one, request, services).await?;
    let input = plan::Input {
        rootfs,
        bodies: Arc::new(one.archives.clone()),
        inputs: &one.inputs,
        contents: &contents,
        machine: one.base.platform.machine().unwrap_or("unknown"),
        resolved: &one.resolved,
        trees: &one.trees,
        uid_taken: request.uid_taken,
        epoch: request.epoch,
        fold: request.fold,
    };
    let plan = plan::plan(&input)?;
    one.scripts = plan.scripts;
    Ok(plan.layers)
}

/// The packages that change, with how their scripts were handled.
fn packages(one: &Prepared) -> Vec<PlannedPackage> {
    let scripts = one.scripts.iter().map(Some).chain(std::iter::repeat(None));
    let packages = one.inputs.packages.iter().zip(scripts);
    packages
        .map(|(package, scripts)| PlannedPackage {
            name: package.name.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            action: package.action,
            layer: package.recipe.clone(),
            scripts: scripts.cloned().unwrap_or_default(),
        })
        .collect()
}

fn root_of(finished: &[Finished]) -> Root {
    match finished {
        [only] => only.assembled.manifest.clone(),
        all => {
            let family = all.first().map_or(crate::oci::Family::Oci, |f| f.base.family);
            let manifests: Vec<Descriptor> = all
                .iter()
                .map(|f| Descriptor { platform: Some(f.base.platform.clone()), ..f.assembled.manifest.descriptor.clone() })
                .collect();
            index(family, &manifests, &BTreeMap::new())
        }
    }
}

fn built_layer(made: &Made) -> BuiltLayer {
    BuiltLayer {
        digest: Some(made.linked.digest),
        size: Some(made.linked.size),
        kind: made.kind,
        recipe: made.recipe.clone(),
        reused: made.reused,
    }
}

fn outcome(
    request: &Request,
    finished: &[Finished],
    built: &[Vec<BuiltLayer>],
    root: &Root,
    receipts: &[crate::deliver::Receipt],
    notes: Vec<String>,
    lock: Lock,
) -> Outcome {
    let (sent_bytes, mounted_bytes) = receipts.iter().fold((0, 0), |(s, m), r| (s + r.sent_bytes, m + r.mounted_bytes));
    let names: Vec<String> = if request.names.is_empty() {
        vec![String::new()]
    } else {
        request.names.iter().map(crate::oci::Reference::familiar).collect()
    };
    let reference = |name: &str, digest: Digest| {
        let name = name.parse::<crate::oci::Reference>().map(|r| r.repository.familiar()).unwrap_or_default();
        format!("{name}@{digest}")
    };
    let mut images = Vec::new();
    for name in &names {
        for (image, layers) in finished.iter().zip(built) {
            let digest = image.assembled.manifest.descriptor.digest;
            images.push(BuiltImage {
                name: name.clone(),
                reference: reference(name, digest),
                digest,
                platform: image.base.platform.to_string(),
                layers: layers.clone(),
                sent_bytes,
                mounted_bytes,
            });
        }
    }
    let several = finished.len() > 1;
    let index = |name: &String| BuiltIndex {
        name: name.clone(),
        reference: reference(name, root.descriptor.digest),
        digest: root.descriptor.digest,
    };
    let indexes = if several { names.iter().map(index).collect() } else { Vec::new() };
    Outcome { images, indexes, notes, lock }
}
