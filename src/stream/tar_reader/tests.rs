//! Archives made by hand, by the `tar` crate, and the hostile ones on which readers differ.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::error::{Class, Fault as _};

/// A ustar header for `name`, its checksum set.
fn header(name: &str, flag: u8, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[108..115].copy_from_slice(b"0001750");
    block[116..123].copy_from_slice(b"0000144");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[136..147].copy_from_slice(b"00000000017");
    block[156] = flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    summed(block)
}

fn summed(mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn changed(mut block: [u8; BLOCK], at: usize, bytes: &[u8]) -> [u8; BLOCK] {
    block[at..at + bytes.len()].copy_from_slice(bytes);
    summed(block)
}

/// A header and its padded body.
fn member(block: [u8; BLOCK], body: &[u8]) -> Vec<u8> {
    let mut bytes = block.to_vec();
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

fn file(name: &str, body: &[u8]) -> Vec<u8> {
    member(header(name, b'0', body.len() as u64), body)
}

fn extension(flag: u8, body: &[u8]) -> Vec<u8> {
    member(header("././@LongLink", flag, body.len() as u64), body)
}

fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length = (1..=9).map(|digits| rest + digits).find(|total| total.to_string().len() == total - rest).expect("a length");
        write!(body, "{length} {key}=").expect("a vector");
        body.extend_from_slice(value);
        body.push(b'\n');
    }
    body
}

fn end() -> Vec<u8> {
    vec![0; 2 * BLOCK]
}

fn read(archive: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, TarError> {
    let mut reader = TarReader::new(archive, Limits::default());
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut body = Vec::new();
        reader.body().read_to_end(&mut body).map_err(|cause| TarError::Read { at: 0, cause })?;
        entries.push((entry, body));
    }
    reader.finish()?;
    Ok(entries)
}

fn paths(archive: &[u8]) -> Vec<String> {
    read(archive).expect("an archive").iter().map(|(entry, _)| entry.path.to_string()).collect()
}

#[test]
fn every_kind_is_read_with_its_metadata() {
    let link = |name, flag, target: &[u8]| member(changed(header(name, flag, 0), 157, target), b"");
    let device = changed(changed(header("dev/null", b'3', 0), 329, b"0000001"), 337, b"0000003");
    let archive = [
        member(header("./", b'5', 0), b""),
        file("./etc/passwd", b"root:x:0:0"),
        link("bin", b'2', b"usr/bin"),
        link("etc/group", b'1', b"./etc/passwd"),
        member(device, b""),
        member(header("run/pipe", b'6', 0), b""),
        member(header("old", 0, 3), b"abc"),
        member(header("old.d/", 0, 0), b""),
        end(),
    ]
    .concat();
    let entries = read(&archive).expect("an archive");
    let passwd = EntryPath::new("etc/passwd").expect("a path");
    let kinds: Vec<_> = entries.iter().map(|(entry, _)| entry.kind.clone()).collect();
    assert_eq!(
        kinds,
        [
            Kind::Directory,
            Kind::File { size: 10 },
            Kind::Symlink { target: b"usr/bin".to_vec() },
            Kind::HardLink { target: passwd.clone() },
            Kind::CharDevice { major: 1, minor: 3 },
            Kind::Fifo,
            Kind::File { size: 3 },
            Kind::Directory,
        ]
    );
    let (entry, body) = &entries[1];
    assert!(entries[0].0.path.is_root());
    assert_eq!((&entry.path, body.as_slice()), (&passwd, b"root:x:0:0".as_slice()));
    assert_eq!((entry.mode, entry.owner, entry.mtime), (0o644, Owner { uid: 1000, gid: 100 }, 15));
}

#[test]
fn long_names_come_from_prefix_gnu_and_pax_headers() {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(90));
    let prefixed = changed(header(&"f".repeat(90), b'0', 0), 345, "d".repeat(120).as_bytes());
    let gnu = [extension(b'L', format!("{long}\0").as_bytes()), file("short", b"")].concat();
    let records = [extension(b'x', &pax(&[("path", long.as_bytes())])), file("short", b"")].concat();
    for archive in [member(prefixed, b""), gnu, records] {
        assert_eq!(paths(&archive), [format!("/{long}")]);
    }
}

#[test]
fn pax_records_stand_in_for_the_fields_of_the_header() {
    let records = pax(&[
        ("size", b"5"),
        ("uid", b"3000000"),
        ("mtime", b"-1.5"),
        ("uname", "jörg".as_bytes()),
        ("SCHILY.xattr.security.capability", b"\x01\0\0\x02=\n"),
        ("comment", b"not of interest"),
        ("path", b""),
    ]);
    let archive = [extension(b'x', &records), member(header("a", b'0', 0), b"hello"), file("b", b"")].concat();
    let entries = read(&archive).expect("an archive");
    let (entry, body) = &entries[0];
    assert_eq!((body.as_slice(), entry.owner.uid, entry.owner.gid, entry.mtime), (b"hello".as_slice(), 3_000_000, 100, -2));
    assert_eq!(entry.user_name, "jörg".as_bytes());
    assert_eq!(entry.xattrs[b"security.capability".as_slice()], b"\x01\0\0\x02=\n");
    assert_eq!((entries[1].0.path.to_string().as_str(), entries[1].0.xattrs.len()), ("/b", 0));
}

