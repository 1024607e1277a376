//! `plywood store path|check|gc`.

use std::time::Duration;

use serde_json::json;

use crate::error::{During as _, Result};
use crate::store::Store;

use crate::cli::args::StoreCommand;
use crate::cli::failure::CliError;
use crate::cli::host::Host;
use crate::cli::output::Output;
use crate::cli::plain::{bytes, plain};

const DAY: u64 = 24 * 60 * 60;

pub(super) fn run(command: &StoreCommand, host: &Host) -> Result<()> {
    match command {
        StoreCommand::Path => path(host),
        StoreCommand::Check { quick } => check(host, !quick),
        StoreCommand::Gc { keep } => gc(host, Duration::from_secs(keep.saturating_mul(DAY))),
    }
}

fn path(host: &Host) -> Result<()> {
    let mut output = Output::new();
    let path = host.store()?;
    if host.global.json {
        output.json(&json!({ "path": path.display().to_string() }))?;
    } else {
        // A path is data: its bytes as they are.
        output.bytes(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))?;
        output.line("")?;
    }
    output.finish()
}

fn check(host: &Host, full: bool) -> Result<()> {
    let path = host.store()?;
    let found = Store::open(&path).and_then(|store| store.check(full)).during(|| "checking the store")?;
    let mut output = Output::new();
    if host.global.json {
        let damage: Vec<_> = found.damage.iter().map(|d| json!({ "object": d.object, "cause": d.cause })).collect();
        output.json(&json!({ "blobs": found.blobs, "bytes": found.bytes, "damage": damage }))?;
    } else {
        for damage in &found.damage {
            output.line(format!("damaged {}: {}", plain(&damage.object), plain(&damage.cause)))?;
        }
        output.line(format!("{} blobs, {}, {} damaged", found.blobs, bytes(found.bytes), found.damage.len()))?;
    }
    output.finish()?;
    if found.damage.is_empty() {
        return Ok(());
    }
    Err(CliError::Damaged { place: path.display().to_string(), damaged: found.damage.len(), all: found.blobs as usize }.into())
}

fn gc(host: &Host, keep: Duration) -> Result<()> {
    let collected = Store::collect(&host.store()?, keep, host.now).during(|| "collecting garbage")?;
    let mut output = Output::new();
    if host.global.json {
        output.json(&json!({
            "kept_blobs": collected.kept_blobs,
            "removed_blobs": collected.removed_blobs,
            "removed_documents": collected.removed_documents,
            "removed_temporary": collected.removed_temporary,
            "freed_bytes": collected.freed_bytes,
        }))?;
    } else {
        output.line(format!(
            "removed {} blobs, {} remembered documents, {} temporary files; freed {}; kept {} blobs",
            collected.removed_blobs,
            collected.removed_documents,
            collected.removed_temporary,
            bytes(collected.freed_bytes),
            collected.kept_blobs
        ))?;
    }
    output.finish()
}
