//! Canonical tar out: the one byte form that a sequence of entries has (POSIX.1-2001 pax: ustar, records only where needed).
//!
//! Invariant: the bytes depend on the entries and contents alone. Names of owner and group are never written. The order is
//! the caller's: parents before children, hard links after their target. An archive is whole only after `finish`; nothing is
//! written in `Drop`.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use super::{Entry, EntryPath, Kind};
use crate::error::{Class, Fault, IoFault, Side};

/// Tar's unit: headers and contents are padded to it.
const BLOCK: usize = 512;
/// Prefix of a file name that hides the rest of the name in lower layers (image-spec, layer.md, "Whiteouts").
pub const WHITEOUT_PREFIX: &[u8] = b".wh.";
/// Key of a pax record of an extended attribute, as GNU tar, libarchive and Go write it.
const XATTR_KEY: &[u8] = b"SCHILY.xattr.";
/// The name of every pax header; extraction never uses it.
const PAX_NAME: &[u8] = b"././@PaxHeader";
/// The longest target of a symbolic link that Linux takes, with its NUL.
const LINK_TARGET: usize = 4096;
/// The largest numbers of ustar's 7 and 11 octal digits.
const MAX_7: u64 = 0o7_777_777;
const MAX_11: u64 = 0o77_777_777_777;

/// Why an entry cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TarWriteError {
    /// The output failed.
    #[error(transparent)]
    Io(#[from] IoFault),
    /// The entry's content could not be read.
    #[error("reading {path}: {cause}")]
    Content {
        /// The entry.
        path: EntryPath,
        /// What its reader said.
        cause: io::Error,
    },
    /// The content has another length than the entry says.
    #[error("{path}: {got} instead of {size} bytes of content")]
    Size {
        /// The entry.
        path: EntryPath,
        /// What the entry says.
        size: u64,
        /// What came: a number of bytes, or "more".
        got: String,
    },
    /// A name that would delete files of lower layers.
    #[error("{0}: a name that starts with `.wh.` would delete files of lower layers")]
    Whiteout(EntryPath),
    /// Something that no tar reader would take back.
    #[error("{path}: {problem}")]
    Entry {
        /// The entry.
        path: EntryPath,
        /// What is wrong.
        problem: &'static str,
    },
    /// An earlier entry failed; what was written so far is no archive.
    #[error("the archive is broken by an earlier failure")]
    Broken,
}

impl TarWriteError {
    /// The failure below this one that knows more.
    fn inner(&self) -> Option<&crate::Error> {
        if let Self::Content { cause, .. } = self { cause.get_ref()?.downcast_ref() } else { None }
    }
}

impl Fault for TarWriteError {
    fn class(&self) -> Class {
        if let Self::Io(fault) = self { fault.class() } else { self.inner().map_or(Class::Input, crate::Error::class) }
    }
    fn side(&self) -> Side {
        if let Self::Io(fault) = self { fault.side() } else { self.inner().map_or(Side::Source, crate::Error::side) }
    }
    fn retryable(&self) -> bool {
        self.inner().is_some_and(crate::Error::retryable)
    }
    fn hint(&self) -> Option<String> {
        if let Self::Io(fault) = self { fault.hint() } else { self.inner().and_then(crate::Error::hint) }
    }
}

/// Writes entries as tar to `W`.
#[derive(Debug)]
pub struct TarWriter<W> {
    out: W,
    broken: bool,
    buffer: Vec<u8>,
}

