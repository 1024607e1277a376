//! The self-extracting installer: a shell header, then payloads whose sizes the header states (constructor, `shar.py`).
//!
//! Invariant: what [`Installer::read`] accepts has a header of constructor's form, exactly the bytes that it announces, the MD5
//! that it states over them, and every package that its own list names. MD5 guards against damage only; trust comes from the
//! SHA-256 that a recipe or lock pins.

mod header;
mod payload;

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::CondaError;
use super::list::{self, Wanted};
use crate::error::{Class, Fault, Side};
use crate::oci::Digest;
use crate::stream::TarError;

pub use header::Header;

/// A package in the installer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Offset in the installer.
    pub at: u64,
    /// Bytes.
    pub size: u64,
    /// Lower case.
    pub md5: String,
    /// Of its bytes.
    pub sha256: Digest,
}

/// A small file of the installer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmallFile {
    /// Permission bits as in its tar.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// All that linking needs to know of an installer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installer {
    /// What the header says.
    pub header: Header,
    /// Packages by file name.
    pub packages: BTreeMap<String, Member>,
    /// Files that stay in the prefix, by path below it; those below `pkgs/` stay only with the cache.
    pub files: BTreeMap<String, SmallFile>,
    /// What is installed, in this order.
    pub wanted: Vec<Wanted>,
    /// Entries of the channels' package lists as JSON, by file name.
    pub repodata: BTreeMap<String, String>,
}

