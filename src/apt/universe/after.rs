//! The same packages as they stand after a selection was carried out: what a second request starts from.
//!
//! Invariant: numbers of packages and versions stay the same, so that answers about both states can be compared.

use super::super::select::Selection;
use super::{File, Package, Seen, Universe};

impl Universe<'_> {
    /// The universe in which `selection` is installed. `priority` is the same as in [`Universe::new`].
    #[must_use]
    pub fn after(mut self, selection: &Selection, priority: &dyn Fn(Seen<'_>) -> i32) -> Self {
        for change in &selection.changes {
            let chosen = selection.chosen(change.package);
            let Some(package) = self.packages.get_mut(change.package.at()) else { continue };
            let old = std::mem::replace(&mut package.installed, chosen);
            package.automatic = change.automatic && chosen.is_some();
            package.held = false;
            for (version, present) in [(old, false), (chosen, true)] {
                let Some(version) = version.and_then(|id| self.versions.get_mut(id.0 as usize)) else { continue };
                version.files.retain(|file| *file != File::Status);
                if present {
                    version.files.push(File::Status);
                }
            }
        }
        for package in &selection.made_manual {
            if let Some(package) = self.packages.get_mut(package.at()) {
                package.automatic = false;
            }
        }
        self.forget_gone();
        self.choose_candidates(priority);
        self
    }

    /// A version that no file has any more can neither be chosen nor provide anything.
    fn forget_gone(&mut self) {
        let Self { packages, versions, .. } = self;
        let is_there = |id: &super::VersionId| versions.get(id.0 as usize).is_some_and(|version| !version.files.is_empty());
        for Package { versions, providers, .. } in packages {
            versions.retain(is_there);
            providers.retain(is_there);
        }
    }
}
