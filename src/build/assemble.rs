//! Base and layers to an image: documents of the result, the record label, the lock's results.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::Result;
use crate::image::{Addition, Assembled, Base, ConfigEdits, Provenance, append};
use crate::oci::{Civil, Descriptor, Digest, Family, MediaType};
use crate::plan::LayerKind;
use crate::recipe::Config;

use super::BuildError;
use super::layers::Made;

/// What the label `dev.plywood.record` says: enough to peel and rebase; no time, no host.
#[derive(Serialize)]
struct Record<'a> {
    base: &'a str,
    base_digest: Digest,
    recipes: Vec<&'a str>,
    layers: Vec<RecordedLayer<'a>>,
    config: Vec<String>,
}

#[derive(Serialize)]
struct RecordedLayer<'a> {
    kind: LayerKind,
    #[serde(skip_serializing_if = "str::is_empty")]
    recipe: &'a str,
    key: Digest,
}

/// What is known of the base by name.
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    /// Its reference, if it lies in a registry.
    pub(super) reference: Option<String>,
    pub(super) digest: Digest,
    pub(super) recipes: Vec<&'a str>,
}

pub(super) fn assemble(base: &Base, named: &Named<'_>, layers: &[Made], config: &Config, epoch: Option<i64>) -> Result<Assembled> {
    let media_type = match base.family {
        Family::Oci => MediaType::OCI_LAYER_GZIP,
        Family::Docker => MediaType::DOCKER_LAYER_GZIP,
    };
    let additions: Vec<Addition> = layers
        .iter()
        .map(|layer| Addition {
            descriptor: Descriptor::new(media_type, layer.linked.digest, layer.linked.size),
            diff_id: layer.linked.diff_id,
            created_by: created_by(layer),
        })
        .collect();
    let edits = ConfigEdits {
        env: config.env.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        labels: config.labels.clone(),
        user: config.user.clone(),
        workdir: config.workdir.clone(),
        entrypoint: config.entrypoint.clone(),
        cmd: config.cmd.clone(),
        created: epoch.map(rfc3339),
    };
    let record = Record {
        base: named.name,
        base_digest: named.digest,
        recipes: named.recipes.clone(),
        layers: layers.iter().map(|l| RecordedLayer { kind: l.kind, recipe: &l.recipe, key: l.key.0 }).collect(),
        config: changed_keys(config),
    };
    let provenance = Provenance {
        base_name: named.reference.clone(),
        base_digest: named.digest,
        record: serde_json::to_string(&record).ok(),
        annotations: BTreeMap::new(),
    };
    let assembled = append(base, &additions, &edits, &provenance)?;
    if !assembled.unchanged {
        read_back(base.family, &assembled)?;
    }
    Ok(assembled)
}

/// What we wrote must be what the spec's own types read: a second pair of eyes on our ordered writer.
fn read_back(family: Family, assembled: &Assembled) -> Result<()> {
    let wrong = |what: &str, e: &dyn std::fmt::Display| BuildError::Unreadable { what: what.into(), reason: e.to_string() };
    let config = oci_spec::image::ImageConfiguration::from_reader(&assembled.config.1[..]).map_err(|e| wrong("config", &e))?;
    if family == Family::Oci {
        let manifest =
            oci_spec::image::ImageManifest::from_reader(&assembled.manifest.raw[..]).map_err(|e| wrong("manifest", &e))?;
        if manifest.layers().len() != config.rootfs().diff_ids().len() {
            return Err(wrong("manifest", &"it has not as many layers as its config").into());
        }
    }
    Ok(())
}

fn created_by(layer: &Made) -> String {
    match (layer.kind, layer.recipe.as_str()) {
        (LayerKind::Ply, recipe) => format!("plywood: recipe {recipe}"),
        (LayerKind::State, _) => "plywood: state".into(),
        (LayerKind::Glue, _) => "plywood: glue".into(),
        (LayerKind::Tar, _) => "plywood: ready layer".into(),
    }
}

fn changed_keys(config: &Config) -> Vec<String> {
    let mut keys: Vec<String> = config.env.keys().map(|k| format!("env {k}")).collect();
    keys.extend(config.labels.keys().map(|k| format!("label {k}")));
    let single = [
        ("user", config.user.is_some()),
        ("workdir", config.workdir.is_some()),
        ("entrypoint", config.entrypoint.is_some()),
        ("cmd", config.cmd.is_some()),
    ];
    keys.extend(single.into_iter().filter(|(_, set)| *set).map(|(key, _)| key.to_owned()));
    keys
}

/// Seconds since 1970 as RFC 3339 in UTC.
fn rfc3339(seconds: i64) -> String {
    let civil = Civil::of(seconds);
    format!("{}T{:02}:{:02}:{:02}Z", civil.date(), civil.hour, civil.minute, civil.second)
}

/// The day of an RFC 3339 time as seconds since 1970; nothing where it is none.
pub(super) fn seconds_of(text: &str) -> Option<i64> {
    let mut parts = text.get(..10)?.split('-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(Civil::days(year, month, day) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_reads_back() {
        for seconds in [0, 951_782_400, 1_795_478_400, 4_107_542_400] {
            assert_eq!(seconds_of(&rfc3339(seconds)), Some(seconds));
        }
        for bad in ["", "yesterday", "2026-13-01", "2026-1"] {
            assert_eq!(seconds_of(bad), None, "{bad}");
        }
    }
}
