//! Packages made here, each damage beside the twin that is read.

use std::io::Write as _;

use super::kept::KEPT_FILE;
use super::*;
use crate::stream::Entry;
use crate::stream::EntryPath;

/// Path, kind, bytes and link target.
type Row<'a> = (&'a str, tar::EntryType, &'a [u8], &'a str);

/// A tar of GNU dialect, as `dpkg-deb` writes it.
fn tar(entries: &[Row<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, bytes, link) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_path("x").expect("a short name");
        let name = &mut header.as_old_mut().name;
        name.fill(0);
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        header.set_username("root").expect("a name");
        header.set_groupname("root").expect("a name");
        header.set_uid(0);
        header.set_gid(0);
        if !link.is_empty() {
            header.set_link_name_literal(link).expect("a link");
        }
        if *kind == tar::EntryType::Char {
            header.set_device_major(1).and_then(|()| header.set_device_minor(3)).expect("numbers");
        }
        header.set_cksum();
        builder.append(&header, *bytes).expect("a vector");
    }
    builder.into_inner().expect("a vector")
}

use tar::EntryType::{Char, Directory, Link, Regular, Symlink, XHeader};

const STANZA: &[u8] = b"Package: p\nVersion: 1\nArchitecture: all\n";

fn control() -> Vec<u8> {
    tar(&[("./", Directory, b"", ""), ("./control", Regular, STANZA, ""), ("./postinst", Regular, b"#!/bin/sh\n", "")])
}

fn data() -> Vec<u8> {
    tar(&[
        ("./", Directory, b"", ""),
        ("./etc/", Directory, b"", ""),
        ("./etc/p.conf", Regular, b"a=b\n", ""),
        ("./etc/again", Link, b"", "./etc/p.conf"),
        ("./usr/bin/p", Regular, b"\x7fELF not kept", ""),
        ("./usr/share/doc/p/copyright", Regular, b"not kept", ""),
        ("./usr/lib/large", Regular, &vec![b'x'; KEPT_FILE as usize + 1], ""),
        ("./usr/lib/libx.so", Symlink, b"", "libx.so.1"),
        ("./dev/null", Char, b"", ""),
    ])
}

fn member(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut member = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, bytes.len()).into_bytes();
    member.extend_from_slice(bytes);
    if bytes.len() % 2 == 1 {
        member.push(b'\n');
    }
    member
}

fn package(members: &[Vec<u8>]) -> Vec<u8> {
    [b"!<arch>\n".to_vec(), members.concat()].concat()
}

fn good() -> Vec<u8> {
    package(&[member("debian-binary", b"2.0\n"), member("control.tar", &control()), member("data.tar", &data())])
}

fn of(bytes: &[u8]) -> Result<Contents, DebError> {
    read(bytes, None)
}

fn compressed(suffix: &str, plain: &[u8]) -> Vec<u8> {
    match suffix {
        ".gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).and_then(|()| encoder.finish()).expect("a vector")
        }
        ".xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(plain).and_then(|()| encoder.finish()).expect("a vector")
        }
        ".lzma" => {
            let options = liblzma::stream::LzmaOptions::new_preset(1).expect("a preset");
            let stream = liblzma::stream::Stream::new_lzma_encoder(&options).expect("an encoder");
            let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
            encoder.write_all(plain).and_then(|()| encoder.finish()).expect("a vector")
        }
        ".zst" => zstd::encode_all(plain, 1).expect("a vector"),
        ".bz2" => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(plain).and_then(|()| encoder.finish()).expect("a vector")
        }
        _ => plain.to_vec(),
    }
}

#[test]
fn control_files_entries_and_small_files_are_read() {
    let contents = of(&good()).expect("a package");
    let names: Vec<_> = contents.control.iter().map(|f| (f.name.as_str(), f.mode, f.mtime)).collect();
    assert_eq!(names[..2], [("control", 0o644, 1_700_000_000), ("postinst", 0o644, 1_700_000_000)]);
    assert_eq!(control_fields(&contents).and_then(|s| s.text_of("Package")), Some("p"));
    let paths: Vec<_> = contents.entries.iter().map(|e: &Entry| e.path.to_string()).collect();
    assert_eq!(
        paths,
        [
            "/",
            "/etc",
            "/etc/p.conf",
            "/etc/again",
            "/usr/bin/p",
            "/usr/share/doc/p/copyright",
            "/usr/lib/large",
            "/usr/lib/libx.so",
            "/dev/null"
        ]
    );
    assert_eq!(contents.entries[3].kind, Kind::HardLink { target: EntryPath::new("etc/p.conf").expect("a path") });
    assert_eq!(contents.entries[8].kind, Kind::CharDevice { major: 1, minor: 3 });
    assert_eq!(contents.entries[2].user_name, b"root");
    let kept: Vec<_> = contents.kept.iter().map(|(path, bytes)| (path.to_string(), bytes.to_vec())).collect();
    assert_eq!(kept, [("/etc/p.conf".to_owned(), b"a=b\n".to_vec())]);
}

