use std::io::Write as _;

use super::*;
use crate::stream::{Entry, EntryPath, Kind, TarWriter};

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = TarWriter::new(Vec::new());
    for (name, bytes) in files {
        let path = EntryPath::new(name).expect("a path");
        let entry = Entry { mtime: 5, ..Entry::new(path, Kind::File { size: bytes.len() as u64 }, 0o644) };
        tar.append(&entry, &mut &**bytes).expect("a vector");
    }
    tar.finish().expect("a vector")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    encoder.write_all(bytes).expect("a vector");
    encoder.finish().expect("a vector")
}

/// What an installer is made of.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) platform: &'static str,
    /// `$` in front of the inner names, or none.
    pub(crate) inner: &'static str,
    pub(crate) header: &'static str,
    pub(crate) preconda: Vec<(&'static str, Vec<u8>)>,
    pub(crate) postconda: Vec<(&'static str, Vec<u8>)>,
    pub(crate) packages: Vec<(&'static str, Vec<u8>)>,
}

impl Parts {
    /// An installer with this list and these packages.
    pub(crate) fn new(urls: &str, packages: Vec<(&'static str, Vec<u8>)>) -> Self {
        Self {
            platform: "linux-64",
            inner: "",
            header: "",
            preconda: vec![("pkgs/urls", urls.as_bytes().to_vec()), ("conda-meta/history", Vec::new())],
            postconda: vec![("conda-meta/history", b"==> built <==\n".to_vec())],
            packages,
        }
    }
    pub(crate) fn write(&self, md5: Option<&str>) -> Vec<u8> {
        let small = |files: &[(&'static str, Vec<u8>)]| {
            bzip2(&tar(&files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect::<Vec<_>>()))
        };
        let (pre, post) = (small(&self.preconda), small(&self.postconda));
        let mut members = vec![("preconda.tar.bz2", pre.as_slice()), ("postconda.tar.bz2", &post), ("LICENSE.txt", b"free")];
        members.extend(self.packages.iter().map(|(name, bytes)| (*name, bytes.as_slice())));
        let payload = [b"executable".as_slice(), &tar(&members)].concat();
        let right = hex(&Md5::digest(&payload));
        let (inner, second) = (self.inner, payload.len() - 10);
        let header = format!(
            "#!/bin/sh\n# NAME:  Miniforge3\n# VER:   26.3.2-3\n# PLAT:  {}\n# MD5:   {}\ngrep '^@@END_HEADER@@' x\n{}\
             boundary1=$(( {inner}boundary0 + 10 ))\nboundary2=$(( {inner}boundary1 + {second} ))\n@@END_HEADER@@\n",
            self.platform,
            md5.unwrap_or(&right),
            self.header,
        );
        [header.as_bytes(), &payload].concat()
    }
}

/// A whole installer for `platform`, without packages.
pub(crate) fn sample(platform: &'static str) -> Vec<u8> {
    Parts { platform, ..Parts::new("", Vec::new()) }.write(None)
}

fn read(bytes: &[u8]) -> Result<Installer, InstallerError> {
    Installer::read(bytes, bytes.len() as u64)
}

fn listed() -> Parts {
    let md5 = hex(&Md5::digest(b"package"));
    let urls = format!("https://host.example/c/linux-64/a-1-0.conda#{md5}\n");
    Parts::new(&urls, vec![("pkgs/a-1-0.conda", b"package".to_vec()), ("pkgs/b-1-0.conda", b"other".to_vec())])
}

#[test]
fn both_dialects_are_read_and_packages_are_found_in_their_place() {
    for inner in ["", "$"] {
        let bytes = Parts { inner, ..listed() }.write(None);
        let installer = read(&bytes).expect("an installer");
        assert_eq!((installer.header.name.as_str(), installer.wanted.len()), ("Miniforge3", 1));
        let member = &installer.packages["a-1-0.conda"];
        assert_eq!(&bytes[member.at as usize..][..member.size as usize], b"package");
        assert_eq!(member.sha256, Digest::of(b"package"));
        assert_eq!(installer.files["conda-meta/history"].bytes, b"==> built <==\n");
        assert_eq!(installer.files["LICENSE.txt"].bytes, b"free");
        assert_eq!(Installer::from_memo(&installer.to_memo()), Some(installer));
    }
}

#[test]
fn the_lock_decides_under_both_of_its_names_and_settings_come_from_either_place() {
    let lock = b"@EXPLICIT\nhttps://host.example/c/noarch/b-1-0.conda\n".to_vec();
    for name in ["conda-meta/initial-state.explicit.txt", "pkgs/env.txt"] {
        let mut parts = Parts { header: "cat <<EOF >$PREFIX/.condarc\nchannels: [x]\nEOF\n", ..listed() };
        parts.preconda.push((name, lock.clone()));
        let installer = read(&parts.write(None)).expect("an installer");
        assert_eq!(installer.wanted[0].file, "b-1-0.conda");
        assert_eq!(installer.files[".condarc"].bytes, b"channels: [x]\n");
        parts.postconda.push((".condarc", b"channels: [y]\n".to_vec()));
        assert_eq!(read(&parts.write(None)).expect("an installer").files[".condarc"].bytes, b"channels: [y]\n");
    }
    // The lock of constructor 3.3 has another form and says nothing about addresses.
    let mut parts = listed();
    parts.preconda.push(("pkgs/env.txt", b"a=1=0\n".to_vec()));
    assert_eq!(read(&parts.write(None)).expect("an installer").wanted[0].file, "a-1-0.conda");
}

#[test]
fn what_is_damaged_short_long_or_no_installer_is_refused() {
    let good = listed().write(None);
    let longer = [good.as_slice(), b"x"].concat();
    assert!(matches!(read(&good[..good.len() - 1]), Err(InstallerError::Size { .. })));
    assert!(matches!(read(&longer), Err(InstallerError::Size { .. })));
    assert!(matches!(read(&[good.as_slice(), &good].concat()), Err(InstallerError::Size { .. })));
    let wrong = listed().write(Some("00000000000000000000000000000000"));
    assert!(matches!(read(&wrong), Err(InstallerError::Damaged { .. })));
    let payload = good.windows(10).position(|w| w == b"executable").expect("a payload");
    for at in [payload, payload + 10, payload + 600, good.len() - 1200] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        assert!(matches!(read(&bytes), Err(InstallerError::Damaged { .. })), "{at}");
    }
    for text in ["", "<html>not found</html>", "#!/bin/sh\n@@END_HEADER@@\n"] {
        assert!(matches!(read(text.as_bytes()), Err(InstallerError::Form(_))), "{text}");
    }
}

#[test]
fn an_installer_that_contradicts_itself_is_refused_and_names_what_does() {
    type Change = fn(&mut Parts);
    let cases: &[(&str, Change)] = &[
        ("a-1-0.conda: is listed, but not in the installer", |p| drop(p.packages.remove(0))),
        ("a-1-0.conda: has MD5", |p| p.packages[0].1 = b"changed".to_vec()),
        ("a-1-0.conda: stands twice", |p| p.packages.push(("pkgs/a-1-0.conda", b"package".to_vec()))),
        ("a-1-0.conda: has SHA-256", |p| {
            p.preconda.push(("pkgs/cache/1.json", br#"{"packages.conda": {"a-1-0.conda": {"sha256": "00"}}}"#.to_vec()));
        }),
        ("a-1-0.conda: has 7 bytes, its record says 8", |p| {
            p.preconda.push(("pkgs/cache/1.json", br#"{"packages.conda": {"a-1-0.conda": {"size": 8}}}"#.to_vec()));
        }),
        ("would run, and nothing is run here: pkgs/pre_install.sh, pkgs/post_install.sh", |p| {
            p.preconda.extend([("pkgs/pre_install.sh", b"x".to_vec()), ("pkgs/post_install.sh", b"x".to_vec())]);
        }),
        ("envs/x/conda-meta/history: belongs to a further environment", |p| {
            p.postconda.push(("envs/x/conda-meta/history", Vec::new()));
        }),
        ("no list of its packages", |p| drop(p.preconda.remove(0))),
        ("pkgs/urls:1: ", |p| p.preconda[0].1 = b"nonsense\n".to_vec()),
    ];
    assert!(read(&listed().write(None)).is_ok());
    for (told, change) in cases {
        let mut parts = listed();
        change(&mut parts);
        let error = read(&parts.write(None)).expect_err(told).to_string();
        assert!(error.contains(told), "{error} instead of {told}");
    }
}

#[test]
fn an_installer_for_another_machine_is_refused() {
    let read = read(&sample("linux-aarch64")).expect("an installer");
    assert!(read.check_machine("aarch64").is_ok());
    assert!(matches!(read.check_machine("x86_64"), Err(InstallerError::Platform { .. })));
}
