//! In which order dpkg is told to unpack, configure and remove what a selection changes, as apt tells it.
//!
//! Invariant: each changed package is unpacked or removed exactly once unless a conflict forces a removal before its time;
//! the unpack order is that of the `Inst` lines of `apt-get -s`. Configuring follows dpkg's own queue (see
//! [`configure`](super::configure)): apt asks by name only where something must be configured at once.

mod list;
mod manager;
mod reverse;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::configure::queue;
use super::deep::with_deep_stack;
use super::select::Selection;
use super::universe::{Kind, PackageId, Universe, VersionId, Wanted};
use crate::error::{Class, Fault, Side};

/// One call of dpkg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `dpkg --unpack`
    Unpack(Vec<PackageId>),
    /// `dpkg --configure`
    Configure {
        /// In the order in which dpkg configures them.
        packages: Vec<PackageId>,
        /// `--pending`: the last call, for all that is left. Else they are named.
        pending: bool,
    },
    /// `dpkg --remove`
    Remove(Vec<PackageId>),
}

/// Why no order was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderFault {
    /// The pre-dependencies or conflicts of these packages form a knot.
    #[error("no order found in which {names} can be unpacked: their pre-dependencies or conflicts form a knot")]
    Knot {
        /// The packages.
        names: String,
    },
    /// The thread that walks was lost.
    #[error("the unpack order could not be computed")]
    Lost,
}

impl Fault for OrderFault {
    fn class(&self) -> Class {
        match self {
            Self::Knot { .. } => Class::Input,
            Self::Lost => Class::Local,
        }
    }
    fn side(&self) -> Side {
        match self {
            Self::Knot { .. } => Side::Source,
            Self::Lost => Side::Local,
        }
    }
}

/// One step as apt's package manager takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its files and scripts are put in place.
    Unpack(PackageId),
    /// It is configured before others are unpacked.
    Configure(PackageId),
    /// It is removed.
    Remove(PackageId),
}

/// The steps up to the last unpacking; what they leave unconfigured is configured at the end.
pub fn steps(universe: &Universe<'_>, selection: &Selection) -> Result<Vec<Step>, OrderFault> {
    with_deep_stack("apt-order", || manager::run(&View::new(universe, selection))).unwrap_or(Err(OrderFault::Lost))
}

/// The calls of dpkg in order. `has_postinst` tells whether a package's new version has a postinst: dpkg cuts a
/// dependency cycle at a package without one.
pub fn calls(
    universe: &Universe<'_>,
    selection: &Selection,
    has_postinst: &dyn Fn(PackageId) -> bool,
) -> Result<Vec<Call>, OrderFault> {
    let mut calls: Vec<Call> = Vec::new();
    for step in steps(universe, selection)? {
        match (calls.last_mut(), step) {
            (Some(Call::Unpack(batch)), Step::Unpack(package)) | (Some(Call::Remove(batch)), Step::Remove(package)) => {
                batch.push(package);
            }
            (Some(Call::Configure { packages, .. }), Step::Configure(package)) => packages.push(package),
            (_, Step::Unpack(package)) => calls.push(Call::Unpack(vec![package])),
            (_, Step::Remove(package)) => calls.push(Call::Remove(vec![package])),
            (_, Step::Configure(package)) => calls.push(Call::Configure { packages: vec![package], pending: false }),
        }
    }
    if matches!(calls.last(), Some(Call::Configure { .. })) {
        // apt leaves the packages of a last block to `--pending`, which takes all that is left.
        calls.pop();
    }
    let mut left: Vec<PackageId> = Vec::new();
    for call in &mut calls {
        match call {
            Call::Unpack(batch) => left.extend(batch.iter().copied()),
            Call::Remove(_) => {}
            Call::Configure { packages, .. } => {
                let waiting = left.clone();
                *packages = queue(universe, selection, packages, &waiting, has_postinst);
                left.retain(|package| !packages.contains(package));
            }
        }
    }
    let by_dpkg = super::configure::hash_order(universe, &left);
    calls.push(Call::Configure { packages: queue(universe, selection, &by_dpkg, &left, has_postinst), pending: true });
    Ok(calls)
}

