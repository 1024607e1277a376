//! apt's `MarkInstall`: chooses a package and, depth first, what it needs.
//!
//! Invariant: the walk's order is apt's (relations in stanza order, solutions in provider order), since what was marked
//! earlier decides later groups. A mark that fails takes its own choice back and takes away the candidate; what it has
//! marked below stays for the sweep. It may not judge whether the result as a whole is sound.

use super::super::universe::{Group, Kind, PackageId, VersionId};
use super::state::{Marks, Mode};

/// Deepest recursion; apt's own limit.
const MAX_DEPTH: u32 = 3000;

/// On whose behalf something is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The request names it: it may not fail silently.
    User,
    /// Something else needs it.
    Solver,
}

/// How much is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The package alone.
    Alone,
    /// With all that it needs.
    Dependencies,
}

/// What a new version collides with.
#[derive(Default)]
struct Collisions {
    upgrade: Vec<PackageId>,
    remove_later: Vec<PackageId>,
    failed: bool,
}

impl<'u, 'a> Marks<'u, 'a> {
    pub(super) fn install(&mut self, package: PackageId, reach: Reach, by: By, depth: u32) -> bool {
        let before = self.of(package);
        let installed = self.universe.installed(package);
        let stays = before.protected && before.mode == Mode::Keep && installed.is_some() && before.candidate == installed;
        if !stays && !self.may_change(package, Mode::Install, by, depth) {
            return false;
        }
        let Some(candidate) = before.candidate else { return false };
        if !before.protected && !self.is_wanting(package) {
            if Some(candidate) == installed {
                return before.chosen.is_some() || self.keep(package, by, depth);
            }
            if before.mode == Mode::Install {
                return true;
            }
        }
        if reach == Reach::Dependencies && !self.is_possible(package, candidate) {
            return false;
        }
        if reach == Reach::Alone {
            self.choose(package, by);
            return true;
        }
        self.install_with_dependencies(package, candidate, by, depth)
    }

    fn install_with_dependencies(&mut self, package: PackageId, candidate: VersionId, by: By, depth: u32) -> bool {
        let protected = self.of(package).protected;
        let fail_early = !protected && by == By::Solver;
        if by == By::User {
            self.choose(package, by);
        }
        let (wanted, unwanted) = self.open_groups(package, candidate, protected);
        let collisions = self.collisions(package, &unwanted, protected, by, depth);
        let mut failed = collisions.failed;
        if failed && fail_early {
            return false;
        }
        self.choose(package, by);
        self.change(package, |choice| choice.protected = true);
        failed |= !self.upgrade_with(package, &collisions.upgrade, depth, protected);
        if !(failed && fail_early) {
            failed |= !self.install_groups(package, &wanted, depth, protected, by);
        }
        if !(failed && fail_early) {
            failed |= !self.remove_all(&collisions.remove_later, depth);
        }
        self.change(package, |choice| choice.protected = protected);
        if failed && fail_early {
            self.give_up(package);
        }
        !failed
    }

    /// Whether apt lets the choice change: never a protected one, no held one, no removal of an essential package.
    fn may_change(&self, package: PackageId, mode: Mode, by: By, depth: u32) -> bool {
        let choice = self.of(package);
        let essential = self.universe.is_essential(package) || self.universe.is_protected(package);
        depth <= MAX_DEPTH
            && (by == By::User
                || choice.mode == mode
                || !(choice.protected
                    || (mode != Mode::Keep && self.universe.is_held(package))
                    || (mode == Mode::Delete && essential)))
    }

    /// Whether each hard group of the candidate is met by a choice or could be met by a candidate. If not, the package
    /// loses the candidate for the rest of the run, unless it is protected.
    fn is_possible(&mut self, package: PackageId, candidate: VersionId) -> bool {
        if Some(candidate) == self.universe.installed(package) {
            return true;
        }
        let groups = self.universe.relations(candidate).groups();
        let possible = groups
            .iter()
            .filter(|group| group.kind.is_hard())
            .all(|group| self.satisfied(package, group) || self.satisfied_by(package, group, |other| self.of(other).candidate));
        if !possible && !self.of(package).protected {
            let installed = self.universe.installed(package);
            self.change(package, |choice| {
                choice.candidate = installed;
                if choice.mode != Mode::Delete {
                    (choice.mode, choice.chosen) = (Mode::Keep, installed);
                }
            });
        }
        possible
    }

    fn choose(&mut self, package: PackageId, by: By) {
        let installed = self.universe.installed(package);
        let choice = self.of(package);
        if choice.protected && choice.chosen == choice.candidate {
            return;
        }
        self.turns += 1;
        let turn = self.turns;
        self.change(package, |choice| {
            choice.chosen = choice.candidate;
            choice.mode = if choice.candidate == installed { Mode::Keep } else { Mode::Install };
            choice.automatic = match by {
                By::User => false,
                By::Solver => choice.automatic || installed.is_none(),
            };
            if choice.turn == 0 {
                choice.turn = turn;
            }
        });
    }

