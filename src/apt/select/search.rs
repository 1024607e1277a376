//! The complete search: is there any set of packages that serves the request, when apt's marking found none?
//!
//! Invariant: each package is there in its installed version, in its candidate, or not at all; what is asked for is there, what
//! is essential, protected or held stays. If the search says that nothing serves, nothing does. It keeps what is installed
//! where it can, then upgrades, then removes, and of several solutions of a group takes apt's first.

mod clauses;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::super::universe::{Group, PackageId, VersionId, Wanted};
use super::request::Asked;
use super::state::{Marks, Mode};
use clauses::{Clauses, Literal, Outcome};

/// Most conflicts that are learned from; real requests meet a few dozen.
const MOST_CONFLICTS: usize = 20_000;
/// Most versions that are looked at: several times what Debian's largest closures reach.
const MOST_VERSIONS: usize = 500_000;

/// What the search says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The marks are a solution now.
    Found,
    /// Nothing serves the request.
    Impossible,
    /// The bound was met before the end.
    Unknown,
}

/// Searches, and makes the marks what was found. The marks before are only asked for candidates.
pub(super) fn search(marks: &mut Marks<'_, '_>, asked: &[Asked], broken_before: &[PackageId]) -> Verdict {
    let mut problem = Problem::new(marks, asked);
    if !problem.reach() {
        return Verdict::Unknown;
    }
    let mut clauses = problem.clauses(broken_before);
    let mut walk = Walk { problem: &problem, installed: 0, trail: 0, undone: 0 };
    match clauses.search(MOST_CONFLICTS, |clauses| walk.next(clauses)) {
        Outcome::Impossible => Verdict::Impossible,
        Outcome::Unknown => Verdict::Unknown,
        Outcome::Satisfied => {
            let chosen: Vec<VersionId> = (0..problem.versions.len())
                .filter(|variable| clauses.value(*variable) == Some(true))
                .filter_map(|variable| problem.versions.get(variable).copied())
                .collect();
            adopt(marks, asked, &chosen, broken_before);
            Verdict::Found
        }
    }
}

/// The request as variables: one per version that may be there.
struct Problem<'m, 'u, 'a> {
    marks: &'m Marks<'u, 'a>,
    asked: &'m [Asked],
    versions: Vec<VersionId>,
    variables: HashMap<VersionId, usize>,
    /// By variable, per hard group of the version: what would satisfy it, best first.
    groups: Vec<Vec<Vec<usize>>>,
    installed: Vec<PackageId>,
}

impl<'m, 'u, 'a> Problem<'m, 'u, 'a> {
    fn new(marks: &'m Marks<'u, 'a>, asked: &'m [Asked]) -> Self {
        let installed = marks.universe.packages().filter(|package| marks.is_installed(*package)).collect();
        Self { marks, asked, versions: Vec::new(), variables: HashMap::new(), groups: Vec::new(), installed }
    }

    /// The versions of a package that may be there, what is installed first.
    fn allowed(&self, package: PackageId) -> impl Iterator<Item = VersionId> + use<> {
        let installed = self.marks.universe.installed(package);
        let candidate = match self.asked.iter().find(|one| one.package == package) {
            Some(one) => one.version,
            None => self.marks.offered.get(&package).copied().or(self.marks.universe.candidate(package)),
        };
        installed.into_iter().chain(candidate.filter(|candidate| Some(*candidate) != installed))
    }

    fn variable(&mut self, version: VersionId) -> usize {
        let next = self.versions.len();
        let variable = *self.variables.entry(version).or_insert(next);
        if variable == next {
            self.versions.push(version);
        }
        variable
    }

    /// Numbers all that the request and the installed packages can lead to; `false` if that is too much.
    fn reach(&mut self) -> bool {
        let roots = self.asked.iter().map(|one| one.package).chain(self.installed.iter().copied());
        for package in roots.collect::<Vec<_>>() {
            for version in self.allowed(package) {
                self.variable(version);
            }
        }
        let universe = self.marks.universe;
        while let Some(version) = self.versions.get(self.groups.len()).copied() {
            let mut groups = Vec::new();
            for group in universe.relations(version).groups().iter().filter(|group| group.kind.is_hard()) {
                let solutions: Vec<VersionId> = self.solutions(group);
                groups.push(solutions.into_iter().map(|solution| self.variable(solution)).collect());
            }
            self.groups.push(groups);
            if self.versions.len() > MOST_VERSIONS {
                return false;
            }
        }
        true
    }

    /// Everything allowed that satisfies a group: what is installed first, then in apt's order.
    fn solutions(&self, group: &Group<'a>) -> Vec<VersionId> {
        let mut found: Vec<VersionId> = Vec::new();
        for wanted in &group.alternatives {
            let mut meeting = self.meeting(wanted);
            meeting.sort_by(|a, b| self.marks.compare_providers(wanted.package, *a, *b));
            found.extend(meeting.into_iter().filter(|version| !found.contains(version)).collect::<Vec<_>>());
        }
        found.sort_by_key(|version| self.marks.universe.installed(self.marks.universe.package(*version)) != Some(*version));
        found
    }

    fn meeting(&self, wanted: &Wanted<'a>) -> Vec<VersionId> {
        let universe = self.marks.universe;
        let is_allowed = |version: &VersionId| self.allowed(universe.package(*version)).any(|allowed| allowed == *version);
        universe.all_meeting(wanted).filter(is_allowed).collect()
    }

