//! The catalogue of one layer: every entry's metadata, its whiteouts, the bytes of the few files that matter.
//!
//! Invariant: made in one pass over the whole layer, to its last byte; entries stand in stream order and unmerged. A
//! prefix of a layer is never a catalogue (see `accounts_prefix`).

use std::io::Read;
use std::sync::Arc;

use crate::oci::Digest;
use crate::stream::{Entry, EntryPath, HashingReader, Limits, TarError, TarReader};

use super::elf::{elf_note, is_library_name};
use super::{ElfNote, RootFsError, keep};

/// Prefix of the name of a whiteout (image-spec, layer.md, "Whiteouts").
pub(super) const WHITEOUT: &[u8] = b".wh.";
/// Name of the marker that hides all that lower layers have in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Other names of AUFS's own bookkeeping, which engines pass over.
const AUFS: &[u8] = b".wh..wh.";

/// One entry of a layer with what was kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its metadata, as written.
    pub entry: Entry,
    /// Its bytes, if the rule of `keep` names it.
    pub bytes: Option<Arc<[u8]>>,
    /// The digest of its bytes, for a regular file that is not empty.
    pub digest: Option<Digest>,
    /// Facts of a shared object.
    pub elf: Option<ElfNote>,
}

/// All that one layer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    pub(super) records: Vec<Record>,
    pub(super) whiteouts: Vec<EntryPath>,
    pub(super) opaque: Vec<EntryPath>,
}

/// What an entry's name makes it.
enum Mark {
    Entry,
    Whiteout(EntryPath),
    Opaque(EntryPath),
    Aufs,
}

impl Catalogue {
    /// Reads an uncompressed layer to the end of `input`, so that a verifying reader there sees its last byte.
    pub fn read(input: impl Read, limits: Limits) -> Result<Self, RootFsError> {
        let mut reader = TarReader::new(input, limits);
        let mut catalogue = Self::default();
        let mut room = keep::TOTAL;
        while let Some(entry) = reader.next_entry()? {
            catalogue.take(entry, &mut reader, &mut room)?;
        }
        reader.finish()?;
        Ok(catalogue)
    }

    /// Takes one entry, reading of its body what is kept. `room` is how many bytes may still be kept.
    pub(super) fn take<R: Read>(&mut self, entry: Entry, reader: &mut TarReader<R>, room: &mut u64) -> Result<(), RootFsError> {
        match mark(&entry.path)? {
            Mark::Whiteout(path) => self.whiteouts.push(path),
            Mark::Opaque(path) => self.opaque.push(path),
            Mark::Aufs => {}
            Mark::Entry => {
                let record = look_into(entry, reader, room)?;
                self.records.push(record);
            }
        }
        Ok(())
    }

    /// The entries in stream order, whiteouts and markers left out.
    pub fn records(&self) -> &[Record] {
        &self.records
    }
    /// Paths that the layer removes from those below it.
    pub fn whiteouts(&self) -> &[EntryPath] {
        &self.whiteouts
    }
    /// Directories in which nothing of the layers below is seen.
    pub fn opaque(&self) -> &[EntryPath] {
        &self.opaque
    }
}

fn mark(path: &EntryPath) -> Result<Mark, RootFsError> {
    let name = path.file_name();
    if name != OPAQUE && path.as_bytes().starts_with(AUFS) {
        return Ok(Mark::Aufs);
    }
    let Some(hidden) = name.strip_prefix(WHITEOUT) else { return Ok(Mark::Entry) };
    let directory = path.parent().unwrap_or_default();
    match hidden {
        _ if name == OPAQUE => Ok(Mark::Opaque(directory)),
        _ if name.starts_with(AUFS) => Ok(Mark::Aufs),
        b"" | b"." | b".." => Err(RootFsError::Whiteout(path.clone())),
        _ => directory.join(hidden).map(Mark::Whiteout).map_err(|_| RootFsError::Whiteout(path.clone())),
    }
}

/// Reads the body of an entry to its end.
fn look_into<R: Read>(entry: Entry, reader: &mut TarReader<R>, room: &mut u64) -> Result<Record, RootFsError> {
    let size = entry.size();
    if size == 0 {
        let empty = matches!(entry.kind, crate::stream::Kind::File { .. }) && keep::most(&entry.path).is_some();
        return Ok(Record { entry, bytes: empty.then(|| Arc::from([])), digest: None, elf: None });
    }
    let at = reader.position();
    let failed = |cause| RootFsError::Tar(TarError::Read { at, cause });
    let mut body = HashingReader::new(reader.body());
    let library = is_library_name(&entry.path);
    let (mut bytes, mut elf) = (None, None);
    if keep::most(&entry.path).is_some_and(|most| size <= most) && size <= *room {
        *room -= size;
        let mut kept = Vec::with_capacity(size as usize);
        body.read_to_end(&mut kept).map_err(failed)?;
        if library {
            elf = elf_note(kept.as_slice(), size).map_err(failed)?;
        }
        bytes = Some(kept.into());
    } else if library {
        elf = elf_note(&mut body, size).map_err(failed)?;
    }
    let digest = Some(body.finish().map_err(failed)?);
    Ok(Record { entry, bytes, digest, elf })
}

#[cfg(test)]
mod tests;