impl<W: Write> TarWriter<W> {
    /// An archive without entries.
    pub fn new(out: W) -> Self {
        Self { out, broken: false, buffer: vec![0; 64 * 1024] }
    }
    /// Writes an entry and its content, which must have exactly the entry's size.
    pub fn append(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), TarWriteError> {
        if entry.path.file_name().starts_with(WHITEOUT_PREFIX) {
            return Err(TarWriteError::Whiteout(entry.path.clone()));
        }
        self.write(entry, content)
    }
    /// Writes that `path` of lower layers vanishes: an empty file of root beside it, with time 0.
    pub fn append_whiteout(&mut self, path: &EntryPath) -> Result<(), TarWriteError> {
        if path.is_root() || path.file_name().starts_with(WHITEOUT_PREFIX) {
            return Err(TarWriteError::Entry { path: path.clone(), problem: "this path cannot be deleted by a whiteout" });
        }
        let name = [WHITEOUT_PREFIX, path.file_name()].concat();
        let marker = path.parent().unwrap_or_default().join(name);
        let marker = marker.map_err(|_| TarWriteError::Entry { path: path.clone(), problem: "too long for a whiteout" })?;
        self.write(&Entry::new(marker, Kind::File { size: 0 }, 0o644), &mut io::empty())
    }
    /// Ends the archive with two zero blocks and gives the inner writer back.
    pub fn finish(mut self) -> Result<W, TarWriteError> {
        if self.broken {
            return Err(TarWriteError::Broken);
        }
        self.out.write_all(&[0; 2 * BLOCK]).map_err(|e| IoFault::new("writing a layer", e))?;
        Ok(self.out)
    }

    fn write(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), TarWriteError> {
        if self.broken {
            return Err(TarWriteError::Broken);
        }
        let header = header_of(entry).map_err(|problem| TarWriteError::Entry { path: entry.path.clone(), problem })?;
        self.broken = true;
        self.out.write_all(&header).map_err(|e| IoFault::new(entry.path.to_string(), e))?;
        self.copy(entry, content)?;
        self.broken = false;
        Ok(())
    }
    fn copy(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), TarWriteError> {
        let fault = |e| IoFault::new(entry.path.to_string(), e);
        let wrong = |got| TarWriteError::Size { path: entry.path.clone(), size: entry.size(), got };
        let mut left = entry.size();
        while left > 0 {
            let wanted = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match content.read(&mut self.buffer[..wanted]) {
                Ok(0) => return Err(wrong((entry.size() - left).to_string())),
                Ok(n) => {
                    self.out.write_all(&self.buffer[..n]).map_err(fault)?;
                    left -= n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(TarWriteError::Content { path: entry.path.clone(), cause }),
            }
        }
        let more = content.read(&mut [0]).map_err(|cause| TarWriteError::Content { path: entry.path.clone(), cause })?;
        if more > 0 {
            return Err(wrong("more".into()));
        }
        self.out.write_all(padding(entry.size())).map_err(fault)?;
        Ok(())
    }
}

/// Zeros that fill `size` bytes up to whole blocks.
fn padding(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    let over = (size % BLOCK as u64) as usize;
    if over == 0 { &[] } else { &ZEROS[over..] }
}

/// The header blocks of an entry: a pax header where ustar has no room, then the ustar header.
fn header_of(entry: &Entry) -> Result<Vec<u8>, &'static str> {
    let mut records = BTreeMap::new();
    let mut header = Header::new();
    let mut name = entry.path.as_bytes().to_vec();
    if entry.path.is_root() {
        name.extend_from_slice(b"./");
    } else if entry.is_directory() {
        name.push(b'/');
    }
    if entry.path.is_root() && !entry.is_directory() {
        return Err("the root can only be a directory");
    }
    if !header.path(&name) {
        records.insert(b"path".to_vec(), name);
    }
    if entry.mode > 0o7777 {
        return Err("a mode has 12 bits");
    }
    header.octal(100..108, u64::from(entry.mode));
    let numbers = [("uid", 108..116, u64::from(entry.owner.uid), MAX_7), ("gid", 116..124, u64::from(entry.owner.gid), MAX_7)];
    for (key, field, value, max) in numbers.into_iter().chain([("size", 124..136, entry.size(), MAX_11)]) {
        header.octal(field, if value <= max { value } else { 0 });
        if value > max {
            records.insert(key.into(), value.to_string().into_bytes());
        }
    }
    let time = u64::try_from(entry.mtime).ok().filter(|t| *t <= MAX_11);
    header.octal(136..148, time.unwrap_or(0));
    if time.is_none() {
        records.insert(b"mtime".to_vec(), entry.mtime.to_string().into_bytes());
    }
    header.kind(&entry.kind, &mut records)?;
    for (name, value) in &entry.xattrs {
        if name.is_empty() || name.iter().any(|b| matches!(b, 0 | b'=')) {
            return Err("a name of an extended attribute is empty or has `=` or NUL");
        }
        records.insert([XATTR_KEY, name].concat(), value.clone());
    }
    let mut blocks = pax_blocks(&records);
    blocks.extend_from_slice(&header.seal());
    Ok(blocks)
}

