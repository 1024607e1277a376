//! Archives made to hurt: zips that lie about themselves, bombs, huge counts. Refused in bounded time and memory, or read rightly.

use crate::conda::package::{Form, Package, Packed};
use crate::conda::tarball::{Item, tar, zstd};
use crate::conda::zip::{Member, write, write_with};
use crate::lab::{self, few, installer_of, project};
use crate::refusals::{changed, refused};

/// Address space that a run may take, in bytes: less than the largest bomb unpacked.
const MOST_MEMORY: &str = "--as=3000000000";

/// The package `tool` with its zip made by `change`.
fn zipped(change: impl FnOnce(&mut Vec<Member>)) -> Packed {
    let tool = &few()[1];
    let mut members = tool.members();
    change(&mut members);
    tool.packed("conda", write(&members))
}

/// An installer with this package in place of `tool`.
fn with(packed: Packed) -> Vec<u8> {
    let mut installer = installer_of(&few());
    installer.packages[1] = packed;
    installer.write()
}

#[test]
fn odd_zips_are_read_as_any_reader_does() {
    let plain = lab::in_prefix(&lab::built(&project(&installer_of(&few()).write()), &[]));
    let tool = &few()[1];
    let mut reversed = tool.members();
    reversed.reverse();
    let folder = |m: &mut Member| m.name = [b"some/folder/", m.name.as_slice()].concat();
    let cases: Vec<(&str, Packed)> = vec![
        ("data descriptors", zipped(|m| m.iter_mut().for_each(|m| m.flags = 8))),
        ("another order", tool.packed("conda", write(&reversed))),
        ("a folder before the names", zipped(|m| m.iter_mut().for_each(folder))),
        (
            "a comment that looks like an end",
            tool.packed("conda", write_with(&tool.members(), b"PK\x05\x06 and more of it.........")),
        ),
        ("extra fields", zipped(|m| m[1].extra = vec![0x55, 0x54, 1, 0, 0])),
        ("a further member", zipped(|m| m.push(Member::new("readme.txt", "hello")))),
    ];
    for (what, packed) in cases {
        let found = lab::in_prefix(&lab::built(&project(&with(packed)), &[]));
        for (path, entry) in plain.iter().filter(|(path, _)| !path.starts_with("conda-meta/")) {
            assert_eq!(found.get(path), Some(entry), "{what}: {path}");
        }
    }
}

#[test]
fn zips_that_lie_are_refused() {
    let tool = &few()[1];
    let good = write(&tool.members());
    let cases: Vec<(&str, Packed)> = vec![
        ("two metadata members", zipped(|m| m.push(Member::new("x/metadata.json", "{}")))),
        ("two payloads", zipped(|m| m.push(m[1].clone()))),
        ("no metadata", zipped(|m| drop(m.remove(0)))),
        ("no payload", zipped(|m| drop(m.remove(1)))),
        ("no information", zipped(|m| drop(m.remove(2)))),
        ("a later version", zipped(|m| m[0] = Member::new("metadata.json", "{\"conda_pkg_format_version\": 3}"))),
        ("deflated", zipped(|m| m[1].method = 8)),
        ("encrypted", zipped(|m| m[1].flags = 1)),
        ("longer than the file", zipped(|m| m[1].central = (0x7fff_ffff, 0x7fff_ffff))),
        ("shorter than its stream", zipped(|m| m[1].central = (9, 9))),
        ("two sizes", zipped(|m| m[1].central.1 += 1)),
        ("a place outside", zipped(|m| m[1].offset = Some(0x7000_0000))),
        ("another name inside", zipped(|m| m[1].local_name = Some(b"info-tool-1.0-h0000001_0.tar.zst".to_vec()))),
        ("one in place of the other", zipped(|m| m[2].offset = Some(0))),
        ("no end", tool.packed("conda", good[..good.len() - 10].to_vec())),
        ("empty", tool.packed("conda", Vec::new())),
        ("no zip", tool.packed("conda", b"PK\x03\x04 and nothing".to_vec())),
        (
            "truncated zstd",
            zipped(|m| {
                let bytes = m[1].bytes[..m[1].bytes.len() - 5].to_vec();
                m[1] = Member::new(&String::from_utf8_lossy(&m[1].name.clone()), bytes);
            }),
        ),
        (
            "bytes after zstd",
            zipped(|m| {
                let bytes = [m[1].bytes.as_slice(), b"more"].concat();
                m[1] = Member::new(&String::from_utf8_lossy(&m[1].name.clone()), bytes);
            }),
        ),
        ("truncated bzip2", {
            let packed = tool.clone().form(Form::TarBz2).pack();
            let half = packed.bytes.len() / 2;
            Packed { bytes: packed.bytes[..half].to_vec(), ..packed }
        }),
    ];
    for (what, packed) in cases {
        refused(what, &project(&with(packed)), 3, &["tool-1.0"]);
    }
}

