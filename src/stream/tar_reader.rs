//! Reads a tar stream entry by entry, with hostile input in mind.
//!
//! Invariant: what comes out is what GNU tar, Go's archive/tar and Python's tarfile agree on (POSIX.1-1988 ustar, GNU
//! long names and base-256 numbers, PAX headers); an archive that they would read differently is refused, so that nobody
//! can show us other entries than an engine sees. Memory is bounded; a body is never held.

use std::io::{self, BufRead, BufReader, Read};

use super::pax::Pax;
use super::tar_error::TarError;
use super::tar_header::{BLOCK, Header, Refusal};
use super::{Entry, EntryPath, Kind, Owner, PathError};

/// The longest GNU long name or PAX header; apt has the same limit. One in an honest archive has a few hundred bytes.
const EXTENSION: u64 = 1 << 20;

/// The longest target of a symbolic link that Linux takes, with its NUL.
const LINK_TARGET: usize = 4096;

/// Bytes read at a time.
const BUFFER: usize = 64 << 10;

/// What a stream may hold at most. Paths have their own limit, see [`EntryPath::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries, which is what costs memory.
    pub entries: u64,
    /// Bytes of all bodies together.
    pub bytes: Option<u64>,
}

impl Default for Limits {
    /// A million entries (large images have 300,000), any number of bytes.
    fn default() -> Self {
        Self { entries: 1_000_000, bytes: None }
    }
}

/// A tar stream, read once from front to back.
#[derive(Debug)]
pub struct TarReader<R: Read> {
    input: BufReader<R>,
    limits: Limits,
    /// Offset in the stream.
    at: u64,
    /// Bytes of the current body that were not read yet, and the padding behind it.
    left: u64,
    padding: u64,
    current: Option<EntryPath>,
    entries: u64,
    bytes: u64,
    ended: bool,
    /// Whether PAX headers are taken.
    pax: bool,
}

/// Extension headers that wait for their entry.
#[derive(Default)]
struct Pending {
    pax: Option<Pax>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.name.is_none() && self.link.is_none()
    }
    /// Takes one more extension header.
    fn add(&mut self, flag: u8, body: &[u8]) -> Result<(), Refusal> {
        let twice = "two extension headers of one kind stand before one entry";
        match flag {
            b'x' if self.name.is_some() || self.link.is_some() => Err("GNU and PAX headers stand before one entry"),
            b'x' if self.pax.is_some() => Err(twice),
            b'x' => Pax::local(body).map(|pax| self.pax = Some(pax)),
            _ if self.pax.is_some() => Err("GNU and PAX headers stand before one entry"),
            b'L' if self.name.is_some() => Err(twice),
            b'L' => long_name(body).map(|name| self.name = Some(name)),
            _ if self.link.is_some() => Err(twice),
            _ => long_name(body).map(|name| self.link = Some(name)),
        }
    }
    /// Applies what waits to its entry; gives the extended attributes.
    fn apply(self, header: &mut Header) -> std::collections::BTreeMap<Vec<u8>, Vec<u8>> {
        if let Some(name) = self.name {
            header.name = name;
        }
        if let Some(link) = self.link {
            header.link = link;
        }
        self.pax.map(|pax| pax.apply(header)).unwrap_or_default()
    }
}

fn long_name(body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let length = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
    match body.split_at(length) {
        ([], _) => Err("a long name is empty"),
        (_, rest) if rest.iter().any(|byte| *byte != 0) => Err("a long name has a NUL byte inside"),
        (name, _) => Ok(name.to_vec()),
    }
}

impl<R: Read> TarReader<R> {
    /// A reader at the start of a stream.
    pub fn new(input: R, limits: Limits) -> Self {
        Self {
            input: BufReader::with_capacity(BUFFER, input),
            limits,
            at: 0,
            left: 0,
            padding: 0,
            current: None,
            entries: 0,
            bytes: 0,
            ended: false,
            pax: true,
        }
    }

    /// Refuses PAX headers, as dpkg does in a package.
    #[must_use]
    pub fn without_pax(mut self) -> Self {
        self.pax = false;
        self
    }

