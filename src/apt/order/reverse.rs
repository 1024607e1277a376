//! In which order apt comes upon the relations that point to a package.
//!
//! Invariant: as apt's cache is built: over all versions in the order in which they are first seen, a relation goes to the head
//! of its target's list if its version text was first seen later than that of the head, else behind the head. So the lists of
//! installed packages depend on relations of all others.

use std::cmp::Reverse as Descending;
use std::collections::{HashMap, HashSet};

use super::super::packages::Field;
use super::super::relation::{Relation, relations};
use super::super::universe::{PackageId, Universe, Wanted};

/// Fields whose relations have targets, in the order in which apt reads them.
const FIELDS: [Field; 8] = [
    Field::PreDepends,
    Field::Depends,
    Field::Conflicts,
    Field::Breaks,
    Field::Recommends,
    Field::Suggests,
    Field::Replaces,
    Field::Enhances,
];
/// How many of these [`super::super::universe::Relations`] has.
const IN_GROUPS: usize = 6;

/// Where a relation stands in its target's list: heads before what came behind them, else the latest first.
pub(super) type Place = (Descending<u32>, bool, Descending<u32>);

/// Places of the relations of installed versions that point to `targets`, by the relation itself.
pub(super) fn places(universe: &Universe<'_>, targets: &HashSet<PackageId>) -> HashMap<*const (), Place> {
    let mut scan = Scan { universe, targets, texts: HashMap::new(), heads: HashMap::new(), time: 0, places: HashMap::new() };
    for version in universe.versions() {
        let stanza = universe.stanza(version);
        scan.rank(stanza.version());
        let is_installed = universe.installed(universe.package(version)) == Some(version);
        if is_installed {
            for wanted in universe.relations(version).groups().iter().flat_map(|group| &group.alternatives) {
                scan.add(&wanted.relation, Some(wanted.package), Some(key(wanted)));
            }
        }
        for field in FIELDS.into_iter().skip(if is_installed { IN_GROUPS } else { 0 }) {
            for relation in relations(stanza.get(field).unwrap_or_default()) {
                scan.add(&relation, None, None);
            }
        }
        for relation in relations(stanza.get(Field::Provides).unwrap_or_default()) {
            scan.rank_of(&relation);
        }
    }
    scan.places
}

/// What tells one relation of a universe from all others.
pub(super) fn key(wanted: &Wanted<'_>) -> *const () {
    std::ptr::from_ref(wanted).cast()
}

struct Scan<'s, 'a> {
    universe: &'s Universe<'a>,
    targets: &'s HashSet<PackageId>,
    /// When each version text was first seen, counted from 1.
    texts: HashMap<&'a str, u32>,
    /// By target: the rank of the list's head, and how many heads there were.
    heads: HashMap<PackageId, (u32, u32)>,
    time: u32,
    places: HashMap<*const (), Place>,
}

impl<'a> Scan<'_, 'a> {
    fn rank(&mut self, text: &'a str) -> u32 {
        let next = self.texts.len() as u32 + 1;
        *self.texts.entry(text).or_insert(next)
    }

    /// A relation without version counts as the earliest.
    fn rank_of(&mut self, relation: &Relation<'a>) -> u32 {
        relation.bound.map_or(0, |(_, version)| self.rank(version.as_str()))
    }

    fn add(&mut self, relation: &Relation<'a>, target: Option<PackageId>, key: Option<*const ()>) {
        let rank = self.rank_of(relation);
        let target = target.or_else(|| match relation.qualifier {
            None => self.universe.find(relation.name),
            Some(_) => self.universe.find(&relation.target(self.universe.architecture()).to_string()),
        });
        let Some(target) = target.filter(|target| self.targets.contains(target)) else { return };
        self.time += 1;
        let head = self.heads.get(&target).copied();
        let becomes_head = head.is_none_or(|(highest, _)| rank > highest);
        let (highest, count) = if becomes_head { (rank, head.map_or(0, |(_, count)| count) + 1) } else { head.unwrap_or_default() };
        self.heads.insert(target, (highest, count));
        if let Some(key) = key {
            self.places.insert(key, (Descending(count), !becomes_head, Descending(self.time)));
        }
    }
}
