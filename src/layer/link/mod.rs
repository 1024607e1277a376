//! The linker: makes a layer's bytes from its spec and sources.
//!
//! Invariant: same spec, same sources, same bytes, for any number of threads; nothing else is looked at. Memory does not grow
//! with the size of files: sources are read and decompressed on one thread, entries are edited, written as tar and hashed on
//! the caller's, members are compressed on workers, with bounded queues between.
//!
//! The order in the layer: sources in the spec's order, their entries in theirs; each directory of the spec once, where a
//! source lists it or before its first child; then directories that nothing triggered; then whiteouts; then made entries.
//! Whiteouts cannot hit what the layer adds, wherever they stand: a spec that deletes what it adds is refused.

mod assembly;
mod edits;
mod replaced;

use std::io::{self, Read, Write};
use std::thread;

use serde::{Deserialize, Serialize};

use self::assembly::Assembly;
use self::edits::Edits;
use self::replaced::{Change, Replaced, size_after};
use super::{Edit, LayerSpec};
use crate::error::{Class, During as _, Error, Fault, IoFault, Side};
use crate::oci::{DiffId, Digest};
use crate::store::{BlobWriter, StoreError};
use crate::stream::{
    Entry, EntryPath, GzipWriter, HashingWriter, Kind, Limits, ReadAhead, SourceReader, TarError, TarReader, TarWriteError,
};

/// Opens the uncompressed data tar of an archive.
pub type Open<'a> = dyn Fn(&Digest) -> Result<Box<dyn Read + Send>, Error> + Sync + 'a;

/// A layer that was made. Remembered in the memo under the spec's key and [`ENCODER`](crate::stream::ENCODER).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    /// Digest of the compressed blob.
    pub digest: Digest,
    /// Bytes of the compressed blob.
    pub size: u64,
    /// Digest of the tar.
    pub diff_id: DiffId,
    /// Bytes of the tar.
    pub uncompressed_size: u64,
    /// Entries of the tar.
    pub entries: u64,
}

/// A spec that contradicts itself or its sources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("layer spec, {path}: {problem}")]
pub struct SpecError {
    /// As shipped by the source for edits, else in the layer.
    pub path: EntryPath,
    /// What is wrong.
    pub problem: &'static str,
}

impl SpecError {
    fn new(path: &EntryPath, problem: &'static str) -> Self {
        Self { path: path.clone(), problem }
    }
}

/// Why a layer cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A source that cannot be read.
    #[error("source {digest}: {cause}")]
    Source {
        /// The archive.
        digest: Digest,
        /// Why.
        #[source]
        cause: TarError,
    },
    /// The spec, or an edit that does not fit its source.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// An entry that cannot be written, or whose content cannot be read.
    #[error(transparent)]
    Entry(#[from] TarWriteError),
    /// The blob.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Threads and compression.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl LinkError {
    fn fault(&self) -> Option<&dyn Fault> {
        match self {
            Self::Source { cause, .. } => Some(cause),
            Self::Spec(_) => None,
            Self::Entry(fault) => Some(fault),
            Self::Store(fault) => Some(fault),
            Self::Io(fault) => Some(fault),
        }
    }
}

impl Fault for LinkError {
    fn class(&self) -> Class {
        self.fault().map_or(Class::Input, Fault::class)
    }
    fn side(&self) -> Side {
        self.fault().map_or(Side::Recipe, Fault::side)
    }
    fn retryable(&self) -> bool {
        self.fault().is_some_and(Fault::retryable)
    }
    fn hint(&self) -> Option<String> {
        self.fault().and_then(Fault::hint)
    }
}

/// Makes the layer of `spec` as a blob, compressed on `threads` threads. `open` gives the uncompressed data tar of a source
/// and is called on a thread of its own, for each source in order. On failure nothing of the blob stays.
pub fn link(spec: &LayerSpec, open: &Open<'_>, out: BlobWriter, threads: usize) -> Result<Linked, LinkError> {
    let sink = HashingWriter::new(GzipWriter::new(out, threads));
    let mut assembly = Assembly::new(spec, sink)?;
    if !spec.sources.is_empty() {
        thread::scope(|scope| add_sources(spec, scope, open, &mut assembly))?;
    }
    assembly.rest(spec)?;
    let (sink, entries) = assembly.finish()?;
    let (gzip, diff_id, uncompressed_size) = sink.finish();
    let out = gzip.finish().map_err(|e| IoFault::new("writing a layer", e))?;
    let (digest, size) = out.commit(None)?;
    Ok(Linked { digest, size, diff_id: DiffId(diff_id), uncompressed_size, entries })
}

