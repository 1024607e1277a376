//! What `tar_writer` writes, read back by another reader (the `tar` crate).

use std::collections::BTreeMap;
use std::io::{self, Read as _};

use proptest::prelude::*;

use super::{TarWriteError, TarWriter};
use crate::stream::{Entry, EntryPath, Kind, Limits, Owner, TarReader};

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).expect("a path")
}

fn file(name: &str, size: u64) -> Entry {
    Entry::new(path(name), Kind::File { size }, 0o644)
}

fn archive(entries: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for (entry, bytes) in entries {
        writer.append(entry, &mut bytes.as_slice()).expect("an entry");
    }
    writer.finish().expect("an archive")
}

/// Entries as the `tar` crate reads them, with their contents.
fn read_back(bytes: &[u8]) -> Vec<(Entry, Vec<u8>)> {
    let mut archive = tar::Archive::new(bytes);
    let mut all = Vec::new();
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let mut read = Entry::new(EntryPath::new(&*entry.path_bytes()).expect("a path"), Kind::Directory, 0);
        let pax: BTreeMap<Vec<u8>, Vec<u8>> = entry
            .pax_extensions()
            .expect("records")
            .into_iter()
            .flatten()
            .map(|r| r.map(|r| (r.key_bytes().to_vec(), r.value_bytes().to_vec())).expect("a record"))
            .collect();
        let number = |key: &str| Some(std::str::from_utf8(pax.get(key.as_bytes())?).ok()?.parse::<i64>().expect("a number"));
        let header = entry.header().clone();
        let link = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
        let size = entry.size();
        let device = || (header.device_major().ok().flatten().unwrap_or(0), header.device_minor().ok().flatten().unwrap_or(0));
        read.kind = match header.entry_type() {
            tar::EntryType::Regular => Kind::File { size },
            tar::EntryType::Directory => Kind::Directory,
            tar::EntryType::Symlink => Kind::Symlink { target: link.expect("a target") },
            tar::EntryType::Link => Kind::HardLink { target: EntryPath::new(link.expect("a target")).expect("a path") },
            tar::EntryType::Char => Kind::CharDevice { major: device().0, minor: device().1 },
            tar::EntryType::Block => Kind::BlockDevice { major: device().0, minor: device().1 },
            tar::EntryType::Fifo => Kind::Fifo,
            other => panic!("{other:?}"),
        };
        read.mode = header.mode().expect("a mode");
        read.owner.uid = number("uid").map_or_else(|| header.uid().expect("a number") as u32, |n| n as u32);
        read.owner.gid = number("gid").map_or_else(|| header.gid().expect("a number") as u32, |n| n as u32);
        read.mtime = number("mtime").unwrap_or_else(|| header.mtime().expect("a time") as i64);
        let xattrs = pax.iter().filter_map(|(key, value)| Some((key.strip_prefix(b"SCHILY.xattr.")?.to_vec(), value.clone())));
        read.xattrs = xattrs.collect();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("content");
        all.push((read, content));
    }
    all
}

/// Entries as our own reader reads them.
fn read_by_us(bytes: &[u8]) -> Vec<(Entry, Vec<u8>)> {
    let mut reader = TarReader::new(bytes, Limits::default());
    let mut all = Vec::new();
    while let Some(entry) = reader.next_entry().expect("an entry") {
        let mut content = Vec::new();
        reader.body().read_to_end(&mut content).expect("content");
        all.push((entry, content));
    }
    reader.finish().expect("the end");
    all
}

fn any_path() -> impl Strategy<Value = EntryPath> {
    let component =
        proptest::collection::vec(any::<u8>().prop_filter("no slash or NUL", |b| !matches!(b, 0 | b'/' | b'\n')), 1..60);
    proptest::collection::vec(component, 1..8).prop_filter_map("a path", |components| {
        let path = EntryPath::new(components.join(&b'/')).ok()?;
        (!path.is_root() && !path.file_name().starts_with(b".wh.")).then_some(path)
    })
}

fn any_kind() -> impl Strategy<Value = Kind> {
    let target = proptest::collection::vec(11..=255_u8, 1..300);
    prop_oneof![
        3 => (0..3000_u64).prop_map(|size| Kind::File { size }),
        2 => Just(Kind::Directory),
        2 => target.prop_map(|target| Kind::Symlink { target }),
        1 => any_path().prop_map(|target| Kind::HardLink { target }),
        1 => (0..4096_u32, 0..1_048_576_u32).prop_map(|(major, minor)| Kind::CharDevice { major, minor }),
        1 => (0..4096_u32, 0..1_048_576_u32).prop_map(|(major, minor)| Kind::BlockDevice { major, minor }),
        1 => Just(Kind::Fifo),
    ]
}

/// Any entry that can be written, with content of its size.
fn any_entry() -> impl Strategy<Value = (Entry, Vec<u8>)> {
    let name = proptest::collection::vec(any::<u8>().prop_filter("a key", |b| !matches!(b, 0 | b'=' | b'\n')), 1..30);
    let xattrs = proptest::collection::btree_map(
        name,
        proptest::collection::vec(any::<u8>().prop_filter("no line feed", |b| *b != b'\n'), 0..130),
        0..3,
    );
    let time = prop_oneof![0..2_000_000_000_i64, any::<i64>()];
    (any_path(), any_kind(), 0..=0o7777_u32, (any::<u32>(), 0..100_000_u32), time, xattrs).prop_map(
        |(path, kind, mode, (uid, gid), mtime, xattrs)| {
            let entry = Entry { owner: Owner { uid, gid }, mtime, xattrs, ..Entry::new(path, kind, mode) };
            let content = vec![b'c'; entry.size() as usize];
            (entry, content)
        },
    )
}