    /// The groups that count and are not satisfied (of a protected package all), positive and negative ones.
    fn open_groups(&self, package: PackageId, candidate: VersionId, all: bool) -> (Vec<&'u Group<'a>>, Vec<&'u Group<'a>>) {
        let groups = self.universe.relations(candidate).groups();
        groups
            .iter()
            .filter(|group| self.counts(group.kind) && (all || !self.satisfied(package, group)))
            .partition(|group| !group.kind.is_negative())
    }

    /// Clears the way of a new version: an unwanted candidate is kept from coming, an unwanted installed package is
    /// upgraded or, where that does not help, removed later.
    fn collisions(&mut self, owner: PackageId, unwanted: &[&'u Group<'a>], protected: bool, by: By, depth: u32) -> Collisions {
        let mut found = Collisions::default();
        let patient = protected || by == By::User;
        let mut discarded = Vec::new();
        for group in unwanted {
            for version in self.solutions(group) {
                let package = self.universe.package(version);
                if package == owner || self.of(package).candidate != Some(version) {
                    continue;
                }
                if self.universe.installed(package) == Some(version) {
                    found.failed |= !self.remove_for(package, protected, depth, &mut found.remove_later);
                } else if self.of(package).mode == Mode::Install && !self.keep(package, By::Solver, depth) {
                    found.failed = true;
                } else if protected {
                    self.refuse(package);
                } else {
                    discarded.push(package);
                }
            }
            let hit = group.alternatives.iter().flat_map(|wanted| self.meeting(wanted, |p| self.universe.installed(p)));
            for version in hit.collect::<Vec<_>>() {
                let package = self.universe.package(version);
                let candidate = self.of(package).candidate;
                if package == owner || candidate == Some(version) {
                    continue;
                }
                if candidate.is_some() && !discarded.contains(&package) {
                    found.upgrade.push(package);
                } else {
                    found.failed |= !self.remove_for(package, protected, depth, &mut found.remove_later);
                }
            }
            if found.failed && !patient {
                break;
            }
        }
        found
    }

    /// The package may not come: it loses the candidate.
    fn refuse(&mut self, package: PackageId) {
        let installed = self.is_installed(package);
        self.change(package, |choice| {
            choice.candidate = choice.chosen;
            choice.protected |= !installed;
        });
    }

    fn remove_for(&mut self, package: PackageId, now: bool, depth: u32, later: &mut Vec<PackageId>) -> bool {
        if self.of(package).mode == Mode::Delete {
            return true;
        }
        if !now {
            later.push(package);
            return self.may_change(package, Mode::Delete, By::Solver, depth);
        }
        let removed = self.remove(package, By::Solver, depth + 1);
        if removed {
            self.change(package, |choice| (choice.candidate, choice.protected) = (None, true));
        }
        removed
    }

    /// Upgrades what must follow: binaries of the same source, what the old version collided with, and installed
    /// packages whose relation to the old version does not hold for the new one.
    fn upgrade_with(&mut self, package: PackageId, upgrades: &[PackageId], depth: u32, protected: bool) -> bool {
        for sibling in self.siblings(package) {
            if self.of(sibling).mode != Mode::Install {
                self.install(sibling, Reach::Dependencies, By::Solver, depth + 1);
            }
        }
        let mut all = upgrades.to_vec();
        all.extend(self.broken_by_upgrade(package));
        let mut ok = true;
        for other in all {
            if self.of(other).mode == Mode::Install || self.install(other, Reach::Dependencies, By::Solver, depth + 1) {
                continue;
            }
            let removed = self.remove(other, By::Solver, depth + 1);
            if removed && protected {
                self.change(other, |choice| choice.protected = true);
            }
            ok &= removed || protected;
        }
        ok
    }

    /// What comes along with a chosen package without being needed: binaries of its source, and what it recommends.
    pub(super) fn follow(&mut self, package: PackageId) {
        for sibling in self.siblings(package) {
            if self.of(sibling).mode != Mode::Install {
                self.install(sibling, Reach::Dependencies, By::Solver, 1);
            }
        }
        let Some(version) = self.of(package).chosen else { return };
        for group in self.universe.relations(version).groups() {
            let soft = !group.kind.is_hard() && !group.kind.is_negative() && self.counts(group.kind);
            if soft && !self.satisfied(package, group) && !self.is_stale(package, group) {
                self.install_one(package, group, 1, false);
            }
        }
    }

    fn siblings(&self, package: PackageId) -> Vec<PackageId> {
        let Some(version) = self.of(package).chosen.filter(|_| self.options.upgrade_by_source) else { return Vec::new() };
        let siblings = self.by_source.get(&self.universe.stanza(version).source());
        siblings.into_iter().flatten().copied().filter(|sibling| *sibling != package).collect()
    }

