//! Package files of this machine that the arguments name, taken into the store: from there on they are named by digest.
//!
//! Invariant: read anew in every build, so that a byte that changes changes what is built; a package is read as hostile as
//! any archive's.

use std::path::Path;

use crate::apt::select::is_local_file;
use crate::error::{During as _, Result};
use crate::pin::LocalPackage;
use crate::recipe::Resolved;
use crate::store::Store;

use super::BuildError;
use super::archives::{Archives, Shape};
use super::trees::take_file;

/// Every package file that the units name, in order, each once.
pub(super) fn take(resolved: &Resolved, store: &Store, archives: &Archives) -> Result<Vec<LocalPackage>> {
    let mut taken: Vec<LocalPackage> = Vec::new();
    for word in resolved.units.iter().flat_map(|unit| &unit.packages.arguments).filter(|word| is_local_file(word)) {
        if taken.iter().any(|known| known.word == *word) {
            continue;
        }
        let (digest, size) = take_file(Path::new(word), word, store)?;
        let contents = archives.read(digest, size, Shape::Deb).during(|| format!("reading package file {word}"))?;
        let control = contents.control.iter().find(|file| file.name == "control").map(|file| file.bytes.clone());
        let control = control.ok_or_else(|| BuildError::File { path: word.clone(), reason: "has no control file".into() })?;
        taken.push(LocalPackage { word: word.clone(), digest, size, control });
    }
    Ok(taken)
}
