//! Why packages cannot come: the chain from the argument to what the archive lacks, in words.
//!
//! Invariant: each line is a relation as it stands in the archive and what was found for it; nothing is concluded that
//! the relations do not say.

use std::collections::BTreeSet;

use super::super::universe::{Group, Kind, PackageId, VersionId, Wanted};
use super::state::Marks;

/// Deepest chain that is told.
const MAX_CHAIN: usize = 12;
/// Most lines that are told.
const MAX_LINES: usize = 20;

/// One line per step of the chains that end in what is missing or collides.
pub(super) fn reasons(marks: &Marks<'_, '_>, broken: &[PackageId]) -> Vec<String> {
    let mut teller = Teller { marks, lines: Vec::new(), told: BTreeSet::new() };
    for package in broken {
        if let Some(version) = marks.of(*package).chosen {
            teller.tell_causes(*package);
            teller.tell(version, 0);
        }
    }
    teller.lines
}

struct Teller<'m, 'u, 'a> {
    marks: &'m Marks<'u, 'a>,
    lines: Vec<String>,
    told: BTreeSet<VersionId>,
}

impl<'a> Teller<'_, '_, 'a> {
    /// From the argument down to what is broken: who wanted whom.
    fn tell_causes(&mut self, broken: PackageId) {
        let universe = self.marks.universe;
        let mut chain = Vec::new();
        let mut package = broken;
        while let Some((owner, kind)) = self.marks.of(package).cause.filter(|_| chain.len() < MAX_CHAIN) {
            chain.push(format!("{} {} {}", universe.name(owner), kind.verb(), universe.name(package)));
            package = owner;
        }
        for line in chain.into_iter().rev() {
            if self.lines.len() < MAX_LINES && !self.lines.contains(&line) {
                self.lines.push(line);
            }
        }
    }

    fn tell(&mut self, version: VersionId, depth: usize) {
        if depth > MAX_CHAIN || self.lines.len() >= MAX_LINES || !self.told.insert(version) {
            return;
        }
        let (marks, owner) = (self.marks, self.marks.universe.package(version));
        for group in marks.universe.relations(version).groups() {
            if marks.satisfied(owner, group) || matches!(group.kind, Kind::Recommends | Kind::Suggests) {
                continue;
            }
            if group.kind.is_negative() {
                self.tell_collision(owner, group);
                continue;
            }
            let found: Vec<String> = group.alternatives.iter().map(|wanted| self.found_for(wanted)).collect();
            let name = marks.universe.name(owner);
            self.lines.push(format!("{name} {} {}, but {}", group.kind.verb(), group.words(), found.join(", and ")));
            for wanted in &group.alternatives {
                for candidate in marks.meeting(wanted, |package| marks.universe.candidate(package)) {
                    self.tell(candidate, depth + 1);
                }
            }
        }
    }

    fn tell_collision(&mut self, owner: PackageId, group: &Group<'a>) {
        let marks = self.marks;
        for wanted in &group.alternatives {
            for hit in marks.meeting(wanted, |package| marks.of(package).chosen) {
                let package = marks.universe.package(hit);
                if package == owner {
                    continue;
                }
                let why = if marks.is_installed(package) { "is installed" } else { "is also wanted" };
                let (name, other, version) =
                    (marks.universe.name(owner), marks.universe.name(package), marks.universe.version(hit));
                self.lines.push(format!("{name} {} {}, but {other} {version} {why}", group.kind.verb(), group.words()));
            }
        }
    }

    fn found_for(&self, wanted: &Wanted<'a>) -> String {
        let universe = self.marks.universe;
        let name = universe.name(wanted.package);
        let candidate = universe.candidate(wanted.package);
        match candidate {
            Some(version) if universe.meets(version, wanted) => format!("{name} {} cannot be chosen", universe.version(version)),
            Some(version) => format!("the archive has {name} {}", universe.version(version)),
            None if !universe.versions_of(wanted.package).is_empty() => format!("no version of {name} is allowed"),
            None if universe.providers(wanted.package).is_empty() => format!("the archive has no {name}"),
            None => format!("no provider of {name} can be chosen"),
        }
    }
}
