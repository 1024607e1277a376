//! Pure: base, rootfs, lock, contents, recipes -> layer specs, config edits, conflicts, reasons.
//!
//! Invariant: no file, clock or network; equal inputs give equal specs, byte for byte.

mod apt_records;
mod diverted;
mod dpkg;
mod error;
pub mod layers;
mod recipes;
mod standing;
#[cfg(test)]
mod tests;
mod users;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::apt::version::Version;
use crate::error::Result;
use crate::layer::root::{Author, Bodies, VirtualRoot};
use crate::layer::{Contents, LayerSpec};
use crate::oci::Digest;
use crate::pin::Inputs;
use crate::recipe::{Config, Resolved};
use crate::rootfs::{Reads, RootFs};
use crate::script::{Answers, Commands};

pub use diverted::moved;
pub use dpkg::DpkgError;
use dpkg::{Change, Dpkg};
pub use error::PlanError;
use layers::{PlacedPackage, Slot, Sorting, Unit};
use recipes::Placing;
pub use users::{UidTaken, check_uids};

/// Raised by every commit that changes what a plan gives for the same inputs: a part of the plan's key.
pub const RULES: u32 = 4;

/// A tree or ready layer of the project, as an archive in the store.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Its unit.
    pub unit: usize,
    /// Which of the unit's `[[file]]`s; nothing for a ready layer.
    pub file: Option<usize>,
    /// Whether it is a ready layer (`[[tar]]`).
    pub is_layer: bool,
    /// The archive.
    pub archive: Digest,
    /// What it brings.
    pub contents: Arc<Contents>,
}

/// All that a plan is a function of.
#[derive(Clone)]
pub struct Input<'a> {
    /// What is in the base.
    pub rootfs: Arc<RootFs>,
    /// Where bytes of archives are fetched from, by digest.
    pub bodies: Arc<dyn Bodies>,
    /// The lock.
    pub inputs: &'a Inputs,
    /// Contents of every archive that the lock names.
    pub contents: &'a BTreeMap<Digest, Arc<Contents>>,
    /// `uname -m` of the target.
    pub machine: &'a str,
    /// The recipes.
    pub resolved: &'a Resolved,
    /// Trees and ready layers.
    pub trees: &'a [Tree],
    /// What happens to a taken UID.
    pub uid_taken: UidTaken,
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: Option<i64>,
    /// One layer in place of several.
    pub fold: bool,
}

/// What kind of layer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerKind {
    /// Of a recipe; nothing of this base is in it.
    Ply,
    /// Large files with bytes or IDs of the base.
    State,
    /// Everything small that depends on the base.
    Glue,
    /// A ready layer.
    Tar,
}

/// A layer to link.
#[derive(Clone, Debug)]
pub struct PlannedLayer {
    /// What kind.
    pub kind: LayerKind,
    /// Its recipe's name; empty for state and glue.
    pub recipe: String,
    /// What it is made of.
    pub spec: LayerSpec,
}

/// What a build will do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Bottom to top.
    pub layers: Vec<PlannedLayer>,
    /// Changes of the config.
    pub config: Config,
    /// What was decided, in words.
    pub notes: Vec<String>,
    /// Scripts that were evaluated, by package of the lock.
    pub scripts: Vec<Vec<String>>,
    /// All that was asked of the base: another base that answers alike has the same plan.
    pub reads: Reads,
}

