//! Reads a package once: its lists, then every file, checked, patched and hashed while its bytes go by.
//!
//! Invariant: what comes out is bounded by what the package's own list says and by its compressed size; an archive that holds
//! much more than either is refused before it is read to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use super::container::{Container, Plain};
use super::info::{self, Files, LARGEST, LOOKED_AT};
use super::patch::{PatchError, patch};
use super::{FileMode, Listed, Package, PathKind};
use crate::conda::{CondaError, Section};
use crate::layer::Contents;
use crate::oci::Digest;
use crate::stream::{Entry, EntryPath, HashingReader, Kind, Limits, TarReader};

/// Entries of one package; the largest on conda-forge have some 60,000.
const ENTRIES: u64 = 400_000;
/// Places to patch in one package; a compiler has some 3,000.
const PLACES: usize = 100_000;
/// What a package may unpack to, whatever its size, and per compressed byte beyond.
const FREE: u64 = 256 << 20;
const RATIO: u64 = 200;

/// Reads the package in `file` for `prefix` (absolute). `name` is its file name, for messages.
pub fn read(name: &str, file: &Section, archive: Digest, prefix: &str) -> Result<Package, CondaError> {
    let container = Container::open(name, file)?;
    let limits = Limits { entries: ENTRIES, bytes: Some(FREE.saturating_add(file.length().saturating_mul(RATIO))) };
    let mut reading =
        Reading { name, prefix, limits, collecting: true, files: Files::new(), wanted: None, known: Package::default() };
    reading.contents().archive = Some(archive);
    let done = match container.info(name)? {
        Some(info) => reading.pass(info, false)?,
        // Mostly the lists stand in front of the files; else it is read twice.
        None => reading.pass(container.data(name)?, true)? && reading.wanted.is_some(),
    };
    reading.collecting = false;
    if !done || reading.wanted.is_none() {
        reading.know()?;
        reading.pass(container.data(name)?, true)?;
    }
    reading.check_complete()?;
    Ok(reading.known)
}

struct Reading<'a> {
    name: &'a str,
    prefix: &'a str,
    limits: Limits,
    /// Files of `info/` are taken.
    collecting: bool,
    /// Of `info/`.
    files: Files,
    /// What is linked, by path; nothing while the lists are not known.
    wanted: Option<BTreeMap<EntryPath, Listed>>,
    known: Package,
}

