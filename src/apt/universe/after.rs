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

#[cfg(test)]
mod tests {
    use super::super::{Installed, Universe};
    use super::*;
    use crate::apt::packages::Index;
    use crate::apt::select::{Options, select};

    #[test]
    fn what_was_chosen_is_installed_and_what_was_removed_is_gone() {
        let read = |text: &str| Index::read(text.as_bytes(), "amd64").expect("an index");
        let stanza =
            |name: &str, version: &str, more: &str| format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n{more}\n");
        let archive = read(&[stanza("a", "2", "Depends: b\n"), stanza("b", "1", ""), stanza("old", "1", "")].concat());
        let there = "Status: install ok installed\n";
        let status = read(&[stanza("a", "1", there), stanza("own", "1", there)].concat());
        let priority = |seen: Seen<'_>| if seen.file == File::Status { 100 } else { 500 };
        let installed = Installed { status: &status, extended_states: b"Package: a\nAuto-Installed: 1\n" };
        let universe = Universe::new(&[&archive], installed, &priority);
        let selection = select(&universe, &["a", "own-"], Options::default(), &|_, _| false).expect("a selection");
        let (a, b, own) = (universe.find("a").expect("a"), universe.find("b").expect("b"), universe.find("own").expect("own"));
        let after = universe.after(&selection, &priority);
        assert_eq!(after.installed(a).map(|version| after.version(version)), Some("2"));
        assert_eq!(after.versions_of(a).len(), 1);
        assert!(!after.is_automatic(a) && after.is_automatic(b) && after.installed(b).is_some());
        assert!(after.installed(own).is_none() && after.candidate(own).is_none() && after.versions_of(own).is_empty());
        let again = select(&after, &["a"], Options::default(), &|_, _| false).expect("a selection");
        assert!(again.changes.is_empty());
    }
}
