//! A `.deb`: its control files, its entries, and the few bytes that the plan may ask for, in one pass.
//!
//! Invariant: nothing is unpacked to disk and nothing is run; memory is bounded whatever the package holds. The input is
//! read to its last byte: the digest is checked by the reader below, and nothing counts before that.

mod ar;
mod kept;
mod memo;
mod sums;

use std::io::{self, Read, Write};

pub use kept::Kept;
pub use memo::{from_memo, to_memo};

use crate::error::{Class, Fault, Side};
use crate::layer::{Contents, ControlFile};
use crate::oci::{Compression, Digest};
use crate::stream::{CopyingReader, Kind, Limits, TarError, TarReader, decompress};

use super::deb822::{self, Stanza};
use sums::Sums;

/// All control files together; the largest in Debian (templates in all languages) have two megabytes.
const MAX_CONTROL: u64 = 16 << 20;
/// Memory for one decoder of the old lzma format, as for xz.
const LZMA_MEMORY: u64 = 96 << 20;

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// The bytes do not come, or are not those of the digest.
    #[error("reading the package: {0}")]
    Read(#[source] io::Error),
    /// The outer container is no `.deb`.
    #[error("malformed package: {0}")]
    Container(&'static str),
    /// A member is missing.
    #[error("malformed package: it has no {0} member")]
    NoMember(&'static str),
    /// Another member than the one that must come here.
    #[error("malformed package: member {found:?} stands where {expected}.tar must be")]
    Member {
        /// The name there.
        found: String,
        /// `control` or `data`.
        expected: &'static str,
    },
    /// A compression that dpkg does not know for this member.
    #[error("malformed package: {member}.tar{suffix} has an unknown compression")]
    Compression {
        /// `control` or `data`.
        member: &'static str,
        /// What stands behind `.tar`.
        suffix: String,
    },
    /// A control file that is none.
    #[error("malformed package: control file {name}: {what}")]
    Control {
        /// Its path.
        name: String,
        /// What is wrong.
        what: &'static str,
    },
    /// An inner archive is damaged.
    #[error("the package's {member} archive: {cause}")]
    Tar {
        /// `control` or `data`.
        member: &'static str,
        /// Where and why.
        #[source]
        cause: TarError,
    },
}

impl Fault for DebError {
    fn class(&self) -> Class {
        match self {
            Self::Read(cause) => match inner(cause) {
                Some(error) => error.class(),
                None if matches!(cause.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) => Class::Input,
                None => Class::Local,
            },
            Self::Tar { cause, .. } => cause.class(),
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn retryable(&self) -> bool {
        match self {
            Self::Read(cause) => inner(cause).is_some_and(crate::Error::retryable),
            Self::Tar { cause, .. } => cause.retryable(),
            _ => false,
        }
    }
}

/// The library's own error, where a reader below wrapped one.
fn inner(cause: &io::Error) -> Option<&crate::Error> {
    cause.get_ref().and_then(|error| error.downcast_ref())
}

/// Reads a whole `.deb`. `archive` is its digest, which the caller's reader checks.
pub fn read(input: impl Read + Send, archive: Option<Digest>) -> Result<Contents, DebError> {
    read_beside(input, archive, io::sink())
}

/// As [`read`]; `copy` gets what [`data_tar`] would give, so that nobody need decompress it twice. It must not fail.
pub fn read_beside(input: impl Read + Send, archive: Option<Digest>, copy: impl Write) -> Result<Contents, DebError> {
    let mut package = ar::Package::open(input)?;
    let member = package.expect("control")?;
    let control = {
        let mut body = package.body(member.size);
        let files = control_files(plain("control", &member.suffix, &mut body)?)?;
        let left = body.left();
        package.end(left, member.size)?;
        files
    };
    let member = package.expect("data")?;
    let mut contents = Contents { archive, control, ..Contents::default() };
    let tar = CopyingReader::new(plain("data", &member.suffix, package.last(member.size))?, copy);
    data(tar, &mut contents)?;
    Ok(contents)
}

/// The uncompressed data tar of a `.deb`, for whoever streams file bodies. Its end comes after the package's last byte.
pub fn data_tar<'a>(input: impl Read + Send + 'a) -> Result<Box<dyn Read + Send + 'a>, DebError> {
    let mut package = ar::Package::open(input)?;
    let member = package.expect("control")?;
    package.end(member.size, member.size)?;
    let member = package.expect("data")?;
    plain("data", &member.suffix, package.last(member.size))
}

/// The package's own stanza: the first of its file `control`.
pub fn control_fields(contents: &Contents) -> Option<Stanza<'_>> {
    let control = contents.control.iter().find(|file| file.name == "control")?;
    deb822::stanzas(&control.bytes).next()
}

/// The plain bytes of an inner archive; the suffix decides, as for dpkg.
fn plain<'a>(member: &'static str, suffix: &str, body: impl Read + Send + 'a) -> Result<Box<dyn Read + Send + 'a>, DebError> {
    let compression = match (suffix, member) {
        ("", _) => Compression::None,
        (".gz", _) => Compression::Gzip,
        (".xz", _) => Compression::Xz,
        (".zst", _) => Compression::Zstd,
        (".bz2", "data") => Compression::Bzip2,
        (".lzma", "data") => return lzma(body),
        _ => return Err(DebError::Compression { member, suffix: suffix.to_owned() }),
    };
    decompress(body, compression).map_err(DebError::Read)
}

fn lzma<'a>(body: impl Read + Send + 'a) -> Result<Box<dyn Read + Send + 'a>, DebError> {
    let decoder = liblzma::stream::Stream::new_lzma_decoder(LZMA_MEMORY);
    let decoder = decoder.map_err(|e| DebError::Read(io::Error::other(e)))?;
    Ok(Box::new(liblzma::read::XzDecoder::new_stream(body, decoder)))
}

