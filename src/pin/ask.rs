//! What is asked of the archives, and what was chosen: plain values.
//!
//! Invariant: time, mirrors and allowances come in here; nothing of `pin` reads them elsewhere.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::oci::Digest;
use crate::rootfs::RootFs;

use super::{ArchiveIndex, Call, LockedPackage};

/// A question to the archives that a base names.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The base.
    pub rootfs: &'a RootFs,
    /// Debian's word for its architecture: `amd64`.
    pub architecture: &'a str,
    /// In order: the profile's, then the file's; each starts where the one before it ended.
    pub requests: Vec<SolverRequest>,
    /// Against which dates of archives and ages of indexes are judged.
    pub now: SystemTime,
    /// Archives past their `Valid-Until` are taken.
    pub allow_expired: bool,
    /// Nothing is asked of the network.
    pub offline: bool,
    /// Archives are asked even where their indexes are young.
    pub refresh: bool,
    /// Up to this age an index is young.
    pub max_age: Duration,
    /// Archives beside those that the base names, behind them.
    pub sources: &'a [NamedSource],
    /// Prefixes of canonical addresses, and what is asked in their place; the longest prefix counts.
    pub mirrors: &'a [(String, String)],
}

/// One `apt-get install`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SolverRequest {
    /// Units in order: name, and arguments as `apt-get install` takes them.
    pub units: Vec<(String, Vec<String>)>,
    /// Whether recommended packages are wanted; the base's configuration decides where nothing is said.
    pub recommends: Option<bool>,
    /// The package files of this machine that the arguments name.
    pub files: Vec<LocalPackage>,
}

/// An archive that the user names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSource {
    /// Who says so: `plywood.toml`.
    pub said_by: String,
    /// A stanza of deb822 with the key inside.
    pub stanza: String,
    /// The roots that it names, as written.
    pub uris: Vec<String>,
}

/// A package file of this machine, which the store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPackage {
    /// The argument that names it.
    pub word: String,
    /// Of its bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Its control file.
    pub control: Arc<[u8]>,
}

impl SolverRequest {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.units.iter().all(|(_, words)| words.is_empty())
    }
}

/// What was chosen: the archives' part of a lock's inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Chosen {
    /// The archives that were asked, in the order of the base's sources.
    pub indexes: Vec<ArchiveIndex>,
    /// Packages that change, in unpack order; removals where they happen.
    pub packages: Vec<LockedPackage>,
    /// dpkg's calls.
    pub calls: Vec<Call>,
    /// The text of `/var/lib/apt/extended_states` at the end; nothing if no package changes.
    pub extended_states: Option<String>,
    /// The newest `Date` of the archives, seconds since 1970.
    pub newest_release: Option<i64>,
    /// What a user should know although it went on.
    pub warnings: Vec<String>,
    /// Whether an archive was left out, or answered for by its last known state.
    #[serde(default)]
    pub is_makeshift: bool,
    /// What `plan` says.
    pub notes: Vec<String>,
}
