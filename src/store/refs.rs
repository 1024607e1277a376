//! Names of images in the store: one file a name.
//!
//! Invariant: a ref is changed under the ref lock only, and read whole at any time; no change is lost.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError, files_in, names, on, publish, read_if_there, remove_if_there, sync_parent};
use crate::oci::{Descriptor, Platform};

/// What a name means here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ref {
    /// The name as it was given.
    pub name: String,
    /// The image's manifest or index.
    pub descriptor: Descriptor,
    /// For a manifest: where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Some blobs of it are not here but at their origin.
    #[serde(default)]
    pub partial: bool,
}

impl Store {
    fn ref_path(&self, name: &str) -> PathBuf {
        self.path("refs").join(names::encode(name))
    }
    /// What `name` means, if it is known.
    pub fn reference(&self, name: &str) -> Result<Option<Ref>, StoreError> {
        self.reference_in(&names::encode(name))
    }
    /// The ref in a file of `refs/`.
    pub(super) fn reference_in(&self, file: &str) -> Result<Option<Ref>, StoreError> {
        read_if_there(&self.path("refs").join(file))?.map(|bytes| parse(file, &bytes)).transpose()
    }
    /// All refs, in order of their file names.
    pub fn references(&self) -> Result<Vec<Ref>, StoreError> {
        let mut all = Vec::new();
        for (file, _) in files_in(&self.path("refs"))? {
            // It may have been removed since it was listed.
            all.extend(self.reference_in(&file)?);
        }
        Ok(all)
    }
    /// Gives a name its meaning, durably.
    pub fn set_reference(&self, reference: &Ref) -> Result<(), StoreError> {
        self.update_reference(&reference.name, |_| Some(reference.clone())).map(|_| ())
    }
    /// Forgets a name; whether it was known.
    pub fn remove_reference(&self, name: &str) -> Result<bool, StoreError> {
        self.update_reference(name, |_| None).map(|before| before.is_some())
    }
    /// Changes what `name` means in view of what it meant, with no other change between; nothing removes the name.
    /// Gives what it meant before.
    pub fn update_reference(
        &self,
        name: &str,
        change: impl FnOnce(Option<&Ref>) -> Option<Ref>,
    ) -> Result<Option<Ref>, StoreError> {
        let _lock = self.lock_references()?;
        let path = self.ref_path(name);
        let before = self.reference(name)?;
        match change(before.as_ref()) {
            Some(after) => {
                let after = Ref { name: name.to_owned(), ..after };
                let text = serde_json::to_vec(&after).map_err(|e| on(&path)(e.into()))?;
                let mut file = self.temporary()?;
                file.write_all(&text).map_err(on(&path))?;
                publish(file, &path, true)?;
            }
            None if before.is_some() => {
                remove_if_there(&path)?;
                sync_parent(&path)?;
            }
            None => {}
        }
        Ok(before)
    }
    /// The lock that every change of a ref holds. It lies beside the refs, since a rename changes the file behind a name.
    fn lock_references(&self) -> Result<Option<File>, StoreError> {
        if !self.has_locks() {
            return Ok(None);
        }
        let path = self.path("refs.lock");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(on(&path))?;
        file.lock().map_err(on(&path))?;
        Ok(Some(file))
    }
}

fn parse(object: &str, bytes: &[u8]) -> Result<Ref, StoreError> {
    serde_json::from_slice(bytes).map_err(|e| StoreError::Damaged { object: format!("refs/{object}"), cause: e.to_string() })
}
