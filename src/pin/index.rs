//! The index files of one archive: parsed and remembered by digest, fetched where they are not.
//!
//! Invariant: an index is parsed only from bytes that the verified Release vouches for, compressed and plain. The file
//! stays in the store beside what was parsed, so that a remembered Release is enough without network.

use std::io::Read as _;
use std::sync::Arc;

use crate::apt::packages::Index;
use crate::apt::preferences::ArchiveFacts;
use crate::apt::release::{Candidate, IndexFile};
use crate::apt::sources::Source;
use crate::error::{Class, Error, Result};
use crate::oci::Digest;
use crate::store::Store;
use crate::stream::{VerifyError, decompress};

use super::PinError;
use super::release::{Asking, Found};
use super::transfer::canonical;

/// Parsed indexes by digest of the file as served.
const KIND: &str = "index";
/// The largest plain index that is read: five times Debian's.
const MAX_PLAIN: u64 = 256 << 20;

/// One archive, ready to be chosen from.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) source: Source,
    pub(super) found: Found,
    /// In apt's order.
    pub(super) files: Vec<(ArchiveFacts, Arc<Index>)>,
}

impl Asking<'_> {
    /// Release and indexes.
    pub(super) async fn archive(&self) -> Result<Archive> {
        let found = self.release().await?;
        let mut files = Vec::with_capacity(found.plan.files.len());
        for file in &found.plan.files {
            let facts = found.release.facts(self.source, &file.component);
            files.push((facts, self.index(file).await?));
        }
        Ok(Archive { source: self.source.clone(), found, files })
    }

    async fn index(&self, file: &IndexFile) -> Result<Arc<Index>> {
        let object = format!("the index {}/{} of {}", file.component, file.architecture, self.source);
        for candidate in &file.candidates {
            if let Some(index) = self.stored(file, candidate, &object).await? {
                return Ok(index);
            }
        }
        if self.access.offline {
            return Err(PinError::Offline { object }.into());
        }
        let mut last = String::new();
        for candidate in &file.candidates {
            for path in &candidate.paths {
                let Ok(url) = self.source.uri.join(path) else { continue };
                last = canonical(&url).to_string();
                if self.access.to_store(&url, candidate.sha256, candidate.size, &object, &|_| ()).await? {
                    return self.parsed(file, candidate, &object).await;
                }
            }
        }
        Err(PinError::Gone { object, url: last }.into())
    }

    /// The index that the store has, parsed or as a file.
    async fn stored(&self, file: &IndexFile, candidate: &Candidate, object: &str) -> Result<Option<Arc<Index>>> {
        let store = self.access.store.clone();
        let key = key(candidate.sha256, self.architecture);
        let read = move || Ok::<_, Error>(store.memo(KIND, &key)?.and_then(|memo| Index::from_memo(&memo).ok()));
        let remembered = tokio::task::spawn_blocking(read).await.map_err(|_| PinError::Worker)??;
        if let Some(index) = remembered {
            return Ok(Some(Arc::new(index)));
        }
        if !self.access.store.has(&candidate.sha256, candidate.size)? {
            return Ok(None);
        }
        match self.parsed(file, candidate, object).await {
            Ok(index) => Ok(Some(index)),
            Err(error) if error.class() == Class::Input => {
                // Damaged where it lies: it is fetched again.
                self.access.store.discard(&candidate.sha256)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn parsed(&self, file: &IndexFile, candidate: &Candidate, object: &str) -> Result<Arc<Index>> {
        let (store, candidate, plain) = (self.access.store.clone(), candidate.clone(), file.plain);
        let (architecture, object) = (self.architecture.to_owned(), object.to_owned());
        let parse = move || -> Result<Arc<Index>> {
            let text = plain_text(&store, &candidate, plain, &object)?;
            let index = Index::read(&text, &architecture)?;
            store.set_memo(KIND, &key(candidate.sha256, &architecture), &index.to_memo(), &[candidate.sha256])?;
            Ok(Arc::new(index))
        };
        tokio::task::spawn_blocking(parse).await.map_err(|_| PinError::Worker)?
    }
}

fn key(digest: Digest, architecture: &str) -> String {
    format!("{}-{architecture}", digest.hex())
}

/// The uncompressed file; both digests hold.
fn plain_text(store: &Store, candidate: &Candidate, plain: Option<(u64, Digest)>, object: &str) -> Result<Vec<u8>> {
    let unpacked = |reason: String| PinError::Unpacked { object: object.to_owned(), reason };
    let limit = plain.map_or(MAX_PLAIN, |(size, _)| size).min(MAX_PLAIN);
    let blob = store.open_blob(&candidate.sha256, candidate.size)?;
    let mut text = Vec::new();
    let read = decompress(blob, candidate.compression).and_then(|reader| reader.take(limit + 1).read_to_end(&mut text));
    read.map_err(|e| VerifyError::inside(&e).map_or_else(|| unpacked(e.to_string()), |cause| unpacked(cause.to_string())))?;
    match plain {
        _ if text.len() as u64 > limit => Err(unpacked(format!("it unpacks to more than {limit} bytes")).into()),
        Some((size, digest)) if text.len() as u64 != size || Digest::of(&text) != digest => {
            Err(unpacked("it does not unpack to what the Release file lists".into()).into())
        }
        _ => Ok(text),
    }
}
