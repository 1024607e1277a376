//! Derived documents by kind and key: what was computed once from bytes that never change.
//!
//! Invariant: a document comes back as it was put or not at all (a torn or damaged file counts as absent). Nothing is
//! synced: all of it can be computed again. A document may hold blobs, which lets them live as long as itself.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};

use super::{Store, StoreError, files_in, names, on, publish, read_if_there};
use crate::oci::{Digest, Hasher};

/// First bytes of every document; the number is the version of the frame.
const MAGIC: &[u8; 8] = b"plymemo1";
/// Magic, digest of the rest.
const FRAME: usize = 8 + 32;

impl Store {
    fn memo_path(&self, kind: &str, key: &str) -> PathBuf {
        self.path("memo").join(names::encode(kind)).join(names::encode(key))
    }
    /// The document of `kind` with `key`, if it is known. Reading it counts as use for garbage collection.
    pub fn memo(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.memo_path(kind, key);
        let mut file = match File::open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(on(&path))?,
        };
        let Some(document) = read_document(&mut file).map_err(on(&path))? else { return Ok(None) };
        // The kernel's clock, for nobody but the collector; on a store that may only be read it stays as it was.
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let _ = futimens(&file, &Timestamps { last_access: now, last_modification: now });
        Ok(Some(document))
    }
    /// All whole documents of `kind`, in order of their file names. For a look only: nothing counts as used.
    pub fn memos(&self, kind: &str) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut documents = Vec::new();
        for (_, path) in files_in(&self.path("memo").join(names::encode(kind)))? {
            // It may have been collected since it was listed.
            let bytes = read_if_there(&path)?.unwrap_or_default();
            documents.extend(unframe(&bytes).map(|(_, document)| document.to_vec()));
        }
        Ok(documents)
    }
    /// Whether there is a document of `kind` with `key`; it is not read, so it may still turn out to be damaged.
    pub fn has_memo(&self, kind: &str, key: &str) -> bool {
        self.memo_path(kind, key).is_file()
    }
    /// Keeps a document, which holds the blobs `holds`. A later one for the same kind and key replaces it.
    pub fn set_memo(&self, kind: &str, key: &str, document: &[u8], holds: &[Digest]) -> Result<(), StoreError> {
        let path = self.memo_path(kind, key);
        let mut body = (holds.len() as u32).to_le_bytes().to_vec();
        for digest in holds {
            body.extend_from_slice(digest.bytes());
        }
        body.extend_from_slice(document);
        let mut file = self.temporary()?;
        let sum = Digest::of(&body);
        [&MAGIC[..], sum.bytes(), &body].into_iter().try_for_each(|part| file.write_all(part)).map_err(on(&path))?;
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(on(directory))?;
        }
        publish(file, &path, false)
    }
}

/// The blobs that a document in a file holds; nothing if the file is damaged.
pub(super) fn held_by(path: &Path) -> Result<Option<Vec<Digest>>, StoreError> {
    Ok(read_if_there(path)?.and_then(|bytes| unframe(&bytes).map(|(holds, _)| holds)))
}

/// The document alone, if the frame is whole; large ones are read straight to where they stay.
fn read_document(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let length = file.metadata()?.len();
    let (mut frame, mut count) = ([0; FRAME], [0; 4]);
    if length < (FRAME + count.len()) as u64 {
        return Ok(None);
    }
    file.read_exact(&mut frame)?;
    file.read_exact(&mut count)?;
    let holds = u64::from(u32::from_le_bytes(count)) * 32;
    let Some(rest) = (length - (FRAME + count.len()) as u64).checked_sub(holds) else { return Ok(None) };
    let mut hasher = Hasher::new();
    hasher.update(&count);
    let mut held = Vec::with_capacity(holds as usize);
    file.take(holds).read_to_end(&mut held)?;
    hasher.update(&held);
    let mut document = Vec::with_capacity(rest as usize);
    file.read_to_end(&mut document)?;
    hasher.update(&document);
    let whole = frame.strip_prefix(MAGIC).is_some_and(|sum| sum == hasher.finish().bytes());
    Ok(whole.then_some(document))
}

/// Held blobs and document, if the frame is whole.
fn unframe(bytes: &[u8]) -> Option<(Vec<Digest>, &[u8])> {
    let (frame, body) = bytes.split_at_checked(FRAME)?;
    let sum = frame.strip_prefix(MAGIC)?;
    if sum != Digest::of(body).bytes() {
        return None;
    }
    let (count, rest) = body.split_first_chunk::<4>()?;
    let (holds, document) = rest.split_at_checked((u32::from_le_bytes(*count) as usize).checked_mul(32)?)?;
    let holds = holds.chunks_exact(32).filter_map(|c| Some(Digest::from_bytes(c.try_into().ok()?))).collect();
    Some((holds, document))
}
