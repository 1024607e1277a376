//! `plywood schema`, `completions` and `man`: made from the same types and table as everything else.

use std::path::Path;

use clap::CommandFactory as _;

use crate::error::{IoFault, Result};
use crate::recipe::json_schema;

use crate::cli::args::Cli;
use crate::cli::output::Output;

pub(super) fn schema() -> Result<()> {
    let mut output = Output::new();
    output.json(&json_schema())?;
    output.finish()
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "plywood", &mut text);
    let mut output = Output::new();
    output.bytes(&text)?;
    output.finish()
}

pub(super) fn man(folder: &Path) -> Result<()> {
    let failed = |e| IoFault::new(folder.display().to_string(), e);
    std::fs::create_dir_all(folder).map_err(failed)?;
    Ok(clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?)
}
