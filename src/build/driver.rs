//! The way of the data for one request: per platform from reference to image, then one delivery.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Result;
use crate::image::index;
use crate::oci::{Descriptor, Digest, Reference};
use crate::pin::{LinkedLayer, PlatformLock, Results};
use crate::plan::{self, PlannedLayer};
use crate::recipe::{Rank, Resolved};
use crate::rootfs::Reads;
use crate::transport::Root;

use super::assemble::{Named, assemble};
use super::layers::{self, Made};
use super::outcome::{BuiltLayer, Outcome, PlannedImage, built_layer, outcome, packages, reference};
use super::prepare::{Prepared, contents, prepare, rootfs_of};
use super::targets::{self, Finished};
use super::{BuildError, Request, Services, choice, plans};

/// Makes the images and delivers them.
pub async fn build(request: Request, services: &Services) -> Result<Outcome> {
    let request = Arc::new(request);
    targets::check(&request.destinations, services, false).await?;
    let mut prepared = Vec::new();
    for platform in &request.platforms {
        prepared.push(prepare(&request, platform, services).await?);
    }
    let mut finished = Vec::new();
    let mut built: Vec<Vec<BuiltLayer>> = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    let mut lock = choice::known_lock(&request)?;
    for one in &mut prepared {
        let made = make_layers(one, &request, services).await?;
        let assembled = assemble(&one.base, &named(one, &request), &made, &one.resolved.config, request.epoch)?;
        for note in one.resolved.notes.iter().chain(&one.notes).chain(&one.decided) {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        built.push(made.iter().map(built_layer).collect());
        let layers = made.iter().map(|m| LinkedLayer { digest: m.linked.digest, size: m.linked.size, diff_id: m.linked.diff_id });
        let results = Results { layers: layers.collect(), manifest: assembled.manifest.descriptor.digest };
        choice::check_results(&request, &one.base.platform.to_string(), &results)?;
        let entry = PlatformLock { inputs: one.inputs.clone(), results: Some(results) };
        lock.platforms.insert(one.base.platform.to_string(), entry);
        let own = made.iter().map(|m| m.linked.digest).collect();
        finished.push(Finished { assembled, base: one.base.clone(), source: one.opened.source.clone(), own });
    }
    let root = root_of(&finished);
    let job = targets::job(&finished, (finished.len() > 1).then(|| root.clone()), services)?;
    targets::keep(&finished, &root, services)?;
    let receipts = targets::deliver_all(&job, &finished, &request.names, &request.destinations, services).await?;
    targets::name(&finished, &root, &kept_names(&request, &root), services)?;
    Ok(outcome(&request, &finished, &built, &root, &receipts, notes, lock))
}

/// Says what [`build`] would do.
pub async fn plan(request: Request, services: &Services) -> Result<Vec<PlannedImage>> {
    let request = Arc::new(request);
    let mut images = Vec::new();
    for platform in &request.platforms {
        let mut one = prepare(&request, platform, services).await?;
        let (planned, _) = plan_layers(&mut one, &request, services).await?;
        let layers = foreseen(planned, services)?;
        let digest = foreseen_digest(&one, &layers, &request)?;
        let names: Vec<String> =
            if request.names.is_empty() { vec![String::new()] } else { request.names.iter().map(Reference::familiar).collect() };
        images.extend(names.iter().map(|name| PlannedImage {
            name: name.clone(),
            reference: digest.map(|digest| reference(name, digest)),
            digest,
            base: one.inputs.base.clone(),
            base_digest: one.inputs.base_digest,
            platform: one.base.platform.to_string(),
            layers: layers.iter().map(|(built, _)| built.clone()).collect(),
            packages: packages(&one),
            notes: one.resolved.notes.iter().chain(&one.notes).chain(&one.decided).cloned().collect(),
        }));
    }
    Ok(images)
}

/// The layers as a plan tells them: what was linked before has a digest.
fn foreseen(planned: Vec<PlannedLayer>, services: &Services) -> Result<Vec<(BuiltLayer, Option<Made>)>> {
    let mut layers = Vec::new();
    for layer in planned {
        let key = layer.spec.key();
        let linked = layers::known(&key, &services.store)?;
        let told = BuiltLayer {
            digest: linked.map(|k| k.digest),
            size: linked.map(|k| k.size),
            kind: layer.kind,
            recipe: layer.recipe.clone(),
            reused: linked.is_some(),
            measure: Some(layer.measure),
        };
        let made = linked.map(|linked| Made { kind: layer.kind, recipe: layer.recipe, key, linked, reused: true });
        layers.push((told, made));
    }
    Ok(layers)
}

/// The digest that the image will have, if every layer was linked before.
fn foreseen_digest(one: &Prepared, layers: &[(BuiltLayer, Option<Made>)], request: &Request) -> Result<Option<Digest>> {
    let Some(made) = layers.iter().map(|(_, made)| made.clone()).collect::<Option<Vec<Made>>>() else { return Ok(None) };
    let assembled = assemble(&one.base, &named(one, request), &made, &one.resolved.config, request.epoch)?;
    Ok(Some(assembled.manifest.descriptor.digest))
}

/// The base and the recipes by name, for annotations and record.
fn named<'a>(one: &'a Prepared, request: &Request) -> Named<'a> {
    let recipes = one.resolved.units.iter().filter(|u| u.rank == Rank::Recipe && !u.of_program);
    Named {
        name: &one.inputs.base,
        reference: request.base.reference(),
        digest: one.named_digest,
        recipes: recipes.map(|u| u.name.as_str()).collect(),
    }
}

