//! Writing images into a layout folder that others may read and write at the same time.
//!
//! Invariant: blobs are whole and synced before they have their name; `index.json` is read again under the lock, changed,
//! synced and renamed; an earlier image is never touched.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::files::plain_file;
use super::listing::check_version;
use super::source::blob_path;
use super::{Folder, LayoutError, Listing, REF_NAME};
use crate::error::{Error, IoFault, Result};
use crate::oci::{DOCUMENT_LIMIT, Descriptor, Hasher, Index};
use crate::transport::{Body, BoxFuture, Root, Selector, Supply, Target, verdict, verified};

/// How often the index is read again where another program wrote it in spite of the lock.
const ATTEMPTS: usize = 20;

/// A folder that is, or becomes, a layout.
#[derive(Clone, Debug)]
pub struct LayoutTarget {
    folder: PathBuf,
}

impl LayoutTarget {
    /// Nothing is read or written yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
    fn parent(&self) -> &Path {
        self.folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
    fn place_name(&self) -> String {
        format!("oci:{}", self.folder.display())
    }

    fn taken(&self, tag: &str, by: &Descriptor) -> Error {
        LayoutError::TagTaken { place: self.place_name(), tag: tag.to_owned(), found: by.digest }.into()
    }

    /// Whether the folder may be written as a layout: it is one, or is empty, or is absent in an existing parent.
    fn check(&self) -> Result<()> {
        if let Some(layout) = plain_file(&self.at("oci-layout"))? {
            return check_version(&self.place_name(), &layout.whole("oci-layout", "oci-layout", 4096)?);
        }
        match fs::read_dir(&self.folder) {
            // Names of ours may stand there already: another writer is making the same layout at this moment.
            Ok(mut entries) => match entries.find(|e| e.as_ref().is_ok_and(|e| !is_ours(&e.file_name()))) {
                // Unless that writer finished between our two looks.
                Some(_) if plain_file(&self.at("oci-layout"))?.is_some() => Ok(()),
                Some(_) => Err(LayoutError::Occupied { place: self.place_name() }.into()),
                None => Ok(()),
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => fs::metadata(self.parent()).map(|_| ()).map_err(failed(self.parent())),
            Err(e) => Err(failed(&self.folder)(e)),
        }
    }

    /// Makes folders and `oci-layout` where they are absent.
    fn prepare(&self) -> Result<()> {
        let blobs = self.at("blobs/sha256");
        if plain_file(&self.at("oci-layout"))?.is_some() && blobs.is_dir() {
            return Ok(());
        }
        self.check()?;
        match fs::create_dir(&self.folder) {
            Ok(()) => sync_folder(self.parent())?,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(failed(&self.folder)(e)),
        }
        fs::create_dir_all(&blobs).map_err(failed(&blobs))?;
        if plain_file(&self.at("oci-layout"))?.is_none() {
            self.replace("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#, || Ok(true))?;
        }
        sync_folder(&self.at("blobs"))
    }

    /// Writes a file beside its place, syncs it, and renames it if `still` says so. Whether it was renamed.
    fn replace(&self, name: &str, bytes: &[u8], still: impl FnOnce() -> Result<bool>) -> Result<bool> {
        let path = self.at(name);
        let mut temporary = temporary(&self.folder)?;
        temporary.write_all(bytes).and_then(|()| temporary.as_file().sync_all()).map_err(failed(&path))?;
        if !still()? {
            return Ok(false);
        }
        temporary.persist(&path).map_err(|e| failed(&path)(e.error))?;
        sync_folder(path.parent().unwrap_or(&self.folder))?;
        Ok(true)
    }

    /// Whether the blob is there, read to its last byte: power loss leaves files of the right name with other bytes.
    fn holds(&self, wanted: &Descriptor) -> Result<bool> {
        let Some(mut span) = plain_file(&self.at(&blob_path(&wanted.digest)))? else { return Ok(false) };
        if span.size() != wanted.size {
            return Ok(false);
        }
        let mut hasher = HashingWriter(Hasher::new());
        io::copy(&mut span, &mut hasher).map_err(|e| IoFault::new(wanted.digest.to_string(), e))?;
        Ok(verdict(hasher.0, wanted).is_ok())
    }

    /// Takes a blob from `body`, which is verified.
    fn take(&self, wanted: &Descriptor, mut body: impl io::Read) -> Result<()> {
        self.prepare()?;
        let path = self.at(&blob_path(&wanted.digest));
        let mut temporary = temporary(&self.folder)?;
        let mut piece = vec![0; 256 * 1024];
        loop {
            let n = match body.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(unwrapped(e, wanted)),
            };
            temporary.write_all(piece.get(..n).unwrap_or_default()).map_err(failed(&path))?;
        }
        temporary.as_file().sync_all().map_err(failed(&path))?;
        temporary.persist(&path).map_err(|e| failed(&path)(e.error))?;
        sync_folder(&self.at("blobs/sha256"))
    }

    /// Adds `root` to the index under each of `names`, or without a name where there is none.
    fn enter(&self, root: &Descriptor, names: &[String]) -> Result<()> {
        self.prepare()?;
        let path = self.at("index.json.lock");
        let lock = File::options().create(true).write(true).truncate(false).open(&path).map_err(failed(&path))?;
        match lock.lock() {
            // Some network file systems have no locks; the comparison before the rename is then all there is.
            Err(e) if e.kind() != io::ErrorKind::Unsupported => return Err(failed(&path)(e)),
            _ => {}
        }
        for _ in 0..ATTEMPTS {
            let before = self.index_bytes()?;
            let Some(after) = self.with_entries(before.as_deref(), root, names)? else { return Ok(()) };
            if self.replace("index.json", &after, || Ok(self.index_bytes()? == before))? {
                return Ok(());
            }
        }
        Err(LayoutError::Contended { place: self.place_name() }.into())
    }

    fn index_bytes(&self) -> Result<Option<Vec<u8>>> {
        let span = plain_file(&self.at("index.json"))?;
        span.map(|s| s.whole("index.json", "index.json", DOCUMENT_LIMIT)).transpose()
    }

    /// The index with the entries that are missing; nothing if none is.
    fn with_entries(&self, before: Option<&[u8]>, root: &Descriptor, names: &[String]) -> Result<Option<Vec<u8>>> {
        let before = before.unwrap_or(br#"{"schemaVersion":2,"manifests":[]}"#).to_vec();
        let known = Index::parse(before.clone().into(), None)?.manifests;
        let unnamed = [String::new()];
        let names = if names.is_empty() { &unnamed } else { names };
        let mut missing = Vec::new();
        for name in names {
            let has_name = |entry: &&Descriptor| entry.annotations.get(REF_NAME).map_or("", String::as_str) == name;
            let found: Vec<&Descriptor> = known.iter().filter(has_name).collect();
            match found.iter().find(|entry| entry.digest != root.digest) {
                Some(other) => {
                    return Err(self.taken(name, other));
                }
                None if found.is_empty() => missing.push(name),
                None => {}
            }
        }
        if missing.is_empty() {
            return Ok(None);
        }
        let mut value = crate::oci::json::read("index.json", &before, DOCUMENT_LIMIT)?;
        let Some(object) = value.as_object_mut() else { return Ok(None) };
        let manifests = object.entry("manifests").or_insert(Value::Null);
        if manifests.is_null() {
            *manifests = json!([]);
        }
        if let Some(list) = manifests.as_array_mut() {
            list.extend(missing.into_iter().map(|name| entry(root, name)));
        }
        Ok(Some(value.to_string().into_bytes()))
    }
}

fn entry(root: &Descriptor, name: &str) -> Value {
    let mut entry = Map::new();
    entry.insert("mediaType".into(), json!(root.media_type));
    entry.insert("digest".into(), json!(root.digest));
    entry.insert("size".into(), json!(root.size));
    if !name.is_empty() {
        entry.insert("annotations".into(), json!({ REF_NAME: name }));
    }
    Value::Object(entry)
}

struct HashingWriter(Hasher);

impl io::Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Temporary files lie in the layout's own folder: the rename never crosses file systems, and `blobs/` has no foreign names.
const TEMPORARY: &str = ".plywood-";

fn is_ours(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(TEMPORARY) || name == "blobs" || name == "index.json.lock"
}

fn temporary(folder: &Path) -> Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    // Readable for others as far as the umask allows, as any other output of a command.
    let mode = fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(TEMPORARY).permissions(mode).tempfile_in(folder).map_err(failed(folder))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.display().to_string();
    move |e| IoFault::new(path.clone(), e).into()
}

fn sync_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed(path))
}

