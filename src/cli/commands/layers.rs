//! `plywood layers list|show`: recipes and profiles by name.

use serde::Serialize;

use crate::error::Result;
use crate::recipe::Unit;

use crate::cli::args::{LayersCommand, Recipes};
use crate::cli::host::Host;
use crate::cli::output::Output;
use crate::cli::plain::plain;
use crate::cli::request::library;

/// An element of the document of `--json`.
#[derive(Serialize)]
struct Listed<'a> {
    kind: &'static str,
    name: &'a str,
    description: &'a str,
}

pub(super) fn run(command: &LayersCommand, host: &Host) -> Result<()> {
    match command {
        LayersCommand::List(recipes) => list(recipes, host.global.json),
        LayersCommand::Show { name, recipes } => show(name, recipes),
    }
}

fn list(recipes: &Recipes, json: bool) -> Result<()> {
    let library = library(recipes.layers_dir.as_deref())?;
    let units = library.profiles().map(|u| listed("profile", u)).chain(library.recipes().map(|u| listed("recipe", u)));
    let mut output = Output::new();
    if json {
        output.json(&units.collect::<Vec<_>>())?;
    } else {
        for Listed { kind, name, description } in units {
            output.line(format!("{kind:<8} {:<12} {}", plain(name), plain(description)).trim_end())?;
        }
    }
    output.finish()
}

fn listed<'a>(kind: &'static str, unit: &'a Unit) -> Listed<'a> {
    Listed { kind, name: &unit.name, description: unit.document.description.as_deref().unwrap_or_default() }
}

fn show(name: &str, recipes: &Recipes) -> Result<()> {
    let library = library(recipes.layers_dir.as_deref())?;
    let unit = match name.strip_prefix("profiles/") {
        Some(profile) => library.profile(profile)?,
        // The error is the recipe's, whose nearest names it tells.
        None => library.recipe(name).or_else(|unknown| library.profile(name).map_err(|_| unknown))?,
    };
    let mut output = Output::new();
    output.bytes(unit.text().as_bytes())?;
    output.finish()
}
