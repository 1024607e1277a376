//! What one archive (.deb, conda package, tar) brings: entries, kept bytes, control data. Remembered by the archive's digest.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::oci::Digest;
use crate::rootfs::ElfNote;
use crate::stream::{Entry, EntryPath};

/// A file of a package's control archive, verbatim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlFile {
    /// Plain name: `postinst`, `md5sums`, `control`.
    pub name: String,
    /// Permission bits as in the control archive.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

/// Everything that the plan needs to know of one archive, without its large bodies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The archive's digest.
    pub archive: Option<Digest>,
    /// Entries in archive order, paths as shipped (normalised), hard links as `Kind::HardLink`.
    pub entries: Vec<Entry>,
    /// Bytes of the regular files that scripts may read (small ones), by shipped path.
    pub kept: BTreeMap<EntryPath, Arc<[u8]>>,
    /// Facts of shared objects, by shipped path.
    pub elf: BTreeMap<EntryPath, ElfNote>,
    /// Digests of the regular files by shipped path; of a plain tar alone, whose files the base may have already.
    pub digests: BTreeMap<EntryPath, Digest>,
    /// Control files in archive order, `md5sums` last where the package has none and dpkg makes it; empty for anything but a .deb.
    pub control: Vec<ControlFile>,
}
