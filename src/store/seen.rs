//! Sightings: what digest a name had where it was last looked up, and when.
//!
//! Invariant: the time comes from the caller. A sighting that cannot be read is none.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Store, StoreError, names, on, publish, read_if_there};
use crate::oci::Digest;

/// A name's digest at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What it had.
    pub digest: Digest,
    /// When that was checked; whole seconds.
    pub checked: SystemTime,
}

/// The document in the file.
#[derive(Serialize, Deserialize)]
struct Seen {
    name: String,
    digest: Digest,
    /// Seconds since 1970.
    checked: u64,
}

impl Store {
    /// What was last seen under `name` (a reference, a URI).
    pub fn seen(&self, name: &str) -> Result<Option<Sighting>, StoreError> {
        let bytes = read_if_there(&self.path("seen").join(names::encode(name)))?;
        let seen: Option<Seen> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(seen.filter(|seen| seen.name == name).and_then(|seen| {
            let checked = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seen.checked))?;
            Some(Sighting { digest: seen.digest, checked })
        }))
    }
    /// Remembers what `name` has now.
    pub fn set_seen(&self, name: &str, sighting: &Sighting) -> Result<(), StoreError> {
        let path = self.path("seen").join(names::encode(name));
        let checked = sighting.checked.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let seen = Seen { name: name.to_owned(), digest: sighting.digest, checked };
        let text = serde_json::to_vec(&seen).map_err(|e| on(&path)(e.into()))?;
        let mut file = self.temporary()?;
        file.write_all(&text).map_err(on(&path))?;
        publish(file, &path, false)
    }
}
