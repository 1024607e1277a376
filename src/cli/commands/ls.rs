//! `plywood ls IMAGE [PATH]`: rows of what is in an image, one line each.

use std::sync::Arc;

use serde::Serialize;

use crate::build;
use crate::error::{During as _, Result};
use crate::image::Base;
use crate::rootfs::{RootFs, Row};
use crate::stream::{EntryPath, Kind};

use super::{Found, block_on, chosen, find, wanted_platform};
use crate::cli::args::{Choice, Image};
use crate::cli::failure::CliError;
use crate::cli::host::Host;
use crate::cli::output::Output;
use crate::cli::report::Report;

/// An element of the document of `--json`. Texts that are no UTF-8 are shown with replacement characters.
#[derive(Serialize)]
struct Listed {
    path: String,
    kind: &'static str,
    mode: String,
    uid: u32,
    gid: u32,
    size: u64,
    mtime: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

pub(super) fn run(image: &Image, path: &str, recursive: bool, host: &Host, report: &Arc<Report>) -> Result<()> {
    let wanted = EntryPath::new(path)?;
    let rootfs = block_on(async {
        let found = find(image, host, report).await?;
        Ok(rootfs(&found, image).await?.1)
    })?;
    let no_file = || CliError::NoFile { image: image.name.clone(), path: path.to_owned(), why: "there is nothing of this name" };
    let rows = if recursive { below(&rootfs, &wanted) } else { rootfs.list(&wanted) }.ok_or_else(no_file)?;
    let mut output = Output::new();
    if host.global.json {
        output.json(&rows.into_iter().map(listed).collect::<Vec<_>>())?;
    } else {
        for row in rows {
            output.line(row)?;
        }
    }
    output.finish()
}

/// The image for the platform that is meant, and all that is in it.
pub(super) async fn rootfs(found: &Found, image: &Image) -> Result<(Base, RootFs)> {
    let step = || format!("reading {}", found.location);
    let root = if super::is_index(&found.root)? {
        let choice = Choice { platform: Some(wanted_platform(&image.choice)) };
        chosen(&*found.source, found.root.clone(), &choice).await?
    } else {
        found.root.clone()
    };
    let base = super::described::base(&*found.source, &root).await.during(step)?;
    let rootfs = build::rootfs(&base, &found.source, &found.services.store).await.during(step)?;
    Ok((base, rootfs))
}

fn below<'a>(rootfs: &'a RootFs, path: &EntryPath) -> Option<Vec<Row<'a>>> {
    let found = rootfs.resolve(path, true);
    match found.node {
        Some(node) if !node.entry.is_directory() => Some(vec![Row(node)]),
        None if !found.path.is_root() => rootfs.list(path),
        _ => Some(rootfs.below(&found.path).map(Row).collect()),
    }
}

fn listed(Row(node): Row<'_>) -> Listed {
    let entry = &node.entry;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (kind, target) = match &entry.kind {
        Kind::File { .. } => ("file", None),
        Kind::Directory => ("directory", None),
        Kind::Symlink { target } => ("symlink", Some(text(target))),
        Kind::HardLink { target } => ("hardlink", Some(text(&target.absolute()))),
        Kind::CharDevice { .. } => ("character device", None),
        Kind::BlockDevice { .. } => ("block device", None),
        Kind::Fifo => ("fifo", None),
    };
    Listed {
        path: text(&entry.path.absolute()),
        kind,
        mode: format!("{:04o}", entry.mode),
        uid: entry.owner.uid,
        gid: entry.owner.gid,
        size: entry.size(),
        mtime: entry.mtime,
        target,
    }
}
