//! What is chosen for each package while apt's marking goes on, and what follows from it at any moment.
//!
//! Invariant: a chosen version is either the installed one (kept) or a candidate (install, upgrade). Questions here never
//! change a choice.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use super::super::packages::Field;
use super::super::universe::{Group, Kind, PackageId, Universe, VersionId, Wanted};
use super::Options;

/// What is to be done with a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// It stays as it is, installed or not.
    #[default]
    Keep,
    /// The candidate is to be installed.
    Install,
    /// It is to be removed.
    Delete,
}

/// The choice for one package.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Choice {
    /// The version that will be there.
    pub(super) chosen: Option<VersionId>,
    /// The version that may be chosen; a package can lose its candidate on the way.
    pub(super) candidate: Option<VersionId>,
    pub(super) mode: Mode,
    /// Only the user may change the choice: an argument, or all that one needs without an alternative.
    pub(super) protected: bool,
    pub(super) automatic: bool,
    /// When it was marked, counted from 1.
    pub(super) turn: u32,
    /// For whom it was marked first.
    pub(super) cause: Option<(PackageId, Kind)>,
}

/// All choices.
pub(super) struct Marks<'u, 'a> {
    pub(super) universe: &'u Universe<'a>,
    pub(super) options: Options,
    pub(super) choices: Vec<Choice>,
    pub(super) turns: u32,
    /// Candidates that the request itself decides: of suites that it names.
    pub(super) offered: BTreeMap<PackageId, VersionId>,
    /// Installed packages with another candidate, by the source version of that candidate.
    pub(super) by_source: HashMap<(&'a str, &'a str), Vec<PackageId>>,
}

impl<'u, 'a> Marks<'u, 'a> {
    pub(super) fn new(universe: &'u Universe<'a>, options: Options, offered: BTreeMap<PackageId, VersionId>) -> Self {
        let choices = universe
            .packages()
            .map(|package| Choice {
                chosen: universe.installed(package),
                candidate: offered.get(&package).copied().or(universe.candidate(package)),
                automatic: universe.is_automatic(package),
                ..Choice::default()
            })
            .collect();
        let mut by_source: HashMap<_, Vec<PackageId>> = HashMap::new();
        for package in universe.packages() {
            if let Some((installed, candidate)) = universe.installed(package).zip(universe.candidate(package))
                && installed != candidate
            {
                by_source.entry(universe.stanza(candidate).source()).or_default().push(package);
            }
        }
        Self { universe, options, choices, turns: 0, offered, by_source }
    }

    pub(super) fn of(&self, package: PackageId) -> Choice {
        self.choices.get(package.at()).copied().unwrap_or_default()
    }

    pub(super) fn change(&mut self, package: PackageId, change: impl FnOnce(&mut Choice)) {
        if let Some(choice) = self.choices.get_mut(package.at()) {
            change(choice);
        }
    }

    pub(super) fn is_installed(&self, package: PackageId) -> bool {
        self.universe.installed(package).is_some()
    }