/// Makes the plan.
pub fn plan(input: &Input<'_>) -> Result<Plan> {
    let mut root = VirtualRoot::new(input.rootfs.clone(), input.bodies.clone());
    let resolved = input.resolved;
    let mut units: Vec<Unit> = resolved.units.iter().map(|u| unit_of(u, input.inputs)).collect();
    units.extend(input.trees.iter().filter(|t| t.is_layer).map(|_| Unit {
        name: String::new(),
        rank: crate::recipe::Rank::File,
        has_packages: true,
    }));
    diverted::divert(&mut root, resolved)?;
    let (mut packages, scripts) = packages(input, &mut root)?;
    let mut placing = Placing {
        root: &mut root,
        resolved,
        trees: input.trees,
        uid_taken: input.uid_taken,
        shadow_day: input.inputs.shadow_day,
        renamed: BTreeMap::new(),
        writers: BTreeMap::new(),
        hidden: Vec::new(),
        placed: Vec::new(),
        notes: resolved.notes.clone(),
    };
    placing.run()?;
    let notes = std::mem::take(&mut placing.notes);
    let hidden = placing.hidden;
    packages.append(&mut placing.placed);
    let sorting =
        Sorting { root: &root, packages: &packages, units: &units, hidden: &hidden, epoch: input.epoch, fold: input.fold };
    let own = resolved.units.len();
    let layers = sorting.layers()?.into_iter().map(|sorted| {
        let (kind, recipe) = match sorted.slot {
            Slot::Ply(unit) if unit >= own => (LayerKind::Tar, String::new()),
            Slot::Ply(unit) => (LayerKind::Ply, units.get(unit).map(|u| u.name.clone()).unwrap_or_default()),
            Slot::State => (LayerKind::State, String::new()),
            Slot::Glue => (LayerKind::Glue, String::new()),
        };
        PlannedLayer { kind, recipe, spec: sorted.spec }
    });
    let layers = layers.collect();
    Ok(Plan { layers, config: resolved.config.clone(), notes, scripts, reads: root.reads() })
}

/// dpkg's steps, if there are any: where the packages' entries went.
fn packages(input: &Input<'_>, root: &mut VirtualRoot) -> Result<(Vec<PlacedPackage>, Vec<Vec<String>>)> {
    let locked = &input.inputs.packages;
    if locked.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let changes: Vec<Change> = locked
        .iter()
        .map(|package| {
            let contents = package.sha256.and_then(|digest| input.contents.get(&digest).cloned());
            Change { locked: package.clone(), contents }
        })
        .collect();
    let diverts: Vec<_> = input.resolved.units.iter().flat_map(|u| u.diverts.iter().cloned()).collect();
    let commands = commands();
    let answers = Answers {
        shadow_day: input.inputs.shadow_day.map(i64::from),
        machine: input.machine.to_owned(),
        compare_versions: Some(|a, b| Version::new(a).cmp(&Version::new(b))),
        ..Answers::default()
    };
    let mut dpkg = Dpkg::new(root, &changes, &diverts, &commands, answers)?;
    dpkg.run(&input.inputs.calls)?;
    let done = dpkg.finish();
    if let Some(text) = &input.inputs.extended_states {
        root.set_author(Author::Dpkg);
        root.mkdir_p(b"/var/lib/apt", 0o755)?;
        root.write(b"/var/lib/apt/extended_states", text.clone().into_bytes(), true, 0o644)?;
    }
    apt_records::leave_directories(root)?;
    let units = &input.resolved.units;
    let (places, handled): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    let placed = changes.into_iter().zip(places).map(|(change, places)| {
        let unit = units.iter().position(|u| u.name == change.locked.recipe).unwrap_or(units.len().saturating_sub(1));
        let contents = change.contents.unwrap_or_default();
        PlacedPackage { archive: change.locked.sha256.unwrap_or_else(|| Digest::of(b"")), contents, places, unit }
    });
    Ok((placed.collect(), handled.into_iter().map(|h| h.evaluated).collect()))
}

/// Every command that scripts may call.
fn commands() -> Commands {
    Commands::standard()
}

fn unit_of(unit: &crate::recipe::ResolvedUnit, inputs: &Inputs) -> Unit {
    Unit { name: unit.name.clone(), rank: unit.rank, has_packages: inputs.packages.iter().any(|p| p.recipe == unit.name) }
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("inputs", self.inputs).finish_non_exhaustive()
    }
}
