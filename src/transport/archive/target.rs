//! `-o FILE.tar` and `-o -`: the tar goes into a file that appears when it is complete, or into any writer.
//!
//! Invariant: an existing file is never replaced; a failed run leaves nothing under the file's name.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{ArchiveError, tar_stream};
use crate::error::{Error, IoFault, Result};
use crate::transport::{BoxFuture, Bundle, Loaded, StreamTarget};

/// Where the tar goes.
pub enum Output {
    /// A new file.
    File(PathBuf),
    /// Anything else, once; `place` names it.
    Writer {
        /// The place as a user knows it: `standard output`.
        place: String,
        /// Takes the bytes.
        writer: Mutex<Option<Box<dyn Write + Send>>>,
    },
}

/// A tar that is written.
#[derive(Debug)]
pub struct TarTarget {
    output: Output,
}

impl TarTarget {
    /// Nothing is opened yet.
    pub fn new(output: Output) -> Self {
        Self { output }
    }
    /// A new file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(Output::File(path.into()))
    }
    /// Any writer, for one image.
    pub fn writer(place: impl Into<String>, writer: impl Write + Send + 'static) -> Self {
        Self::new(Output::Writer { place: place.into(), writer: Mutex::new(Some(Box::new(writer))) })
    }

    async fn write(&self, bundle: &Bundle) -> Result<u64> {
        match &self.output {
            Output::File(path) => {
                absent(path)?;
                let temporary = temporary(path)?;
                let file = temporary.reopen().map_err(failed(path))?;
                let bytes = copy(bundle, &path.display().to_string(), file).await?;
                temporary.as_file().sync_all().map_err(failed(path))?;
                // Fails where another run made the file in the meantime.
                match temporary.persist_noclobber(path) {
                    Ok(_) => {}
                    Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => absent(path)?,
                    Err(e) => return Err(failed(path)(e.error)),
                }
                let folder = folder(path);
                File::open(folder).and_then(|f| f.sync_all()).map_err(failed(folder))?;
                Ok(bytes)
            }
            Output::Writer { place, writer } => {
                let writer = writer.lock().unwrap_or_else(PoisonError::into_inner).take();
                copy(bundle, place, writer.ok_or_else(|| ArchiveError::Used { place: place.clone() })?).await
            }
        }
    }
}

/// Moves the tar's pieces into a blocking writer on a worker thread.
async fn copy(bundle: &Bundle, place: &str, mut writer: impl Write + Send + 'static) -> Result<u64> {
    let mut reader = tar_stream(bundle, &BTreeSet::new())?.into_read(&tokio::runtime::Handle::current());
    let place = place.to_owned();
    let work = move || {
        let copied = io::copy(&mut reader, &mut writer).and_then(|n| writer.flush().map(|()| n));
        copied.map_err(|e| match e.downcast::<Error>() {
            Ok(inner) => inner,
            Err(e) => IoFault::new(place, e).into(),
        })
    };
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::from(IoFault::new("a worker thread", io::Error::other(e))))?
}

fn absent(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(ArchiveError::Exists { place: path.display().to_string() }.into()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(failed(path)(e)),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary(path: &Path) -> Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".plywood-").permissions(mode).tempfile_in(folder(path)).map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.display().to_string();
    move |e| IoFault::new(path.clone(), e).into()
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Writer { place, .. } => f.debug_struct("Writer").field("place", place).finish_non_exhaustive(),
        }
    }
}

impl StreamTarget for TarTarget {
    fn place(&self) -> String {
        match &self.output {
            Output::File(path) => path.display().to_string(),
            Output::Writer { place, .. } => place.clone(),
        }
    }
    fn check_rights(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let Output::File(path) = &self.output else { return Ok(()) };
            absent(path)?;
            rustix::fs::access(folder(path), rustix::fs::Access::WRITE_OK).map_err(|e| failed(folder(path))(e.into()))
        })
    }
    fn load<'a>(&'a self, bundle: &'a Bundle) -> BoxFuture<'a, Result<Loaded>> {
        Box::pin(async move { Ok(Loaded { left_out: BTreeSet::new(), bytes: self.write(bundle).await? }) })
    }
}
