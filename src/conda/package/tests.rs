use std::io::Write as _;

use super::*;
use crate::conda::section::held;
use crate::conda::zip::tests::zip;
use crate::conda::{CondaError, Section};
use crate::error::{Class, Fault as _};
use crate::stream::{Entry, Kind, TarWriter};

/// A file, link or hard link of a package in the making.
#[derive(Clone)]
pub(crate) enum Part {
    File(&'static str, Vec<u8>, u32),
    Symlink(&'static str, &'static str),
    HardLink(&'static str, &'static str),
}

pub(in crate::conda) fn path(text: &str) -> EntryPath {
    EntryPath::new(text).expect("a path")
}

pub(in crate::conda) fn tar(parts: &[Part]) -> Vec<u8> {
    let mut tar = TarWriter::new(Vec::new());
    for part in parts {
        let (name, kind, mode, bytes) = match part {
            Part::File(name, bytes, mode) => (name, Kind::File { size: bytes.len() as u64 }, *mode, bytes.as_slice()),
            Part::Symlink(name, target) => (name, Kind::Symlink { target: target.as_bytes().to_vec() }, 0o777, &[][..]),
            Part::HardLink(name, target) => (name, Kind::HardLink { target: path(target) }, 0o664, &[][..]),
        };
        let entry = Entry { mtime: 1_700_000_000, ..Entry::new(path(name), kind, mode) };
        tar.append(&entry, &mut &*bytes).expect("an entry");
    }
    tar.finish().expect("a tar")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 1).expect("a vector")
}

/// The parts of `info/` first where `info_first`.
pub(in crate::conda) fn tar_bz2(info: &[Part], data: &[Part], info_first: bool) -> Vec<u8> {
    let all = if info_first { [info, data].concat() } else { [data, info].concat() };
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(&tar(&all)).expect("a vector");
    encoder.finish().expect("a vector")
}

pub(crate) fn conda(info: &[Part], data: &[Part]) -> Vec<u8> {
    let (data, info) = (zstd(&tar(data)), zstd(&tar(info)));
    let metadata = br#"{"conda_pkg_format_version": 2}"#;
    zip(&[("x/info-p-1-0.tar.zst", &info), ("x/pkg-p-1-0.tar.zst", &data), ("x/metadata.json", metadata)], false)
}

pub(in crate::conda) const INDEX: &str = r#"{"name": "p", "version": "1", "build": "0", "subdir": "linux-64"}"#;

