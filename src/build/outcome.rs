//! What a build did, or would do: the JSON shapes of `build --json` and `plan --json`.

use serde::Serialize;

use crate::deliver::Receipt;
use crate::oci::{Digest, Reference};
use crate::pin::{Action, Lock};
use crate::plan::{LayerKind, Measure, Told};
use crate::script::PassedOver;
use crate::transport::Root;

use super::Request;
use super::layers::Made;
use super::prepare::Prepared;
use super::targets::Finished;

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
    /// What it holds, and why; only a plan says it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
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
    /// The version that was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_version: Option<String>,
    /// Bytes of its archive; 0 for a removal.
    pub size: u64,
    /// Why it changes.
    pub reason: String,
    /// How its scripts are handled.
    pub handling: Handling,
    /// Scripts that are evaluated.
    pub scripts: Vec<String>,
    /// What these scripts call that is passed over, or that a recipe stands in for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// Why it is left to dpkg in the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deferred: Option<String>,
}

/// How a package's scripts are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Handling {
    /// It has none that dpkg would run.
    None,
    /// They are evaluated.
    Evaluated,
    /// What is not covered is left to dpkg in the container.
    Deferred,
}

/// One platform of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedImage {
    /// The name, familiar; empty where the image has none.
    pub name: String,
    /// `NAME@sha256:…`, where the digest is known.
    pub reference: Option<String>,
    /// Of the manifest, where every layer was linked before.
    pub digest: Option<Digest>,
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

/// The packages that change, with how their scripts were handled.
pub(super) fn packages(one: &Prepared) -> Vec<PlannedPackage> {
    let told = one.told.iter().cloned().chain(std::iter::repeat_with(Told::default));
    let packages = one.inputs.packages.iter().zip(told);
    packages
        .map(|(package, Told { reason, handled })| PlannedPackage {
            name: package.name.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            action: package.action,
            layer: package.recipe.clone(),
            old_version: package.old_version.clone(),
            size: package.size,
            reason,
            handling: match (&handled.deferred, handled.evaluated.is_empty()) {
                (Some(_), _) => Handling::Deferred,
                (None, true) => Handling::None,
                (None, false) => Handling::Evaluated,
            },
            scripts: handled.evaluated,
            passed_over: handled.passed_over,
            deferred: handled.deferred,
        })
        .collect()
}

pub(super) fn built_layer(made: &Made) -> BuiltLayer {
    BuiltLayer {
        digest: Some(made.linked.digest),
        size: Some(made.linked.size),
        kind: made.kind,
        recipe: made.recipe.clone(),
        reused: made.reused,
        measure: None,
    }
}

pub(super) fn outcome(
    request: &Request,
    finished: &[Finished],
    built: &[Vec<BuiltLayer>],
    root: &Root,
    receipts: &[Receipt],
    notes: Vec<String>,
    lock: Lock,
) -> Outcome {
    let (sent_bytes, mounted_bytes) = receipts.iter().fold((0, 0), |(s, m), r| (s + r.sent_bytes, m + r.mounted_bytes));
    let names: Vec<String> =
        if request.names.is_empty() { vec![String::new()] } else { request.names.iter().map(Reference::familiar).collect() };
    let mut images = Vec::new();
    for name in &names {
        for (image, layers) in finished.iter().zip(built) {
            let digest = image.assembled.manifest.descriptor.digest;
            images.push(BuiltImage {
                name: name.clone(),
                reference: reference(name, digest),
                digest,
                platform: image.base.platform.to_string(),
                layers: layers.clone(),
                sent_bytes,
                mounted_bytes,
            });
        }
    }
    let several = finished.len() > 1;
    let index = |name: &String| BuiltIndex {
        name: name.clone(),
        reference: reference(name, root.descriptor.digest),
        digest: root.descriptor.digest,
    };
    let indexes = if several { names.iter().map(index).collect() } else { Vec::new() };
    Outcome { images, indexes, notes, lock }
}

/// `NAME@sha256:…` without tag; an image without a name is its digest alone.
pub(super) fn reference(name: &str, digest: Digest) -> String {
    match name.parse::<Reference>() {
        Ok(name) => format!("{}@{digest}", name.repository.familiar()),
        Err(_) => digest.to_string(),
    }
}
