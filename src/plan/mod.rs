//! Pure: base, rootfs, lock, contents, recipes -> layer specs, config edits, conflicts, reasons.
//!
//! Invariant: no file, clock or network; equal inputs give equal specs, byte for byte.

mod apt_records;
pub mod conda;
mod diverted;
mod dpkg;
mod error;
pub mod layers;
mod measure;
mod reasons;
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
use crate::script::{Answers, Commands, StandIn};

pub use diverted::moved;
use dpkg::{Change, Deferred, Dpkg};
pub use dpkg::{DpkgError, Handled, ScriptPolicy};
pub use error::PlanError;
use layers::{PlacedPackage, Slot, Sorting, Unit};
pub use measure::Measure;
use recipes::Placing;
pub use users::{UidTaken, check_uids};

/// Raised by every commit that changes what a plan gives for the same inputs: a part of the plan's key.
pub const RULES: u32 = 7;

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
    /// Conda prefixes.
    pub conda: &'a [conda::Prefix],
    /// What happens to a taken UID.
    pub uid_taken: UidTaken,
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: Option<i64>,
    /// One layer in place of several.
    pub fold: bool,
    /// What is done where a script is not covered.
    pub scripts: ScriptPolicy,
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
    /// What it holds, and why.
    pub measure: Measure,
}

/// What a plan tells of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Why it changes.
    pub reason: String,
    /// How its scripts were handled.
    pub handled: Handled,
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
    /// What is told of each package of the lock.
    pub packages: Vec<Told>,
    /// All that was asked of the base: another base that answers alike has the same plan.
    pub reads: Reads,
}

/// Makes the plan.
pub fn plan(input: &Input<'_>) -> Result<Plan> {
    let mut root = VirtualRoot::new(input.rootfs.clone(), conda::patched_bodies(input.bodies.clone(), input.conda));
    let resolved = input.resolved;
    let mut units: Vec<Unit> = resolved.units.iter().enumerate().map(|(n, u)| unit_of(n, u, input)).collect();
    units.extend(input.trees.iter().filter(|t| t.is_layer).map(|_| Unit {
        name: String::new(),
        rank: crate::recipe::Rank::File,
        has_packages: true,
    }));
    diverted::divert(&mut root, resolved)?;
    let Installed { mut packages, told, notes: left } = packages(input, &mut root)?;
    let mut placing = Placing {
        root: &mut root,
        resolved,
        trees: input.trees,
        conda: input.conda,
        machine: input.machine,
        uid_taken: input.uid_taken,
        shadow_day: input.inputs.shadow_day,
        renamed: BTreeMap::new(),
        writers: BTreeMap::new(),
        hidden: Vec::new(),
        placed: Vec::new(),
        notes: resolved.notes.clone(),
    };
    placing.run()?;
    let mut notes = std::mem::take(&mut placing.notes);
    notes.extend(left);
    let hidden = placing.hidden;
    packages.append(&mut placing.placed);
    let sorting =
        Sorting { root: &root, packages: &packages, units: &units, hidden: &hidden, epoch: input.epoch, fold: input.fold };
    let own = resolved.units.len();
    let names: Vec<String> = input.inputs.packages.iter().map(|package| package.name.clone()).collect();
    let layers = sorting.layers()?.into_iter().map(|sorted| {
        let (kind, recipe) = match sorted.slot {
            Slot::Ply(unit) if unit >= own => (LayerKind::Tar, String::new()),
            Slot::Ply(unit) => (LayerKind::Ply, units.get(unit).map(|u| u.name.clone()).unwrap_or_default()),
            Slot::State => (LayerKind::State, String::new()),
            Slot::Glue => (LayerKind::Glue, String::new()),
        };
        let measure = measure::measure(kind, &sorted.spec, &packages, &names);
        PlannedLayer { kind, recipe, spec: sorted.spec, measure }
    });
    let layers = layers.collect();
    Ok(Plan { layers, config: resolved.config.clone(), notes, packages: told, reads: root.reads() })
}

/// What dpkg's steps lead to.
#[derive(Default)]
struct Installed {
    /// Where the packages' entries went.
    packages: Vec<PlacedPackage>,
    /// What is told of each package.
    told: Vec<Told>,
    /// What is left to dpkg in the container, in words.
    notes: Vec<String>,
}