#[test]
fn a_package_without_md5sums_gets_those_that_dpkg_makes_and_another_keeps_its_own() {
    let sums = |bytes: &[u8]| {
        let contents = of(bytes).expect("a package");
        let files: Vec<String> = contents
            .control
            .iter()
            .filter(|f| f.name == "md5sums")
            .map(|f| String::from_utf8_lossy(&f.bytes).into_owned())
            .collect();
        files.concat()
    };
    let large = crate::system::dpkg::info::md5(&vec![b'x'; KEPT_FILE as usize + 1]);
    let hash = |bytes: &[u8]| crate::system::dpkg::info::md5(bytes);
    let expected = format!(
        "{}  etc/p.conf\n{}  usr/bin/p\n{}  usr/share/doc/p/copyright\n{large}  usr/lib/large\n",
        hash(b"a=b\n"),
        hash(b"\x7fELF not kept"),
        hash(b"not kept")
    );
    assert_eq!(sums(&good()), expected);
    let own = tar(&[("./control", Regular, STANZA, ""), ("./md5sums", Regular, b"own\n", "")]);
    let members = [member("debian-binary", b"2.0\n"), member("control.tar", &own), member("data.tar", &data())];
    assert_eq!(sums(&package(&members)), "own\n");
}

#[test]
fn every_compression_of_dpkg_is_read() {
    let plain = of(&good()).expect("a package");
    for (control_suffix, data_suffix) in [("", ".gz"), (".gz", ".xz"), (".xz", ".zst"), (".zst", ".bz2"), (".gz", ".lzma")] {
        let bytes = package(&[
            member("debian-binary", b"2.0\n"),
            member(&format!("control.tar{control_suffix}"), &compressed(control_suffix, &control())),
            member(&format!("data.tar{data_suffix}"), &compressed(data_suffix, &data())),
        ]);
        assert_eq!(of(&bytes).expect(data_suffix), plain, "{control_suffix} {data_suffix}");
        let mut tar = Vec::new();
        data_tar(&*bytes).and_then(|mut t| t.read_to_end(&mut tar).map_err(DebError::Read)).expect(data_suffix);
        assert_eq!(tar, self::data());
    }
    for (control_name, data_name) in
        [("control.tar.bz2", "data.tar"), ("control.tar", "data.tar.lz4"), ("control.tarx", "data.tar")]
    {
        let bytes = package(&[member("debian-binary", b"2.0\n"), member(control_name, &control()), member(data_name, &data())]);
        assert!(matches!(of(&bytes), Err(DebError::Compression { .. })), "{control_name} {data_name}");
    }
}

#[test]
fn members_stand_in_their_order_and_underscores_are_passed_over() {
    let (binary, control, data) =
        (member("debian-binary", b"2.0\n"), member("control.tar", &control()), member("data.tar", &data()));
    let extra = |name: &str| member(name, b"odd");
    for good in [
        vec![binary.clone(), extra("_sig"), control.clone(), extra("_sig"), data.clone()],
        vec![binary.clone(), control.clone(), data.clone(), extra("_gpgorigin"), extra("other")],
        vec![member("debian-binary/", b"2.1\nmore\n"), control.clone(), data.clone()],
    ] {
        assert!(of(&package(&good)).is_ok());
    }
    for (bad, why) in [
        (vec![control.clone(), data.clone()], "not `debian-binary`"),
        (vec![extra("_sig"), binary.clone(), control.clone(), data.clone()], "not `debian-binary`"),
        (vec![binary.clone(), data.clone(), control.clone()], "control.tar must be"),
        (vec![binary.clone(), extra("other"), control.clone(), data.clone()], "control.tar must be"),
        (vec![binary.clone(), control.clone(), control.clone(), data.clone()], "data.tar must be"),
        (vec![binary.clone(), control.clone(), data.clone(), data.clone()], "second control or data"),
        (vec![binary.clone(), control.clone()], "no data member"),
        (vec![member("debian-binary", b"3.0\n"), control.clone(), data.clone()], "version 2"),
        (vec![member("debian-binary", b"2.0"), control.clone(), data.clone()], "version 2"),
        (vec![binary.clone(), member("#1/12", b"control.tar "), data.clone()], "not plain"),
        (vec![], "no member"),
    ] {
        let error = of(&package(&bad)).expect_err(why);
        assert!(error.to_string().contains(why), "{why}: {error}");
        assert_eq!(error.class(), Class::Input, "{why}");
    }
    assert!(of(b"!<arch>x").is_err());
}

