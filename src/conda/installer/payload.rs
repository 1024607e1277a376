//! The payloads of an installer: what is passed over, and the plain tar with small archives and packages.
//!
//! Invariant: packages are hashed and never held; what is held is bounded. A package's place is its offset in the installer.

use std::collections::BTreeMap;
use std::io::{self, Read};

use md5::{Digest as _, Md5};

use super::header::Header;
use super::{InstallerError, Member, SmallFile, hex};
use crate::oci::{Compression, Hasher};
use crate::stream::{Entry, Kind, Limits, TarReader, decompress};

/// The small archives of a real installer have some 5 MiB unpacked.
const SMALL: u64 = 256 << 20;
/// One file that is held.
const HELD: u64 = 64 << 20;
/// Members of the large tar: packages.
const MEMBERS: u64 = 10_000;

/// Scripts that an installer runs.
const SCRIPTS: [&str; 4] = ["pkgs/pre_install.sh", "pkgs/post_install.sh", "pkgs/user_pre_install.sh", "pkgs/user_post_install.sh"];

/// What was found.
#[derive(Default)]
pub(super) struct Payload {
    pub(super) packages: BTreeMap<String, Member>,
    pub(super) files: BTreeMap<String, SmallFile>,
    pub(super) repodata: BTreeMap<String, String>,
    scripts: Vec<String>,
}

/// Reads the payloads behind `header`.
pub(super) fn read(header: &Header, input: &mut impl Read) -> Result<Payload, InstallerError> {
    let Some((last, before)) = header.payloads.split_last() else { return Ok(Payload::default()) };
    let skipped = before.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
    io::copy(&mut input.by_ref().take(skipped), &mut io::sink()).map_err(InstallerError::Read)?;
    let start = header.length + skipped;
    let failed = |cause| InstallerError::Tar { part: "tar of packages", cause };
    let mut tar = TarReader::new(input.take(*last), Limits { entries: MEMBERS, bytes: None });
    let mut payload = Payload::default();
    let mut postconda = BTreeMap::new();
    while let Some(entry) = tar.next_entry().map_err(failed)? {
        let at = start + tar.position();
        let name = name(&entry)?;
        let Kind::File { size } = entry.kind else {
            if entry.is_directory() {
                continue;
            }
            return Err(InstallerError::Content { path: name, problem: "is no regular file".into() });
        };
        match name.as_str() {
            "preconda.tar.bz2" => payload.small(&held(&name, size, &mut tar.body())?, "preconda.tar.bz2", true)?,
            // What comes last overwrites what came before, in whatever order the tar has them.
            "postconda.tar.bz2" => drop(postconda.insert(name.clone(), held(&name, size, &mut tar.body())?)),
            _ => payload.member(&name, &entry, at, size, &mut tar.body())?,
        }
    }
    tar.finish().map_err(failed)?;
    if let Some(text) = header.condarc.clone() {
        payload.files.insert(".condarc".into(), SmallFile { mode: 0o644, mtime: 0, bytes: text.into_bytes() });
    }
    for bytes in postconda.into_values() {
        payload.small(&bytes, "postconda.tar.bz2", false)?;
    }
    if payload.scripts.is_empty() { Ok(payload) } else { Err(InstallerError::Scripts(payload.scripts)) }
}

impl Payload {
    /// A package, or a file that goes to the prefix as it is.
    fn member(&mut self, name: &str, entry: &Entry, at: u64, size: u64, body: &mut impl Read) -> Result<(), InstallerError> {
        let package = name.strip_prefix("pkgs/").filter(|file| file.ends_with(".conda") || file.ends_with(".tar.bz2"));
        let Some(package) = package.filter(|file| !file.contains('/')) else {
            let file = SmallFile { mode: entry.mode & 0o7777, mtime: entry.mtime, bytes: held(name, size, body)? };
            self.files.insert(name.into(), file);
            return Ok(());
        };
        let (mut md5, mut sha256, mut piece) = (Md5::new(), Hasher::new(), vec![0; 128 << 10]);
        loop {
            match body.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => {
                    md5.update(&piece[..n]);
                    sha256.update(&piece[..n]);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(InstallerError::Read(e)),
            }
        }
        let member = Member { at, size, md5: hex(&md5.finalize()), sha256: sha256.finish() };
        if self.packages.insert(package.into(), member).is_some() {
            return Err(InstallerError::Package { package: package.into(), problem: "stands twice in the installer".into() });
        }
        Ok(())
    }

    /// The files of one of the small archives.
    fn small(&mut self, bytes: &[u8], part: &'static str, first: bool) -> Result<(), InstallerError> {
        let failed = |cause| InstallerError::Tar { part, cause };
        let plain = decompress(bytes, Compression::Bzip2).map_err(InstallerError::Read)?;
        let mut tar = TarReader::new(plain, Limits { entries: 200_000, bytes: Some(SMALL) });
        while let Some(entry) = tar.next_entry().map_err(failed)? {
            let name = name(&entry)?;
            let size = match entry.kind {
                Kind::File { size } => size,
                Kind::Directory => continue,
                _ => return Err(InstallerError::Content { path: name, problem: "is no regular file".into() }),
            };
            if SCRIPTS.contains(&name.as_str()) {
                self.scripts.push(name);
                continue;
            }
            if name.starts_with("pkgs/envs/") || name.starts_with("envs/") {
                let problem = "belongs to a further environment, and only the base environment is linked".into();
                return Err(InstallerError::Content { path: name, problem });
            }
            let bytes = held(&name, size, &mut tar.body())?;
            if first && name.starts_with("pkgs/cache/") {
                self.channel(&name, &bytes)?;
            }
            self.files.insert(name, SmallFile { mode: entry.mode & 0o7777, mtime: entry.mtime, bytes });
        }
        tar.finish().map(|_| ()).map_err(failed)
    }

    /// The entries of a channel's list.
    fn channel(&mut self, name: &str, bytes: &[u8]) -> Result<(), InstallerError> {
        if !name.ends_with(".json") {
            return Ok(());
        }
        let wrong = |e: serde_json::Error| InstallerError::Content { path: name.into(), problem: e.to_string() };
        let read: Repodata = serde_json::from_slice(bytes).map_err(wrong)?;
        self.repodata.extend(read.packages.into_iter().chain(read.newer).map(|(file, record)| (file, record.to_string())));
        Ok(())
    }
}

/// A channel's list, as `repodata.json` has it.
#[derive(serde::Deserialize)]
struct Repodata {
    #[serde(default)]
    packages: BTreeMap<String, serde_json::Value>,
    #[serde(default, rename = "packages.conda")]
    newer: BTreeMap<String, serde_json::Value>,
}

/// A name below the prefix.
fn name(entry: &Entry) -> Result<String, InstallerError> {
    let name = String::from_utf8(entry.path.as_bytes().to_vec());
    name.map_err(|_| InstallerError::Content { path: entry.path.to_string(), problem: "has a name that is not UTF-8".into() })
}

fn held(name: &str, size: u64, body: &mut impl Read) -> Result<Vec<u8>, InstallerError> {
    if size > HELD {
        return Err(InstallerError::Content { path: name.into(), problem: format!("has {size} bytes, at most {HELD} are read") });
    }
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes).map_err(InstallerError::Read)?;
    Ok(bytes)
}
