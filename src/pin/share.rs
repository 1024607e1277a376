//! Which unit's ply each changed package goes to.
//!
//! Invariant: a package goes to the first unit, in order, whose closure has it; one that no closure has goes to the unit
//! that has a package of the same source, else to the last unit.

use std::collections::HashMap;

use crate::apt::select::Selection;
use crate::apt::universe::{PackageId, Universe};

/// The place of a unit for each changed package. `units` are numbers of words per unit, in the order of the words.
pub(super) fn share(universe: &Universe<'_>, selection: &Selection, units: &[usize]) -> HashMap<PackageId, usize> {
    let mut places: HashMap<PackageId, usize> = HashMap::new();
    let mut arguments = selection.arguments.as_slice();
    for (place, words) in units.iter().enumerate() {
        let (own, rest) = arguments.split_at(arguments.len().min(*words));
        arguments = rest;
        // A named package that goes is in no closure.
        for package in selection.closure(universe, own).into_iter().chain(own.iter().copied()) {
            places.entry(package).or_insert(place);
        }
    }
    let mut by_source: HashMap<&str, usize> = HashMap::new();
    for change in &selection.changes {
        if let Some(place) = places.get(&change.package) {
            let first = by_source.entry(change.source.0.as_str()).or_insert(*place);
            *first = (*first).min(*place);
        }
    }
    let last = units.len().saturating_sub(1);
    let place = |package: PackageId, source: &str| places.get(&package).or_else(|| by_source.get(source)).copied().unwrap_or(last);
    selection.changes.iter().map(|change| (change.package, place(change.package, &change.source.0))).collect()
}