#[test]
fn a_size_that_is_no_number_or_leads_past_the_end_is_refused() {
    let good = good();
    let at = 8 + 60 + 4 + 48;
    for size in ["-5        ", "0x10      ", "          ", "9999999999", "1 2       "] {
        let mut bad = good.clone();
        bad[at..at + 10].copy_from_slice(size.as_bytes());
        assert!(of(&bad).is_err(), "{size}");
    }
}

#[test]
fn a_truncated_package_is_refused_wherever_it_ends() {
    let good = good();
    for end in (0..good.len()).step_by(37).chain([good.len() - 1]) {
        let error = of(&good[..end]).expect_err("truncated");
        assert_eq!(error.class(), Class::Input, "{end}: {error}");
    }
}

#[test]
fn control_files_have_plain_names_and_stand_once() {
    let with = |entries: &[Row<'_>]| {
        let mut all = vec![("./control", Regular, STANZA, "")];
        all.extend_from_slice(entries);
        of(&package(&[member("debian-binary", b"2.0\n"), member("control.tar", &tar(&all)), member("data.tar", &data())]))
    };
    assert!(with(&[("./prerm", Regular, b"x", "")]).is_ok());
    for bad in [
        ("./dir/", Directory, &b""[..], ""),
        ("./dir/file", Regular, b"x", ""),
        ("./link", Symlink, b"", "/etc/passwd"),
        ("./control", Regular, b"Package: q\n", ""),
        ("./../up", Regular, b"x", ""),
        ("./a b", Regular, b"x", ""),
    ] {
        assert!(with(&[bad]).is_err(), "{bad:?}");
    }
    let none = tar(&[("./postinst", Regular, b"x", "")]);
    let bytes = package(&[member("debian-binary", b"2.0\n"), member("control.tar", &none), member("data.tar", &data())]);
    assert!(matches!(of(&bytes), Err(DebError::Control { .. })));
    let large = vec![b'x'; MAX_CONTROL as usize + 1];
    assert!(with(&[("./templates", Regular, &large, "")]).is_err());
}

#[test]
fn pax_headers_are_refused_as_dpkg_does() {
    let pax = tar(&[("./PaxHeader", XHeader, b"13 path=etc/x\n", ""), ("./etc/y", Regular, b"x", "")]);
    let bytes = package(&[member("debian-binary", b"2.0\n"), member("control.tar", &control()), member("data.tar", &pax)]);
    assert!(matches!(of(&bytes), Err(DebError::Tar { member: "data", .. })));
}

#[test]
fn the_input_is_read_to_its_last_byte() {
    let bytes = package(&[
        member("debian-binary", b"2.0\n"),
        member("control.tar", &control()),
        member("data.tar.gz", &compressed(".gz", &data())),
        member("_sig", &b"signature ".repeat(10_000)),
    ]);
    let mut input = io::Cursor::new(&bytes);
    read(&mut input, None).expect("a package");
    assert_eq!(input.position(), bytes.len() as u64);
    input.set_position(0);
    let tar = data_tar(&mut input).expect("a package");
    TarReader::new(tar, Limits::default()).finish().expect("a tar");
    assert_eq!(input.position(), bytes.len() as u64);
}

#[test]
fn contents_are_remembered_and_damage_is_noticed() {
    let contents = of(&good()).expect("a package");
    let memo = to_memo(&contents);
    assert_eq!(from_memo(&memo), Some(contents));
    assert_eq!(from_memo(&memo[..memo.len() - 1]), None);
    assert_eq!(from_memo(&[memo.as_slice(), b"x"].concat()), None);
    assert_eq!(from_memo(b""), None);
    let mut other = memo;
    other[7] ^= 0xff;
    assert_eq!(from_memo(&other), None);
}

proptest::proptest! {
    #[test]
    fn no_damage_panics(at in 0usize..12_000, with: u8) {
        let mut bytes = good();
        let at = at % bytes.len();
        bytes[at] = with;
        let _ = of(&bytes);
        let _ = data_tar(&*bytes).map(|mut tar| tar.read_to_end(&mut Vec::new()));
    }
}
