//! `plywood plan`: what a build would do, with byte counts and reasons.

use std::sync::Arc;

use serde::Serialize;

use crate::build::{self, BuiltLayer, PlannedImage, PlannedPackage};
use crate::error::Result;
use crate::pin::Action;

use super::build::{engines, introduce, with_platforms};
use super::{block_on, services};
use crate::cli::args::BuildArgs;
use crate::cli::host::Host;
use crate::cli::output::Output;
use crate::cli::plain::{bytes, plain};
use crate::cli::report::Report;
use crate::cli::request;

/// The document of `--json`.
#[derive(Serialize)]
struct Plans {
    /// Of the first image; each image has its own too.
    packages: Vec<PlannedPackage>,
    images: Vec<PlannedImage>,
}

pub(super) fn run(args: &BuildArgs, host: &Host, report: &Arc<Report>) -> Result<()> {
    let asked = request::of(args, host)?;
    introduce(&asked, report);
    let services = services(host, report, engines(args, &asked.request, host)?)?;
    let images = block_on(async {
        let request = with_platforms(asked.request, args.load.is_some(), &services.engines).await?;
        build::plan(request, &services).await
    })?;
    let mut output = Output::new();
    if host.global.json {
        let packages = images.first().map(|image| image.packages.clone()).unwrap_or_default();
        output.json(&Plans { packages, images })?;
    } else {
        for image in &images {
            tell(image, &mut output)?;
        }
    }
    output.finish()
}

fn tell(image: &PlannedImage, output: &mut Output) -> Result<()> {
    output.line(format!("{} ({}) on {}", plain(&image.base), image.base_digest, plain(&image.platform)))?;
    for package in &image.packages {
        let action = match package.action {
            Action::Install => "install",
            Action::Upgrade => "upgrade",
            Action::Remove => "remove",
        };
        let (name, version, ply) = (plain(&package.name), plain(&package.version), plain(&package.layer));
        output.line(format!("  {action:<8} {name} {version} {} -> {ply}", plain(&package.architecture)))?;
        for script in &package.scripts {
            output.line(format!("           evaluates {}", plain(script)))?;
        }
    }
    for layer in &image.layers {
        output.line(format!("  layer    {}", layer_line(layer)))?;
    }
    if image.layers.is_empty() {
        output.line("  no layer")?;
    }
    for note in &image.notes {
        output.line(format!("  note     {}", plain(note)))?;
    }
    Ok(())
}

fn layer_line(layer: &BuiltLayer) -> String {
    let kind = serde_json::to_value(layer.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
    let recipe = if layer.recipe.is_empty() { String::new() } else { format!(" {}", plain(&layer.recipe)) };
    match (layer.digest, layer.size) {
        (Some(digest), Some(size)) => format!("{kind}{recipe}: {digest} ({}), linked before", bytes(size)),
        _ => format!("{kind}{recipe}: to be linked"),
    }
}