/// The error that a body put into an `io::Error`.
fn unwrapped(error: io::Error, wanted: &Descriptor) -> Error {
    match error.downcast::<Error>() {
        Ok(inner) => inner,
        Err(error) => IoFault::new(wanted.digest.to_string(), error).into(),
    }
}

/// Runs file work on a thread where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::from(IoFault::new("a worker thread", io::Error::other(e))))?
}

impl Target for LayoutTarget {
    fn place(&self) -> String {
        self.place_name()
    }
    fn published<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Descriptor>>> {
        Box::pin(async move {
            if plain_file(&self.at("index.json"))?.is_none() {
                return Ok(None);
            }
            let which = Selector::Name(name.to_owned());
            Ok(Listing::read(&Folder(self.folder.clone()))?.find(&which).ok().cloned())
        })
    }
    fn can_move(&self, name: &str, has: &Descriptor) -> Result<()> {
        Err(self.taken(name, has))
    }
    fn is_local(&self) -> bool {
        true
    }
    fn check_rights(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.check()?;
            let existing = if self.folder.exists() { self.folder.as_path() } else { self.parent() };
            rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).map_err(|e| failed(existing)(e.into()))
        })
    }
    fn has<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let (target, blob) = (self.clone(), blob.clone());
            blocking(move || target.holds(&blob)).await
        })
    }
    fn put<'a>(&'a self, blob: &'a Descriptor, supply: &'a dyn Supply) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let body: Body = verified(supply.open().await?, blob);
            let reader = body.into_read(&tokio::runtime::Handle::current());
            let (target, blob) = (self.clone(), blob.clone());
            blocking(move || target.take(&blob, reader)).await
        })
    }
    fn put_document<'a>(&'a self, root: &'a Root) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (target, root) = (self.clone(), root.clone());
            blocking(move || {
                let mut hasher = Hasher::new();
                hasher.update(&root.raw);
                verdict(hasher, &root.descriptor)?;
                target.take(&root.descriptor, &root.raw[..])
            })
            .await
        })
    }
    fn publish<'a>(&'a self, root: &'a Root, names: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (target, root, names) = (self.clone(), root.descriptor.clone(), names.to_vec());
            blocking(move || target.enter(&root, &names)).await
        })
    }
}
