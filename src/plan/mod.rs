//! Pure: base, rootfs, lock, contents, recipes -> layer specs, config edits, conflicts, reasons.
//!
//! Invariant: no file, clock or network; equal inputs give equal specs, byte for byte.

mod error;
pub mod layers;
mod recipes;
mod users;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Result;
use crate::layer::root::{Bodies, VirtualRoot};
use crate::layer::{Contents, LayerSpec};
use crate::oci::Digest;
use crate::pin::Inputs;
use crate::recipe::{Config, Resolved};
use crate::rootfs::RootFs;

pub use error::PlanError;
use layers::{Slot, Sorting, Unit};
use recipes::Placing;
pub use users::UidTaken;

/// Raised by every commit that changes what a plan gives for the same inputs: a part of the plan's key.
pub const RULES: u32 = 1;

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
    /// The recipes.
    pub resolved: &'a Resolved,
    /// Trees and ready layers.
    pub trees: &'a [Tree],
    /// What happens to a taken UID.
    pub uid_taken: UidTaken,
    /// SOURCE_DATE_EPOCH.
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
    };
    placing.run()?;
    let (hidden, packages) = (placing.hidden, placing.placed);
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
    Ok(Plan { layers: layers.collect(), config: resolved.config.clone(), notes: resolved.notes.clone() })
}

fn unit_of(unit: &crate::recipe::ResolvedUnit, inputs: &Inputs) -> Unit {
    Unit { name: unit.name.clone(), rank: unit.rank, has_packages: inputs.packages.iter().any(|p| p.recipe == unit.name) }
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("inputs", self.inputs).finish_non_exhaustive()
    }
}
