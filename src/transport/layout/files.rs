//! The files of a layout, in a folder or in a tar: opened without following links, read by position.
//!
//! Invariant: only plain files are opened; a pipe or device cannot block or be read.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use super::LayoutError;
use crate::error::{Error, IoFault, Result};
use crate::oci::DocumentError;

/// Consecutive bytes of an open file, readable from many threads at once.
#[derive(Clone, Debug)]
pub struct Span {
    file: Arc<File>,
    at: u64,
    size: u64,
}

impl Span {
    /// `size` bytes from `at`.
    pub fn new(file: Arc<File>, at: u64, size: u64) -> Self {
        Self { file, at, size }
    }
    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.size
    }
    /// Some of these bytes; what lies beyond the end falls away.
    #[must_use]
    pub fn part(&self, range: &Range<u64>) -> Self {
        let start = range.start.min(self.size);
        let end = range.end.clamp(start, self.size);
        Self { file: Arc::clone(&self.file), at: self.at + start, size: end - start }
    }
    /// All bytes, of at most `limit`; `what` and `object` name them in errors.
    pub fn whole(&self, what: &'static str, object: &str, limit: u64) -> Result<Vec<u8>> {
        if self.size > limit {
            return Err(DocumentError::TooLarge { what, size: self.size, limit }.into());
        }
        let mut bytes = Vec::with_capacity(self.size as usize);
        self.clone().read_to_end(&mut bytes).map_err(|e| IoFault::new(object, e))?;
        Ok(bytes)
    }
}

impl Read for Span {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.size).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.at)?;
        self.at += n as u64;
        self.size -= n as u64;
        Ok(n)
    }
}

/// Where the files of a layout lie.
pub trait Files: Send + Sync + std::fmt::Debug + 'static {
    /// The place as a user knows it.
    fn place(&self) -> String;
    /// The plain file at a relative path that we made (`blobs/sha256/…`); nothing if there is none.
    fn open(&self, path: &str) -> Result<Option<Span>>;
}

/// A folder on disk.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Files for Folder {
    fn place(&self) -> String {
        format!("oci:{}", self.0.display())
    }
    fn open(&self, path: &str) -> Result<Option<Span>> {
        plain_file(&self.0.join(path))
    }
}

/// Opens a plain file without following a link at its end.
pub(crate) fn plain_file(path: &Path) -> Result<Option<Span>> {
    let failed = |e: io::Error| Error::from(IoFault::new(path.display().to_string(), e));
    let not_a_file = || Error::from(LayoutError::NotAFile { path: path.display().to_string() });
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
        // A link, and a socket or a device without a driver.
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => return Err(not_a_file()),
        Err(errno) => return Err(failed(errno.into())),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(not_a_file());
    }
    Ok(Some(Span::new(Arc::new(file), 0, metadata.len())))
}
