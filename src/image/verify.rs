//! Reads everything that an image is made of and compares: each blob with its digest and size, each layer that can be
//! decompressed with its diff ID.
//!
//! Invariant: every blob is read to its last byte; damage is told per blob and does not end the check of the others.

use std::io::{self, Read};

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::base::whole;
use crate::error::{Error, IoFault, Result};
use crate::oci::{Compression, Config, Descriptor, DiffId, Digest, Document, Hasher, Index, Manifest};
use crate::stream::decompress;
use crate::transport::{Root, Source, verified};

/// Layers that are read at the same time.
const PARALLEL: usize = 4;

/// What was found out about one blob or document.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Which one.
    pub descriptor: Descriptor,
    /// Whether its diff ID was compared too; `false` for documents and layers that cannot be decompressed.
    pub diff_id: bool,
    /// What is wrong with it.
    pub damage: Option<String>,
}

/// What was found out about an image, in the order of its documents.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every document and blob, once.
    pub checked: Vec<Checked>,
    /// Layers that lie elsewhere by design (foreign) and were not read.
    pub skipped: Vec<Descriptor>,
}

impl Report {
    /// Whether nothing is damaged.
    pub fn is_whole(&self) -> bool {
        self.checked.iter().all(|c| c.damage.is_none())
    }
    fn note(&mut self, descriptor: &Descriptor, result: Result<bool>) -> Result<()> {
        let (diff_id, damage) = match result {
            Ok(diff_id) => (diff_id, None),
            Err(error) if error.class() == crate::error::Class::Input => (false, Some(error.to_string())),
            Err(error) => return Err(error),
        };
        self.checked.push(Checked { descriptor: descriptor.clone(), diff_id, damage });
        Ok(())
    }
    fn knows(&self, digest: &Digest) -> bool {
        self.checked.iter().any(|c| c.descriptor.digest == *digest)
    }
}

/// Checks `root` and all that it names. An error is a failure to check; damage stands in the report.
pub async fn verify(source: &dyn Source, root: &Root) -> Result<Report> {
    let mut report = Report::default();
    let mut waiting = vec![(root.descriptor.clone(), 0)];
    while let Some((descriptor, depth)) = waiting.pop() {
        if report.knows(&descriptor.digest) {
            continue;
        }
        let raw = if depth == 0 { Ok(root.raw.clone()) } else { source.document(&descriptor).await };
        let document = raw.and_then(|raw| {
            if Digest::of(&raw) != descriptor.digest {
                let found = Digest::of(&raw);
                return Err(super::ImageError::Document { wanted: descriptor.digest, found }.into());
            }
            Ok(Document::parse(raw, Some(&descriptor.media_type))?)
        });
        let document = match document {
            Ok(document) => document,
            Err(error) => {
                report.note(&descriptor, Err(error))?;
                continue;
            }
        };
        report.note(&descriptor, Ok(false))?;
        match document {
            Document::Manifest(manifest) => image(source, &manifest, &mut report).await?,
            Document::Index(_) if depth >= Index::MAX_NESTING => {
                return Err(crate::oci::DocumentError::Nesting(Index::MAX_NESTING).into());
            }
            Document::Index(index) => waiting.extend(index.manifests.into_iter().rev().map(|d| (d, depth + 1))),
        }
    }
    Ok(report)
}

async fn image(source: &dyn Source, manifest: &Manifest, report: &mut Report) -> Result<()> {
    let config = async {
        let raw = whole(source, &manifest.config).await?;
        if !manifest.config.media_type.is_config() {
            return Ok(None);
        }
        let config = Config::parse(raw)?;
        let fits = manifest.require_image().is_ok();
        if fits {
            config.check_against(manifest)?;
        }
        Ok(fits.then_some(config))
    };
    let (diff_ids, result) = match config.await {
        Ok(config) => (config.map(|c| c.diff_ids).unwrap_or_default(), Ok(false)),
        Err(error) => (Vec::new(), Err(error)),
    };
    report.note(&manifest.config, result)?;
    let mut layers = Vec::new();
    for (at, layer) in manifest.layers.iter().enumerate() {
        if layer.media_type.is_foreign() {
            report.skipped.push(layer.clone());
        } else if !report.knows(&layer.digest) && !layers.iter().any(|(l, _): &(&Descriptor, _)| l.digest == layer.digest) {
            layers.push((layer, diff_ids.get(at).copied()));
        }
    }
    let results: Vec<(&Descriptor, Result<bool>)> = futures_util::stream::iter(layers)
        .map(|(layer, diff_id)| async move { Ok::<_, Error>((layer, check(source, layer, diff_id).await)) })
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    results.into_iter().try_for_each(|(layer, result)| report.note(layer, result))
}

/// Reads one layer. Whether its diff ID was compared.
async fn check(source: &dyn Source, layer: &Descriptor, diff_id: Option<DiffId>) -> Result<bool> {
    let body = verified(source.open(layer, 0..layer.size).await?, layer);
    let mut reader = body.into_read(&tokio::runtime::Handle::current());
    let compression = layer.media_type.layer_compression();
    let found = tokio::task::spawn_blocking(move || -> io::Result<Option<DiffId>> {
        let found = match (compression, diff_id) {
            (Some(compression), Some(_)) => Some(uncompressed(&mut reader, compression)),
            _ => None,
        };
        // The rest of the blob: all of it where it is not decompressed. Damage of the blob outranks what it led to.
        io::copy(&mut reader, &mut io::sink())?;
        found.transpose()
    })
    .await
    .map_err(|e| IoFault::new(layer.digest.to_string(), io::Error::other(e)))?;
    match (found.map_err(|e| unwrapped(e, layer))?, diff_id) {
        (Some(found), Some(wanted)) if found != wanted => {
            let cause = format!("uncompressed it has the digest {found}, the config says {wanted}");
            Err(crate::transport::Damaged { digest: layer.digest, cause }.into())
        }
        (found, _) => Ok(found.is_some()),
    }
}

fn uncompressed(reader: &mut (impl Read + Send), compression: Compression) -> io::Result<DiffId> {
    let mut decoder = decompress(reader, compression)?;
    let mut hasher = Hasher::new();
    let mut piece = vec![0; 128 * 1024];
    loop {
        match decoder.read(&mut piece) {
            Ok(0) => return Ok(DiffId(hasher.finish())),
            Ok(n) => hasher.update(piece.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// The error that a body put into an `io::Error`, or else a stream that cannot be decompressed.
fn unwrapped(error: io::Error, layer: &Descriptor) -> Error {
    let cause = error.to_string();
    match error.downcast::<Error>() {
        Ok(inner) => inner,
        Err(_) => crate::transport::Damaged { digest: layer.digest, cause: format!("it cannot be decompressed: {cause}") }.into(),
    }
}