/// A relation of an installed version, found from the package that it names.
#[derive(Clone, Copy, Debug)]
struct Reverse<'u, 'a> {
    owner: PackageId,
    kind: Kind,
    wanted: &'u Wanted<'a>,
}

/// The selection as the order sees it.
struct View<'u, 'a> {
    universe: &'u Universe<'a>,
    selection: &'u Selection,
    /// By the named package: relations of installed versions, the version that was seen last first.
    reverse: Vec<Vec<Reverse<'u, 'a>>>,
}

impl<'u, 'a> View<'u, 'a> {
    fn new(universe: &'u Universe<'a>, selection: &'u Selection) -> Self {
        let mut installed: Vec<(PackageId, VersionId)> =
            universe.packages().filter_map(|package| Some((package, universe.installed(package)?))).collect();
        installed.sort_unstable_by_key(|(_, version)| std::cmp::Reverse(*version));
        let mut reverse = vec![Vec::new(); universe.packages().count()];
        for (owner, version) in installed {
            for group in universe.relations(version).groups().iter().rev() {
                for wanted in group.alternatives.iter().rev() {
                    if let Some(list) = reverse.get_mut(wanted.package.at()) {
                        list.push(Reverse { owner, kind: group.kind, wanted });
                    }
                }
            }
        }
        let mut view = Self { universe, selection, reverse };
        view.arrange();
        view
    }

    /// Brings the lists that will be walked into apt's order, where it is not simply the latest first.
    fn arrange(&mut self) {
        let changed = self.universe.packages().filter(|package| !self.is_kept(*package));
        let walked = changed.flat_map(|package| std::iter::once(package).chain(self.provided(package)));
        // Only what an order may depend on is worth reading all relations for.
        let counts = |one: &&Reverse<'_, '_>| one.kind.is_hard() || one.kind.is_negative();
        let several = |package: &PackageId| self.reverse_of(*package).iter().filter(counts).nth(1).is_some();
        let targets: HashSet<PackageId> = walked.filter(several).collect();
        if targets.is_empty() {
            return;
        }
        let places = reverse::places(self.universe, &targets);
        for target in targets {
            if let Some(list) = self.reverse.get_mut(target.at()) {
                list.sort_by_key(|one| places.get(&reverse::key(one.wanted)).copied());
            }
        }
    }

    fn installed(&self, package: PackageId) -> Option<VersionId> {
        self.universe.installed(package)
    }

    fn chosen(&self, package: PackageId) -> Option<VersionId> {
        self.selection.chosen(package)
    }

    fn is_deleted(&self, package: PackageId) -> bool {
        self.installed(package).is_some() && self.chosen(package).is_none()
    }

    fn is_kept(&self, package: PackageId) -> bool {
        self.installed(package) == self.chosen(package)
    }

    fn reverse_of(&self, package: PackageId) -> &[Reverse<'u, 'a>] {
        self.reverse.get(package.at()).map(Vec::as_slice).unwrap_or_default()
    }

    /// Names that the old and the new version of a package provide.
    fn provided(&self, package: PackageId) -> Vec<PackageId> {
        let of = |version: Option<VersionId>| version.into_iter().flat_map(|v| self.universe.relations(v).provided().iter().rev());
        of(self.installed(package)).chain(of(self.chosen(package))).map(|(name, _)| *name).collect()
    }

    /// What an alternative points to: every version that meets it; for a negative one never the owner itself.
    fn targets(&self, owner: PackageId, kind: Kind, wanted: &Wanted<'a>) -> Vec<VersionId> {
        let all = self.universe.all_meeting(wanted);
        all.filter(|version| !kind.is_negative() || self.universe.package(*version) != owner).collect()
    }
}
