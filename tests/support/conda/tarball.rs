//! Tar archives as conda's tools write them (POSIX with PAX records), and their compression.
//!
//! Invariant: a name goes into the archive byte by byte, `..` and bytes that are no UTF-8 included: what is wrong is wrong on purpose.

use std::io::Write as _;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    File(Vec<u8>),
    /// A symbolic link
    Link(Vec<u8>),
    /// A hard link to an earlier entry
    Hard(Vec<u8>),
    Directory,
    /// A named pipe, which no package has
    Fifo,
}

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) path: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) mtime: u64,
    pub(crate) what: What,
}

/// Whose files they are where they were built; nobody in an image.
const BUILDER: u64 = 3434;

impl Item {
    /// A file of mode 0664 (0775 below `bin/`), as conda's builders leave them.
    pub(crate) fn file(path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let mode = if path.starts_with("bin/") || path.contains("/bin/") { 0o775 } else { 0o664 };
        Self { path: path.into(), mode, mtime: 1_690_000_000, what: What::File(bytes.into()) }
    }

    pub(crate) fn link(path: &str, target: &str) -> Self {
        Self { path: path.into(), mode: 0o777, mtime: 1_690_000_001, what: What::Link(target.into()) }
    }

    pub(crate) fn hard(path: &str, target: &str) -> Self {
        Self { path: path.into(), mode: 0o664, mtime: 1_690_000_000, what: What::Hard(target.into()) }
    }

    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }
}

/// Puts at most the field's length of a name into it.
fn set(field: &mut [u8; 100], name: &[u8]) {
    let length = name.len().min(100);
    field[..length].copy_from_slice(&name[..length]);
}

/// An archive of entries, in their order. `fraction` adds times with parts of a second, as Python's tarfile does.
pub(crate) fn tar<'i>(items: impl IntoIterator<Item = &'i Item>, fraction: bool) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for item in items {
        let mut header = tar::Header::new_ustar();
        let (kind, target, bytes): (_, &[u8], &[u8]) = match &item.what {
            What::File(bytes) => (tar::EntryType::Regular, b"", bytes),
            What::Link(target) => (tar::EntryType::Symlink, target, b""),
            What::Hard(target) => (tar::EntryType::Link, target, b""),
            What::Directory => (tar::EntryType::Directory, b"", b""),
            What::Fifo => (tar::EntryType::Fifo, b"", b""),
        };
        header.set_entry_type(kind);
        header.set_mode(item.mode);
        header.set_mtime(item.mtime);
        header.set_uid(BUILDER);
        header.set_gid(BUILDER);
        header.set_username("builder").expect("a name");
        header.set_size(bytes.len() as u64);
        set(&mut header.as_old_mut().name, &item.path);
        set(&mut header.as_old_mut().linkname, target);
        header.set_cksum();
        let mtime = format!("{}.25", item.mtime);
        let long = |name: &'static str, value: &[u8]| (value.len() > 100).then(|| (name, value.to_vec()));
        let records = [long("path", &item.path), long("linkpath", target), fraction.then(|| ("mtime", mtime.into_bytes()))];
        let records: Vec<_> = records.into_iter().flatten().collect();
        builder.append_pax_extensions(records.iter().map(|(name, value)| (*name, value.as_slice()))).expect("memory");
        builder.append(&header, bytes).expect("memory");
    }
    builder.into_inner().expect("memory")
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).expect("memory")
}

pub(crate) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}
