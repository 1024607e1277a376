//! What is kept of an archive's regular files: the bytes that scripts may ask for, and the facts of shared objects.
//!
//! Invariant: one rule for packages and for plain archives; memory is bounded whatever the archive holds. A file that is not
//! kept is read again out of the archive when it is asked for.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use crate::layer::Contents;
use crate::rootfs::{ElfNote, elf_note, is_library_name};
use crate::stream::EntryPath;

/// A regular file up to this size is kept: what maintainer scripts read is configuration, units, certificates, lists.
pub(super) const KEPT_FILE: u64 = 64 << 10;
/// All kept files of one archive together; the first ones in archive order are kept.
const KEPT_ALL: u64 = 16 << 20;

/// Where no maintainer script looks for data: documentation, translations, sources.
const NOT_KEPT: [&[u8]; 6] =
    [b"usr/share/doc/", b"usr/share/man/", b"usr/share/locale/", b"usr/share/info/", b"usr/include/", b"usr/src/"];

/// The files that are kept, in archive order until the room is used up.
#[derive(Debug)]
pub struct Kept {
    files: BTreeMap<EntryPath, Arc<[u8]>>,
    elf: BTreeMap<EntryPath, ElfNote>,
    left: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { files: BTreeMap::new(), elf: BTreeMap::new(), left: KEPT_ALL }
    }
}

impl Kept {
    /// Looks at one regular file, reading no more of its body than is asked for.
    pub fn take(&mut self, path: &EntryPath, size: u64, mut body: impl Read) -> io::Result<()> {
        let library = is_library_name(path);
        let note = if size <= KEPT_FILE && (library || self.wants(path, size)) {
            let bytes = bytes(&mut body, size)?;
            let note = if library { elf_note(&*bytes, size)? } else { None };
            self.add(path, bytes);
            note
        } else if library {
            elf_note(&mut body, size)?
        } else {
            None
        };
        if let Some(note) = note {
            self.elf.insert(path.clone(), note);
        }
        Ok(())
    }
    /// Puts all of it into the contents of the archive.
    pub fn hand_to(self, contents: &mut Contents) {
        contents.kept = self.files;
        contents.elf = self.elf;
    }
    fn wants(&self, path: &EntryPath, size: u64) -> bool {
        size <= self.left && !NOT_KEPT.iter().any(|above| path.as_bytes().starts_with(above))
    }
    /// Programs are not read by scripts, only run.
    fn add(&mut self, path: &EntryPath, bytes: Arc<[u8]>) {
        let size = bytes.len() as u64;
        if self.wants(path, size) && !bytes.starts_with(b"\x7fELF") {
            self.left -= size;
            self.files.insert(path.clone(), bytes);
        }
    }
}

/// The body of the present entry.
pub(super) fn bytes(mut body: impl Read, size: u64) -> io::Result<Arc<[u8]>> {
    let mut bytes = Vec::with_capacity(size.min(KEPT_FILE) as usize);
    body.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