impl Reading<'_> {
    fn contents(&mut self) -> &mut Contents {
        Arc::make_mut(&mut self.known.contents)
    }

    /// Reads a tar to its end; whether all that `data` brings was looked at with the lists at hand.
    fn pass(&mut self, tar: Plain, data: bool) -> Result<bool, CondaError> {
        let mut tar = TarReader::new(tar, self.limits);
        self.contents().entries.clear();
        let mut seen = BTreeSet::new();
        let mut whole = true;
        while let Some(entry) = tar.next_entry().map_err(|cause| self.tar(cause))? {
            if std::str::from_utf8(entry.path.as_bytes()).is_err() {
                return Err(self.wrong(&entry.path, "has a name that is not UTF-8"));
            }
            if !entry.is_directory() && !seen.insert(entry.path.clone()) {
                return Err(self.wrong(&entry.path, "stands twice in the archive"));
            }
            if entry.path.is_below(&info_folder()) {
                // A list that comes behind files may say something else of them.
                whole &= !(self.info(&entry, &mut tar.body())? && self.wanted.is_some());
            } else if data {
                let lists = [b"info/index.json".as_slice(), b"info/paths.json"];
                if self.wanted.is_none() && lists.iter().all(|name| self.files.contains_key(*name)) {
                    self.know()?;
                }
                whole &= self.wanted.is_some();
                if whole {
                    self.take(&entry, &mut tar.body())?;
                }
            }
            self.contents().entries.push(entry);
        }
        tar.finish().map_err(|cause| self.tar(cause))?;
        Ok(whole)
    }

    /// Keeps a file of `info/` that decides something; whether this is one.
    fn info(&mut self, entry: &Entry, body: &mut impl Read) -> Result<bool, CondaError> {
        if !LOOKED_AT.contains(&entry.path.as_bytes()) || !self.collecting {
            return Ok(false);
        }
        let Kind::File { size } = entry.kind else { return Err(self.wrong(&entry.path, "is no regular file")) };
        if size > LARGEST {
            return Err(self.wrong(&entry.path, "is too large"));
        }
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).map_err(|cause| CondaError::Read { package: self.name.into(), cause })?;
        self.files.insert(entry.path.as_bytes().to_vec(), bytes);
        Ok(true)
    }

    /// Takes the lists as they are.
    fn know(&mut self) -> Result<(), CondaError> {
        let name = self.name;
        self.known.digests.clear();
        self.known.patched.clear();
        let text = |object: serde_json::Map<String, serde_json::Value>| serde_json::Value::Object(object).to_string();
        let index = info::object(name, &self.files, "info/index.json")?;
        self.known.index = text(index.ok_or_else(|| CondaError::package(name, "it has no info/index.json"))?);
        self.known.record = info::object(name, &self.files, "info/repodata_record.json")?.map(text);
        self.known.link = info::object(name, &self.files, "info/link.json")?.map(text);
        self.known.listed = info::listed(name, &self.files)?;
        let promised = self.known.listed.iter().filter_map(|l| l.size).fold(0, u64::saturating_add);
        if self.limits.bytes.is_some_and(|most| promised > most) {
            let problem =
                format!("its files have {promised} bytes by its own list, which is more than an archive of its size may hold");
            return Err(CondaError::package(name, problem));
        }
        self.wanted = Some(self.known.listed.iter().map(|l| (l.path.clone(), l.clone())).collect());
        Ok(())
    }

    /// One listed file: checked against its list, patched, hashed.
    fn take(&mut self, entry: &Entry, body: &mut impl Read) -> Result<(), CondaError> {
        let Some(listed) = self.wanted.as_ref().and_then(|w| w.get(&entry.path)).cloned() else { return Ok(()) };
        match (&entry.kind, listed.kind) {
            (Kind::Directory, None | Some(PathKind::Directory)) => return Ok(()),
            (Kind::Symlink { .. }, None | Some(PathKind::Softlink)) => return Ok(()),
            (Kind::File { .. } | Kind::HardLink { .. }, None | Some(PathKind::Hardlink)) => {}
            (kind, listed) => {
                let problem = format!("is {} in the archive, its list says {listed:?}", told(kind));
                return Err(self.wrong(&entry.path, problem));
            }
        }
        match &entry.kind {
            Kind::HardLink { target } => self.further_name(&listed, target),
            Kind::File { size } => self.file(&listed, *size, body),
            _ => Ok(()),
        }
    }

    fn file(&mut self, listed: &Listed, size: u64, body: &mut impl Read) -> Result<(), CondaError> {
        if let Some(promised) = listed.size.filter(|promised| *promised != size) {
            return Err(self.wrong(&listed.path, format!("has {size} bytes, its list says {promised}")));
        }
        let Some((placeholder, mode)) = &listed.placeholder else {
            let mut body = HashingReader::new(body);
            let read = std::io::copy(&mut body, &mut std::io::sink()).and_then(|_| body.finish());
            let found = read.map_err(|cause| CondaError::Read { package: self.name.into(), cause })?;
            if let Some(promised) = listed.sha256.filter(|promised| *promised != found) {
                return Err(self.wrong(&listed.path, format!("has SHA-256 {found}, its list says {promised}")));
            }
            self.known.digests.insert(listed.path.clone(), found);
            return Ok(());
        };
        let used: usize = self.known.patched.values().map(|p| p.changes.len()).sum();
        let patched = patch(body, placeholder.as_bytes(), *mode, self.prefix.as_bytes(), PLACES.saturating_sub(used));
        let patched = patched.map_err(|error| match error {
            PatchError::Read(cause) => CondaError::Read { package: self.name.into(), cause },
            other => self.wrong(&listed.path, other.to_string()),
        })?;
        self.known.digests.insert(listed.path.clone(), patched.digest);
        if !patched.changes.is_empty() {
            self.known.patched.insert(listed.path.clone(), patched);
        }
        Ok(())
    }

    /// A hard link inside the package shares its target's bytes, so both must become the same.
    fn further_name(&mut self, listed: &Listed, target: &EntryPath) -> Result<(), CondaError> {
        let first = self.wanted.as_ref().and_then(|w| w.get(target));
        let (Some(first), Some(digest)) = (first, self.known.digests.get(target).copied()) else {
            return Err(self.wrong(&listed.path, format!("is a hard link to {target}, which is not linked or comes later")));
        };
        let place = |l: &Listed| l.placeholder.as_ref().map(|(p, m)| (p.clone(), *m == FileMode::Binary));
        if place(first) != place(listed) && self.known.patched.contains_key(target) {
            return Err(self.wrong(&listed.path, format!("is a hard link to {target}, but their placeholders differ")));
        }
        if let Some(promised) = listed.sha256.filter(|promised| listed.placeholder.is_none() && *promised != digest) {
            return Err(self.wrong(&listed.path, format!("has SHA-256 {digest}, its list says {promised}")));
        }
        self.known.digests.insert(listed.path.clone(), digest);
        Ok(())
    }

    fn check_complete(&self) -> Result<(), CondaError> {
        let there: BTreeSet<&EntryPath> = self.known.contents.entries.iter().map(|e| &e.path).collect();
        // A directory is made, whether the archive has it or not.
        let missing = self.known.listed.iter().find(|l| l.kind != Some(PathKind::Directory) && !there.contains(&l.path));
        missing.map_or(Ok(()), |l| Err(self.wrong(&l.path, "is in the package's list, but not in the archive")))
    }

    fn wrong(&self, path: &EntryPath, problem: impl Into<String>) -> CondaError {
        CondaError::path(self.name, path, problem)
    }

    fn tar(&self, cause: crate::stream::TarError) -> CondaError {
        CondaError::Tar { package: self.name.into(), cause }
    }
}

fn info_folder() -> EntryPath {
    EntryPath::new(b"info").unwrap_or_default()
}

fn told(kind: &Kind) -> &'static str {
    match kind {
        Kind::File { .. } | Kind::HardLink { .. } => "a regular file",
        Kind::Symlink { .. } => "a symbolic link",
        Kind::Directory => "a directory",
        _ => "a device or pipe",
    }
}