/// The layers of one platform: all known from an earlier plan, or planned and linked now.
async fn make_layers(one: &mut Prepared, request: &Arc<Request>, services: &Services) -> Result<Vec<Made>> {
    if let Some(made) = plans::of_base(one, request, &services.store)? {
        return Ok(made);
    }
    targets::check(&request.destinations, services, true).await?;
    if needs_rootfs(&one.resolved) {
        let rootfs = rootfs_of(one, services).await?;
        if let Some(made) = plans::of_another(one, &rootfs, request, &services.store)? {
            return Ok(made);
        }
    }
    let (planned, reads) = plan_layers(one, request, services).await?;
    let made = layers::link_all(planned, &one.archives, &services.store, services.threads).await?;
    let asked = one.rootfs.as_ref().map(|rootfs| (&reads, &**rootfs));
    plans::note(one, asked, &made, request, &services.store)?;
    Ok(made)
}

/// Whether the recipes place anything, so that the base must be known.
fn needs_rootfs(resolved: &Resolved) -> bool {
    resolved.units.iter().any(|u| {
        !(u.packages.arguments.is_empty()
            && u.users.is_empty()
            && u.files.is_empty()
            && u.directories.is_empty()
            && u.tars.is_empty())
            || u.conda.is_some()
    })
}

async fn plan_layers(one: &mut Prepared, request: &Arc<Request>, services: &Services) -> Result<(Vec<PlannedLayer>, Reads)> {
    if !needs_rootfs(&one.resolved) {
        return Ok((Vec::new(), Reads::default()));
    }
    let rootfs = rootfs_of(one, services).await?;
    let contents = contents(one, request, services).await?;
    let conda = super::conda::read(one, request, services).await?;
    let (inputs, resolved, trees) = (one.inputs.clone(), one.resolved.clone(), one.trees.clone());
    let machine = one.base.platform.machine().unwrap_or("unknown");
    let (bodies, request) = (Arc::new(one.archives.clone()), request.clone());
    let work = move || {
        plan::plan(&plan::Input {
            rootfs,
            bodies,
            inputs: &inputs,
            contents: &contents,
            machine,
            resolved: &resolved,
            trees: &trees,
            conda: &conda,
            uid_taken: request.uid_taken,
            epoch: request.epoch,
            fold: request.fold,
            scripts: request.scripts,
        })
    };
    let plan = tokio::task::spawn_blocking(work).await.map_err(|_| BuildError::Worker)??;
    one.told = plan.packages;
    let known = one.resolved.notes.iter().chain(&one.notes).cloned().collect::<Vec<_>>();
    one.decided = plan.notes.into_iter().filter(|note| !known.contains(note)).collect();
    Ok((plan.layers, plan.reads))
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

/// The names in the store: those that were asked for, or the digest of an image that goes nowhere else.
fn kept_names(request: &Request, root: &Root) -> Vec<String> {
    if request.names.is_empty() && request.destinations.is_empty() {
        return vec![root.descriptor.digest.to_string()];
    }
    request.names.iter().map(crate::oci::Reference::familiar).collect()
}
