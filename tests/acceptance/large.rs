//! A package of one gigabyte that does not compress links in bounded memory, from xz and from zstd.
//!
//! Not part of `cargo test`: it writes gigabytes and takes minutes. `cargo test --test large -- --nocapture` prints the figures.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are read by people")]
#![allow(dead_code, reason = "the support has more than this test needs")]

#[path = "../support/archive.rs"]
mod archive;
#[path = "../support/deb.rs"]
mod deb;
#[path = "../support/elf.rs"]
mod elf;
#[path = "../support/repository.rs"]
mod repository;
#[path = "../support/tree.rs"]
mod tree;

#[path = "../sharing/bases.rs"]
mod bases;
#[path = "../sharing/packages.rs"]
mod packages;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use archive::Archive;
use md5::{Digest, Md5};
use sha2::Sha256;

/// What the child may hold at its peak, in KiB.
const MOST: u64 = 128 << 10;

const LARGE_FILE: u64 = 700 << 20;
const SMALL_FILES: u64 = 20_000;
const SMALL_FILE: u64 = 15 << 10;

/// Bytes of a fixed generator, which no compressor shortens.
struct Noise {
    state: u64,
    left: u64,
}

impl Noise {
    fn new(seed: u64, length: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, left: length }
    }
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        for chunk in buffer[..length].chunks_mut(8) {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            chunk.copy_from_slice(&self.state.to_le_bytes()[..chunk.len()]);
        }
        self.left -= length as u64;
        Ok(length)
    }
}

/// Hexadecimal digest of all bytes, and how many there were.
fn hash<H: Digest>(mut input: impl Read) -> (String, u64) {
    let (mut hash, mut buffer, mut size) = (H::new(), vec![0; 1 << 20], 0);
    loop {
        let length = input.read(&mut buffer).unwrap();
        if length == 0 {
            let bytes = hash.finalize();
            return (bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")), size);
        }
        hash.update(&buffer[..length]);
        size += length as u64;
    }
}

fn files() -> impl Iterator<Item = (String, Noise)> {
    let small = (0..SMALL_FILES).map(|n| (format!("usr/share/huge/{n:05}"), Noise::new(n + 2, SMALL_FILE)));
    std::iter::once(("usr/share/huge/large".to_owned(), Noise::new(1, LARGE_FILE))).chain(small)
}

fn header(kind: tar::EntryType, size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(deb::PACKED);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn write_data(out: impl Write) -> impl Write {
    let mut tar = tar::Builder::new(out);
    for folder in ["./", "./usr/", "./usr/share/", "./usr/share/huge/"] {
        tar.append_data(&mut header(tar::EntryType::Directory, 0, 0o755), folder, std::io::empty()).unwrap();
    }
    for (path, bytes) in files() {
        let mut header = header(tar::EntryType::Regular, bytes.left, 0o644);
        tar.append_data(&mut header, format!("./{path}"), bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// With the package's own sums, or without: then they are made while it is read.
fn control(with_sums: bool) -> Vec<u8> {
    let mut sums = String::new();
    for (path, bytes) in files().filter(|_| with_sums) {
        writeln!(sums, "{}  {path}", hash::<Md5>(bytes).0).unwrap();
    }
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, text) in [("./control", STANZA), ("./md5sums", sums.as_str())].into_iter().take(1 + usize::from(with_sums)) {
        let mut header = header(tar::EntryType::Regular, text.len() as u64, 0o644);
        tar.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

const STANZA: &str = "Package: huge\nVersion: 1.0\nArchitecture: amd64\nMaintainer: Test <test@test>\nDescription: of the tests\n";

/// Writes the package; `suffix` is `xz` or `zst`.
fn package(folder: &Path, suffix: &str) -> PathBuf {
    let data = folder.join("data");
    let out = BufWriter::new(File::create(&data).unwrap());
    if suffix == "xz" {
        let encoder = liblzma::write::XzEncoder::new(out, 0);
        // The type behind `impl Write` ends its stream when it is dropped.
        drop(write_data(encoder));
    } else {
        drop(write_data(zstd::Encoder::new(out, 1).unwrap().auto_finish()));
    }
    let path = folder.join("huge.deb");
    let mut package = BufWriter::new(File::create(&path).unwrap());
    package.write_all(b"!<arch>\n").unwrap();
    let control = control(suffix == "xz");
    for (name, bytes) in [("debian-binary", b"2.0\n".as_slice()), ("control.tar.gz", &control)] {
        package.write_all(deb::member(name, bytes.len() as u64).as_bytes()).unwrap();
        package.write_all(bytes).unwrap();
        package.write_all(if bytes.len() % 2 == 1 { b"\n" } else { b"" }).unwrap();
    }
    let size = std::fs::metadata(&data).unwrap().len();
    package.write_all(deb::member(&format!("data.tar.{suffix}"), size).as_bytes()).unwrap();
    std::io::copy(&mut File::open(&data).unwrap(), &mut package).unwrap();
    package.write_all(if size % 2 == 1 { b"\n" } else { b"" }).unwrap();
    package.into_inner().unwrap();
    std::fs::remove_file(data).unwrap();
    path
}

fn listing(package: &Path) -> String {
    let (hex, size) = hash::<Sha256>(File::open(package).unwrap());
    format!("{STANZA}Filename: pool/huge.deb\nSize: {size}\nSHA256: {hex}\n\n")
}

/// Runs to the end; the peak of resident memory in KiB.
fn peak(command: &mut Command) -> u64 {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn build(suffix: &str) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let package = package(folder.path(), suffix);
    let repository = repository::signed_index(&listing(&package));
    let archive = Archive::serving(repository.files);
    archive.put_on_disk("pool/huge.deb", package);
    let base = folder.path().join("base");
    bases::base(true, &repository.key).write(&base, "base");
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_plywood"));
    command
        .args(["build", &format!("oci:{}:base", base.display()), "--profile", "none", "--apt", "huge"])
        .args(["--platform", "linux/amd64", "--apt-mirror", &format!("http://archive.test/debian/={}", archive.uri())])
        .env_clear()
        .env("HOME", folder.path())
        .env("PLYWOOD_STORE", folder.path().join("store"));
    let peak = peak(&mut command);
    println!("{suffix}: peak {} MiB, {:.1} s with the download", peak >> 10, started.elapsed().as_secs_f64());
    assert!(peak < MOST, "{suffix}: {peak} KiB");
}

#[test]
fn a_package_of_one_gigabyte_links_in_bounded_memory_from_zstd_without_sums() {
    build("zst");
}

#[test]
fn a_package_of_one_gigabyte_links_in_bounded_memory_from_xz() {
    build("xz");
}
