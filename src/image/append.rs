//! Adds layers and config changes to a base: a new config, a new manifest, every other byte as it was.
//!
//! Invariant: a function of its arguments; no time, no version of ours. Nothing to change gives the base's own manifest.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::edit::{drop_root_label, list, object, section, set_root_labels};
use super::{BASE_DIGEST, BASE_NAME, Base, ConfigEdits, ImageError, LAYER_LIMIT, RECORD_LABEL};
use crate::oci::{Compression, Descriptor, DiffId, Digest, Family, MediaType};
use crate::transport::Root;

/// A layer to put on top.
#[derive(Clone, Debug)]
pub struct Addition {
    /// Its blob. The media type's spelling is changed to the base's family.
    pub descriptor: Descriptor,
    /// Digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// For the history: `plywood: recipe sshd`.
    pub created_by: String,
}

/// Where the result comes from; written only where something changes.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// The base's canonical reference, where it has one: it lies in a registry.
    pub base_name: Option<String>,
    /// The digest that the base was resolved to.
    pub base_digest: Digest,
    /// The record of recipes, layer keys and config changes, for the label.
    pub record: Option<String>,
    /// More annotations for the manifest (OCI), or labels (schema 2).
    pub annotations: BTreeMap<String, String>,
}

/// A new image: its documents. Its layers are the base's and the added ones.
#[derive(Clone, Debug)]
pub struct Assembled {
    /// The manifest.
    pub manifest: Root,
    /// The config.
    pub config: (Descriptor, Bytes),
    /// Whether this is the base itself.
    pub unchanged: bool,
}

/// Puts `layers` on top of `base`, bottom to top, and applies `edits` to its config.
pub fn append(base: &Base, layers: &[Addition], edits: &ConfigEdits, provenance: &Provenance) -> Result<Assembled, ImageError> {
    let total = base.manifest.layers.len() + layers.len();
    if total > LAYER_LIMIT && !layers.is_empty() {
        return Err(ImageError::LayerLimit { layers: total });
    }
    let mut config = base.config.value().clone();
    let changed = edits.apply(&mut config)?;
    if !changed && layers.is_empty() {
        let manifest = Root { descriptor: base.manifest.descriptor(), raw: base.manifest.raw.clone() };
        return Ok(Assembled { manifest, config: (base.manifest.config.clone(), base.config.raw.clone()), unchanged: true });
    }
    let mut annotations = provenance.annotations.clone();
    match &provenance.base_name {
        Some(name) => drop(annotations.insert(BASE_NAME.into(), name.clone())),
        // What the base says of its own base is not true of the result.
        None => drop_root_label(&mut config, BASE_NAME),
    }
    annotations.insert(BASE_DIGEST.into(), provenance.base_digest.to_string());
    let record = provenance.record.iter().map(|record| (RECORD_LABEL.to_owned(), record.clone()));
    let mut labels: BTreeMap<String, String> = record.collect();
    if base.family == Family::Docker {
        labels.append(&mut annotations);
    }
    if !labels.is_empty() {
        set_root_labels(&mut config, &labels)?;
    }
    let root = object(&mut config, "the document")?;
    if let Some(created) = &edits.created {
        root.insert("created".into(), json!(created));
    }
    add_to_config(root, base, layers, changed)?;
    let config = Bytes::from(config.to_string());
    let descriptor = Descriptor::of(base.manifest.config.media_type.clone(), &config);
    let manifest = manifest(base, layers, &descriptor, &annotations)?;
    Ok(Assembled { manifest, config: (descriptor, config), unchanged: false })
}

fn add_to_config(root: &mut Map<String, Value>, base: &Base, layers: &[Addition], changed: bool) -> Result<(), ImageError> {
    let diff_ids = list(section(root, "rootfs")?, "diff_ids")?;
    diff_ids.extend(layers.iter().map(|layer| json!(layer.diff_id)));
    // A history that starts in the middle would speak of fewer layers than there are.
    if base.config.history_layers.is_none() && !base.manifest.layers.is_empty() {
        return Ok(());
    }
    let history = list(root, "history")?;
    for layer in layers {
        let mut entry = Map::new();
        entry.insert("created_by".into(), json!(layer.created_by));
        history.push(Value::Object(entry));
    }
    if changed {
        history.push(json!({"created_by": "plywood: config", "empty_layer": true}));
    }
    Ok(())
}

fn manifest(
    base: &Base,
    layers: &[Addition],
    config: &Descriptor,
    annotations: &BTreeMap<String, String>,
) -> Result<Root, ImageError> {
    let mut value = base.manifest.value().clone();
    let root = object(&mut value, "the manifest")?;
    // The result refers to nothing; only the base may have been a referrer.
    root.shift_remove("subject");
    let of_config = section(root, "config")?;
    of_config.insert("digest".into(), json!(config.digest));
    of_config.insert("size".into(), json!(config.size));
    // An embedded copy would be the base's config.
    of_config.shift_remove("data");
    let stack = list(root, "layers")?;
    for layer in layers {
        let media_type = in_family(&layer.descriptor.media_type, base.family);
        stack.push(json!({"mediaType": media_type, "digest": layer.descriptor.digest, "size": layer.descriptor.size}));
    }
    if !annotations.contains_key(BASE_NAME)
        && let Some(own) = root.get_mut("annotations").and_then(Value::as_object_mut)
    {
        own.shift_remove(BASE_NAME);
    }
    if !annotations.is_empty() {
        let section = section(root, "annotations")?;
        for (key, text) in annotations {
            section.insert(key.clone(), json!(text));
        }
    }
    let raw = Bytes::from(value.to_string());
    Ok(Root { descriptor: Descriptor::of(base.manifest.media_type.clone(), &raw), raw })
}

/// A layer type as a family spells it; what is no known layer type stays as it is.
fn in_family(media_type: &MediaType, family: Family) -> MediaType {
    let text = match (media_type.layer_compression(), family) {
        (Some(Compression::None), Family::Oci) => MediaType::OCI_LAYER,
        (Some(Compression::Gzip), Family::Oci) => MediaType::OCI_LAYER_GZIP,
        (Some(Compression::Zstd), Family::Oci) => MediaType::OCI_LAYER_ZSTD,
        (Some(Compression::None), Family::Docker) => MediaType::DOCKER_LAYER,
        (Some(Compression::Gzip), Family::Docker) => MediaType::DOCKER_LAYER_GZIP,
        (Some(Compression::Zstd), Family::Docker) => "application/vnd.docker.image.rootfs.diff.tar.zstd",
        _ => return media_type.clone(),
    };
    MediaType::new(text)
}

#[cfg(test)]
mod tests;
