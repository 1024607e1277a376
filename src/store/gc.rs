//! Garbage collection: what no ref and no memo in use reaches goes.
//!
//! Invariant: it runs alone (exclusive lock), and a killed run leaves a store as good as before. A ref that cannot be read
//! stops it, since what it needs is not known.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Store, StoreError, files_in, memo, on, remove_if_there};
use crate::oci::{Descriptor, Digest, MediaType};

/// The largest manifest or index that is followed; the distribution spec's own limit.
const LARGEST_MANIFEST: u64 = 4 * 1024 * 1024;

/// What a collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs that stay.
    pub kept_blobs: u64,
    /// Blobs that went.
    pub removed_blobs: u64,
    /// Bytes of all files that went.
    pub freed_bytes: u64,
    /// Memo documents and sightings that went.
    pub removed_documents: u64,
    /// Temporary files of dead runs that went.
    pub removed_temporary: u64,
}

impl Store {
    /// Collects the garbage of the store at `path`: memo that was not used within `keep` before `now`, blobs that nothing
    /// reaches, temporary files of dead runs. Fails as busy while any run, also of this process, has the store open.
    pub fn collect(path: &Path, keep: Duration, now: SystemTime) -> Result<Collected, StoreError> {
        let store = Self::open(path)?;
        let place = path.display().to_string();
        let Some(_) = store.inner.lock else { return Err(StoreError::NoLocks(place)) };
        drop(store);
        let at = path.join("lock");
        let lock = File::options().read(true).write(true).open(&at).map_err(on(&at))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Busy(place)),
            Err(fs::TryLockError::Error(e)) => return Err(on(&at)(e)),
        }
        let store = Self { inner: std::sync::Arc::new(super::Inner { root: path.to_owned(), lock: Some(lock) }) };
        store.sweep(now.checked_sub(keep).unwrap_or(SystemTime::UNIX_EPOCH))
    }

    fn sweep(&self, oldest: SystemTime) -> Result<Collected, StoreError> {
        let mut collected = Collected::default();
        // Everything that must stay is known before anything goes.
        let mut reached = Reached::default();
        for reference in self.references()? {
            reach(self, &reference.descriptor, &mut reached, &mut |_| {})?;
        }
        let mut live: BTreeSet<Digest> = reached.0.into_iter().map(|(digest, ..)| digest).collect();
        let mut stale = Vec::new();
        for path in self.documents()? {
            match memo_state(&path, oldest)? {
                Some(holds) => live.extend(holds),
                None => stale.push(path),
            }
        }
        stale.extend(files_in(&self.path("seen"))?.into_iter().map(|(_, path)| path).filter(|path| is_older(path, oldest)));
        for path in stale {
            collected.freed_bytes += remove(&path)?;
            collected.removed_documents += 1;
        }
        for (name, path) in files_in(&self.path("blobs/sha256"))? {
            let digest = Digest::from_hex(&name).ok();
            if digest.is_some_and(|digest| live.contains(&digest)) {
                collected.kept_blobs += 1;
            } else if digest.is_some() {
                collected.freed_bytes += remove(&path)?;
                collected.removed_blobs += 1;
            }
        }
        for (_, path) in files_in(&self.path("tmp"))? {
            if is_abandoned(&path) {
                collected.freed_bytes += remove(&path)?;
                collected.removed_temporary += 1;
            }
        }
        Ok(collected)
    }
    /// All files of the memo.
    fn documents(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut all = Vec::new();
        for (_, kind) in files_in(&self.path("memo"))? {
            if kind.is_dir() {
                all.extend(files_in(&kind)?.into_iter().map(|(_, path)| path));
            }
        }
        Ok(all)
    }
}

/// The blobs held by a memo document in use; nothing if it is old or damaged.
fn memo_state(path: &Path, oldest: SystemTime) -> Result<Option<Vec<Digest>>, StoreError> {
    if is_older(path, oldest) { Ok(None) } else { memo::held_by(path) }
}

fn is_older(path: &Path, oldest: SystemTime) -> bool {
    fs::metadata(path).and_then(|m| m.modified()).is_ok_and(|used| used < oldest)
}

/// Whether the writer of a temporary file is gone: it holds the file's lock as long as it lives.
fn is_abandoned(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

/// Removes a file; its length in bytes.
fn remove(path: &Path) -> Result<u64, StoreError> {
    let size = fs::symlink_metadata(path).map_or(0, |m| m.len());
    Ok(if remove_if_there(path)? { size } else { 0 })
}

/// What was reached: digest, length in bytes, and whether it was read as a document. The latter two keep an image that calls
/// another image's manifest a layer, or lies about its length, from hiding what that manifest names.
#[derive(Debug, Default)]
pub(super) struct Reached(BTreeSet<(Digest, u64, bool)>);

/// Adds all that `descriptor` leads to, itself included, to `reached`; `missing` hears of each blob that is not here.
pub(super) fn reach(
    store: &Store,
    descriptor: &Descriptor,
    reached: &mut Reached,
    missing: &mut dyn FnMut(&Digest),
) -> Result<(), StoreError> {
    let mut waiting = vec![descriptor.clone()];
    while let Some(Descriptor { media_type, digest, size, .. }) = waiting.pop() {
        let is_document = media_type.is_manifest() || media_type.is_index();
        if !reached.0.insert((digest, size, is_document)) {
            continue;
        }
        if !store.has(&digest, size)? {
            missing(&digest);
        } else if is_document && size <= LARGEST_MANIFEST {
            waiting.extend(named_in(&digest, &store.read(&digest, size)?)?);
        }
    }
    Ok(())
}

/// The descriptors in a manifest or index. What is no descriptor of ours (a foreign digest algorithm) cannot be a blob here.
fn named_in(digest: &Digest, document: &[u8]) -> Result<Vec<Descriptor>, StoreError> {
    let damaged = |e: serde_json::Error| StoreError::Damaged { object: digest.to_string(), cause: e.to_string() };
    let document: serde_json::Value = serde_json::from_slice(document).map_err(damaged)?;
    let list = |key: &str| document.get(key).and_then(|v| v.as_array()).into_iter().flatten();
    let one = |key: &str| document.get(key).into_iter();
    let all = one("config").chain(one("subject")).chain(list("layers")).chain(list("manifests")).chain(list("blobs"));
    let descriptor = |value: &serde_json::Value| {
        let media_type = value.get("mediaType").and_then(|v| v.as_str()).unwrap_or(MediaType::OCI_MANIFEST);
        let digest = value.get("digest")?.as_str()?.parse().ok()?;
        Some(Descriptor::new(media_type, digest, value.get("size")?.as_u64()?))
    };
    Ok(all.filter_map(descriptor).collect())
}