    /// Packages with a chosen version, in apt's order of names.
    pub(super) fn chosen(&self) -> impl Iterator<Item = (PackageId, VersionId)> + '_ {
        self.universe.packages().filter_map(|package| Some((package, self.of(package).chosen?)))
    }

    /// Whether a kind of relation counts: the hard ones and the negative ones always.
    pub(super) fn counts(&self, kind: Kind) -> bool {
        match kind {
            Kind::Recommends => self.options.recommends,
            Kind::Suggests => self.options.suggests,
            Kind::PreDepends | Kind::Depends | Kind::Conflicts | Kind::Breaks => true,
        }
    }

    /// The versions that are what is wanted, among those that `pick` names for each package.
    pub(super) fn meeting(&self, wanted: &Wanted<'a>, pick: impl Fn(PackageId) -> Option<VersionId>) -> Vec<VersionId> {
        let own = pick(wanted.package).filter(|version| self.universe.meets(*version, wanted));
        let picked = |version: VersionId| pick(self.universe.package(version)) == Some(version);
        let providers = self.universe.providers(wanted.package).iter().copied();
        let others = providers.filter(|version| {
            self.universe.package(*version) != wanted.package && picked(*version) && self.universe.meets(*version, wanted)
        });
        own.into_iter().chain(others).collect()
    }

    /// Whether the choices satisfy a group of this package. It never conflicts with itself.
    pub(super) fn satisfied(&self, owner: PackageId, group: &Group<'a>) -> bool {
        self.satisfied_by(owner, group, |package| self.of(package).chosen)
    }

    pub(super) fn satisfied_by(&self, owner: PackageId, group: &Group<'a>, pick: impl Fn(PackageId) -> Option<VersionId>) -> bool {
        let mut found = group.alternatives.iter().flat_map(|wanted| self.meeting(wanted, &pick));
        if group.kind.is_negative() {
            !found.any(|version| self.universe.package(version) != owner)
        } else {
            found.next().is_some()
        }
    }

    /// Whether a hard or negative relation of the chosen version is not satisfied.
    pub(super) fn is_broken(&self, package: PackageId) -> bool {
        self.has_unsatisfied(package, |kind| !matches!(kind, Kind::Recommends | Kind::Suggests))
    }

    /// Whether any relation of the chosen version that counts is not satisfied.
    pub(super) fn is_wanting(&self, package: PackageId) -> bool {
        self.has_unsatisfied(package, |kind| self.counts(kind))
    }

    fn has_unsatisfied(&self, package: PackageId, counts: impl Fn(Kind) -> bool) -> bool {
        let Some(version) = self.of(package).chosen else { return false };
        let groups = self.universe.relations(version).groups();
        groups.iter().any(|group| counts(group.kind) && !self.satisfied(package, group))
    }

    /// The candidates that could satisfy a group, best first: each alternative's in the order of providers, and those of
    /// installed packages before all others.
    pub(super) fn solutions(&self, group: &Group<'a>) -> Vec<VersionId> {
        let (mut upgrades, mut additions) = (Vec::new(), Vec::new());
        for wanted in &group.alternatives {
            let mut found = self.meeting(wanted, |package| self.of(package).candidate);
            found.sort_by(|a, b| self.compare_providers(wanted.package, *a, *b));
            for version in found {
                let package = self.universe.package(version);
                let list = if self.is_installed(package) { &mut upgrades } else { &mut additions };
                let choice = self.of(package);
                let refused =
                    choice.protected && (choice.mode == Mode::Delete || (choice.mode == Mode::Keep && !self.is_installed(package)));
                if (!refused || group.kind.is_negative()) && !list.contains(&version) {
                    list.push(version);
                }
            }
        }
        upgrades.append(&mut additions);
        upgrades
    }

    /// The order of providers of one name (apt's `CompareProviders`): the better one is less.
    pub(super) fn compare_providers(&self, target: PackageId, a: VersionId, b: VersionId) -> Ordering {
        let rank = |version: VersionId| {
            let (package, stanza) = (self.universe.package(version), self.universe.stanza(version));
            let installed = self.is_installed(package);
            [
                self.of(package).protected,
                stanza.get(Field::MultiArch) == Some("same") && installed,
                installed,
                package == target,
                self.universe.is_essential(package),
                self.universe.is_protected(package),
            ]
        };
        let last = |version: VersionId| (priority(self.universe, version), std::cmp::Reverse(self.universe.package(version)));
        rank(b).cmp(&rank(a)).then_with(|| last(a).cmp(&last(b)))
    }
}

/// `Priority` as a number: 1 for required to 5 for extra. Without the field it counts as the least.
pub(in super::super) fn priority(universe: &Universe<'_>, version: VersionId) -> u8 {
    match universe.stanza(version).get(Field::Priority) {
        Some("required") => 1,
        Some("important") => 2,
        Some("standard") => 3,
        Some("optional") => 4,
        _ => 5,
    }
}
