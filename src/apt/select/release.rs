//! `NAME/SUITE`: what the named version needs comes from the suite, too, where the candidates do not serve.
//!
//! Invariant: as apt's `SetCandidateRelease`: a group that a candidate satisfies changes nothing; else the first alternative that
//! the suite has in a fitting version, and whose own needs the suite serves, becomes the candidate. Nothing is marked here.

use std::collections::BTreeMap;

use super::super::universe::{File, Group, Kind, PackageId, Universe, VersionId};
use super::Options;
use super::request::{Asked, suite};

/// Deepest chain of dependencies that is followed; archives have none longer than a few dozen.
const MAX_DEPTH: usize = 500;
/// Most candidates that are tried in all: alternatives that fail deep down could else multiply.
const MAX_TRIES: usize = 20_000;

/// The candidates that the words decide.
pub(super) fn offered(
    universe: &Universe<'_>,
    words: &[&str],
    asked: &[Asked],
    options: Options,
    in_suite: &dyn Fn(usize, &str) -> bool,
) -> BTreeMap<PackageId, VersionId> {
    let mut release = Release { universe, options, in_suite, offered: BTreeMap::new(), tries: 0 };
    for one in asked {
        release.offered.extend(one.version.map(|version| (one.package, version)));
    }
    for (word, one) in words.iter().zip(asked) {
        if let (Some(suite), Some(version)) = (suite(word), one.version) {
            release.follow(version, suite, 0);
        }
    }
    release.offered
}

struct Release<'r, 'a> {
    universe: &'r Universe<'a>,
    options: Options,
    in_suite: &'r dyn Fn(usize, &str) -> bool,
    offered: BTreeMap<PackageId, VersionId>,
    tries: usize,
}

impl<'a> Release<'_, 'a> {
    fn candidate(&self, package: PackageId) -> Option<VersionId> {
        self.offered.get(&package).copied().or(self.universe.candidate(package))
    }

    /// Whether the hard groups of a version are served.
    fn follow(&mut self, version: VersionId, suite: &str, depth: usize) -> bool {
        let universe = self.universe;
        let counts = |kind: Kind| match kind {
            Kind::PreDepends | Kind::Depends => true,
            Kind::Recommends => self.options.recommends,
            Kind::Suggests => self.options.suggests,
            Kind::Conflicts | Kind::Breaks => false,
        };
        let groups: Vec<&Group<'a>> = universe.relations(version).groups().iter().filter(|group| counts(group.kind)).collect();
        groups.into_iter().all(|group| {
            let candidate = |met: VersionId| self.candidate(universe.package(met)) == Some(met);
            let served = group.alternatives.iter().any(|wanted| universe.all_meeting(wanted).any(candidate));
            served || self.switch(group, suite, depth) || !group.kind.is_hard()
        })
    }

    /// Makes a version of the suite the candidate that satisfies the group.
    fn switch(&mut self, group: &Group<'a>, suite: &str, depth: usize) -> bool {
        if depth >= MAX_DEPTH {
            return false;
        }
        for wanted in &group.alternatives {
            let Some(version) = self.of_suite(wanted.package, suite).filter(|v| self.universe.meets(*v, wanted)) else { continue };
            self.tries += 1;
            if self.tries > MAX_TRIES {
                return false;
            }
            let before = self.offered.clone();
            self.offered.insert(wanted.package, version);
            if self.follow(version, suite, depth + 1) {
                return true;
            }
            self.offered = before;
        }
        false
    }

    fn of_suite(&self, package: PackageId, suite: &str) -> Option<VersionId> {
        let has = |file: &File| matches!(file, File::Index(at) if (self.in_suite)(*at, suite));
        self.universe.versions_of(package).iter().copied().find(|version| self.universe.files(*version).iter().any(has))
    }
}