    /// The next entry; nothing at the end of the archive. What was left of the body before it is skipped.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        self.skip_body()?;
        let mut pending = Pending::default();
        loop {
            let start = self.at;
            let Some(block) = self.header_block()? else {
                if pending.is_empty() {
                    return Ok(None);
                }
                return Err(refused(start, b"", "an extension header has no entry behind it"));
            };
            let header = Header::decode(&block).map_err(|reason| refused(start, name_field(&block), reason))?;
            let because = |reason| refused(start, name_field(&block), reason);
            match header.flag {
                b'g' | b'x' if !self.pax => return Err(because("a package has no PAX headers")),
                b'g' if !pending.is_empty() => return Err(because("an extension header has no entry behind it")),
                b'g' => {
                    let body = self.extension(start, &header)?;
                    Pax::check_global(&body).map_err(because)?;
                }
                b'x' | b'L' | b'K' => {
                    let body = self.extension(start, &header)?;
                    pending.add(header.flag, &body).map_err(because)?;
                }
                _ => return self.begin(start, header, pending).map(Some),
            }
        }
    }

    /// The bytes of the current entry; none for anything but a regular file.
    pub fn body(&mut self) -> EntryBody<'_, R> {
        EntryBody { reader: self }
    }

    /// Bytes read of the uncompressed stream.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Reads to the end of the input, so that a verifying reader below sees its last byte.
    pub fn finish(mut self) -> Result<R, TarError> {
        while self.next_entry()?.is_some() {}
        loop {
            let length = self.input.fill_buf().map_err(|cause| TarError::Read { at: self.at, cause })?.len();
            if length == 0 {
                return Ok(self.input.into_inner());
            }
            self.input.consume(length);
            self.at += length as u64;
        }
    }

    /// Makes the entry and sets up its body.
    fn begin(&mut self, start: u64, mut header: Header, pending: Pending) -> Result<Entry, TarError> {
        let told = pending.pax.as_ref().and_then(|pax| pax.size);
        let xattrs = pending.apply(&mut header);
        let refuse = |header: &Header, reason| refused(start, &header.name, reason);
        let kind = kind(&header, told).map_err(|fault| match fault {
            KindFault::Refused(reason) => refuse(&header, reason),
            KindFault::Path(cause) => TarError::Path { at: start, cause },
        })?;
        if header.name.is_empty() {
            return Err(refuse(&header, "the name is empty"));
        }
        let path = EntryPath::new(&header.name).map_err(|cause| TarError::Path { at: start, cause })?;
        if path.is_root() && kind != Kind::Directory {
            return Err(refuse(&header, "the root is not a directory"));
        }
        let id = |wide: u64| u32::try_from(wide).map_err(|_| refuse(&header, "an owner's number does not fit 32 bits"));
        let owner = Owner { uid: id(header.uid)?, gid: id(header.gid)? };
        self.left = if let Kind::File { size } = kind { size } else { 0 };
        self.padding = padding(self.left);
        self.current = Some(path.clone());
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(self.left);
        if self.entries > self.limits.entries {
            return Err(TarError::TooMuch { limit: self.limits.entries, what: "entries" });
        }
        if let Some(limit) = self.limits.bytes.filter(|limit| self.bytes > *limit) {
            return Err(TarError::TooMuch { limit, what: "bytes of content" });
        }
        let (user_name, group_name) = (header.user_name, header.group_name);
        Ok(Entry { path, kind, mode: header.mode, owner, user_name, group_name, mtime: header.mtime, xattrs })
    }

    /// The next header; nothing at the end of the archive (two zero blocks, or the end of the input).
    fn header_block(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        if self.ended {
            return Ok(None);
        }
        let start = self.at;
        if let Some(block) = self.block()? {
            if block.iter().any(|byte| *byte != 0) {
                return Ok(Some(block));
            }
            if self.block()?.is_some_and(|second| second.iter().any(|byte| *byte != 0)) {
                return Err(refused(start, b"", "a single zero block stands between headers"));
            }
        }
        self.ended = true;
        Ok(None)
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(TarError::Truncated { at: self.at, path: None }),
        }
    }

    /// Reads until `buffer` is full or the input ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.input.read(rest) {
                Ok(0) => break,
                Ok(read) => {
                    filled += read;
                    self.at += read as u64;
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(TarError::Read { at: self.at, cause }),
            }
        }
        Ok(filled)
    }

    /// The body of an extension header, with its padding read.
    fn extension(&mut self, start: u64, header: &Header) -> Result<Vec<u8>, TarError> {
        if header.size > EXTENSION {
            return Err(refused(start, &header.name, "an extension header is larger than 1 MiB"));
        }
        let mut body = vec![0; (header.size + padding(header.size)) as usize];
        if self.fill(&mut body)? < body.len() {
            return Err(TarError::Truncated { at: self.at, path: None });
        }
        body.truncate(header.size as usize);
        Ok(body)
    }

    fn skip_body(&mut self) -> Result<(), TarError> {
        let mut rest = self.left + self.padding;
        while rest > 0 {
            let ready = match self.input.fill_buf() {
                Ok(bytes) => rest.min(bytes.len() as u64),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(TarError::Read { at: self.at, cause }),
            };
            if ready == 0 {
                return Err(TarError::Truncated { at: self.at, path: self.current.clone() });
            }
            self.input.consume(ready as usize);
            self.at += ready;
            rest -= ready;
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }
}

