//! Debian packages made in memory: `ar`, `control.tar.gz`, `data.tar.xz`.
//!
//! Invariant: equal descriptions give equal bytes; times are fixed, parents come before what lies in them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

use plywood::oci::Digest;

/// Seconds since 1970 of everything in a package.
pub(crate) const PACKED: u64 = 1_700_000_000;

/// A package to be.
#[derive(Clone, Debug)]
pub(crate) struct Deb {
    pub(crate) name: String,
    pub(crate) version: String,
    fields: String,
    scripts: Vec<(String, Vec<u8>)>,
    data: Vec<(tar::Header, String, Option<String>, Vec<u8>)>,
    listed: BTreeSet<String>,
}

impl Deb {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let (fields, scripts, data) = (String::new(), Vec::new(), Vec::new());
        Self { name: name.into(), version: version.into(), fields, scripts, data, listed: BTreeSet::new() }
    }
    /// A line of the control file: `Depends: libc6`.
    pub(crate) fn field(mut self, line: &str) -> Self {
        self.fields += line;
        self.fields.push('\n');
        self
    }
    /// A file of the control archive; scripts are text with their first line.
    pub(crate) fn control(mut self, name: &str, text: &str) -> Self {
        self.scripts.push((name.into(), text.into()));
        self
    }
    /// A maintainer script that stops at the first failure.
    pub(crate) fn script(self, name: &str, body: &str) -> Self {
        self.control(name, &format!("#!/bin/sh\nset -e\n{body}\n"))
    }
    pub(crate) fn directory(mut self, path: &str, mode: u32) -> Self {
        self.parents(path);
        self.add(path, tar::EntryType::Directory, mode, None, Vec::new());
        self.listed.insert(path.into());
        self
    }
    pub(crate) fn file(self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        self.file_of(path, mode, ("root", 0), bytes)
    }
    /// A file of a group by name; the number is that of the machine that packed.
    pub(crate) fn file_of(mut self, path: &str, mode: u32, group: (&str, u64), bytes: impl Into<Vec<u8>>) -> Self {
        self.parents(path);
        self.add(path, tar::EntryType::Regular, mode, None, bytes.into());
        if let Some((header, ..)) = self.data.last_mut() {
            header.set_gid(group.1);
            header.set_groupname(group.0).unwrap();
        }
        self
    }
    pub(crate) fn symlink(mut self, path: &str, target: &str) -> Self {
        self.parents(path);
        self.add(path, tar::EntryType::Symlink, 0o777, Some(target), Vec::new());
        self
    }

    fn parents(&mut self, path: &str) {
        let above: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
        for at in above {
            if self.listed.insert(path[..at].into()) {
                self.add(&path[..at], tar::EntryType::Directory, 0o755, None, Vec::new());
            }
        }
    }
    fn add(&mut self, path: &str, kind: tar::EntryType, mode: u32, target: Option<&str>, bytes: Vec<u8>) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(PACKED);
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("root").unwrap();
        header.set_groupname("root").unwrap();
        header.set_size(bytes.len() as u64);
        let slash = if kind == tar::EntryType::Directory { "/" } else { "" };
        self.data.push((header, format!("./{path}{slash}"), target.map(Into::into), bytes));
    }

    fn stanza(&self) -> String {
        let has = |field: &str| self.fields.lines().any(|line| line.starts_with(field));
        let architecture = if has("Architecture:") { "" } else { "Architecture: amd64\n" };
        format!(
            "Package: {}\nVersion: {}\n{architecture}Maintainer: Test <test@test>\nPriority: optional\n{}Description: of the tests\n",
            self.name, self.version, self.fields
        )
    }

    fn tars(&self) -> (Vec<u8>, Vec<u8>) {
        let mut control = tar::Builder::new(Vec::new());
        let stanza = ("control".to_owned(), self.stanza().into_bytes());
        for (name, text) in std::iter::once(&stanza).chain(&self.scripts) {
            let mut header = tar::Header::new_gnu();
            header.set_mode(if text.starts_with(b"#!") { 0o755 } else { 0o644 });
            header.set_mtime(PACKED);
            header.set_size(text.len() as u64);
            control.append_data(&mut header, format!("./{name}"), text.as_slice()).unwrap();
        }
        let mut data = tar::Builder::new(Vec::new());
        for (header, path, target, bytes) in &self.data {
            let mut header = header.clone();
            match target {
                Some(target) => data.append_link(&mut header, path, target).unwrap(),
                None => data.append_data(&mut header, path, bytes.as_slice()).unwrap(),
            }
        }
        (control.into_inner().unwrap(), data.into_inner().unwrap())
    }

    /// The `.deb`.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (control, data) = self.tars();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&control).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
        xz.write_all(&data).unwrap();
        let mut file = b"!<arch>\n".to_vec();
        let members =
            [("debian-binary", b"2.0\n".to_vec()), ("control.tar.gz", gz.finish().unwrap()), ("data.tar.xz", xz.finish().unwrap())];
        for (name, bytes) in members {
            file.extend(member(name, bytes.len() as u64).bytes());
            let odd = bytes.len() % 2 == 1;
            file.extend(bytes);
            file.extend(odd.then_some(b'\n'));
        }
        file
    }
    /// Where the package lies in its archive.
    pub(crate) fn filename(&self) -> String {
        format!("pool/{}_{}.deb", self.name, self.version)
    }
    /// Its stanza of the index `Packages`.
    pub(crate) fn listing(&self, bytes: &[u8]) -> String {
        let (name, size, sum) = (self.filename(), bytes.len(), Digest::of(bytes));
        format!("{}Filename: {name}\nSize: {size}\nSHA256: {}\n\n", self.stanza(), sum.hex())
    }
    /// Its stanza of dpkg's status once it is installed, its `.list`, and its other control files by kind.
    pub(crate) fn installed(&self) -> (String, String, &[(String, Vec<u8>)]) {
        let mut stanza = self.stanza().replacen('\n', "\nStatus: install ok installed\n", 1);
        if let Some((_, conffiles)) = self.scripts.iter().find(|(name, _)| name == "conffiles") {
            stanza += "Conffiles:\n";
            for path in String::from_utf8_lossy(conffiles).lines() {
                let shipped = self.data.iter().find(|(_, p, ..)| p.strip_prefix('.') == Some(path)).unwrap();
                writeln!(stanza, " {path} {}", plywood::system::dpkg::info::md5(&shipped.3)).unwrap();
            }
        }
        let list = self.data.iter().map(|(_, path, ..)| path.trim_start_matches('.').trim_end_matches('/'));
        let list = std::iter::once("/.").chain(list).fold(String::new(), |list, path| list + path + "\n");
        (stanza + "\n", list, &self.scripts)
    }
    /// Its entries as they would lie in a base: header, path without a leading slash, target, bytes.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&tar::Header, &str, Option<&str>, &[u8])> {
        let path = |path: &'_ str| -> usize { path.len() - path.trim_start_matches("./").len() };
        self.data.iter().map(move |(header, name, target, bytes)| {
            (header, name[path(name)..].trim_end_matches('/'), target.as_deref(), bytes.as_slice())
        })
    }
}

/// The head of a member of an `ar`.
pub(crate) fn member(name: &str, size: u64) -> String {
    format!("{name:<16}{PACKED:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, "100644")
}
