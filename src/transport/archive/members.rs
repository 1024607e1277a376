//! The members of a tar by name and offset.
//!
//! Invariant: one pass over the headers; a name is looked up as text and never becomes a path. A link leads to a plain
//! member of the same tar in one step (old `docker save` writes such), or nowhere.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::sync::Arc;

use super::ArchiveError;
use crate::error::{During as _, IoFault, Result};
use crate::oci::Compression;
use crate::stream::{EntryPath, Kind, Limits, TarReader, detect};
use crate::transport::layout::{Files, Span};

/// Members that are listed at most: an archive of images has some hundreds.
const MEMBER_LIMIT: u64 = 100_000;

#[derive(Debug)]
enum Member {
    File { at: u64, size: u64 },
    Link(EntryPath),
    Other,
    Twice,
}

/// A tar, opened once.
#[derive(Debug)]
pub struct Members {
    place: String,
    file: Arc<File>,
    by_name: HashMap<EntryPath, Member>,
}

impl Members {
    /// The tar in the file at `path`; `place` names it in errors.
    pub fn open(path: &Path, place: String) -> Result<Self> {
        match File::open(path) {
            Ok(file) => Self::read(file, place),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(ArchiveError::Absent { place }.into()),
            Err(e) => Err(IoFault::new(place, e).into()),
        }
    }

    /// The tar in an open file.
    pub fn read(file: File, place: String) -> Result<Self> {
        let length = file.metadata().map_err(|e| IoFault::new(&place, e))?.len();
        (&file).rewind().map_err(|e| IoFault::new(&place, e))?;
        let file = Arc::new(file);
        let mut first = Vec::new();
        Span::new(Arc::clone(&file), 0, length.min(16)).read_to_end(&mut first).map_err(|e| IoFault::new(&place, e))?;
        let how = match detect(&first) {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Zstd => Some("zstd"),
            Compression::Xz => Some("xz"),
            Compression::Bzip2 => Some("bzip2"),
        };
        if let Some(how) = how {
            return Err(ArchiveError::Compressed { place, how }.into());
        }
        let mut by_name = HashMap::new();
        let mut reader = TarReader::new(&*file, Limits { entries: MEMBER_LIMIT, bytes: None });
        while let Some((entry, at)) = reader.next_placed(length).during(|| format!("reading {place}"))? {
            if entry.is_directory() {
                continue;
            }
            let member = match &entry.kind {
                Kind::File { size } => Member::File { at, size: *size },
                Kind::Symlink { target } => link(&entry.path, target).map_or(Member::Other, Member::Link),
                Kind::HardLink { target } => Member::Link(target.clone()),
                _ => Member::Other,
            };
            by_name.entry(entry.path).and_modify(|m| *m = Member::Twice).or_insert(member);
        }
        Ok(Self { place, file, by_name })
    }

    /// The plain member with this name, also through one link.
    pub(super) fn member(&self, name: &str) -> Result<Option<Span>> {
        let wrong = |cause| ArchiveError::Member { place: self.place.clone(), member: name.chars().take(200).collect(), cause };
        let Ok(path) = EntryPath::new(name) else { return Err(wrong("has a name that leads out of the archive").into()) };
        if name.starts_with('/') {
            return Err(wrong("has a name that leads out of the archive").into());
        }
        let mut member = self.by_name.get(&path);
        if let Some(Member::Link(target)) = member {
            member = self.by_name.get(target);
            if !matches!(member, Some(Member::File { .. })) {
                return Err(wrong("is a link that leads to no plain member").into());
            }
        }
        match member {
            None => Ok(None),
            Some(Member::File { at, size }) => Ok(Some(Span::new(Arc::clone(&self.file), *at, *size))),
            Some(Member::Twice) => Err(wrong("is there twice").into()),
            Some(_) => Err(wrong("is not a plain file").into()),
        }
    }
}

/// Where a symbolic link in a tar leads, by its text alone; nothing if that is outside.
fn link(from: &EntryPath, target: &[u8]) -> Option<EntryPath> {
    if target.starts_with(b"/") {
        return None;
    }
    let parent = from.parent()?;
    let mut stack: Vec<&[u8]> = parent.components().collect();
    for component in target.split(|b| *b == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                stack.pop()?;
            }
            name => stack.push(name),
        }
    }
    EntryPath::new(stack.join(&b'/')).ok()
}

impl Files for Members {
    fn place(&self) -> String {
        self.place.clone()
    }
    fn open(&self, path: &str) -> Result<Option<Span>> {
        self.member(path)
    }
}
