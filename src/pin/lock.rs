//! The lock: every input of a build by digest, per platform; after link also the results.
//!
//! Invariant: `plan` reads `inputs` only. An unlocked build makes the same document in memory, so that "same digest tomorrow"
//! and `--locked` are one path. URIs are canonical: a mirror's host never stands here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Class, Fault, Side};
use crate::oci::{DiffId, Digest};

/// The file `plywood.lock`: JSON, keys in fixed order, one newline at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Format of this file.
    pub version: u32,
    /// By platform as `os/architecture[/variant]`.
    pub platforms: BTreeMap<String, PlatformLock>,
}

/// One platform of a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformLock {
    /// Made by `pin`.
    pub inputs: Inputs,
    /// Added after link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Results>,
}

/// All that a plan is a function of, besides the files of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The base as it was named, canonical.
    pub base: String,
    /// The digest of its manifest for this platform.
    pub base_digest: Digest,
    /// The digest that the name itself had: an index's, or the manifest's.
    pub named_digest: Digest,
    /// Recipes, profile and file, weakest first.
    pub recipes: Vec<RecipeInput>,
    /// Trees and ready layers of the project, by the digest of what they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Digest>,
    /// The digest of what the command line adds and decides.
    pub flags: Digest,
    /// Archive indexes that the packages were chosen from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<ArchiveIndex>,
    /// Whether an expired index was accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_expired: bool,
    /// Day number for shadow, if any is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_day: Option<u32>,
    /// Packages that change, in unpack order; removals where they happen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<LockedPackage>,
    /// dpkg's calls, in order: the profile's request, then the file's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// apt's auto marks as `extended_states` shall say them: package, architecture, in the file's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_states: Option<String>,
    /// What conda prefixes are linked from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conda: Vec<LockedConda>,
}

/// A unit of the recipes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeInput {
    /// `recipe sshd`
    pub name: String,
    /// Of its text.
    pub digest: Digest,
}

/// An archive index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveIndex {
    /// URI of the archive's root as the base's sources say it.
    pub uri: String,
    /// Suite as the sources say it.
    pub suite: String,
    /// Of the `InRelease` (or `Release`) file.
    pub release: Digest,
    /// Its `Date`, seconds since 1970.
    pub date: i64,
}

/// What a conda prefix is linked from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedConda {
    /// The unit whose ply it is.
    pub recipe: String,
    /// Absolute.
    pub prefix: String,
    /// The installer, or the packages of a list in their order; nothing where the base has the prefix.
    pub files: Vec<LockedFile>,
}

/// A file by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// Canonical address, or the name of a file of this machine.
    pub location: String,
    /// Of its bytes.
    pub sha256: Digest,
    /// Its bytes.
    pub size: u64,
}

/// What happens to a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// New.
    Install,
    /// Another version is there.
    Upgrade,
    /// It goes.
    Remove,
}

/// A package that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Its name.
    pub name: String,
    /// Of the new version; of the old one for a removal.
    pub version: String,
    /// `amd64`, `all`.
    pub architecture: String,
    /// What happens.
    pub action: Action,
    /// The version that was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_version: Option<String>,
    /// Of the .deb; nothing for a removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Bytes of the .deb.
    #[serde(default)]
    pub size: u64,
    /// Where the .deb lies: canonical archive URI and path below it, or the path of a local file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Nobody asked for it by name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto: bool,
    /// The unit whose ply it goes to: `sshd`, or the file's name.
    pub recipe: String,
}

/// One run of dpkg. Numbers are places in `packages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Call {
    /// `dpkg --unpack`
    Unpack(Vec<usize>),
    /// `dpkg --configure`, in this order.
    Configure(Vec<usize>),
    /// `dpkg --remove`
    Remove(Vec<usize>),
    /// The end of a request to the solver: every trigger has run.
    Finish,
}

/// What a build made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// Ours, bottom to top.
    pub layers: Vec<LinkedLayer>,
    /// Of the image's manifest.
    pub manifest: Digest,
}

/// A layer of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkedLayer {
    /// Of the blob.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// Of the tar.
    pub diff_id: DiffId,
}

