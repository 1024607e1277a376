//! Content by digest.
//!
//! Invariant: a name below `blobs/` appears only by the rename of a whole, hashed and synced file. What lies there with
//! another length than asked for counts as absent, and is replaced by the next writer of that digest.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::PathBuf;

use tempfile::NamedTempFile;

use super::{Store, StoreError, on, publish, remove_if_there, sync_parent};
use crate::oci::{Digest, Hasher};
use crate::stream::{Verified, VerifyError};

/// The largest document that [`Store::read`] holds in memory: an archive index of a distribution is the largest we know, 60 MB.
const LARGEST_DOCUMENT: u64 = 256 * 1024 * 1024;

impl Store {
    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.path("blobs/sha256").join(digest.hex())
    }
    /// The length in bytes of a blob, if it is there. An empty file counts only for the digest of nothing.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let path = self.blob_path(digest);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => Ok(Some(found.len()).filter(|size| *size > 0 || *digest == Digest::of(b""))),
            Ok(_) => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(on(&path)(e)),
        }
    }
    /// Whether a blob is there with this length.
    pub fn has(&self, digest: &Digest, size: u64) -> Result<bool, StoreError> {
        Ok(self.size(digest)? == Some(size))
    }
    /// All bytes of a blob, verified while they are read.
    pub fn open_blob(&self, digest: &Digest, size: u64) -> Result<Verified<File>, StoreError> {
        let path = self.blob_path(digest);
        let file = match File::open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(StoreError::Absent(*digest)),
            file => file.map_err(on(&path))?,
        };
        let found = file.metadata().map_err(on(&path))?;
        if !found.is_file() || found.len() != size {
            return Err(StoreError::Absent(*digest));
        }
        Ok(Verified::new(file, *digest, size))
    }
    /// A blob to be read by position. Nothing is verified: who takes a part knows that part's digest.
    pub fn open_ranged(&self, digest: &Digest, size: u64) -> Result<File, StoreError> {
        Ok(self.open_blob(digest, size)?.into_inner())
    }
    /// A document, whole and verified.
    pub fn read(&self, digest: &Digest, size: u64) -> Result<Vec<u8>, StoreError> {
        if size > LARGEST_DOCUMENT {
            return Err(StoreError::TooLarge { digest: *digest, size, limit: LARGEST_DOCUMENT });
        }
        let mut bytes = Vec::with_capacity(size as usize);
        let read = self.open_blob(digest, size)?.read_to_end(&mut bytes);
        read.map_err(|e| VerifyError::inside(&e).cloned().map_or_else(|| on(&self.blob_path(digest))(e), Into::into))?;
        Ok(bytes)
    }
    /// A writer of a new blob.
    pub fn writer(&self) -> Result<BlobWriter, StoreError> {
        let file = BufWriter::with_capacity(64 * 1024, self.temporary()?);
        Ok(BlobWriter { file, hasher: Hasher::new(), store: self.clone() })
    }
    /// Stores `bytes`.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if self.has(&digest, bytes.len() as u64)? {
            return Ok(digest);
        }
        let mut writer = self.writer()?;
        writer.write_all(bytes).map_err(on(&self.blob_path(&digest)))?;
        Ok(writer.commit(None)?.0)
    }
    /// Drops a blob whose content turned out to be damaged, so that it can be fetched or made again.
    pub fn discard(&self, digest: &Digest) -> Result<(), StoreError> {
        remove_if_there(&self.blob_path(digest)).map(|_| ())
    }
}

/// Writes one blob. Without [`commit`](Self::commit) nothing of it stays.
#[derive(Debug)]
pub struct BlobWriter {
    file: BufWriter<NamedTempFile>,
    hasher: Hasher,
    /// Holds off garbage collection as long as this writer lives.
    store: Store,
}

impl BlobWriter {
    /// Gives the blob its name, durably; digest and size in bytes of what was written. Fails, and keeps nothing, if another
    /// digest or size was expected.
    pub fn commit(self, expected: Option<(Digest, u64)>) -> Result<(Digest, u64), StoreError> {
        let size = self.hasher.size();
        let got = self.hasher.finish();
        if let Some((digest, promised)) = expected {
            if size < promised {
                return Err(VerifyError::Short { digest, size: promised, got: size }.into());
            }
            if size > promised {
                return Err(VerifyError::Long { digest, size: promised }.into());
            }
            if got != digest {
                return Err(VerifyError::Wrong { digest, got }.into());
            }
        }
        let path = self.store.blob_path(&got);
        let file = self.file.into_inner().map_err(|e| on(&path)(e.into_error()))?;
        if self.store.has(&got, size)? {
            // Another run may have renamed it a moment ago, and not yet synced the name.
            sync_parent(&path)?;
        } else {
            publish(file, &path, true)?;
        }
        Ok((got, size))
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
