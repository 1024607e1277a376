//! What a set of arguments reaches within a selection, for the layers of the recipes that named them.
//!
//! Invariant: only packages that will be there are reached, over Pre-Depends, Depends and the Recommends that were taken,
//! through every chosen alternative and provider. Deterministic: the order is that of names in apt's order.

use std::collections::BTreeSet;

use super::super::universe::{PackageId, Universe};
use super::{Kind, Selection};

impl Selection {
    /// The arguments and all that they reach, installed packages included.
    pub fn closure(&self, universe: &Universe<'_>, arguments: &[PackageId]) -> BTreeSet<PackageId> {
        let mut open: Vec<PackageId> = arguments.to_vec();
        let mut reached: BTreeSet<PackageId> = BTreeSet::new();
        while let Some(package) = open.pop() {
            let Some(version) = self.chosen(package).filter(|_| reached.insert(package)) else { continue };
            for group in universe.relations(version).groups().iter().filter(|group| self.is_followed(group.kind)) {
                for wanted in &group.alternatives {
                    let met = universe.all_meeting(wanted).filter(|met| self.chosen(universe.package(*met)) == Some(*met));
                    open.extend(met.map(|met| universe.package(met)));
                }
            }
        }
        reached
    }

    fn is_followed(&self, kind: Kind) -> bool {
        kind.is_hard() || (kind == Kind::Recommends && self.options.recommends)
    }
}
