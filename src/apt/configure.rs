//! dpkg's own order of configuration within one call.
//!
//! Invariant: `dpkg --configure --pending` takes packages in the order of its hash table, a call by names in the order of
//! the names; a package that waits for another of the queue goes to its end. When a whole round makes no progress, a
//! dependency cycle is cut: at a package without postinst if the cycle has one, else where it closes.

use std::collections::{BTreeSet, VecDeque};

use super::select::Selection;
use super::universe::{Group, PackageId, Universe};

/// Bins of dpkg's package hash table.
const BINS: u32 = 65521;

/// 32-bit FNV-1a.
fn fnv1a(name: &str) -> u32 {
    name.bytes().fold(2_166_136_261, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}

/// Packages in the order in which dpkg walks its hash table.
pub fn hash_order(universe: &Universe<'_>, packages: &[PackageId]) -> Vec<PackageId> {
    let mut ordered = packages.to_vec();
    ordered.sort_by_key(|package| (fnv1a(universe.name(*package)) % BINS, universe.name(*package)));
    ordered
}

/// The order in which dpkg configures `named` when `unconfigured` (which holds `named`) is unpacked and waits.
pub fn queue(
    universe: &Universe<'_>,
    selection: &Selection,
    named: &[PackageId],
    unconfigured: &[PackageId],
    has_postinst: &dyn Fn(PackageId) -> bool,
) -> Vec<PackageId> {
    let mut queue = Queue {
        universe,
        selection,
        has_postinst,
        waiting: named.iter().copied().collect(),
        unconfigured: unconfigured.iter().copied().collect(),
        ignored: BTreeSet::new(),
        done: Vec::new(),
    };
    queue.run();
    queue.done
}

struct Queue<'u, 'a> {
    universe: &'u Universe<'a>,
    selection: &'u Selection,
    has_postinst: &'u dyn Fn(PackageId) -> bool,
    waiting: VecDeque<PackageId>,
    unconfigured: BTreeSet<PackageId>,
    /// Dependencies that a cut cycle made dpkg ignore: dependant and what it depends on.
    ignored: BTreeSet<(PackageId, PackageId)>,
    done: Vec<PackageId>,
}

impl<'u, 'a> Queue<'u, 'a> {
    fn run(&mut self) {
        let mut without_progress = 0;
        while let Some(package) = self.waiting.pop_front() {
            if self.groups(package).all(|group| self.blocking(package, group).is_empty()) {
                self.unconfigured.remove(&package);
                self.done.push(package);
                without_progress = 0;
                continue;
            }
            self.waiting.push_back(package);
            without_progress += 1;
            if without_progress > self.waiting.len() {
                without_progress = 0;
                if !self.cut_cycle() {
                    // Nothing is left to cut: dpkg would fail here; the order of the queue is kept.
                    self.done.extend(self.waiting.drain(..));
                }
            }
        }
    }

    fn groups(&self, package: PackageId) -> impl Iterator<Item = &'u Group<'a>> + use<'u, 'a> {
        let version = self.selection.chosen(package);
        let groups = version.map(|version| self.universe.relations(version).groups()).unwrap_or_default();
        groups.iter().filter(|group| group.kind.is_hard())
    }

    /// The queued packages that a group waits for; none if something that is configured satisfies it.
    fn blocking(&self, package: PackageId, group: &Group<'a>) -> Vec<PackageId> {
        let mut blocking = Vec::new();
        for wanted in &group.alternatives {
            for version in self.universe.all_meeting(wanted) {
                let other = self.universe.package(version);
                if self.selection.chosen(other) != Some(version) {
                    continue;
                }
                let satisfied = !self.unconfigured.contains(&other) || self.ignored.contains(&(package, other));
                if satisfied || other == package {
                    return Vec::new();
                }
                blocking.push(other);
            }
        }
        blocking
    }

    fn dependencies(&self, package: PackageId) -> VecDeque<PackageId> {
        self.groups(package).flat_map(|group| self.blocking(package, group)).collect()
    }

    /// Finds the cycle that the first queued package leads to and ignores one of its dependencies.
    fn cut_cycle(&mut self) -> bool {
        let starts: Vec<PackageId> = self.waiting.iter().copied().collect();
        for start in starts {
            let mut search = Search { path: Vec::new(), seen: BTreeSet::new() };
            if let Some((dependant, dependency)) = search.find(self, start) {
                return self.ignored.insert((dependant, dependency));
            }
        }
        false
    }
}

/// Depth-first search for a dependency cycle.
struct Search {
    /// Each package with the dependency that is being followed.
    path: Vec<(PackageId, PackageId)>,
    seen: BTreeSet<PackageId>,
}

impl Search {
    /// The dependency to ignore, if a cycle is found from here. Iterative, since chains can be long.
    fn find(&mut self, queue: &Queue<'_, '_>, start: PackageId) -> Option<(PackageId, PackageId)> {
        let mut stack = vec![(start, queue.dependencies(start))];
        while let Some((package, open)) = stack.last_mut() {
            let package = *package;
            let Some(next) = open.pop_front() else {
                stack.pop();
                self.path.pop();
                continue;
            };
            self.path.truncate(stack.len() - 1);
            self.path.push((package, next));
            if let Some(at) = self.path.iter().position(|(on_path, _)| *on_path == next) {
                return self.weakest(queue, at);
            }
            if self.seen.insert(next) {
                let dependencies = queue.dependencies(next);
                stack.push((next, dependencies));
            }
        }
        None
    }

    /// Of the cycle that starts at `at` in the path: nearest to where it closes a package without postinst.
    fn weakest(&self, queue: &Queue<'_, '_>, at: usize) -> Option<(PackageId, PackageId)> {
        let cycle = self.path.get(at..)?;
        let free = cycle.iter().rev().find(|(package, _)| !(queue.has_postinst)(*package));
        free.or(cycle.last()).copied()
    }
}
