//! `plywood plan`: what a build would do, with byte counts and reasons.

use std::sync::Arc;

use serde::Serialize;

use crate::build::{self, BuiltLayer, Handling, PlannedImage, PlannedPackage};
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
        tell_package(package, output)?;
    }
    for layer in &image.layers {
        output.line(format!("  layer    {}", layer_line(layer)))?;
        if let Some(measure) = &layer.measure {
            let size = bytes(measure.content_bytes);
            output.line(format!("           {size} in {} paths: {}", measure.paths, plain(&measure.reason)))?;
        }
    }
    if image.layers.is_empty() {
        output.line("  no layer")?;
    }
    for note in &image.notes {
        output.line(format!("  note     {}", plain(note)))?;
    }
    Ok(())
}

fn tell_package(package: &PlannedPackage, output: &mut Output) -> Result<()> {
    let action = match package.action {
        Action::Install => "install",
        Action::Upgrade => "upgrade",
        Action::Remove => "remove",
    };
    let (name, version, ply) = (plain(&package.name), plain(&package.version), plain(&package.layer));
    let was = package.old_version.as_deref().filter(|_| package.action == Action::Upgrade);
    let was = was.map(|old| format!("{} -> ", plain(old))).unwrap_or_default();
    let size = if package.size > 0 { format!(" ({})", bytes(package.size)) } else { String::new() };
    let architecture = plain(&package.architecture);
    output.line(format!("  {action:<8} {name} {was}{version} {architecture}{size} in {ply}: {}", plain(&package.reason)))?;
    let scripts = match (package.handling, &package.deferred) {
        (Handling::Deferred, reason) => format!("left to dpkg in the container: {}", reason.as_deref().unwrap_or_default()),
        (Handling::Evaluated, _) => format!("evaluated: {}", package.scripts.join(", ")),
        (Handling::None, _) => return Ok(()),
    };
    output.line(format!("           scripts {}", plain(&scripts)))?;
    for passed in &package.passed_over {
        let by = passed.recipe.as_ref().map_or_else(String::new, |recipe| format!(" (recipe {})", plain(recipe)));
        output.line(format!("           without {}{by}: {}", plain(&passed.what), plain(&passed.reason)))?;
    }
    Ok(())
}

fn layer_line(layer: &BuiltLayer) -> String {
    let kind = serde_json::to_value(layer.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
    let recipe = if layer.recipe.is_empty() { String::new() } else { format!(" {}", plain(&layer.recipe)) };
    match (layer.digest, layer.size) {
        (Some(digest), Some(size)) => format!("{kind}{recipe}: reused, {digest} ({})", bytes(size)),
        _ => format!("{kind}{recipe}: new, to be linked"),
    }
}