/// A tar of one file of zeros, compressed without being held; `claimed` is what `paths.json` says of it.
fn zeros(gigabytes: u64, listed: bool) -> Packed {
    let size = gigabytes << 30;
    let mut header = tar::Header::new_gnu();
    header.set_path("lib/zeros").unwrap();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut out = zstd::Encoder::new(Vec::new(), 1).unwrap();
    std::io::Write::write_all(&mut out, header.as_bytes()).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), size + 1024), &mut out).unwrap();
    let mut tool = Package::new("tool", "1.0", vec![Item::file("lib/small", "x")]);
    if listed {
        tool =
            tool.info("paths.json", "{\"paths_version\": 1, \"paths\": [{\"_path\": \"lib/zeros\", \"path_type\": \"hardlink\"}]}");
    }
    let mut members = tool.members();
    members[1] = Member::new("pkg-tool-1.0-h0000001_0.tar.zst", out.finish().unwrap());
    tool.packed("conda", write(&members))
}

/// A program whose memory is bounded.
fn bounded(installer: &[u8]) -> crate::support::program::Plywood {
    project(installer).below(&["prlimit", MOST_MEMORY])
}

#[test]
fn bombs_are_refused_and_cost_little() {
    for (gigabytes, listed) in [(3, true), (1, false)] {
        let packed = zeros(gigabytes, listed);
        assert!(packed.bytes.len() < 1 << 20, "{}", packed.bytes.len());
        refused("a bomb", &bounded(&with(packed)), 3, &["tool-1.0"]);
    }
    let metadata = vec![b' '; 64 << 20];
    let many = zstd(&tar(&[Item::file("info/index.json", vec![b' '; 200 << 20])], false));
    refused("metadata of 64 MiB", &bounded(&with(zipped(|m| m[0] = Member::new("metadata.json", metadata)))), 3, &["tool-1.0"]);
    refused(
        "information of 200 MiB",
        &bounded(&with(zipped(|m| m[2] = Member::new("info-tool-1.0-h0000001_0.tar.zst", many)))),
        3,
        &["tool-1.0"],
    );
}

#[test]
fn a_million_of_anything_is_refused_or_done_in_bounded_memory() {
    let paths: Vec<String> = (0..1_000_000).map(|i| format!("{{\"_path\":\"lib/{i}\"}}")).collect();
    let list = format!("{{\"paths_version\":1,\"paths\":[{}]}}", paths.join(","));
    let listed = changed(|p| p[1] = p[1].clone().info("paths.json", list));
    refused("a million listed paths", &bounded(&installer_of(&listed).write()), 3, &["tool-1.0"]);
    // A path may have 4095 bytes, and any depth within them.
    let deep = "d/".repeat(1500) + "f";
    let packages = changed(|p| p[1].items.push(Item::file(&deep, "x")));
    let found = lab::in_prefix(&lab::built(&bounded(&installer_of(&packages).write()), &[]));
    assert_eq!(found[&deep].bytes, b"x");
    // Many places in one file: a text of nothing but prefixes.
    let full = changed(|p| {
        let text = p[1].placeholder.repeat(20_000);
        p[1].items.push(Item::file("share/full", text));
    });
    let found = lab::in_prefix(&lab::built(&bounded(&installer_of(&full).write()), &[]));
    assert_eq!(found["share/full"].bytes, lab::PREFIX.repeat(20_000).as_bytes());
}
