//! `plywood inspect IMAGE`: its documents, told or byte for byte.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{During as _, Result};
use crate::image::select;
use crate::oci::{Config, Descriptor, Digest, Manifest};

use super::described::{config, platforms};
use super::{Found, block_on, find, wanted_platform};
use crate::cli::args::Image;
use crate::cli::host::Host;
use crate::cli::output::Output;
use crate::cli::plain::{bytes, plain};
use crate::cli::report::Report;

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Lines for people, or the JSON document of `--json`.
    Told,
    /// The manifest or index.
    Raw,
    /// The config.
    Config,
}

/// The document of `--json`.
#[derive(Debug, Serialize)]
struct Inspected {
    name: String,
    digest: Digest,
    media_type: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<Child>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Shown>,
}

#[derive(Debug, Serialize)]
struct Child {
    platform: Option<String>,
    digest: Digest,
    size: u64,
}

#[derive(Debug, Serialize)]
struct Shown {
    digest: Digest,
    platform: String,
    created: Option<String>,
    user: String,
    workdir: String,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Vec<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    config: Digest,
    layers: Vec<Layer>,
}

#[derive(Debug, Serialize)]
struct Layer {
    digest: Digest,
    size: u64,
    media_type: String,
}

pub(super) fn run(image: &Image, shape: Shape, host: &Host, report: &Arc<Report>) -> Result<()> {
    let mut output = Output::new();
    block_on(async {
        let found = find(image, host, report).await?;
        match shape {
            Shape::Raw => output.bytes(&found.root.raw),
            Shape::Config => {
                let manifest = select(&*found.source, &found.root, &wanted_platform(&image.choice)).await?;
                output.bytes(&config(&*found.source, &manifest).await?.raw)
            }
            Shape::Told => {
                let inspected = inspected(&found, image).await.during(|| format!("reading {}", found.location))?;
                if host.global.json { output.json(&inspected) } else { tell(&inspected, &mut output) }
            }
        }
    })?;
    output.finish()
}

async fn inspected(found: &Found, image: &Image) -> Result<Inspected> {
    let platforms = platforms(&found.root)?;
    let wanted = wanted_platform(&image.choice);
    let fits =
        |descriptor: &(Option<crate::oci::Platform>, Descriptor)| descriptor.0.as_ref().is_some_and(|p| p.satisfies(&wanted));
    // An index without an image for this machine is shown as what it has.
    let is_there = platforms.is_empty() || platforms.iter().any(fits);
    let shown = if is_there { Some(select(&*found.source, &found.root, &wanted).await?) } else { None };
    let shown = match shown {
        Some(manifest) if manifest.config.media_type.is_config() => {
            let config = config(&*found.source, &manifest).await?;
            Some(image_of(&manifest, &config))
        }
        _ => None,
    };
    let child = |(platform, descriptor): (Option<crate::oci::Platform>, Descriptor)| Child {
        platform: platform.map(|p| p.to_string()),
        digest: descriptor.digest,
        size: descriptor.size,
    };
    Ok(Inspected {
        name: found.location.to_string(),
        digest: found.root.descriptor.digest,
        media_type: found.root.descriptor.media_type.to_string(),
        platforms: platforms.into_iter().map(child).collect(),
        image: shown,
    })
}

fn image_of(manifest: &Manifest, config: &Config) -> Shown {
    let layer = |d: &Descriptor| Layer { digest: d.digest, size: d.size, media_type: d.media_type.to_string() };
    Shown {
        digest: manifest.descriptor().digest,
        platform: config.platform.to_string(),
        created: config.created.clone(),
        user: config.user.clone(),
        workdir: config.workdir.clone(),
        entrypoint: config.entrypoint.clone(),
        cmd: config.cmd.clone(),
        env: config.env.clone(),
        labels: config.labels.clone(),
        annotations: manifest.annotations.clone(),
        config: manifest.config.digest,
        layers: manifest.layers.iter().map(layer).collect(),
    }
}

fn tell(inspected: &Inspected, output: &mut Output) -> Result<()> {
    let mut row = |key: &str, value: &str| output.line(format!("{key:<11} {}", plain(value)).trim_end());
    row("Name", &inspected.name)?;
    row("Digest", &inspected.digest.to_string())?;
    row("MediaType", &inspected.media_type)?;
    for child in &inspected.platforms {
        row("Platform", &format!("{} {}", child.platform.as_deref().unwrap_or("unknown"), child.digest))?;
    }
    let Some(image) = &inspected.image else { return Ok(()) };
    let words = |words: &Option<Vec<String>>| words.as_ref().map(|w| serde_json::to_string(w).unwrap_or_default());
    row("Image", &format!("{} {}", image.platform, image.digest))?;
    for (key, value) in [
        ("Created", image.created.clone()),
        ("User", Some(image.user.clone()).filter(|u| !u.is_empty())),
        ("WorkingDir", Some(image.workdir.clone()).filter(|w| !w.is_empty())),
        ("Entrypoint", words(&image.entrypoint)),
        ("Cmd", words(&image.cmd)),
    ] {
        if let Some(value) = value {
            row(key, &value)?;
        }
    }
    for line in &image.env {
        row("Env", line)?;
    }
    for (kind, pairs) in [("Label", &image.labels), ("Annotation", &image.annotations)] {
        for (key, value) in pairs {
            row(kind, &format!("{key}={value}"))?;
        }
    }
    row("Config", &image.config.to_string())?;
    let total = image.layers.iter().fold(0u64, |sum, layer| sum.saturating_add(layer.size));
    row("Layers", &format!("{}, {}", image.layers.len(), bytes(total)))?;
    for layer in &image.layers {
        row("Layer", &format!("{} {} {}", layer.digest, bytes(layer.size), layer.media_type))?;
    }
    Ok(())
}
