//! The two forms of a conda package: `.conda`, a stored zip of zstd tars, and `.tar.bz2`.
//!
//! Invariant: the form is told by the first bytes, never by the name. Streams are read by range; nothing is unpacked to disk.

use std::io::Read;

use crate::conda::zip::{Member, members};
use crate::conda::{CondaError, Section};
use crate::oci::Compression;
use crate::stream::{decompress, detect};

/// The largest `metadata.json`; one of a real package has 30 bytes.
const METADATA: u64 = 64 << 10;

/// A package's streams.
pub(super) enum Container {
    /// Files and `info/` in tars of their own.
    Split { data: Section, info: Section },
    /// One tar.
    Whole(Section),
}

/// An uncompressed tar.
pub(super) type Plain = Box<dyn Read + Send>;

impl Container {
    pub(super) fn open(package: &str, file: &Section) -> Result<Self, CondaError> {
        let mut first = [0; 8];
        let known = file.length().min(8) as usize;
        file.read_exact_at(&mut first[..known], 0).map_err(|cause| CondaError::Read { package: package.into(), cause })?;
        if detect(&first) == Compression::Bzip2 {
            return Ok(Self::Whole(file.clone()));
        }
        if !first.starts_with(b"PK") {
            return Err(CondaError::package(package, "it is neither a .conda nor a .tar.bz2"));
        }
        let members = members(file).map_err(|e| CondaError::package(package, format!("it is no zip that can be read: {e}")))?;
        let [metadata, data, info] = [("metadata.json", ""), ("pkg-", ".tar.zst"), ("info-", ".tar.zst")].map(|(start, end)| {
            let fits = |member: &&Member| {
                let name = member.name.rsplit('/').next().unwrap_or_default();
                name.starts_with(start) && name.ends_with(end)
            };
            let mut found = members.iter().filter(fits);
            let told = format!("{start}{}{end}", if end.is_empty() { "" } else { "*" });
            match (found.next(), found.next()) {
                (Some(member), None) => Ok(member),
                (None, _) => Err(CondaError::package(package, format!("it has no member {told}"))),
                (Some(_), Some(_)) => Err(CondaError::package(package, format!("it has two members {told}"))),
            }
        });
        check_version(package, metadata?)?;
        Ok(Self::Split { data: data?.body.clone(), info: info?.body.clone() })
    }

    /// The tar with the files that are linked.
    pub(super) fn data(&self, package: &str) -> Result<Plain, CondaError> {
        match self {
            Self::Split { data, .. } => plain(package, data, Compression::Zstd),
            Self::Whole(all) => plain(package, all, Compression::Bzip2),
        }
    }

    /// The tar with `info/`, where it is one of its own.
    pub(super) fn info(&self, package: &str) -> Result<Option<Plain>, CondaError> {
        match self {
            Self::Split { info, .. } => plain(package, info, Compression::Zstd).map(Some),
            Self::Whole(_) => Ok(None),
        }
    }
}

fn check_version(package: &str, metadata: &Member) -> Result<(), CondaError> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        conda_pkg_format_version: u64,
    }
    let mut text = Vec::new();
    let read = metadata.body.clone().take(METADATA).read_to_end(&mut text);
    read.map_err(|cause| CondaError::Read { package: package.into(), cause })?;
    match serde_json::from_slice::<Metadata>(&text) {
        Ok(Metadata { conda_pkg_format_version: 2 }) => Ok(()),
        Ok(other) => {
            let problem = format!("it has format version {}, only 2 is known", other.conda_pkg_format_version);
            Err(CondaError::package(package, problem))
        }
        Err(e) => Err(CondaError::path(package, "metadata.json", e.to_string())),
    }
}

fn plain(package: &str, section: &Section, compression: Compression) -> Result<Plain, CondaError> {
    decompress(section.clone(), compression).map_err(|cause| CondaError::Read { package: package.into(), cause })
}

/// The uncompressed tar with a package's files, for the linker.
pub fn data(package: &str, file: &Section) -> Result<Box<dyn Read + Send>, CondaError> {
    Container::open(package, file)?.data(package)
}

/// The uncompressed tar with a package's `info/`, where that is one of its own.
pub fn info_tar(package: &str, file: &Section) -> Result<Option<Box<dyn Read + Send>>, CondaError> {
    Container::open(package, file)?.info(package)
}

/// The name of the one file in [`as_tar`].
pub const WHOLE: &str = "package";

/// A package as the one file of a tar, so that the linker can take it as it is.
pub fn as_tar(file: Section) -> Result<Box<dyn Read + Send>, CondaError> {
    let mut header = tar::Header::new_ustar();
    header.set_path(WHOLE).map_err(|cause| CondaError::Read { package: WHOLE.into(), cause })?;
    header.set_size(file.length());
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    let padding = file.length().next_multiple_of(512) - file.length();
    let head = std::io::Cursor::new(header.as_bytes().to_vec());
    Ok(Box::new(head.chain(file).chain(std::io::repeat(0).take(padding + 1024))))
}