/// A pax header with its records, or nothing without records.
fn pax_blocks(records: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    if records.is_empty() {
        return Vec::new();
    }
    let body = records.iter().flat_map(|(key, value)| record(key, value)).collect::<Vec<u8>>();
    let mut header = Header::new();
    header.path(PAX_NAME);
    header.octal(100..108, 0o644);
    header.octal(108..116, 0);
    header.octal(116..124, 0);
    header.octal(124..136, body.len() as u64);
    header.octal(136..148, 0);
    header.0[156] = b'x';
    [&header.seal()[..], &body, padding(body.len() as u64)].concat()
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// One ustar header block.
struct Header([u8; BLOCK]);

impl Header {
    fn new() -> Self {
        let mut block = [0; BLOCK];
        block[257..265].copy_from_slice(b"ustar\x0000");
        Self(block)
    }
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }
    /// A number in octal digits, zero-padded, with a NUL at the end. The caller knows that it fits.
    fn octal(&mut self, field: std::ops::Range<usize>, value: u64) {
        let digits = format!("{value:0width$o}", width = field.len() - 1);
        self.put(field.start, digits.as_bytes());
    }
    /// The name, split at a slash where it is long; `false` if there is no room and the field stays a mere sign.
    fn path(&mut self, name: &[u8]) -> bool {
        if name.len() <= 100 {
            self.put(0, name);
            return true;
        }
        let split = (1..name.len() - 1).find(|at| name[*at] == b'/' && name.len() - at - 1 <= 100);
        if let Some(at) = split.filter(|at| *at <= 155) {
            self.put(345, &name[..at]);
            self.put(0, &name[at + 1..]);
            return true;
        }
        // A reader that knows no pax records finds a name that is cut but not dangerous; a directory stays one.
        self.put(0, &name[..99]);
        self.put(99, &name[name.len() - 1..]);
        false
    }
    fn kind(&mut self, kind: &Kind, records: &mut BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), &'static str> {
        let (flag, target): (u8, &[u8]) = match kind {
            Kind::File { .. } => (b'0', b""),
            Kind::HardLink { target } if target.is_root() => return Err("a hard link to the root"),
            Kind::HardLink { target } => (b'1', target.as_bytes()),
            Kind::Symlink { target } if target.is_empty() || target.len() >= LINK_TARGET || target.contains(&0) => {
                return Err("the target of a symbolic link is empty, too long or has a NUL");
            }
            Kind::Symlink { target } => (b'2', target),
            Kind::CharDevice { .. } => (b'3', b""),
            Kind::BlockDevice { .. } => (b'4', b""),
            Kind::Directory => (b'5', b""),
            Kind::Fifo => (b'6', b""),
        };
        self.0[156] = flag;
        if target.len() <= 100 {
            self.put(157, target);
        } else {
            self.put(157, &target[..100]);
            records.insert(b"linkpath".to_vec(), target.to_vec());
        }
        if let Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } = *kind {
            if u64::from(major.max(minor)) > MAX_7 {
                return Err("a device number is too large");
            }
            self.octal(329..337, u64::from(major));
            self.octal(337..345, u64::from(minor));
        }
        Ok(())
    }
    /// The block with its checksum.
    fn seal(mut self) -> [u8; BLOCK] {
        self.put(148, b"        ");
        let sum: u64 = self.0.iter().map(|b| u64::from(*b)).sum();
        self.put(148, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

#[cfg(test)]
#[path = "tar_writer_tests.rs"]
mod tests;
