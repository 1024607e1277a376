//! What is kept of a layer, and that its memo gives it back.

use proptest::prelude::*;

use super::*;
use crate::stream::Kind;

fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, body) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(body.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(9);
        header.set_cksum();
        builder.append_data(&mut header, path, body.as_slice()).expect("a vector");
    }
    builder.into_inner().expect("a vector")
}

fn catalogue(files: &[(&str, Vec<u8>)]) -> Catalogue {
    Catalogue::read(archive(files).as_slice(), Limits::default()).expect("a layer")
}

#[test]
fn bytes_of_the_files_that_matter_are_kept_and_all_are_listed() {
    let read = catalogue(&[
        ("etc/passwd", b"root".to_vec()),
        ("etc/empty", vec![]),
        ("etc/large", vec![1; 2 << 20]),
        ("usr/bin/env", b"ELF".to_vec()),
        ("var/lib/dpkg/.wh.status", vec![]),
        ("var/lib/dpkg/.wh..wh..opq", vec![]),
    ]);
    let kept: Vec<_> = read.records().iter().map(|r| (r.entry.path.to_string(), r.bytes.as_deref().map(<[u8]>::len))).collect();
    let expected = [("/etc/passwd", Some(4)), ("/etc/empty", Some(0)), ("/etc/large", None), ("/usr/bin/env", None)];
    assert_eq!(kept, expected.map(|(path, length)| (path.to_owned(), length)));
    assert_eq!(read.whiteouts(), [EntryPath::new("var/lib/dpkg/status").expect("a path")]);
    assert_eq!(read.opaque(), [EntryPath::new("var/lib/dpkg").expect("a path")]);
}

#[test]
fn every_regular_file_has_the_digest_of_its_bytes_kept_or_not() {
    let read = catalogue(&[
        ("etc/passwd", b"root".to_vec()),
        ("usr/bin/env", vec![7; 3 << 20]),
        ("usr/lib/libx.so", vec![8; 3000]),
        ("etc/empty", vec![]),
    ]);
    let digests: Vec<_> = read.records().iter().map(|r| r.digest).collect();
    let expected = [Some(Digest::of(b"root")), Some(Digest::of(&vec![7; 3 << 20])), Some(Digest::of(&[8; 3000])), None];
    assert_eq!(digests, expected);
}

#[test]
fn beyond_the_room_files_are_only_listed() {
    let bytes = archive(&[("etc/a", vec![1; 60]), ("etc/b", vec![1; 60]), ("etc/c", vec![1; 40])]);
    let mut reader = TarReader::new(bytes.as_slice(), Limits::default());
    let (mut read, mut room) = (Catalogue::default(), 100);
    while let Some(entry) = reader.next_entry().expect("a layer") {
        read.take(entry, &mut reader, &mut room).expect("an entry");
    }
    assert_eq!(read.records().iter().map(|r| r.bytes.is_some()).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn a_whiteout_of_no_file_is_refused() {
    for name in [".wh.", "a/.wh..", "a/.wh..."] {
        let bytes = archive(&[(name, vec![])]);
        let read = Catalogue::read(bytes.as_slice(), Limits::default());
        assert!(matches!(read, Err(RootFsError::Whiteout(_))), "{name}: {read:?}");
    }
}

#[test]
fn a_truncated_layer_has_no_catalogue() {
    let bytes = archive(&[("etc/passwd", vec![7; 2000])]);
    for length in [100, 512, 700, 2511] {
        assert!(Catalogue::read(&bytes[..length], Limits::default()).is_err(), "{length}");
    }
}

#[test]
fn a_memo_of_another_format_or_damaged_is_no_catalogue() {
    let read = catalogue(&[("etc/passwd", b"root".to_vec()), ("usr/bin/env", b"x".to_vec())]);
    let memo = read.to_memo();
    assert_eq!(Catalogue::from_memo(&memo).as_ref(), Some(&read));
    for length in 0..memo.len() {
        assert_eq!(Catalogue::from_memo(&memo[..length]), None, "cut to {length}");
    }
    assert_eq!(Catalogue::from_memo(&[memo.as_slice(), b"x"].concat()), None);
    let mut other = memo;
    other[7] += 1;
    assert_eq!(Catalogue::from_memo(&other), None);
}

proptest! {
    #[test]
    fn a_memo_gives_back_what_was_written(
        names in proptest::collection::vec("[a-c]{1,3}(/[a-c]{1,3}){0,2}", 0..8),
        body in proptest::collection::vec(any::<u8>(), 0..50),
        mtime in any::<i64>(),
        mode in 0u32..0o10000,
    ) {
        let mut written = Catalogue::default();
        for (n, name) in names.iter().enumerate() {
            let path = EntryPath::new(name).expect("a path");
            let mut entry = Entry::new(path.clone(), Kind::File { size: body.len() as u64 }, mode);
            entry.mtime = mtime;
            entry.xattrs.insert(body.clone(), name.as_bytes().to_vec());
            let elf = (n % 3 == 0).then(|| ElfNote { soname: Some(body.clone()), bits: 64, machine: 62, flags: mode });
            written.records.push(Record { entry, bytes: (n % 2 == 0).then(|| body.as_slice().into()), digest: (n % 2 == 1).then(|| crate::oci::Digest::of(&body)), elf });
            written.whiteouts.push(path);
        }
        prop_assert_eq!(Catalogue::from_memo(&written.to_memo()), Some(written));
    }

    #[test]
    fn no_bytes_make_a_memo_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), length in 0u64..300) {
        let head = [b"plycat\x001".as_slice(), &length.to_le_bytes(), &bytes].concat();
        let _ = Catalogue::from_memo(&head);
    }
}
