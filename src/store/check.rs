//! Whether the store holds what its names promise.
//!
//! Invariant: nothing is changed; all damage is reported, not only the first.

use std::collections::BTreeSet;

use super::gc::{Reached, reach};
use super::{Store, StoreError, files_in};
use crate::oci::Digest;
use crate::stream::VerifyError;

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, relative to the store.
    pub object: String,
    /// What is wrong with it.
    pub cause: String,
}

/// The result of [`Store::check`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Blobs looked at.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, in order of the files' names.
    pub damage: Vec<Damage>,
}

impl Check {
    /// Fails with the first damage, if there is any.
    pub fn verdict(&self) -> Result<(), StoreError> {
        self.damage
            .first()
            .map_or(Ok(()), |Damage { object, cause }| Err(StoreError::Damaged { object: object.clone(), cause: cause.clone() }))
    }
    fn found(&mut self, object: impl Into<String>, cause: impl Into<String>) {
        self.damage.push(Damage { object: object.into(), cause: cause.into() });
    }
}

impl Store {
    /// Checks names and lengths, and that whole images are whole; with `full` also the content of every blob.
    pub fn check(&self, full: bool) -> Result<Check, StoreError> {
        let mut check = Check::default();
        for (name, path) in files_in(&self.path("blobs/sha256"))? {
            let object = format!("blobs/sha256/{name}");
            let Ok(digest) = Digest::from_hex(&name) else {
                check.found(object, "this is no blob's name");
                continue;
            };
            let Some(size) = self.size(&digest)? else {
                if path.symlink_metadata().is_ok() {
                    check.found(object, "the file is empty, or no regular file");
                }
                continue;
            };
            check.blobs += 1;
            check.bytes += size;
            if full && let Err(error) = self.open_blob(&digest, size)?.finish() {
                match VerifyError::inside(&error) {
                    Some(verdict) => check.found(object, verdict.to_string()),
                    None => check.found(object, error.to_string()),
                }
            }
        }
        self.check_references(&mut check)?;
        Ok(check)
    }

    fn check_references(&self, check: &mut Check) -> Result<(), StoreError> {
        for (file, _) in files_in(&self.path("refs"))? {
            let object = format!("refs/{file}");
            let reference = match self.reference_in(&file) {
                Ok(Some(reference)) => reference,
                Ok(None) => continue,
                Err(StoreError::Damaged { cause, .. }) => {
                    check.found(object, cause);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut missing = BTreeSet::new();
            let reached = reach(self, &reference.descriptor, &mut Reached::default(), &mut |digest| {
                missing.insert(*digest);
            });
            if let Err(error) = reached {
                check.found(object.clone(), error.to_string());
            }
            if !reference.partial {
                for digest in missing {
                    check.found(object.clone(), format!("{digest} is missing"));
                }
            }
        }
        Ok(())
    }
}
