//! What follows the marks: broken packages are given up, and what nothing needs any more is dropped.
//!
//! Invariant: only choices that nobody protects are taken back, so that an argument is never given up in silence. This is
//! the small part of apt's problem resolver that ordinary requests reach: keep what is new and broken away, then its
//! dependants; move or remove what is installed and broken by the change.

use std::collections::BTreeSet;

use super::super::universe::PackageId;
use super::mark::{By, Reach};
use super::state::{Marks, Mode};

/// Most rounds: each mends one package, and a request breaks few; without a bound two packages could take turns.
const MAX_ROUNDS: usize = 1000;

impl Marks<'_, '_> {
    /// Takes choices back until nothing is broken that was not broken before; else the packages that stay broken.
    pub(super) fn settle(&mut self, broken_before: &[PackageId]) -> Result<(), Vec<PackageId>> {
        for _ in 0..MAX_ROUNDS {
            let broken = self.newly_broken(broken_before);
            if broken.is_empty() {
                return Ok(());
            }
            if !broken.iter().any(|package| self.mend(*package)) {
                return Err(broken);
            }
        }
        Err(self.newly_broken(broken_before))
    }

    /// In the order of their marks, what was not marked last.
    fn newly_broken(&self, broken_before: &[PackageId]) -> Vec<PackageId> {
        let chosen = self.chosen().map(|(package, _)| package);
        let mut broken: Vec<PackageId> =
            chosen.filter(|package| !broken_before.contains(package) && self.is_broken(*package)).collect();
        broken.sort_by_key(|package| (self.of(*package).turn == 0, self.of(*package).turn));
        broken
    }

    /// Whether something could be done about a broken package.
    fn mend(&mut self, package: PackageId) -> bool {
        let choice = self.of(package);
        if choice.protected {
            return self.supply(package);
        }
        if choice.mode == Mode::Install {
            let installed = self.universe.installed(package);
            self.change(package, |choice| choice.candidate = installed);
            return self.keep(package, By::Solver, 0);
        }
        let newer = choice.candidate.is_some() && choice.candidate != choice.chosen;
        (newer && self.install(package, Reach::Dependencies, By::Solver, 0)) || self.remove(package, By::Solver, 0)
    }

    /// Another solution for what a protected package misses, where the first one was taken back.
    fn supply(&mut self, package: PackageId) -> bool {
        let Some(version) = self.of(package).chosen else { return false };
        let groups = self.universe.relations(version).groups().iter();
        let missing: Vec<_> = groups.filter(|group| group.kind.is_hard() && !self.satisfied(package, group)).collect();
        missing.into_iter().any(|group| self.install_one(package, group, 0, false))
    }

    /// Drops new automatic packages that neither an installed package nor an argument reaches over Depends, Pre-Depends
    /// and Recommends; all alternatives and providers that are chosen count.
    pub(super) fn sweep(&mut self, arguments: &[PackageId]) {
        let is_root = |package: &PackageId| self.is_installed(*package) || arguments.contains(package);
        let mut open: Vec<PackageId> = self.chosen().map(|(package, _)| package).filter(is_root).collect();
        let mut reached: BTreeSet<PackageId> = open.iter().copied().collect();
        while let Some(version) = open.pop().and_then(|package| self.of(package).chosen) {
            let groups = self.universe.relations(version).groups().iter();
            let wanted = groups.filter(|group| group.kind.keeps()).flat_map(|group| &group.alternatives);
            for met in wanted.flat_map(|wanted| self.meeting(wanted, |package| self.of(package).chosen)) {
                let package = self.universe.package(met);
                if reached.insert(package) {
                    open.push(package);
                }
            }
        }
        let superfluous: Vec<PackageId> = self
            .chosen()
            .map(|(package, _)| package)
            .filter(|package| !reached.contains(package) && self.of(*package).automatic)
            .collect();
        for package in superfluous {
            self.keep(package, By::User, 0);
        }
    }
}
