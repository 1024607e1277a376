//! `plywood cat IMAGE PATH`: a file's bytes, from what is remembered of its layer, else streamed out of the layer.
//!
//! Invariant: a streamed layer is read to its end and compared with its digest; what differs is exit 3, also after output.

use std::io::{self, Read};
use std::sync::Arc;

use crate::build;
use crate::error::{During as _, Error, IoFault, Result};
use crate::oci::{Compression, Descriptor, DiffId};
use crate::rootfs::Found as FoundFile;
use crate::stream::{EntryPath, Kind, Limits, TarReader, decompress};
use crate::transport::verified;

use super::{Found, block_on, find};
use crate::cli::args::Image;
use crate::cli::failure::CliError;
use crate::cli::host::Host;
use crate::cli::output::Output;
use crate::cli::report::Report;

pub(super) fn run(image: &Image, path: &str, host: &Host, report: &Arc<Report>) -> Result<()> {
    let wanted = EntryPath::new(path)?;
    block_on(async {
        let found = find(image, host, report).await?;
        let (base, rootfs) = super::ls::rootfs(&found, image).await?;
        let Some(file) = rootfs.find(&wanted) else {
            let why = if rootfs.exists(&wanted) { "this is no regular file" } else { "there is nothing of this name" };
            return Err(CliError::NoFile { image: image.name.clone(), path: path.to_owned(), why }.into());
        };
        if let Some(bytes) = &file.bytes {
            let mut output = Output::new();
            output.bytes(bytes)?;
            return output.finish();
        }
        let layer = base.manifest.layers.get(file.layer).zip(base.config.diff_ids.get(file.layer));
        let Some((layer, diff_id)) = layer else { return Err(absent(&image.name, path)) };
        let turn = occurrences(&found, layer, *diff_id, &file.entry).await?;
        stream(&found, layer, file, turn).await.during(|| format!("reading {path} of {}", found.location))
    })
}

fn absent(image: &str, path: &str) -> Error {
    CliError::NoFile { image: image.to_owned(), path: path.to_owned(), why: "its layer has no such entry" }.into()
}

/// How often the layer writes the path: the last time counts.
async fn occurrences(found: &Found, layer: &Descriptor, diff_id: DiffId, path: &EntryPath) -> Result<usize> {
    let catalogue = build::catalogue(layer, Some(diff_id), &found.source, &found.services.store).await?;
    let is_file = |kind: &Kind| matches!(kind, Kind::File { .. });
    Ok(catalogue.records().iter().filter(|record| record.entry.path == *path && is_file(&record.entry.kind)).count())
}

async fn stream(found: &Found, layer: &Descriptor, file: FoundFile, turn: usize) -> Result<()> {
    let body = verified(found.source.open(layer, 0..layer.size).await?, layer);
    let reader = body.into_read(&tokio::runtime::Handle::current());
    let compression = layer.media_type.layer_compression().unwrap_or(Compression::None);
    let name = layer.digest.to_string();
    let work = move || print(reader, compression, &file.entry, turn, &name);
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::from(IoFault::new("a worker thread", io::Error::other(e))))?
}

/// Prints the entry's bytes and reads the rest of the layer.
fn print(mut layer: impl Read + Send, compression: Compression, path: &EntryPath, turn: usize, name: &str) -> Result<()> {
    let mut output = Output::new();
    let printed = (|| {
        let plain = decompress(&mut layer, compression).map_err(|e| broken(name, e))?;
        let mut tar = TarReader::new(plain, Limits::default());
        let mut seen = 0;
        while let Some(entry) = tar.next_entry()? {
            if entry.path != *path || !matches!(entry.kind, Kind::File { .. }) {
                continue;
            }
            seen += 1;
            if seen == turn {
                return copy(tar.body(), &mut output, name);
            }
        }
        Err(IoFault::new(name, io::ErrorKind::UnexpectedEof.into()).into())
    })();
    if is_of_stdout(&printed) {
        return printed;
    }
    // Damage of the blob outranks what it led to.
    io::copy(&mut layer, &mut io::sink()).map_err(|e| broken(name, e))?;
    printed?;
    output.finish()
}

fn copy(mut body: impl Read, output: &mut Output, name: &str) -> Result<()> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        match body.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(n) => output.bytes(piece.get(..n).unwrap_or_default())?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(broken(name, e)),
        }
    }
}

fn is_of_stdout(result: &Result<()>) -> bool {
    let Err(error) = result else { return false };
    let fault: &(dyn std::error::Error + 'static) = error.fault();
    fault.downcast_ref::<IoFault>().is_some_and(|fault| fault.object == crate::cli::output::STDOUT)
}

/// The error that a body put into an `io::Error`, else a stream that cannot be read.
fn broken(name: &str, cause: io::Error) -> Error {
    match cause.downcast::<Error>() {
        Ok(inner) => inner,
        Err(cause) => IoFault::new(name, cause).into(),
    }
}