fn control_files(tar: impl Read) -> Result<Vec<ControlFile>, DebError> {
    let failed = |cause| DebError::Tar { member: "control", cause };
    let limits = Limits { entries: 10_000, bytes: Some(MAX_CONTROL) };
    let mut reader = TarReader::new(tar, limits).without_pax();
    let mut files: Vec<ControlFile> = Vec::new();
    while let Some(entry) = reader.next_entry().map_err(failed)? {
        if entry.path.is_root() && entry.is_directory() {
            continue;
        }
        let wrong = |what| DebError::Control { name: entry.path.to_string(), what };
        let Kind::File { size } = entry.kind else { return Err(wrong("not a regular file")) };
        let name = std::str::from_utf8(entry.path.as_bytes()).map_err(|_| wrong("its name is not plain"))?;
        if !name.bytes().all(|b| b.is_ascii_graphic() && b != b'/') {
            return Err(wrong("its name is not plain"));
        }
        if files.iter().any(|file| file.name == name) {
            return Err(wrong("it stands twice"));
        }
        let bytes = kept::bytes(reader.body(), size).map_err(DebError::Read)?;
        files.push(ControlFile { name: name.to_owned(), mode: entry.mode, mtime: entry.mtime, bytes });
    }
    reader.finish().map_err(failed)?;
    if files.iter().any(|file| file.name == "control") {
        Ok(files)
    } else {
        Err(DebError::Control { name: "control".into(), what: "missing" })
    }
}

fn data(tar: impl Read, contents: &mut Contents) -> Result<(), DebError> {
    let failed = |cause| DebError::Tar { member: "data", cause };
    let mut reader = TarReader::new(tar, Limits::default()).without_pax();
    let mut kept = Kept::default();
    let mut sums = Sums::of(&contents.control);
    while let Some(entry) = reader.next_entry().map_err(failed)? {
        if let Kind::File { size } = entry.kind {
            let mut body = sums.reading(reader.body());
            kept.take(&entry.path, size, &mut body).map_err(DebError::Read)?;
            sums.note(&entry.path, body).map_err(DebError::Read)?;
        }
        contents.entries.push(entry);
    }
    reader.finish().map_err(failed)?;
    kept.hand_to(contents);
    contents.control.extend(sums.file(&contents.entries));
    Ok(())
}

#[cfg(test)]
mod tests;
