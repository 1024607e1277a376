//! Package files that a request brings itself, beside what the archives have.
//!
//! Invariant: as in apt their names are numbered last, behind the status. Such a file is a version of its own, whatever the
//! archives have under the same number, unless it is what is installed; it is no candidate until a word names it.

use super::super::packages::{Field, Index};
use super::{File, PackageId, Universe, VersionId};

impl<'a> Universe<'a> {
    /// Adds package files, of which `Filename` is the word that names each. As a file they are `File::Index(at)`.
    #[must_use]
    pub fn with_local(mut self, files: &'a Index, at: usize) -> Self {
        let numbers: Vec<PackageId> = files.names().map(|name| self.number(name)).collect();
        for (place, stanza) in (0..files.len()).filter_map(|place| Some((place, files.stanza(place)?))) {
            let Some(package) = numbers.get(stanza.name_number() as usize).copied() else { continue };
            let installed = self.known(package, &stanza).filter(|known| self.installed(package) == Some(*known));
            let version = installed.unwrap_or_else(|| self.add_version(package, stanza));
            if installed.is_none() {
                if let Some(version) = self.versions.get_mut(version.0 as usize) {
                    version.files.push(File::Index(at));
                }
                for (name, _) in files.provides().filter(|(_, record)| *record as usize == place) {
                    let provided = numbers.get(name as usize).and_then(|id| self.packages.get_mut(id.at()));
                    if let Some(provided) = provided {
                        provided.providers.push(version);
                    }
                }
            }
            if let Some(word) = stanza.get(Field::Filename) {
                self.local.insert(word, version);
            }
        }
        self
    }

    /// The version in the package file that a word names.
    pub fn local(&self, word: &str) -> Option<VersionId> {
        self.local.get(word).copied()
    }
}
