//! What a build is asked to do, as values: nothing here was read from the environment or a clock.

use std::path::PathBuf;

use crate::oci::{Platform, Reference};
use crate::plan::{ScriptPolicy, UidTaken};
use crate::recipe::{Ask, Library};

use super::Location;

/// Where an image goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Pushed under these names, each with its registry.
    Push(Vec<Reference>),
    /// Loaded into the engine under these names.
    Load(Vec<Reference>),
    /// An OCI layout, and the tag there.
    Layout(PathBuf, String),
    /// One tar file.
    Tar(PathBuf),
    /// One tar on standard output.
    Stdout,
}

/// How the lock is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockUse {
    /// The lock's text, if there is one, and what messages call it.
    pub text: Option<(String, Vec<u8>)>,
    /// A stale or absent lock is an error.
    pub locked: bool,
}

/// One build.
#[derive(Clone, Debug)]
pub struct Request {
    /// The base.
    pub base: Location,
    /// The base as the user wrote it, less `docker://`.
    pub base_words: String,
    /// Platforms, one image each; the host's where none is asked for.
    pub platforms: Vec<Platform>,
    /// Recipes, profile, file and flags.
    pub ask: Ask,
    /// What recipe names mean.
    pub library: Library,
    /// Names of the image.
    pub names: Vec<Reference>,
    /// Where it goes.
    pub destinations: Vec<Destination>,
    /// The lock.
    pub lock: LockUse,
    /// Recommended packages, for both requests.
    pub recommends: Option<bool>,
    /// What happens to a taken UID.
    pub uid_taken: UidTaken,
    /// A conda installer in place of the recipe's: a path or an address.
    pub installer: Option<String>,
    /// What happens where a package's script is not covered.
    pub scripts: ScriptPolicy,
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: Option<i64>,
    /// One layer in place of several.
    pub fold: bool,
    /// ONBUILD triggers are passed over.
    pub ignore_onbuild: bool,
    /// Nothing is asked of archives.
    pub offline: bool,
    /// Archives are asked even where their indexes are young.
    pub refresh: bool,
    /// Age in seconds up to which indexes are young.
    pub max_age: u64,
    /// Indexes past Valid-Until are accepted.
    pub allow_expired: bool,
    /// Prefixes of archive URIs, and what is asked in their place.
    pub apt_mirrors: Vec<(String, String)>,
    /// Prefixes of addresses of conda packages and installers, and what is asked in their place.
    pub conda_mirrors: Vec<(String, String)>,
}
