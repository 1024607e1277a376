//! The outer container of a `.deb` (deb(5)): `ar` members in a fixed order, read once from front to back.
//!
//! Invariant: strict where readers differ: names without `/` tricks, decimal sizes, one control member, one data member.
//! The stream is read to its last byte, so that a verifying reader below sees all of it.

use std::io::{self, Read};

use super::DebError;

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;
/// The most members; honest packages have three, with signatures five.
const MAX_MEMBERS: usize = 100;
/// The longest `debian-binary`; it has four bytes.
const MAX_VERSION: u64 = 1024;

/// A member's header.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    name: String,
    size: u64,
}

/// A `.deb` whose control member comes next.
pub(super) struct Package<R> {
    input: R,
    members: usize,
}

/// The inner archive that a member holds.
pub(super) struct Member {
    /// What stands behind `control.tar` or `data.tar`: empty, `.gz`, `.xz`, ...
    pub(super) suffix: String,
    /// Its bytes in the container.
    pub(super) size: u64,
}

impl<R: Read> Package<R> {
    /// Reads the magic and `debian-binary`.
    pub(super) fn open(mut input: R) -> Result<Self, DebError> {
        let mut magic = [0; MAGIC.len()];
        fill(&mut input, &mut magic)?;
        if magic != *MAGIC {
            return Err(DebError::Container("it does not start as an ar archive"));
        }
        let mut package = Self { input, members: 0 };
        let header = package.header()?.ok_or(DebError::Container("it has no member"))?;
        if header.name != "debian-binary" {
            return Err(DebError::Container("its first member is not `debian-binary`"));
        }
        if header.size > MAX_VERSION {
            return Err(DebError::Container("`debian-binary` is too long"));
        }
        let mut version = vec![0; header.size as usize];
        fill(&mut package.input, &mut version)?;
        package.pad(header.size)?;
        let first = version.split(|b| *b == b'\n').next().unwrap_or_default();
        let minor = first.strip_prefix(b"2.").filter(|m| !m.is_empty() && m.iter().all(u8::is_ascii_digit));
        if minor.is_none() || version.len() == first.len() {
            return Err(DebError::Container("its format is not version 2 of deb"));
        }
        Ok(package)
    }

    /// The next member, which must be `WHAT.tar` with some suffix; members whose name starts with `_` are passed over.
    pub(super) fn expect(&mut self, what: &'static str) -> Result<Member, DebError> {
        loop {
            let header = self.header()?.ok_or(DebError::NoMember(what))?;
            if header.name.starts_with('_') {
                self.skip(header.size)?;
                continue;
            }
            let suffix = header.name.strip_prefix(what).and_then(|rest| rest.strip_prefix(".tar"));
            let suffix = suffix.ok_or_else(|| DebError::Member { found: header.name.clone(), expected: what })?;
            return Ok(Member { suffix: suffix.to_owned(), size: header.size });
        }
    }

    /// A reader of the member's bytes.
    pub(super) fn body(&mut self, size: u64) -> Body<&mut R> {
        Body { input: &mut self.input, left: size }
    }

    /// Passes over what is left of a member of `size` bytes after its body was read, and its padding.
    pub(super) fn end(&mut self, left: u64, size: u64) -> Result<(), DebError> {
        drain(&mut self.input, left)?;
        self.pad(size)
    }

    /// A reader of the data member's bytes, the last one that counts.
    pub(super) fn last(self, size: u64) -> Last<R> {
        Last { body: Body { input: self.input, left: size }, size, members: self.members, done: false }
    }

    fn skip(&mut self, size: u64) -> Result<(), DebError> {
        self.end(size, size)
    }

    fn pad(&mut self, size: u64) -> Result<(), DebError> {
        if size % 2 == 1 {
            let mut padding = [0];
            fill(&mut self.input, &mut padding)?;
        }
        Ok(())
    }

    /// The next header; nothing at the end of the container.
    fn header(&mut self) -> Result<Option<Header>, DebError> {
        self.members += 1;
        if self.members > MAX_MEMBERS {
            return Err(DebError::Container("it has too many members"));
        }
        let mut first = [0];
        // The last member's padding byte may be missing, and some writers add a newline: the end is where no byte comes.
        if self.input.read(&mut first).map_err(DebError::Read)? == 0 {
            return Ok(None);
        }
        let mut header = [first[0]; HEADER];
        fill(&mut self.input, header.get_mut(1..).unwrap_or_default())?;
        decode(&header).map(Some).map_err(DebError::Container)
    }
}

/// Name and size out of a member's header (ar(5)).
fn decode(header: &[u8; HEADER]) -> Result<Header, &'static str> {
    let field = |from: usize, to: usize| header.get(from..to).unwrap_or_default();
    if field(58, 60) != b"`\n" {
        return Err("a member's header does not end as it should");
    }
    let name = field(0, 16).trim_ascii_end();
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let plain = !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic() && *b != b'/');
    let digits = field(48, 58).trim_ascii_end();
    if !plain || name.starts_with(b"#1") {
        return Err("a member's name is not plain");
    }
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err("a member's size is no decimal number");
    }
    let size = digits.iter().fold(0, |size: u64, digit| size * 10 + u64::from(digit - b'0'));
    Ok(Header { name: String::from_utf8_lossy(name).into_owned(), size })
}

/// The bytes of a member. The container must not end inside it.
pub(super) struct Body<R> {
    input: R,
    left: u64,
}

impl<R> Body<R> {
    /// Bytes that were not read yet.
    pub(super) fn left(&self) -> u64 {
        self.left
    }
}

impl<R: Read> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let n = self.input.read(buffer.get_mut(..most).unwrap_or_default())?;
        if n == 0 {
            return Err(truncated());
        }
        self.left -= n as u64;
        Ok(n)
    }
}

/// The bytes of the data member; its end comes only after the rest of the container was read and found harmless.
pub(super) struct Last<R> {
    body: Body<R>,
    size: u64,
    members: usize,
    done: bool,
}

impl<R: Read> Read for Last<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.body.read(buffer)?;
        if n == 0 && !buffer.is_empty() && !self.done {
            self.done = true;
            self.rest().map_err(|error| match error {
                DebError::Read(cause) => cause,
                other => io::Error::new(io::ErrorKind::InvalidData, other),
            })?;
        }
        Ok(n)
    }
}

impl<R: Read> Last<R> {
    /// Further members are ignored, as dpkg does, but for a second control or data member: other readers take the last.
    fn rest(&mut self) -> Result<(), DebError> {
        if self.size % 2 == 1 && self.body.input.read(&mut [0]).map_err(DebError::Read)? == 0 {
            return Ok(());
        }
        let mut package = Package { input: &mut self.body.input, members: self.members };
        while let Some(header) = package.header()? {
            if header.name.starts_with("control.tar") || header.name.starts_with("data.tar") {
                return Err(DebError::Container("it has a second control or data member"));
            }
            package.skip(header.size)?;
        }
        Ok(())
    }
}

fn fill(input: &mut impl Read, buffer: &mut [u8]) -> Result<(), DebError> {
    input.read_exact(buffer).map_err(DebError::Read)
}

fn drain(input: &mut impl Read, size: u64) -> Result<(), DebError> {
    let passed = io::copy(&mut input.take(size), &mut io::sink()).map_err(DebError::Read)?;
    if passed < size { Err(DebError::Read(truncated())) } else { Ok(()) }
}

fn truncated() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the package is truncated")
}