/// dpkg's steps, if there are any.
fn packages(input: &Input<'_>, root: &mut VirtualRoot) -> Result<Installed> {
    let locked = &input.inputs.packages;
    if locked.is_empty() {
        return Ok(Installed::default());
    }
    let changes: Vec<Change> = locked
        .iter()
        .map(|package| {
            let contents = package.sha256.and_then(|digest| input.contents.get(&digest).cloned());
            Change { locked: package.clone(), contents }
        })
        .collect();
    let reasons = reasons::reasons(&changes, root, input.resolved);
    let mut deferred = Deferred::new(input.scripts);
    let done = loop {
        if let Some(done) = run_dpkg(input, root, &changes, &mut deferred)? {
            break done;
        }
        // What a script did before it stopped must not stay: all is done again, without it.
        root.start_again();
        diverted::divert(root, input.resolved)?;
    };
    if let Some(text) = &input.inputs.extended_states {
        root.set_author(Author::Dpkg);
        root.mkdir_p(b"/var/lib/apt", 0o755)?;
        root.write(b"/var/lib/apt/extended_states", text.clone().into_bytes(), true, 0o644)?;
    }
    apt_records::leave_directories(root)?;
    let units = &input.resolved.units;
    let (places, handled): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    let notes = deferred.notes(|number| locked.get(number).map_or_else(String::new, |package| package.name.clone())).collect();
    let placed = changes.into_iter().zip(places).map(|(change, places)| {
        let unit = units.iter().position(|u| u.name == change.locked.recipe).unwrap_or(units.len().saturating_sub(1));
        let contents = change.contents.unwrap_or_default();
        PlacedPackage { archive: change.locked.sha256.unwrap_or_else(|| Digest::of(b"")), contents, places, unit, conda: None }
    });
    let told = reasons.into_iter().zip(handled).map(|(reason, handled)| Told { reason, handled }).collect();
    Ok(Installed { packages: placed.collect(), told, notes })
}

/// Where each package's entries went, and how its scripts were handled.
type Done = Vec<(Vec<Option<crate::stream::EntryPath>>, Handled)>;

/// One run of dpkg's calls; nothing where one more package has to be left out of it.
fn run_dpkg(input: &Input<'_>, root: &mut VirtualRoot, changes: &[Change], deferred: &mut Deferred) -> Result<Option<Done>> {
    let diverts: Vec<_> = input.resolved.units.iter().flat_map(|u| u.diverts.iter().cloned()).collect();
    let commands = commands(input.resolved);
    let answers = Answers {
        shadow_day: input.inputs.shadow_day.map(i64::from),
        machine: input.machine.to_owned(),
        compare_versions: Some(|a, b| Version::new(a).cmp(&Version::new(b))),
        ..Answers::default()
    };
    let mut dpkg = Dpkg::new(root, changes, &diverts, &commands, answers, deferred)?;
    let ended = dpkg.run(&input.inputs.calls);
    let stopped = dpkg.stopped();
    let done = dpkg.finish();
    match (ended, stopped) {
        (Ok(()), _) => Ok(Some(done)),
        (Err(_), Some(stopped)) if input.scripts == ScriptPolicy::Defer && deferred.take(&stopped) => Ok(None),
        (Err(error), _) => Err(error),
    }
}

/// Every command that scripts may call, with what recipes put in the place of some.
fn commands(resolved: &Resolved) -> Commands {
    let mut commands = Commands::standard();
    commands.add_stand_ins(
        resolved
            .units
            .iter()
            .flat_map(|unit| unit.stand_ins.iter().map(|stand_in| StandIn { recipe: unit.name.clone(), ..stand_in.clone() })),
    );
    commands
}

fn unit_of(number: usize, unit: &crate::recipe::ResolvedUnit, input: &Input<'_>) -> Unit {
    let has_packages = input.inputs.packages.iter().any(|p| p.recipe == unit.name) || input.conda.iter().any(|c| c.unit == number);
    Unit { name: unit.name.clone(), rank: unit.rank, has_packages }
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("inputs", self.inputs).finish_non_exhaustive()
    }
}
