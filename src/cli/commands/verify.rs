//! `plywood verify IMAGE`: every document and blob read and compared; damage is exit 3.

use std::sync::Arc;

use serde::Serialize;

use crate::error::{During as _, Result};
use crate::image::{Checked, Report as Verdict, verify};
use crate::oci::Digest;

use super::{block_on, find};
use crate::cli::args::Image;
use crate::cli::failure::CliError;
use crate::cli::host::Host;
use crate::cli::output::Output;
use crate::cli::plain::plain;
use crate::cli::report::Report;

/// The document of `--json`.
#[derive(Serialize)]
struct Verified<'a> {
    image: &'a str,
    whole: bool,
    checked: Vec<Part<'a>>,
    skipped: Vec<Digest>,
}

#[derive(Serialize)]
struct Part<'a> {
    digest: Digest,
    size: u64,
    media_type: &'a str,
    diff_id: bool,
    damage: Option<&'a str>,
}

pub(super) fn run(image: &Image, host: &Host, report: &Arc<Report>) -> Result<()> {
    let (verdict, name) = block_on(async {
        let found = find(image, host, report).await?;
        let verdict = verify(&*found.source, &found.root).await.during(|| format!("verifying {}", found.location))?;
        Ok((verdict, found.pinned()))
    })?;
    let mut output = Output::new();
    if host.global.json {
        let checked = verdict.checked.iter().map(part).collect();
        let skipped = verdict.skipped.iter().map(|d| d.digest).collect();
        output.json(&Verified { image: &name, whole: verdict.is_whole(), checked, skipped })?;
    } else {
        tell(&verdict, &mut output)?;
    }
    output.finish()?;
    if verdict.is_whole() {
        return Ok(());
    }
    let damaged = verdict.checked.iter().filter(|part| part.damage.is_some()).count();
    Err(CliError::Damaged { place: image.name.clone(), damaged, all: verdict.checked.len() }.into())
}

fn part(checked: &Checked) -> Part<'_> {
    Part {
        digest: checked.descriptor.digest,
        size: checked.descriptor.size,
        media_type: checked.descriptor.media_type.as_str(),
        diff_id: checked.diff_id,
        damage: checked.damage.as_deref(),
    }
}

fn tell(verdict: &Verdict, output: &mut Output) -> Result<()> {
    for Checked { descriptor, diff_id, damage } in &verdict.checked {
        let (digest, size, kind) = (descriptor.digest, descriptor.size, plain(descriptor.media_type.as_str()));
        match damage {
            Some(damage) => output.line(format!("damaged {digest} {size} {kind}: {}", plain(damage)))?,
            None => output.line(format!("ok      {digest} {size} {kind}{}", if *diff_id { ", diff ID too" } else { "" }))?,
        }
    }
    for descriptor in &verdict.skipped {
        output.line(format!("skipped {} {} (lies elsewhere)", descriptor.digest, descriptor.size))?;
    }
    Ok(())
}
