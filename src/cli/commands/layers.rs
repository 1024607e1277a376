//! `plywood layers list|show`: recipes and profiles by name, and the plies that the store has ready.

use serde::Serialize;

use crate::build::{LinkedPly, linked_plies};
use crate::error::{During as _, Result};
use crate::recipe::Unit;
use crate::store::Store;

use crate::cli::args::{LayersCommand, Recipes};
use crate::cli::host::Host;
use crate::cli::output::Output;
use crate::cli::plain::{bytes, plain};
use crate::cli::request::library;

/// A key is told by its beginning, if that is long enough to be meant.
const SHORTEST_KEY: usize = 8;

/// An element of the document of `--json`.
#[derive(Serialize)]
#[serde(untagged)]
enum Listed<'a> {
    Unit {
        kind: &'static str,
        name: &'a str,
        description: &'a str,
    },
    Ply {
        kind: &'static str,
        #[serde(flatten)]
        ply: LinkedPly,
    },
}

pub(super) fn run(command: &LayersCommand, host: &Host) -> Result<()> {
    match command {
        LayersCommand::List(recipes) => list(recipes, host),
        LayersCommand::Show { name, recipes } => show(name, recipes, host),
    }
}

fn list(recipes: &Recipes, host: &Host) -> Result<()> {
    let library = library(recipes.layers_dir.as_deref())?;
    let units = library.profiles().map(|u| unit("profile", u)).chain(library.recipes().map(|u| unit("recipe", u)));
    let listed: Vec<Listed<'_>> = units.chain(plies(host)?.into_iter().map(|ply| Listed::Ply { kind: "ply", ply })).collect();
    let mut output = Output::new();
    if host.global.json {
        output.json(&listed)?;
        return output.finish();
    }
    for one in listed {
        let line = match one {
            Listed::Unit { kind, name, description } => format!("{kind:<8} {:<12} {}", plain(name), plain(description)),
            Listed::Ply { kind, ply } => {
                format!(
                    "{kind:<8} {:<12} {}, {} entries, key {}",
                    plain(&ply.recipe),
                    bytes(ply.linked.size),
                    ply.linked.entries,
                    ply.key
                )
            }
        };
        output.line(line.trim_end())?;
    }
    output.finish()
}

fn unit<'a>(kind: &'static str, unit: &'a Unit) -> Listed<'a> {
    Listed::Unit { kind, name: &unit.name, description: unit.document.description.as_deref().unwrap_or_default() }
}

/// What the store has; a store that is not there has nothing, and is not made.
fn plies(host: &Host) -> Result<Vec<LinkedPly>> {
    let path = host.store()?;
    if !path.exists() {
        return Ok(Vec::new());
    }
    linked_plies(&Store::open(&path).during(|| "opening the store")?)
}

/// The ply that a key, or its beginning, means.
fn ply(word: &str, host: &Host) -> Result<Option<LinkedPly>> {
    let key = word.strip_prefix("sha256:").unwrap_or(word);
    if key.len() < SHORTEST_KEY || !key.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(None);
    }
    Ok(plies(host)?.into_iter().find(|ply| ply.key.hex().starts_with(key)))
}

fn show(name: &str, recipes: &Recipes, host: &Host) -> Result<()> {
    let library = library(recipes.layers_dir.as_deref())?;
    let unit = match name.strip_prefix("profiles/") {
        Some(profile) => library.profile(profile),
        // The error is the recipe's, whose nearest names it tells.
        None => library.recipe(name).or_else(|unknown| library.profile(name).map_err(|_| unknown)),
    };
    let mut output = Output::new();
    match unit {
        Ok(unit) => output.bytes(unit.text().as_bytes())?,
        Err(unknown) => match ply(name, host)? {
            Some(ply) => output.json(&ply)?,
            None => return Err(unknown.into()),
        },
    }
    output.finish()
}
