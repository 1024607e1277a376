//! Packages as one environment: where each path goes, programs of noarch packages, the records of `conda-meta`.
//!
//! Invariant: a function of the packages, their order and the prefix; what libmamba's linking code would leave, without byte code
//! that an installation compiles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::entry_points::{EntryPoint, entry_points};
use super::list::Wanted;
use super::{CondaError, Member, Package};
use crate::oci::Digest;
use crate::stream::EntryPath;

/// A package of an environment.
#[derive(Clone, Debug)]
pub struct Linked {
    /// What asked for it.
    pub wanted: Wanted,
    /// Its archive.
    pub archive: Digest,
    /// Bytes of the archive.
    pub size: u64,
    /// Of the archive, lower case.
    pub md5: String,
    /// What it brings.
    pub package: Arc<Package>,
    /// `info/index.json`, and the channel's entry above it: the channel may have corrected it.
    pub(super) index: Map<String, Value>,
}

impl Linked {
    /// A package; `repodata` is its entry in the channel's list, where that is known.
    pub fn new(wanted: Wanted, member: Member, package: Arc<Package>, repodata: Option<Map<String, Value>>) -> Self {
        let mut index = package.index();
        index.extend(repodata.or_else(|| package.record()).unwrap_or_default());
        Self { wanted, archive: member.sha256, size: member.size, md5: member.md5, package, index }
    }
    fn word(&self, key: &str) -> String {
        self.index.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
    /// `name-version-build`, which names its record and its folder in the cache.
    pub fn distribution(&self) -> String {
        format!("{}-{}-{}", self.word("name"), self.word("version"), self.word("build"))
    }
    fn is_noarch_python(&self) -> bool {
        self.index.get("noarch").is_some_and(|noarch| noarch == "python")
    }
}

/// What noarch packages need to know of the environment's Python.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Python {
    /// `bin/python3.12`
    program: String,
    /// `lib/python3.12/site-packages`
    site_packages: String,
}

/// An environment for one prefix.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Absolute.
    pub prefix: String,
    /// In the order of linking.
    pub packages: Vec<Linked>,
    python: Option<Python>,
}

impl Environment {
    /// Checks that the packages can stand together in a prefix on `platform` (`linux-64`).
    pub fn new(prefix: String, platform: &str, packages: Vec<Linked>) -> Result<Self, CondaError> {
        let mut names = BTreeSet::new();
        let mut scripts = Vec::new();
        for one in &packages {
            let package = &one.wanted.file;
            let name = one.word("name");
            for (key, value) in [("name", &name), ("version", &one.word("version")), ("build", &one.word("build"))] {
                if value.is_empty() || value.contains(['/', '\0', '\n']) || value.starts_with('.') {
                    return Err(CondaError::package(package, format!("its {key} {value:?} can be none")));
                }
            }
            let subdir = Some(one.word("subdir")).filter(|s| !s.is_empty()).unwrap_or_else(|| one.wanted.subdir().to_owned());
            if subdir != "noarch" && subdir != platform {
                return Err(CondaError::package(package, format!("it is for {subdir}, the image for {platform}")));
            }
            for kind in ["pre-link", "post-link"] {
                let script = EntryPath::new(format!("bin/.{name}-{kind}.sh")).unwrap_or_default();
                if one.package.listed.iter().any(|l| l.path == script) {
                    scripts.push(format!("{} ({package})", script.to_string().trim_start_matches('/')));
                }
            }
            if !names.insert(name.clone()) {
                return Err(CondaError::Environment(format!("two packages have the name {name}: {package} is the second")));
            }
        }
        if !scripts.is_empty() {
            return Err(CondaError::Scripts(scripts));
        }
        let python = packages.iter().find(|p| p.word("name") == "python").map(python).transpose()?;
        if let (None, Some(noarch)) = (&python, packages.iter().find(|p| p.is_noarch_python())) {
            let problem = "it is for any Python, but the environment has none";
            return Err(CondaError::package(&noarch.wanted.file, problem));
        }
        Ok(Self { prefix, packages, python })
    }

    /// Whether a package of this name is in it.
    pub fn has(&self, name: &str) -> bool {
        self.packages.iter().any(|p| p.word("name") == name)
    }

