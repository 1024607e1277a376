//! What a build did, or would do: the JSON shapes of `build --json` and `plan --json`.

use serde::Serialize;

use crate::oci::Digest;
use crate::pin::{Action, Lock};
use crate::plan::LayerKind;

/// The document of `build --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// One entry for each name and platform.
    pub images: Vec<BuiltImage>,
    /// One entry for each name, where several platforms make an index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<BuiltIndex>,
    /// What was decided, in words.
    pub notes: Vec<String>,
    /// The lock with its results.
    #[serde(skip)]
    pub lock: Lock,
}

/// One image under one name.
#[derive(Clone, Debug, Serialize)]
pub struct BuiltImage {
    /// The name, familiar; empty where the image has none.
    pub name: String,
    /// `NAME@sha256:…`
    pub reference: String,
    /// Of the manifest.
    pub digest: Digest,
    /// `linux/amd64`
    pub platform: String,
    /// Ours, bottom to top.
    pub layers: Vec<BuiltLayer>,
    /// Bytes of blobs that were sent.
    pub sent_bytes: u64,
    /// Bytes of blobs that were mounted.
    pub mounted_bytes: u64,
}

/// An index under one name.
#[derive(Clone, Debug, Serialize)]
pub struct BuiltIndex {
    /// The name.
    pub name: String,
    /// `NAME@sha256:…`
    pub reference: String,
    /// Of the index.
    pub digest: Digest,
}

/// A layer of ours.
#[derive(Clone, Debug, Serialize)]
pub struct BuiltLayer {
    /// Of the blob; nothing in a plan whose layer was never linked.
    pub digest: Option<Digest>,
    /// Bytes of the blob.
    pub size: Option<u64>,
    /// Ply, state, glue or tar.
    pub kind: LayerKind,
    /// The recipe's name; empty for state and glue.
    pub recipe: String,
    /// Whether it was there before.
    pub reused: bool,
}

/// A package that changes, in a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedPackage {
    /// Name.
    pub name: String,
    /// New version; of a removal the old one.
    pub version: String,
    /// `amd64`, `all`
    pub architecture: String,
    /// Install, upgrade or remove.
    pub action: Action,
    /// The recipe whose ply has it.
    pub layer: String,
    /// Scripts that are evaluated.
    pub scripts: Vec<String>,
}

/// One platform of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedImage {
    /// The base, canonical.
    pub base: String,
    /// Of the base's manifest.
    pub base_digest: Digest,
    /// `linux/amd64`
    pub platform: String,
    /// Bottom to top.
    pub layers: Vec<BuiltLayer>,
    /// Only packages that change.
    pub packages: Vec<PlannedPackage>,
    /// What was decided, in words.
    pub notes: Vec<String>,
}