/// What can be wrong with a lock file.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Not JSON of this form.
    #[error("lock {file}: {cause}")]
    Malformed {
        /// As the user named it.
        file: String,
        /// Where and why.
        cause: serde_json::Error,
    },
    /// Of another format.
    #[error("lock {file} has version {version}, this program reads version {}", Lock::VERSION)]
    Version {
        /// As the user named it.
        file: String,
        /// Its version.
        version: u32,
    },
    /// Made for other recipes, another base or another platform.
    #[error("lock {file} is stale: {reason}")]
    Stale {
        /// As the user named it.
        file: String,
        /// The first difference.
        reason: String,
    },
}

impl Fault for LockError {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Recipe
    }
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Stale { .. }).then(|| "leave out --locked to pin anew, or remove the lock file".into())
    }
}

impl Lock {
    /// The format of this program.
    pub const VERSION: u32 = 1;

    /// A lock of one platform.
    pub fn of(platform: &str, inputs: Inputs) -> Self {
        let entry = PlatformLock { inputs, results: None };
        Self { version: Self::VERSION, platforms: BTreeMap::from([(platform.to_owned(), entry)]) }
    }
    /// Reads a lock file's text; `file` is what messages call it.
    pub fn parse(file: &str, text: &[u8]) -> Result<Self, LockError> {
        let lock: Self = serde_json::from_slice(text).map_err(|cause| LockError::Malformed { file: file.into(), cause })?;
        if lock.version == Self::VERSION { Ok(lock) } else { Err(LockError::Version { file: file.into(), version: lock.version }) }
    }
    /// The file's text.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl Inputs {
    /// The digest that a plan's key is made from.
    pub fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }
    /// Why this lock does not fit what is asked for now; nothing if it fits.
    pub fn stale(&self, fresh: &Self) -> Option<String> {
        if self.base_digest != fresh.base_digest {
            return Some(format!("the base is {} now, it was {}", fresh.base_digest, self.base_digest));
        }
        for (now, then) in fresh.recipes.iter().zip(&self.recipes) {
            if now != then {
                return Some(format!("{} has changed", now.name));
            }
        }
        if fresh.recipes.len() != self.recipes.len() {
            return Some("other recipes are asked for".into());
        }
        if self.files != fresh.files {
            return Some("a file of the project has changed".into());
        }
        (self.flags != fresh.flags).then(|| "the command line says something else".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs() -> Inputs {
        let digest = Digest::of(b"base");
        Inputs {
            base: "docker.io/library/debian:12".into(),
            base_digest: digest,
            named_digest: digest,
            recipes: vec![RecipeInput { name: "recipe sshd".into(), digest }],
            files: Vec::new(),
            flags: digest,
            indexes: Vec::new(),
            allow_expired: false,
            shadow_day: Some(20_000),
            packages: Vec::new(),
            calls: vec![Call::Unpack(vec![0, 1]), Call::Finish],
            extended_states: None,
            conda: Vec::new(),
        }
    }

    #[test]
    fn a_lock_reads_back_as_it_was_written() {
        let lock = Lock::of("linux/amd64", inputs());
        assert_eq!(Lock::parse("plywood.lock", lock.to_text().as_bytes()).expect("reads"), lock);
    }

    #[test]
    fn a_lock_of_another_format_or_with_unknown_keys_is_refused() {
        let text = Lock::of("linux/amd64", inputs()).to_text();
        assert!(matches!(
            Lock::parse("f", text.replace("\"version\": 1", "\"version\": 9").as_bytes()),
            Err(LockError::Version { .. })
        ));
        assert!(Lock::parse("f", text.replace("\"base\"", "\"bass\"").as_bytes()).is_err());
    }

    #[test]
    fn a_lock_says_what_made_it_stale() {
        let (lock, other) = (inputs(), Digest::of(b"other"));
        assert_eq!(lock.stale(&inputs()), None);
        let recipes = vec![RecipeInput { name: "recipe sshd".into(), digest: other }];
        for (fresh, reason) in [
            (Inputs { base_digest: other, ..inputs() }, "the base is sha256:"),
            (Inputs { recipes, ..inputs() }, "recipe sshd has changed"),
            (Inputs { recipes: Vec::new(), ..inputs() }, "other recipes are asked for"),
            (Inputs { files: vec![other], ..inputs() }, "a file of the project has changed"),
            (Inputs { flags: other, ..inputs() }, "the command line says something else"),
        ] {
            assert!(lock.stale(&fresh).is_some_and(|r| r.starts_with(reason)), "{reason}");
        }
    }
}