/// Why some bytes are no installer that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallerError {
    /// They cannot be read.
    #[error("the installer cannot be read: {0}")]
    Read(#[source] std::io::Error),
    /// Not constructor's form.
    #[error("this is no installer made by constructor: {0}")]
    Form(&'static str),
    /// Fewer or more bytes than announced.
    #[error("the installer's payloads are {found} bytes, its header announces {announced}")]
    Size {
        /// By the header.
        announced: u64,
        /// In the file.
        found: u64,
    },
    /// Damaged.
    #[error("the installer is damaged: its payloads have MD5 {found}, its header says {stated}")]
    Damaged {
        /// By the header.
        stated: String,
        /// Of the bytes.
        found: String,
    },
    /// One of its tars.
    #[error("the installer's {part}: {cause}")]
    Tar {
        /// Which one.
        part: &'static str,
        /// Where and why.
        #[source]
        cause: TarError,
    },
    /// Something in it that cannot be linked.
    #[error("the installer's {path}: {problem}")]
    Content {
        /// Which file.
        path: String,
        /// Why.
        problem: String,
    },
    /// A package that is not what its lists say.
    #[error("the installer's package {package}: {problem}")]
    Package {
        /// Its file name.
        package: String,
        /// What is wrong.
        problem: String,
    },
    /// Scripts that it would run.
    #[error("the installer has scripts that it would run, and nothing is run here: {}", .0.join(", "))]
    Scripts(Vec<String>),
    /// Its list.
    #[error(transparent)]
    List(#[from] CondaError),
    /// For another platform.
    #[error("the installer is for {found}, the image for {wanted}")]
    Platform {
        /// By the header.
        found: String,
        /// Of the image, as conda names it.
        wanted: String,
    },
}

impl Fault for InstallerError {
    fn class(&self) -> Class {
        match self {
            Self::Read(_) => Class::Local,
            Self::Tar { cause, .. } => cause.class(),
            Self::Scripts(_) => Class::Refused,
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn hint(&self) -> Option<String> {
        Some("--miniforge-installer FILE, or --without miniforge".into())
    }
}

/// Conda's name of a machine (`uname -m`).
pub fn platform_of(machine: &str) -> String {
    match machine {
        "x86_64" => "linux-64".to_owned(),
        "i386" | "i686" => "linux-32".to_owned(),
        other => format!("linux-{other}"),
    }
}

impl Installer {
    /// Reads an installer of `length` bytes to its end and checks it against its own header and lists.
    pub fn read(input: impl Read, length: u64) -> Result<Self, InstallerError> {
        let mut input = BufReader::with_capacity(256 << 10, input);
        let header = Header::read(&mut input)?;
        let announced = header.announced()?;
        let found = length.saturating_sub(header.length);
        if found != announced {
            return Err(InstallerError::Size { announced, found });
        }
        let mut summed = Summed { inner: input, md5: Md5::new(), failed: false };
        let read = payload::read(&header, &mut summed);
        // Damage shows in strange places; the sum says what it is.
        if !summed.failed {
            std::io::copy(&mut summed, &mut std::io::sink()).map_err(InstallerError::Read)?;
            let md5 = hex(&summed.md5.finalize());
            if md5 != header.md5 {
                return Err(InstallerError::Damaged { stated: header.md5, found: md5 });
            }
        }
        let payload = read?;
        let wanted = payload.wanted()?;
        payload.check(&wanted)?;
        let (packages, files, repodata) = (payload.packages, payload.files, payload.repodata);
        Ok(Self { header, packages, files, wanted, repodata })
    }

    /// Fails unless the installer is for this machine (`uname -m`).
    pub fn check_machine(&self, machine: &str) -> Result<(), InstallerError> {
        let (found, wanted) = (self.header.platform.clone(), platform_of(machine));
        if found == wanted { Ok(()) } else { Err(InstallerError::Platform { found, wanted }) }
    }
}

impl payload::Payload {
    /// What is installed: by the lock file under both of its names, else by the list of addresses.
    fn wanted(&self) -> Result<Vec<Wanted>, InstallerError> {
        let text = |path: &str| -> Result<Option<&str>, InstallerError> {
            let Some(file) = self.files.get(path) else { return Ok(None) };
            let wrong = |_| InstallerError::Content { path: path.into(), problem: "is not UTF-8".into() };
            std::str::from_utf8(&file.bytes).map(Some).map_err(wrong)
        };
        for name in ["conda-meta/initial-state.explicit.txt", "pkgs/env.txt"] {
            if let Some(text) = text(name)?.filter(|text| list::is_explicit(text)) {
                return Ok(list::explicit(name, text)?);
            }
        }
        match text("pkgs/urls")? {
            Some(text) => Ok(list::addresses("pkgs/urls", text, 0)?),
            None => Err(InstallerError::Form("it has no list of its packages")),
        }
    }

    /// Every listed package is there and has the sums that the lists say.
    fn check(&self, wanted: &[Wanted]) -> Result<(), InstallerError> {
        for one in wanted {
            let wrong = |problem: String| InstallerError::Package { package: one.file.clone(), problem };
            let member = self.packages.get(&one.file).ok_or_else(|| wrong("is listed, but not in the installer".into()))?;
            if let Some(md5) = one.md5.as_ref().filter(|md5| **md5 != member.md5) {
                return Err(wrong(format!("has MD5 {}, the list says {md5}", member.md5)));
            }
            if let Some(sha256) = one.sha256.filter(|sha256| *sha256 != member.sha256) {
                return Err(wrong(format!("has SHA-256 {}, the list says {sha256}", member.sha256)));
            }
            let Some(record) = self.repodata.get(&one.file) else { continue };
            let record: BTreeMap<String, serde_json::Value> = serde_json::from_str(record).unwrap_or_default();
            let said = |key: &str| record.get(key).and_then(serde_json::Value::as_str);
            if let Some(sha256) = said("sha256").filter(|said| !said.eq_ignore_ascii_case(&member.sha256.hex())) {
                return Err(wrong(format!("has SHA-256 {}, its record says {sha256:.64}", member.sha256)));
            }
            if let Some(md5) = said("md5").filter(|said| !said.eq_ignore_ascii_case(&member.md5)) {
                return Err(wrong(format!("has MD5 {}, its record says {md5:.64}", member.md5)));
            }
            if let Some(size) = record.get("size").and_then(serde_json::Value::as_u64).filter(|size| *size != member.size) {
                return Err(wrong(format!("has {} bytes, its record says {size}", member.size)));
            }
        }
        Ok(())
    }
}

/// Bytes and their MD5.
struct Summed<R> {
    inner: R,
    md5: Md5,
    /// The input itself failed.
    failed: bool,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(n) => {
                self.md5.update(buffer.get(..n).unwrap_or_default());
                Ok(n)
            }
            Err(e) => {
                self.failed |= e.kind() != std::io::ErrorKind::Interrupted;
                Err(e)
            }
        }
    }
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Raised by every change to what an installer holds, or how it is written.
const FORMAT: [u8; 8] = *b"plyins\x00\x01";

impl Installer {
    /// As bytes, for the store's memo.
    pub fn to_memo(&self) -> Vec<u8> {
        let mut bytes = FORMAT.to_vec();
        bytes.extend(postcard::to_stdvec(self).unwrap_or_default());
        bytes
    }
    /// What was written; another format or damaged bytes are nothing.
    pub fn from_memo(memo: &[u8]) -> Option<Self> {
        let (installer, rest) = postcard::take_from_bytes(memo.strip_prefix(&FORMAT)?).ok()?;
        rest.is_empty().then_some(installer)
    }
}

#[cfg(test)]
pub(crate) mod tests;