    /// Where a shipped path lies below the prefix.
    pub fn place(&self, package: &Linked, path: &EntryPath) -> Result<EntryPath, CondaError> {
        let Some(python) = self.python.as_ref().filter(|_| package.is_noarch_python()) else { return Ok(path.clone()) };
        let bytes = path.as_bytes();
        let moved = [("site-packages/", python.site_packages.as_str()), ("python-scripts/", "bin")]
            .into_iter()
            .find_map(|(from, to)| bytes.strip_prefix(from.as_bytes()).map(|rest| [to.as_bytes(), b"/", rest].concat()));
        let moved = moved.unwrap_or_else(|| bytes.to_vec());
        EntryPath::new(&moved).map_err(|e| CondaError::path(&package.wanted.file, path, e.to_string()))
    }

    /// The programs that a noarch package asks for.
    pub fn entry_points(&self, package: &Linked) -> Result<Vec<EntryPoint>, CondaError> {
        match &self.python {
            Some(python) if package.is_noarch_python() => {
                entry_points(&package.wanted.file, &package.package.link(), &format!("{}/{}", self.prefix, python.program))
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// Version and folders of the package `python`.
fn python(package: &Linked) -> Result<Python, CondaError> {
    let version = package.word("version");
    let mut parts = version.split('.');
    let number = |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let (major, minor) = (parts.next(), parts.next());
    if !number(major) || !number(minor) {
        return Err(CondaError::package(&package.wanted.file, format!("its version {version:?} is none of Python")));
    }
    let short = format!("{}.{}", major.unwrap_or_default(), minor.unwrap_or_default());
    let told = package.word("python_site_packages_path");
    let site_packages = if told.is_empty() {
        // A build without the global lock says so in its tag: `0_cp313t`.
        let free = package.word("build").split('_').any(|part| part == format!("cp{}t", short.replace('.', "")));
        format!("lib/python{short}{}/site-packages", if free { "t" } else { "" })
    } else {
        told
    };
    match EntryPath::new(&site_packages) {
        Ok(path) if path.as_bytes() == site_packages.as_bytes() => {
            Ok(Python { program: format!("bin/python{short}"), site_packages })
        }
        _ => Err(CondaError::package(
            &package.wanted.file,
            format!("its python_site_packages_path {site_packages:?} is no path below the prefix"),
        )),
    }
}

/// What the prefix has so far: digests of files, targets of links.
#[derive(Debug, Default)]
pub struct Prefix {
    files: BTreeMap<EntryPath, Digest>,
    links: BTreeMap<EntryPath, Vec<u8>>,
}

impl Prefix {
    /// Notes a file.
    pub fn file(&mut self, path: EntryPath, digest: Digest) {
        self.links.remove(&path);
        self.files.insert(path, digest);
    }
    /// Notes a symbolic link.
    pub fn link(&mut self, path: EntryPath, target: Vec<u8>) {
        self.files.remove(&path);
        self.links.insert(path, target);
    }
    /// The digest of the file that `path` leads to; of nothing, where it leads to none in the prefix (as libmamba records it).
    pub fn digest(&self, path: &EntryPath) -> Digest {
        self.follow(path).and_then(|path| self.files.get(&path).copied()).unwrap_or_else(|| Digest::of(b""))
    }
    fn follow(&self, path: &EntryPath) -> Option<EntryPath> {
        let mut rest: Vec<Vec<u8>> = path.components().rev().map(<[u8]>::to_vec).collect();
        let (mut at, mut left) = (EntryPath::root(), 40);
        while let Some(component) = rest.pop() {
            match component.as_slice() {
                b"" | b"." => {}
                b".." => at = at.parent()?,
                name => {
                    let next = at.join(name).ok()?;
                    let Some(target) = self.links.get(&next) else {
                        at = next;
                        continue;
                    };
                    left -= 1;
                    if left == 0 || target.starts_with(b"/") {
                        return None;
                    }
                    rest.extend(target.split(|b| *b == b'/').rev().map(<[u8]>::to_vec));
                }
            }
        }
        Some(at)
    }
}