#[test]
fn numbers_may_be_base_256() {
    let big = [0x80, 0, 0, 0, 0, 0x2d, 0xc6, 0xc0];
    let before = [0xff; 12];
    let block = changed(changed(changed(header("a", b'0', 0), 257, b"ustar  \0"), 108, &big), 136, &before);
    let entry = &read(&member(block, b"")).expect("an archive")[0].0;
    assert_eq!((entry.owner.uid, entry.mtime), (3_000_000, -1));
}

#[test]
fn a_body_that_nobody_reads_is_skipped() {
    let archive = [file("a", &[7; 1000]), file("b", b"next"), end(), vec![9; 5000]].concat();
    let mut reader = TarReader::new(archive.as_slice(), Limits::default());
    reader.next_entry().expect("an archive");
    reader.body().read_exact(&mut [0; 10]).expect("ten bytes");
    assert_eq!(reader.next_entry().expect("an archive").expect("an entry").path.to_string(), "/b");
    assert!(reader.finish().expect("an archive").is_empty(), "all of the input is read");
}

#[test]
fn an_archive_may_end_without_zero_blocks() {
    assert_eq!(paths(&file("a", b"x")), ["/a"]);
    assert_eq!(paths(&[file("a", b"x"), vec![0; BLOCK]].concat()), ["/a"]);
    assert!(read(b"").expect("nothing").is_empty());
}

/// Archives that GNU tar, Go and Python read differently, or that lie; each with words of the refusal.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let x = |key: &'static str, value: &'static [u8]| extension(b'x', &pax(&[(key, value)]));
    let name = |flag| extension(flag, b"other\0");
    let link = |name, flag, target: &[u8]| member(changed(header(name, flag, 0), 157, target), b"");
    let mut broken = header("a", b'0', 0);
    broken[0] = b'b';
    vec![
        ("checksum is wrong", broken.to_vec()),
        ("truncated", header("a", b'0', 0)[..300].to_vec()),
        ("truncated", file("a", &[1; 600])[..1024].to_vec()),
        ("truncated", member(header("a", b'0', 600), &[1; 100])),
        ("truncated", header("a", b'x', 600).to_vec()),
        ("`..` component", file("a/../../b", b"")),
        ("`..` component", link("a", b'1', b"../etc/shadow")),
        ("name is empty", file("", b"")),
        ("name is empty", extension(b'L', b"\0")),
        ("NUL byte inside", [extension(b'L', b"a\0b"), file("c", b"")].concat()),
        ("root is not a directory", link("./.", b'2', b"/etc")),
        ("no target", link("a", b'2', b"")),
        ("no target", link("a", b'1', b"")),
        ("ends in a slash", file("a/", b"x")),
        ("ends in a slash", file("a/", b"")),
        ("has a body", member(header("a", b'5', 3), b"abc")),
        ("has a body", [x("size", b"512"), link("a", b'1', b"b")].concat()),
        ("sparse", file("a", b"").into_iter().enumerate().map(|(i, b)| if i == 156 { b'S' } else { b }).collect()),
        ("sparse", [x("GNU.sparse.major", b"1"), file("a", b"")].concat()),
        ("type is unknown", member(header("a", b'V', 0), b"")),
        ("no entry behind", [name(b'L'), end()].concat()),
        ("no entry behind", x("path", b"a")),
        ("no entry behind", [x("path", b"a"), extension(b'g', &pax(&[("comment", b"c")])), file("a", b"")].concat()),
        ("GNU and PAX", [x("path", b"a"), name(b'L'), file("b", b"")].concat()),
        ("GNU and PAX", [name(b'K'), x("path", b"a"), file("b", b"")].concat()),
        ("GNU and PAX", [x("size", b"512"), name(b'L'), file("b", b"")].concat()),
        ("of one kind", [x("path", b"a"), x("path", b"b"), file("c", b"")].concat()),
        ("of one kind", [name(b'L'), name(b'L'), file("c", b"")].concat()),
        ("larger than 1 MiB", header("a", b'L', 2 << 30).to_vec()),
        ("larger than 1 MiB", header("a", b'x', 2 << 30).to_vec()),
        ("not decimal", [x("size", b"0x10"), file("a", b"")].concat()),
        ("not decimal", [x("uid", b"-1"), file("a", b"")].concat()),
        ("not decimal", [x("mtime", b"1e5"), file("a", b"")].concat()),
        ("malformed record", [extension(b'x', b"9 path=ab"), file("a", b"")].concat()),
        ("malformed record", [extension(b'x', b"99 path=ab\n"), file("a", b"")].concat()),
        ("malformed record", [extension(b'x', b"0 "), file("a", b"")].concat()),
        ("NUL byte", [x("path", b"a\0b"), file("a", b"")].concat()),
        ("global extended header", [extension(b'g', &pax(&[("path", b"a")])), file("b", b"")].concat()),
        ("not octal", member(changed(header("a", b'0', 0), 124, b"0000000009 "), b"")),
        ("63 bits", member(changed(header("a", b'0', 0), 124, &[0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255]), b"")),
        ("63 bits", [x("size", b"18446744073709551615"), file("a", b"")].concat()),
        ("negative", member(changed(header("a", b'0', 0), 124, &[0xff; 12]), b"")),
        ("32 bits", [x("uid", b"4294967296"), file("a", b"")].concat()),
        ("magic is unknown", member(changed(header("a", b'0', 0), 263, b"\0\0"), b"")),
        ("name prefix", member(changed(changed(header("a", b'0', 0), 257, b"ustar  \0"), 345, b"dir"), b"")),
        ("name prefix", member(changed(changed(header("a", b'0', 0), 257, &[0; 8]), 345, b"dir"), b"")),
        ("single zero block", [file("a", b""), vec![0; BLOCK], file("b", b"")].concat()),
    ]
}