/// Bytes from the end of a body of `size` bytes to the next block. Sizes fit 63 bits, see [`kind`].
fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

fn refused(at: u64, name: &[u8], reason: &'static str) -> TarError {
    TarError::Header { at, name: name.to_vec(), reason }
}

fn name_field(block: &[u8; BLOCK]) -> &[u8] {
    block[..100].split(|byte| *byte == 0).next().unwrap_or_default()
}

enum KindFault {
    Refused(Refusal),
    Path(PathError),
}

/// What the entry is. `told` is the size that a PAX record gave.
fn kind(header: &Header, told: Option<u64>) -> Result<Kind, KindFault> {
    let refuse = |reason| Err(KindFault::Refused(reason));
    let slash = header.name.ends_with(b"/");
    // Readers differ in whether a body follows; none does in an honest archive. All skip the size of a hard link's header.
    let bodiless = header.size == 0 || (header.flag == b'1' && told.unwrap_or(0) == 0);
    match header.flag {
        // Before 1988 a directory was a file whose name ends in a slash.
        0 if slash && header.size == 0 => Ok(Kind::Directory),
        0 | b'0' | b'7' if slash => refuse("a regular file's name ends in a slash"),
        0 | b'0' | b'7' if header.size > i64::MAX as u64 - BLOCK as u64 => refuse("the size does not fit 63 bits"),
        0 | b'0' | b'7' => Ok(Kind::File { size: header.size }),
        b'1'..=b'6' if !bodiless => refuse("an entry that is no regular file has a body"),
        b'1' => {
            let target = EntryPath::new(&header.link).map_err(KindFault::Path)?;
            if target.is_root() { refuse("a hard link has no target") } else { Ok(Kind::HardLink { target }) }
        }
        b'2' if header.link.is_empty() => refuse("a symbolic link has no target"),
        b'2' if header.link.len() >= LINK_TARGET => refuse("a symbolic link's target is too long"),
        b'2' => Ok(Kind::Symlink { target: header.link.clone() }),
        b'3' => Ok(Kind::CharDevice { major: header.device.0, minor: header.device.1 }),
        b'4' => Ok(Kind::BlockDevice { major: header.device.0, minor: header.device.1 }),
        b'5' => Ok(Kind::Directory),
        b'6' => Ok(Kind::Fifo),
        b'S' => refuse("the file is sparse, which is not supported"),
        _ => refuse("the type is unknown"),
    }
}

/// The bytes of a [`TarReader`]'s current entry.
#[derive(Debug)]
pub struct EntryBody<'a, R: Read> {
    reader: &'a mut TarReader<R>,
}

impl<R: Read> Read for EntryBody<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.reader.left.min(buffer.len() as u64) as usize;
        if most == 0 {
            return Ok(0);
        }
        let read = self.reader.input.read(&mut buffer[..most])?;
        if read == 0 {
            let truncated = TarError::Truncated { at: self.reader.at, path: self.reader.current.clone() };
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, crate::Error::from(truncated)));
        }
        self.reader.at += read as u64;
        self.reader.left -= read as u64;
        Ok(read)
    }
}

mod by_position;

#[cfg(test)]
mod tests;