proptest! {
    #[test]
    fn any_entries_come_back_as_they_were(entries in proptest::collection::vec(any_entry(), 0..6)) {
        prop_assert_eq!(read_back(&archive(&entries)), entries.clone());
        prop_assert_eq!(read_by_us(&archive(&entries)), entries);
    }
}

#[test]
fn line_feeds_and_records_in_names_and_values_stay_what_they_are() {
    // The `tar` crate splits records at line feeds, so these are for our own reader.
    let long = format!("{}\n17 path=evil\n", "n".repeat(120));
    let mut entry = file(&long, 0);
    entry.xattrs.insert(b"user.a\nb".to_vec(), b"1\n20 linkpath=/etc\n\0".to_vec());
    assert_eq!(read_by_us(&archive(&[(entry.clone(), Vec::new())])), [(entry, Vec::new())]);
}

#[test]
fn a_plain_entry_needs_no_records() {
    let bytes = archive(&[(file("usr/bin/env", 3), b"env".to_vec())]);
    assert_eq!(bytes.len(), 4 * 512);
    assert_eq!(&bytes[..12], b"usr/bin/env\0");
    assert_eq!(&bytes[257..265], b"ustar\x0000");
    assert!(bytes[265..329].iter().all(|b| *b == 0), "no names of owner and group");
    assert!(bytes[2 * 512..].iter().all(|b| *b == 0));
}

#[test]
fn a_long_name_is_split_before_it_becomes_a_record() {
    let name = format!("{}/{}", "d".repeat(120), "f".repeat(90));
    assert_eq!(archive(&[(file(&name, 0), Vec::new())]).len(), 3 * 512);
    let name = format!("{}/{}", "d".repeat(120), "f".repeat(101));
    assert_eq!(archive(&[(file(&name, 0), Vec::new())]).len(), 5 * 512);
}

#[test]
fn a_file_of_more_than_8_gib_has_its_size_in_a_record() {
    struct Records(Vec<u8>);
    impl io::Write for Records {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() < 4096 {
                self.0.extend_from_slice(bytes);
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let size = 0o100_000_000_000;
    let mut writer = TarWriter::new(Records(Vec::new()));
    let failed = writer.append(&file("big", size), &mut io::empty());
    assert!(matches!(failed, Err(TarWriteError::Size { .. })));
    let head = String::from_utf8_lossy(&writer.out.0).into_owned();
    assert!(head.contains("19 size=8589934592\n"), "{head}");
}

#[test]
fn content_of_another_length_breaks_the_archive() {
    for (size, content) in [(3, "ab"), (3, "abcd"), (0, "a")] {
        let mut writer = TarWriter::new(Vec::new());
        let failed = writer.append(&file("f", size), &mut content.as_bytes());
        assert!(matches!(failed, Err(TarWriteError::Size { .. })), "{size} {content}");
        assert!(matches!(writer.append(&file("g", 0), &mut io::empty()), Err(TarWriteError::Broken)));
        assert!(matches!(writer.finish(), Err(TarWriteError::Broken)));
    }
}

#[test]
fn what_would_mean_something_else_to_a_reader_is_refused() {
    let link = |target: &[u8]| Entry::new(path("l"), Kind::Symlink { target: target.to_vec() }, 0o777);
    let mut with_xattr = file("x", 0);
    with_xattr.xattrs.insert(b"user.a=b".to_vec(), Vec::new());
    let device = Entry::new(path("d"), Kind::CharDevice { major: u32::MAX, minor: 0 }, 0o600);
    let hard = Entry::new(path("h"), Kind::HardLink { target: EntryPath::root() }, 0o600);
    let root = Entry::new(EntryPath::root(), Kind::Fifo, 0o600);
    let mode = Entry::new(path("m"), Kind::Fifo, 0o10_000);
    for entry in [link(b""), link(b"a\0b"), with_xattr, device, hard, root, mode] {
        let mut writer = TarWriter::new(Vec::new());
        let refused = writer.append(&entry, &mut io::empty());
        assert!(matches!(refused, Err(TarWriteError::Entry { .. })), "{entry:?}");
        assert!(writer.finish().is_ok(), "nothing of it was written");
    }
}

#[test]
fn only_a_whiteout_that_is_asked_for_is_written() {
    let mut writer = TarWriter::new(Vec::new());
    assert!(matches!(writer.append(&file("a/.wh.b", 0), &mut io::empty()), Err(TarWriteError::Whiteout(_))));
    for bad in ["", "a/.wh.b"] {
        assert!(writer.append_whiteout(&path(bad)).is_err());
    }
    writer.append_whiteout(&path("a/b")).expect("a whiteout");
    writer.append_whiteout(&path("b")).expect("a whiteout");
    let read = read_back(&writer.finish().expect("an archive"));
    assert_eq!(read, [(file("a/.wh.b", 0), Vec::new()), (file(".wh.b", 0), Vec::new())]);
}

#[test]
fn the_root_is_a_directory_with_a_name() {
    let root = Entry::new(EntryPath::root(), Kind::Directory, 0o755);
    assert_eq!(archive(&[(root.clone(), Vec::new())])[..3], *b"./\0");
    assert_eq!(read_back(&archive(&[(root.clone(), Vec::new())])), [(root, Vec::new())]);
}