#[test]
fn what_readers_understand_differently_is_refused() {
    for (words, mut archive) in hostile() {
        if words == "sparse" {
            let block: [u8; BLOCK] = archive[..BLOCK].try_into().expect("a block");
            archive.splice(..BLOCK, summed(block));
        }
        let error = match read(&archive) {
            Ok(entries) => panic!("{words}: read as {entries:?}"),
            Err(error) => format!("{error}"),
        };
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn a_pax_size_wins_over_the_header_as_in_all_readers() {
    // The hidden entry of TARmageddon: a reader that believes the header takes the body for entries.
    let hidden = file("hidden", b"");
    for told in [0, 100] {
        let archive = [
            extension(b'x', &pax(&[("size", b"1024")])),
            header("outer", b'0', told).to_vec(),
            hidden.clone(),
            vec![1; BLOCK],
            file("last", b""),
        ]
        .concat();
        assert_eq!(paths(&archive), ["/outer", "/last"]);
    }
}

#[test]
fn limits_end_the_reading() {
    let archive = [file("a", b"12345"), file("b", b"12345"), end()].concat();
    let count = |limits| {
        let mut reader = TarReader::new(archive.as_slice(), limits);
        std::iter::from_fn(|| reader.next_entry().transpose()).collect::<Result<Vec<_>, _>>().map(|entries| entries.len())
    };
    assert_eq!(count(Limits { entries: 2, bytes: Some(10) }).expect("within"), 2);
    assert!(matches!(count(Limits { entries: 1, bytes: None }), Err(TarError::TooMuch { limit: 1, .. })));
    assert!(matches!(count(Limits { entries: 9, bytes: Some(9) }), Err(TarError::TooMuch { limit: 9, .. })));
}

#[test]
fn a_failure_below_keeps_its_class() {
    #[derive(Debug)]
    struct Broken(io::ErrorKind);
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
    }
    let class = |kind| TarReader::new(Broken(kind), Limits::default()).next_entry().expect_err("broken").class();
    assert_eq!(class(io::ErrorKind::InvalidData), Class::Input);
    assert_eq!(class(io::ErrorKind::PermissionDenied), Class::Local);
}

#[test]
fn what_the_tar_crate_writes_is_read_back() {
    let mut builder = tar::Builder::new(Vec::new());
    let long = format!("usr/share/{}/x", "n".repeat(200));
    for (name, body) in [("usr/bin/a", "one"), (long.as_str(), "two")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(body.len() as u64);
        header.set_mode(0o4755);
        header.set_uid(7);
        header.set_cksum();
        builder.append_data(&mut header, name, body.as_bytes()).expect("a vector");
    }
    let archive = builder.into_inner().expect("a vector");
    let entries = read(&archive).expect("an archive");
    assert_eq!(paths(&archive), ["/usr/bin/a".to_owned(), format!("/{long}")]);
    assert_eq!((entries[1].1.as_slice(), entries[1].0.mode, entries[1].0.owner.uid), (b"two".as_slice(), 0o4755, 7));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000), at in 0usize..512, flag in any::<u8>()) {
        let _ = read(&bytes);
        let mut block = header("name", flag, bytes.len() as u64);
        block[at] = bytes.first().copied().unwrap_or_default();
        let _ = read(&[summed(block).to_vec(), bytes].concat());
    }

    #[test]
    fn records_of_any_value_are_read_back(value in proptest::collection::vec(any::<u8>(), 1..300)) {
        let archive = [extension(b'x', &pax(&[("SCHILY.xattr.user.a", &value)])), file("a", b"")].concat();
        prop_assert_eq!(&read(&archive).expect("an archive")[0].0.xattrs[b"user.a".as_slice()], &value);
    }
}