    fn clauses(&self, broken_before: &[PackageId]) -> Clauses {
        let universe = self.marks.universe;
        let mut clauses = Clauses::new(self.versions.len());
        for (variable, version) in self.versions.iter().enumerate() {
            let package = universe.package(*version);
            let stays = universe.installed(package) == Some(*version);
            // What was broken before may stay so.
            let excused = stays && broken_before.contains(&package);
            if !excused {
                for group in self.groups.get(variable).into_iter().flatten() {
                    let solutions = group.iter().map(|solution| Literal::is(*solution));
                    clauses.add(solutions.chain([Literal::is_not(variable)]).collect());
                }
            }
            for other in self.rivals(*version, package, excused) {
                clauses.add(vec![Literal::is_not(variable), Literal::is_not(other)]);
            }
        }
        self.add_demands(&mut clauses);
        clauses
    }

    /// What may not be there together with a version: other versions of its package, and what its negative relations hit.
    fn rivals(&self, version: VersionId, package: PackageId, excused: bool) -> Vec<usize> {
        let universe = self.marks.universe;
        let negative = universe.relations(version).groups().iter().filter(|group| group.kind.is_negative());
        let hit = negative.flat_map(|group| &group.alternatives).flat_map(|wanted| self.meeting(wanted));
        let hit = hit.filter(|other| {
            let of = universe.package(*other);
            of != package && !(excused && universe.installed(of) == Some(*other))
        });
        let others = self.allowed(package).filter(|other| *other != version);
        hit.chain(others).filter_map(|other| self.variables.get(&other).copied()).collect()
    }

    /// What is asked for, and what may not go.
    fn add_demands(&self, clauses: &mut Clauses) {
        let universe = self.marks.universe;
        let literals = |package: PackageId| {
            let allowed = self.allowed(package).filter_map(|version| self.variables.get(&version).copied());
            allowed.map(Literal::is).collect::<Vec<_>>()
        };
        for one in self.asked {
            match one.version.and_then(|version| self.variables.get(&version).copied()) {
                Some(variable) => clauses.add(vec![Literal::is(variable)]),
                None => literals(one.package).iter().for_each(|literal| clauses.add(vec![Literal::is_not(literal.variable())])),
            }
        }
        for package in self.installed.iter().copied() {
            let named = self.asked.iter().any(|one| one.package == package);
            let held = universe.is_held(package).then(|| universe.installed(package)).flatten();
            if let Some(variable) = held.filter(|_| !named).and_then(|version| self.variables.get(&version)) {
                clauses.add(vec![Literal::is(*variable)]);
            } else if !named && (universe.is_essential(package) || universe.is_protected(package)) {
                clauses.add(literals(package));
            }
        }
    }
}

/// What is decided next.
struct Walk<'p, 'm, 'u, 'a> {
    problem: &'p Problem<'m, 'u, 'a>,
    /// Installed packages before this one are decided.
    installed: usize,
    /// What stands on the trail before this place has its groups satisfied.
    trail: usize,
    /// How often decisions had been taken back.
    undone: usize,
}

impl Walk<'_, '_, '_, '_> {
    fn next(&mut self, clauses: &Clauses) -> Option<Literal> {
        let trail = clauses.trail();
        if clauses.undone() != self.undone {
            (self.installed, self.trail, self.undone) = (0, 0, clauses.undone());
        }
        let problem = self.problem;
        while let Some(package) = problem.installed.get(self.installed) {
            let variables: Vec<usize> =
                problem.allowed(*package).filter_map(|version| problem.variables.get(&version).copied()).collect();
            let there = variables.iter().any(|variable| clauses.value(*variable) == Some(true));
            if let Some(open) = variables.iter().find(|variable| !there && clauses.value(**variable).is_none()) {
                return Some(Literal::is(*open));
            }
            self.installed += 1;
        }
        while let Some(literal) = trail.get(self.trail) {
            let variable = literal.variable();
            let groups = problem.groups.get(variable).filter(|_| clauses.value(variable) == Some(true));
            for group in groups.into_iter().flatten() {
                let satisfied = group.iter().any(|solution| clauses.value(*solution) == Some(true));
                let open = group.iter().find(|solution| !satisfied && clauses.value(**solution).is_none());
                if let Some(open) = open {
                    return Some(Literal::is(*open));
                }
            }
            self.trail += 1;
        }
        None
    }
}

/// Makes the marks the solution, and adds what is recommended and what follows its source, as far as nothing of the solution
/// has to change for it.
fn adopt(marks: &mut Marks<'_, '_>, asked: &[Asked], chosen: &[VersionId], broken_before: &[PackageId]) {
    *marks = Marks::new(marks.universe, marks.options, std::mem::take(&mut marks.offered));
    let universe = marks.universe;
    for package in universe.packages().filter(|package| universe.installed(*package).is_some()) {
        marks.change(package, |choice| (choice.chosen, choice.mode, choice.protected) = (None, Mode::Delete, true));
    }
    let mut changed = Vec::new();
    for version in chosen.iter().copied() {
        let package = universe.package(version);
        let installed = universe.installed(package);
        let named = asked.iter().any(|one| one.package == package);
        marks.turns += 1;
        let turn = marks.turns;
        marks.change(package, |choice| {
            (choice.chosen, choice.candidate, choice.turn, choice.protected) = (Some(version), Some(version), turn, true);
            choice.mode = if installed == Some(version) { Mode::Keep } else { Mode::Install };
            choice.automatic = !named && (choice.automatic || installed.is_none());
        });
        changed.extend((installed != Some(version)).then_some(package));
    }
    let found = marks.choices.clone();
    for package in changed {
        marks.follow(package);
    }
    if marks.settle(broken_before).is_err() {
        marks.choices = found;
    }
}