fn add_sources<'scope, W: Write>(
    spec: &LayerSpec,
    scope: &'scope thread::Scope<'scope, '_>,
    open: &'scope Open<'_>,
    assembly: &mut Assembly<'_, W>,
) -> Result<(), LinkError> {
    let digests: Vec<Digest> = spec.sources.iter().map(|(digest, _)| *digest).collect();
    let count = digests.len();
    let opened = move |number: usize| {
        let digest = digests.get(number).copied().unwrap_or_else(|| Digest::of(b""));
        open(&digest).during(|| format!("opening {digest}"))
    };
    let ahead = ReadAhead::start(scope, count, Box::new(opened)).map_err(|e| IoFault::new("starting a thread", e))?;
    for (origin, (digest, edits)) in spec.sources.iter().enumerate() {
        add_source(origin, *digest, edits, ahead.source(), assembly)?;
    }
    Ok(())
}

fn add_source<W: Write>(
    origin: usize,
    digest: Digest,
    edits: &[Edit],
    tar: SourceReader<'_>,
    assembly: &mut Assembly<'_, W>,
) -> Result<(), LinkError> {
    let failed = |cause| LinkError::Source { digest, cause };
    let mut edits = Edits::new(edits)?;
    let mut reader = TarReader::new(tar, Limits::default());
    while let Some(entry) = reader.next_entry().map_err(failed)? {
        add_entry(origin, entry, &mut edits, &mut reader.body(), assembly)?;
    }
    edits.all_used()?;
    reader.finish().map_err(failed)?;
    Ok(())
}

/// One entry of a source: edited, put in its place.
fn add_entry<W: Write>(
    origin: usize,
    mut entry: Entry,
    edits: &mut Edits<'_>,
    body: &mut dyn Read,
    assembly: &mut Assembly<'_, W>,
) -> Result<(), LinkError> {
    let shipped = entry.path.clone();
    let refuse = |problem| Err(SpecError::new(&shipped, problem).into());
    let wanted = edits.take(&shipped);
    if wanted.omit {
        return if wanted.own.is_some() || wanted.replace.is_some() { refuse("edited and omitted") } else { Ok(()) };
    }
    entry.path = edits.map(&shipped)?;
    if entry.is_directory() {
        return match (wanted.own, wanted.replace) {
            (None, None) if entry.path.is_root() && !assembly.lists(&entry.path) => Ok(()),
            (None, None) => assembly.directory(&entry.path),
            _ => refuse("a directory is described by the spec's list, not by edits"),
        };
    }
    if let Kind::HardLink { target } = &entry.kind {
        let place = edits.map(target)?;
        check_link(&shipped, wanted, edits.look_up(target), assembly.owned(&place))?;
        entry.kind = Kind::HardLink { target: place };
        return assembly.place(entry, Some(origin), &mut io::empty());
    }
    if let Some((mode, owner)) = wanted.own {
        (entry.mode, entry.owner) = (mode, owner);
    }
    match (wanted.replace, entry.kind.clone()) {
        (None, _) => assembly.place(entry, Some(origin), body),
        (Some(changes), Kind::File { size }) => {
            let size = size_after(size, changes).map_err(|problem| SpecError::new(&shipped, problem))?;
            entry.kind = Kind::File { size };
            assembly.place(entry, Some(origin), &mut Replaced::new(body, changes))
        }
        (Some(_), _) => refuse("bytes can be replaced in a regular file only"),
    }
}

/// A hard link shares its target's inode, so its edits must say the same as the target's.
fn check_link(
    shipped: &EntryPath,
    link: edits::Wanted<'_>,
    target: edits::Wanted<'_>,
    owned: Option<(u32, crate::stream::Owner)>,
) -> Result<(), SpecError> {
    let problem = if target.omit {
        "the target of the hard link is omitted"
    } else if link.replace.is_some_and(|changes: &[Change]| Some(changes) != target.replace) {
        "the hard link has other replacements than its target"
    } else if link.own.is_some() && link.own != owned {
        "the hard link has another mode or owner than its target"
    } else {
        return Ok(());
    };
    Err(SpecError::new(shipped, problem))
}

#[cfg(test)]
mod tests;
