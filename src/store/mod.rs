//! The store: blobs by digest, refs by name, memo of derived documents, sightings of tags; on this machine, ours alone.
//!
//! Invariant: a file under a digest's name has exactly that content or counts as absent; every name is published by a rename
//! of a whole, synced file; what a failed or killed run leaves lies in `tmp/` only. The store never reads a clock.
//!
//! ```text
//! plywood.json                 {"version":1,"compatible":[],"incompatible":[]}
//! blobs/sha256/HEX             content by digest
//! refs/PERCENT-ENCODED-NAME    JSON: name, descriptor, platform, partial
//! memo/KIND/KEY                derived documents, with a checksum
//! seen/PERCENT-ENCODED-NAME    JSON: name, digest, time of the check
//! tmp/                         files on their way to a name; locked while their writer lives
//! lock                         shared: in use; exclusive: garbage collection
//! refs.lock                    exclusive: a ref is being changed
//! ```

mod blobs;
mod check;
mod format;
mod gc;
mod memo;
mod names;
mod refs;
mod seen;

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::error::{Class, Fault, IoFault, Side};
use crate::oci::Digest;
use crate::stream::VerifyError;

pub use blobs::BlobWriter;
pub use check::{Check, Damage};
pub use gc::Collected;
pub use refs::Ref;
pub use seen::Sighting;

/// Every failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, or permissions.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// Content that differs from its digest or size.
    #[error(transparent)]
    Content(#[from] VerifyError),
    /// A blob that was not put here, or was collected.
    #[error("{0} is not in the store")]
    Absent(Digest),
    /// A document too large to be held in memory.
    #[error("{digest} has {size} bytes, more than the {limit} that a document may have")]
    TooLarge {
        /// The document.
        digest: Digest,
        /// Its bytes.
        size: u64,
        /// What is allowed.
        limit: u64,
    },
    /// A file of the store that is not what it should be.
    #[error("{object} is damaged: {cause}")]
    Damaged {
        /// The file, relative to the store.
        object: String,
        /// What is wrong.
        cause: String,
    },
    /// A store that a newer plywood made.
    #[error("the store {path} needs {feature}, which this plywood does not know")]
    Newer {
        /// The store.
        path: String,
        /// Version or feature.
        feature: String,
    },
    /// Other runs use the store, so nothing can be collected.
    #[error("the store {0} is in use by another run")]
    Busy(String),
    /// A file system without locks.
    #[error("the file system of {0} has no file locks, so it is not known what other runs need")]
    NoLocks(String),
}

impl Fault for StoreError {
    fn class(&self) -> Class {
        match self {
            Self::Content(_) | Self::Damaged { .. } | Self::TooLarge { .. } => Class::Input,
            _ => Class::Local,
        }
    }
    fn side(&self) -> Side {
        Side::Local
    }
    fn retryable(&self) -> bool {
        matches!(self, Self::Busy(_))
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(fault) => fault.hint(),
            Self::Newer { .. } => Some("use the newer plywood, or set PLYWOOD_STORE to another folder".into()),
            Self::Busy(_) => Some("wait until the other runs have ended".into()),
            _ => None,
        }
    }
}

/// An open store. Cheap to clone; while one clone lives, no garbage is collected.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// Holds the shared lock; nothing where the file system has no locks.
    lock: Option<File>,
}

impl Store {
    /// Opens the store at `path`, and makes it if it is not there. Waits while garbage is being collected.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        format::ensure(path)?;
        let at = path.join("lock");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&at).map_err(on(&at))?;
        let lock = match file.lock_shared() {
            Ok(()) => Some(file),
            Err(e) if has_no_locks(&e) => None,
            Err(e) => return Err(on(&at)(e)),
        };
        Ok(Self { inner: Arc::new(Inner { root: path.to_owned(), lock }) })
    }
    /// Where it is, for messages.
    pub fn place(&self) -> &Path {
        &self.inner.root
    }
    /// Whether the file system has locks. Without them two runs may lose one of two changes of the same ref, no more.
    pub fn has_locks(&self) -> bool {
        self.inner.lock.is_some()
    }
    fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.inner.root.join(relative)
    }
    /// A file without a name, for what a run wants to have twice; gone when it is closed.
    pub fn scratch(&self) -> Result<File, StoreError> {
        let directory = self.path("tmp");
        tempfile::tempfile_in(&directory).map_err(on(&directory))
    }
    /// A new file in `tmp/`, locked while it is open, removed if it is dropped.
    fn temporary(&self) -> Result<NamedTempFile, StoreError> {
        let directory = self.path("tmp");
        let read_only = Permissions::from_mode(0o444);
        let file = tempfile::Builder::new().prefix("").permissions(read_only).tempfile_in(&directory).map_err(on(&directory))?;
        match file.as_file().lock() {
            Err(e) if !has_no_locks(&e) => Err(on(&directory)(e)),
            _ => Ok(file),
        }
    }
}

/// Gives a temporary file its name. With `durable`, file and name survive a loss of power.
fn publish(file: NamedTempFile, path: &Path, durable: bool) -> Result<(), StoreError> {
    if durable {
        file.as_file().sync_all().map_err(on(path))?;
    }
    file.persist(path).map_err(|e| on(path)(e.error))?;
    if durable { sync_parent(path) } else { Ok(()) }
}

/// Whether a lock failed because the file system has none (some network file systems).
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error())
}

/// Makes the names in the directory of `path` durable.
fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let directory = path.parent().unwrap_or(path);
    File::open(directory).and_then(|d| d.sync_all()).map_err(on(directory))
}

/// An `io::Error` as a failure on `path`.
fn on(path: &Path) -> impl Fn(io::Error) -> StoreError {
    let object = path.display().to_string();
    move |cause| IoFault::new(object.clone(), cause).into()
}

/// The files in a directory that may be missing, with their names; what is no UTF-8 is not ours.
fn files_in(directory: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let listed = match fs::read_dir(directory) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(on(directory))?,
    };
    let mut files = Vec::new();
    for entry in listed {
        let entry = entry.map_err(on(directory))?;
        if let Ok(name) = entry.file_name().into_string() {
            files.push((name, entry.path()));
        }
    }
    files.sort();
    Ok(files)
}

/// The bytes of a file, if it is there.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(on(path)(e)),
    }
}

/// Removes a file; it may be gone already.
fn remove_if_there(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(on(path)(e)),
    }
}

#[cfg(test)]
mod tests;