    fn broken_by_upgrade(&self, package: PackageId) -> Vec<PackageId> {
        let versions = self.universe.installed(package).zip(self.of(package).chosen);
        let Some((old, new)) = versions.filter(|(old, new)| old != new) else { return Vec::new() };
        let kept = self.chosen().filter(|(other, version)| self.universe.installed(*other) == Some(*version) && *other != package);
        let breaks = |(_, version): &(PackageId, VersionId)| {
            self.universe.relations(*version).groups().iter().any(|group| {
                let met = |version| group.alternatives.iter().any(|wanted| self.universe.meets(version, wanted));
                group.kind.is_hard() && met(old) && !met(new) && !self.satisfied(package, group)
            })
        };
        kept.filter(breaks).map(|(other, _)| other).collect()
    }

    fn install_groups(&mut self, package: PackageId, groups: &[&'u Group<'a>], depth: u32, protected: bool, by: By) -> bool {
        let mut ok = true;
        for group in groups {
            if self.satisfied(package, group) {
                if protected && group.kind.is_hard() {
                    ok &= self.protect_only_solution(group, depth);
                }
            } else if !self.is_stale(package, group) && !self.install_one(package, group, depth, protected) && group.kind.is_hard()
            {
                ok = false;
                if !protected && by == By::Solver {
                    break;
                }
            }
        }
        ok
    }

    /// What a protected package needs and what only one version can give is protected, too.
    fn protect_only_solution(&mut self, group: &Group<'a>, depth: u32) -> bool {
        let candidates = group.alternatives.iter().flat_map(|w| self.meeting(w, |package| self.of(package).candidate));
        let chosen = group.alternatives.iter().flat_map(|w| self.meeting(w, |package| self.of(package).chosen));
        let mut all: Vec<VersionId> = candidates.chain(chosen).collect();
        all.sort_unstable();
        all.dedup();
        let [only] = all.as_slice() else { return true };
        let package = self.universe.package(*only);
        if self.of(package).protected {
            return true;
        }
        self.change(package, |choice| choice.protected = true);
        self.install(package, Reach::Dependencies, By::Solver, depth + 1)
    }

    /// A recommendation that the installed version had already, and that was not followed then, is not followed now.
    fn is_stale(&self, package: PackageId, group: &Group<'a>) -> bool {
        let Some(installed) = self.universe.installed(package).filter(|_| !group.kind.is_hard()) else { return false };
        let Some(first) = group.alternatives.first() else { return false };
        let soft = self
            .universe
            .relations(installed)
            .groups()
            .iter()
            .filter(|old| !old.kind.is_hard() && !old.kind.is_negative() && self.counts(old.kind));
        let mut old = soft.filter(|old| old.alternatives.iter().any(|wanted| wanted.package == first.package)).peekable();
        old.peek().is_some() && !old.any(|old| self.satisfied_by(package, old, |other| self.universe.installed(other)))
    }

    pub(super) fn install_one(&mut self, owner: PackageId, group: &Group<'a>, depth: u32, protected: bool) -> bool {
        let solutions = self.solutions(group);
        for version in &solutions {
            let package = self.universe.package(*version);
            if self.of(package).candidate != Some(*version) {
                continue;
            }
            if protected && group.kind.is_hard() && solutions.len() == 1 {
                if !self.install(package, Reach::Alone, By::Solver, depth + 1) {
                    continue;
                }
                self.change(package, |choice| choice.protected = true);
                self.note_cause(package, owner, group.kind);
            }
            if self.install(package, Reach::Dependencies, By::Solver, depth + 1) {
                self.note_cause(package, owner, group.kind);
                return true;
            }
        }
        false
    }

    /// The first reason stays.
    fn note_cause(&mut self, package: PackageId, owner: PackageId, kind: Kind) {
        self.change(package, |choice| choice.cause = choice.cause.or(Some((owner, kind))));
    }

    fn remove_all(&mut self, packages: &[PackageId], depth: u32) -> bool {
        packages.iter().all(|package| self.remove(*package, By::Solver, depth))
    }

    /// Back to what is installed, and no candidate any more.
    fn give_up(&mut self, package: PackageId) {
        let installed = self.universe.installed(package);
        self.change(package, |choice| {
            (choice.chosen, choice.candidate, choice.mode, choice.turn) = (installed, installed, Mode::Keep, 0);
        });
    }

    /// Leaves the package as it is installed, or not installed.
    pub(super) fn keep(&mut self, package: PackageId, by: By, depth: u32) -> bool {
        let may = self.may_change(package, Mode::Keep, by, depth);
        if may {
            let installed = self.universe.installed(package);
            self.change(package, |choice| (choice.chosen, choice.mode, choice.turn) = (installed, Mode::Keep, 0));
        }
        may
    }

    pub(super) fn remove(&mut self, package: PackageId, by: By, depth: u32) -> bool {
        if !self.may_change(package, Mode::Delete, by, depth) {
            return false;
        }
        let (choice, installed) = (self.of(package), self.is_installed(package));
        if choice.mode == Mode::Delete || choice.chosen.is_none() {
            return true;
        }
        if by == By::Solver && !installed && !choice.automatic {
            return false;
        }
        let mode = if installed { Mode::Delete } else { Mode::Keep };
        self.change(package, |choice| (choice.chosen, choice.mode) = (None, mode));
        true
    }
}