/// `index.json` and a `paths.json` with these entries.
pub(crate) fn info(index: &str, paths: &str) -> Vec<Part> {
    let paths = format!(r#"{{"paths_version": 1, "paths": [{paths}]}}"#);
    vec![Part::File("info/index.json", index.into(), 0o664), Part::File("info/paths.json", paths.into_bytes(), 0o664)]
}

fn section(bytes: &[u8]) -> Section {
    held(bytes)
}

fn read_bytes(bytes: &[u8]) -> Result<Package, CondaError> {
    read("p-1-0.conda", &section(bytes), Digest::of(bytes), "/new")
}

fn good() -> (Vec<Part>, Vec<Part>) {
    let plain = Digest::of(b"plain").hex();
    let paths = format!(
        r#"{{"_path": "bin/a", "path_type": "hardlink", "prefix_placeholder": "/old_placeholder", "file_mode": "text", "size_in_bytes": 26}},
           {{"_path": "bin/b", "path_type": "softlink"}},
           {{"_path": "lib/c", "path_type": "hardlink", "sha256": "{plain}", "size_in_bytes": 5}},
           {{"_path": "lib/d", "path_type": "hardlink", "sha256": "{plain}"}},
           {{"_path": "lib/e", "path_type": "hardlink", "prefix_placeholder": "/old_placeholder", "file_mode": "binary"}}"#
    );
    let data = vec![
        Part::File("bin/a", b"#!/old_placeholder/bin/sh\n".to_vec(), 0o775),
        Part::Symlink("bin/b", "a"),
        Part::File("lib/c", b"plain".to_vec(), 0o664),
        Part::HardLink("lib/d", "lib/c"),
        Part::File("lib/e", b"\0/old_placeholder/x\0".to_vec(), 0o664),
        Part::File("not/listed", b"x".to_vec(), 0o664),
    ];
    (info(INDEX, &paths), data)
}

#[test]
fn every_form_gives_the_same_package() {
    let (info, data) = good();
    let conda = read_bytes(&conda(&info, &data)).expect("reads");
    assert_eq!(conda.patched[&path("bin/a")].changes, [(2, 16, b"/new".to_vec())]);
    assert_eq!(conda.patched[&path("lib/e")].changes, [(1, 16, b"/new".to_vec()), (19, 0, vec![0; 12])]);
    assert_eq!(conda.digests[&path("lib/d")], Digest::of(b"plain"));
    assert_eq!(conda.digests[&path("bin/a")], Digest::of(b"#!/new/bin/sh\n"));
    assert_eq!(conda.contents.entries.len(), 6);
    for info_first in [true, false] {
        let whole = read_bytes(&tar_bz2(&info, &data, info_first)).expect("reads");
        assert_eq!((&whole.listed, &whole.digests, &whole.patched), (&conda.listed, &conda.digests, &conda.patched));
        assert_eq!(whole.contents.entries.len(), 8);
    }
    assert_eq!(Package::from_memo(&conda.to_memo()).as_ref(), Some(&conda));
    assert_eq!(conda.index()["name"], "p");
}

#[test]
fn a_package_that_is_not_what_it_says_is_refused_with_its_name_and_the_path() {
    type Change = fn(&mut Vec<Part>, &mut Vec<Part>);
    let cases: &[(&str, Change)] = &[
        ("/lib/c: has 6 bytes, its list says 5", |_, d| d[2] = Part::File("lib/c", b"plains".to_vec(), 0o664)),
        ("/lib/c: has SHA-256", |_, d| d[2] = Part::File("lib/c", b"plaiN".to_vec(), 0o664)),
        ("/lib/c: is in the package's list, but not in the archive", |_, d| drop(d.drain(2..4))),
        ("/lib/c: stands twice", |_, d| d.push(d[2].clone())),
        ("/bin/b: is a regular file in the archive", |_, d| d[1] = Part::File("bin/b", vec![], 0o664)),
        ("/lib/d: is a hard link to /not/listed", |_, d| d[3] = Part::HardLink("lib/d", "not/listed")),
        ("no info/index.json", |i, _| drop(i.remove(0))),
        ("neither info/paths.json", |i, _| drop(i.remove(1))),
        ("info/index.json: is no JSON object", |i, _| i[0] = Part::File("info/index.json", b"[]".to_vec(), 0o664)),
        ("its files have", |i, _| {
            i[1] = info(INDEX, r#"{"_path": "a", "size_in_bytes": 10000000000}"#).remove(1);
        }),
    ];
    for (told, change) in cases {
        let (mut info, mut data) = good();
        change(&mut info, &mut data);
        for bytes in [conda(&info, &data), tar_bz2(&info, &data, true), tar_bz2(&info, &data, false)] {
            let error = read_bytes(&bytes).expect_err(told);
            assert_eq!(error.class(), Class::Input);
            let text = error.to_string();
            assert!(text.starts_with("conda package p-1-0.conda: ") && text.contains(told), "{text} instead of {told}");
        }
    }
}

#[test]
fn a_container_with_doubtful_members_is_refused() {
    let (info, data) = good();
    let (info, data) = (zstd(&tar(&info)), zstd(&tar(&data)));
    let two = br#"{"conda_pkg_format_version": 2}"#.as_slice();
    let (i, d, m) = (("info-p.tar.zst", info.as_slice()), ("pkg-p.tar.zst", data.as_slice()), ("metadata.json", two));
    for (members, told) in [
        (vec![m, i, d], ""),
        (vec![d, m, i], ""),
        (vec![m, i, d, ("folder/metadata.json", two)], "two members metadata.json"),
        (vec![m, i, d, ("a/pkg-q.tar.zst", data.as_slice())], "two members pkg-*.tar.zst"),
        (vec![i, d], "no member metadata.json"),
        (vec![m, d], "no member info-*.tar.zst"),
        (vec![("metadata.json", br#"{"conda_pkg_format_version": 3}"#), i, d], "format version 3"),
        (vec![("metadata.json", b"?"), i, d], "metadata.json"),
        (vec![m, i, ("pkg-p.tar.zst", &data[..data.len() - 9])], "tar stream"),
    ] {
        match read_bytes(&zip(&members, false)) {
            Ok(_) => assert_eq!(told, "", "{members:?}"),
            Err(error) => assert!(!told.is_empty() && error.to_string().contains(told), "{error} instead of {told:?}"),
        }
    }
    assert!(read_bytes(b"<html>").expect_err("a page").to_string().contains("neither a .conda nor a .tar.bz2"));
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let zeros = Part::File("a", vec![0; 300 << 20], 0o664);
    let list = info(INDEX, r#"{"_path": "b"}"#);
    let error = read_bytes(&conda(&list, &[zeros, Part::File("b", vec![], 0o664)])).expect_err("a bomb");
    assert!(error.to_string().contains("bytes of content"), "{error}");
    let twin = Part::File("a", vec![0; 100 << 20], 0o664);
    assert!(read_bytes(&conda(&list, &[twin, Part::File("b", vec![], 0o664)])).is_ok());
}
