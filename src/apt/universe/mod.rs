//! All packages that one system can see: the indexes of its sources in order, and its dpkg status.
//!
//! Invariant: package numbers grow in the order in which names are first mentioned over all files, the status file last;
//! of one package the versions stand from the newest to the oldest. The candidate is apt's policy: the highest priority,
//! then the newest, and no downgrade below a priority of 1000. It is read-only: choices are the selection's matter.

mod after;
mod local;
mod relations;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

pub use relations::{Group, Kind, Relations, Wanted};

use super::deb822;
use super::packages::{Field, Index, Stanza};
use super::version::Version;

/// What apt counts as essential and important whatever its stanza says: itself (`pkgCacheGen::ForceEssential`).
const TOOL: &str = "apt";

/// A package name, numbered in apt's order. Names that only relations mention have a number, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(u32);

/// One version of one package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(u32);

impl PackageId {
    pub(super) fn at(self) -> usize {
        self.0 as usize
    }
}

/// Where a version was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// In this index, counted in source order.
    Index(usize),
    /// In the dpkg status: it is installed.
    Status,
}

/// One version as the pins see it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The package's name.
    pub name: &'a str,
    /// The source package's name.
    pub source: &'a str,
    /// The version.
    pub version: &'a str,
    /// Where it was seen.
    pub file: File,
    /// All files that have it, this one among them.
    pub files: &'a [File],
}

/// What is installed.
#[derive(Clone, Copy, Debug)]
pub struct Installed<'a> {
    /// The index of `/var/lib/dpkg/status`.
    pub status: &'a Index,
    /// The bytes of `/var/lib/apt/extended_states`; empty where there is none.
    pub extended_states: &'a [u8],
}

#[derive(Debug, Default)]
struct Package<'a> {
    name: &'a str,
    /// Newest first.
    versions: Vec<VersionId>,
    /// Versions of any package that provide this name.
    providers: Vec<VersionId>,
    installed: Option<VersionId>,
    candidate: Option<VersionId>,
    held: bool,
    automatic: bool,
}

#[derive(Debug)]
struct PackageVersion<'a> {
    package: PackageId,
    stanza: Stanza<'a>,
    /// All files that have it, in source order; the first one's stanza counts.
    files: Vec<File>,
    relations: OnceLock<Box<Relations<'a>>>,
}

/// Everything that can be installed, and what is.
#[derive(Debug)]
pub struct Universe<'a> {
    architecture: &'a str,
    packages: Vec<Package<'a>>,
    versions: Vec<PackageVersion<'a>>,
    numbers: HashMap<&'a str, PackageId>,
    /// Package files of the request's own, by the word that names each.
    local: HashMap<&'a str, VersionId>,
}

impl<'a> Universe<'a> {
    /// Merges the indexes, in source order, with what is installed. `priority` is the pin priority of a version in one
    /// of its files (`apt_preferences(5)`): 500 for an archive without pins, 100 for the status file.
    pub fn new(indexes: &[&'a Index], installed: Installed<'a>, priority: &dyn Fn(Seen<'_>) -> i32) -> Self {
        let mut universe = Self {
            architecture: installed.status.architecture(),
            packages: Vec::new(),
            versions: Vec::new(),
            numbers: HashMap::with_capacity(indexes.iter().map(|index| index.len()).sum::<usize>() * 2),
            local: HashMap::new(),
        };
        for (at, index) in indexes.iter().enumerate() {
            universe.add_index(index, File::Index(at));
        }
        universe.add_index(installed.status, File::Status);
        universe.mark_automatic(installed.extended_states);
        universe.choose_candidates(priority);
        universe
    }

    fn number(&mut self, name: &'a str) -> PackageId {
        *self.numbers.entry(name).or_insert_with(|| {
            self.packages.push(Package { name, ..Package::default() });
            PackageId(self.packages.len() as u32 - 1)
        })
    }

    fn add_index(&mut self, index: &'a Index, file: File) {
        let numbers: Vec<PackageId> = index.names().map(|name| self.number(name)).collect();
        let mut of_record = Vec::with_capacity(index.len());
        for stanza in (0..index.len()).filter_map(|at| index.stanza(at)) {
            let package = numbers.get(stanza.name_number() as usize).copied();
            of_record.push(package.and_then(|package| self.add_stanza(package, stanza, file)));
        }
        for (name, record) in index.provides() {
            let version = of_record.get(record as usize).copied().flatten();
            let provided = numbers.get(name as usize).and_then(|id| self.packages.get_mut(id.at()));
            if let (Some(version), Some(provided)) = (version, provided)
                && provided.providers.last() != Some(&version)
                && !(file == File::Status && provided.providers.contains(&version))
            {
                provided.providers.push(version);
            }
        }
    }

    /// The version of the stanza, which may be known from an earlier file. A package that the status file only
    /// remembers has no version.
    fn add_stanza(&mut self, package: PackageId, stanza: Stanza<'a>, file: File) -> Option<VersionId> {
        let status = stanza.get(Field::Status).unwrap_or_default();
        if file == File::Status {
            if !is_present(status) {
                return None;
            }
            self.packages.get_mut(package.at())?.held = status.split_ascii_whitespace().next() == Some("hold");
        }
        let version = self.known(package, &stanza).unwrap_or_else(|| self.add_version(package, stanza));
        self.versions.get_mut(version.0 as usize)?.files.push(file);
        if file == File::Status {
            self.packages.get_mut(package.at())?.installed = Some(version);
        }
        Some(version)
    }

    fn known(&self, package: PackageId, stanza: &Stanza<'a>) -> Option<VersionId> {
        self.versions_of(package).iter().copied().find(|known| {
            let known = self.stanza(*known);
            known.version() == stanza.version() && known.is_same_build(stanza)
        })
    }

    /// Inserts a version behind the newer and equal ones.
    fn add_version(&mut self, package: PackageId, stanza: Stanza<'a>) -> VersionId {
        let id = VersionId(self.versions.len() as u32);
        let new = Version::new(stanza.version());
        let at = self.versions_of(package).partition_point(|known| Version::new(self.stanza(*known).version()) >= new);
        self.versions.push(PackageVersion { package, stanza, files: Vec::new(), relations: OnceLock::new() });
        if let Some(package) = self.packages.get_mut(package.at()) {
            package.versions.insert(at, id);
        }
        id
    }

    fn mark_automatic(&mut self, extended_states: &[u8]) {
        for stanza in deb822::stanzas(extended_states) {
            let here = stanza.text_of("Architecture").is_none_or(|a| a == self.architecture || a == "all");
            let automatic = stanza.text_of("Auto-Installed") == Some("1");
            let package = stanza.text_of("Package").and_then(|name| self.numbers.get(name)).copied();
            if let Some(package) = package.and_then(|id| self.packages.get_mut(id.at()))
                && here
            {
                package.automatic = automatic;
            }
        }
    }

    fn choose_candidates(&mut self, priority: &dyn Fn(Seen<'_>) -> i32) {
        let candidates: Vec<_> = (0..self.packages.len()).map(|at| self.best(PackageId(at as u32), priority)).collect();
        for (package, candidate) in self.packages.iter_mut().zip(candidates) {
            package.candidate = candidate;
        }
    }

    fn best(&self, package: PackageId, priority: &dyn Fn(Seen<'_>) -> i32) -> Option<VersionId> {
        let installed = self.installed(package).map(|version| Version::new(self.version(version)));
        let mut best = (0, None);
        for id in self.versions_of(package).iter().copied() {
            let stanza = self.stanza(id);
            let (name, (source, _), version) = (stanza.name(), stanza.source(), stanza.version());
            let files = self.files(id);
            let seen = |file: &File| priority(Seen { name, source, version, file: *file, files });
            let rank = files.iter().map(seen).max().unwrap_or(0);
            let downgrade = installed.is_some_and(|installed| Version::new(version) < installed);
            if rank > best.0 && !(downgrade && rank < 1000) {
                best = (rank, Some(id));
            }
        }
        best.1
    }
}

/// Whether a `Status` value means that files of the package are there.
fn is_present(status: &str) -> bool {
    let state = status.split_ascii_whitespace().nth(2).unwrap_or_default();
    !matches!(state, "" | "not-installed" | "config-files")
}

/// What can be asked of the merged view.
impl<'a> Universe<'a> {
    /// The native architecture.
    pub fn architecture(&self) -> &'a str {
        self.architecture
    }

    /// The package or virtual name of this spelling.
    pub fn find(&self, name: &str) -> Option<PackageId> {
        self.numbers.get(name).copied()
    }

    /// All names in apt's order.
    pub fn packages(&self) -> impl Iterator<Item = PackageId> + use<> {
        (0..self.packages.len() as u32).map(PackageId)
    }

    /// All versions in the order in which they were first seen.
    pub fn versions(&self) -> impl Iterator<Item = VersionId> + use<> {
        (0..self.versions.len() as u32).map(VersionId)
    }

    /// The name.
    pub fn name(&self, package: PackageId) -> &'a str {
        self.packages.get(package.at()).map(|package| package.name).unwrap_or_default()
    }

    /// Its versions, newest first; none for a name that is only virtual.
    pub fn versions_of(&self, package: PackageId) -> &[VersionId] {
        self.packages.get(package.at()).map(|package| package.versions.as_slice()).unwrap_or_default()
    }

    /// The versions of any package that provide the name.
    pub fn providers(&self, package: PackageId) -> &[VersionId] {
        self.packages.get(package.at()).map(|package| package.providers.as_slice()).unwrap_or_default()
    }

    /// The installed version.
    pub fn installed(&self, package: PackageId) -> Option<VersionId> {
        self.packages.get(package.at())?.installed
    }

    /// The version that would be installed.
    pub fn candidate(&self, package: PackageId) -> Option<VersionId> {
        self.packages.get(package.at())?.candidate
    }

    /// Whether dpkg's status holds it.
    pub fn is_held(&self, package: PackageId) -> bool {
        self.packages.get(package.at()).is_some_and(|package| package.held)
    }

    /// Whether it was installed automatically.
    pub fn is_automatic(&self, package: PackageId) -> bool {
        self.packages.get(package.at()).is_some_and(|package| package.automatic)
    }

    /// The package of a version.
    pub fn package(&self, version: VersionId) -> PackageId {
        self.versions.get(version.0 as usize).map_or(PackageId(u32::MAX), |version| version.package)
    }

    /// The version as it stands.
    pub fn version(&self, version: VersionId) -> &'a str {
        self.stanza(version).version()
    }

    /// The version's fields, from the first file that has it.
    pub fn stanza(&self, version: VersionId) -> Stanza<'a> {
        // Identifiers come from this universe alone, so the place is there.
        self.versions[version.0 as usize].stanza
    }

    /// The files that have the version, in source order.
    pub fn files(&self, version: VersionId) -> &[File] {
        self.versions.get(version.0 as usize).map(|version| version.files.as_slice()).unwrap_or_default()
    }

    /// Whether the package may not be removed without being named: any of its versions says
    /// that it is essential, or it is the tool itself.
    pub fn is_essential(&self, package: PackageId) -> bool {
        self.is_tool(package) || self.flag(package, &[Field::Essential])
    }

    /// Whether it is `Protected` (or, in the older word, `Important`).
    pub fn is_protected(&self, package: PackageId) -> bool {
        self.is_tool(package) || self.flag(package, &[Field::Important, Field::Protected])
    }

    fn is_tool(&self, package: PackageId) -> bool {
        self.name(package) == TOOL && !self.versions_of(package).is_empty()
    }

    fn flag(&self, package: PackageId, fields: &[Field]) -> bool {
        let mut versions = self.versions_of(package).iter().map(|version| self.stanza(*version));
        versions.any(|stanza| fields.iter().any(|field| stanza.says_yes(*field)))
    }

    /// Relations of a version, parsed at the first call.
    pub fn relations(&self, version: VersionId) -> &Relations<'a> {
        let version = &self.versions[version.0 as usize];
        version.relations.get_or_init(|| Box::new(Relations::read(&version.stanza, self)))
    }

    /// Whether this version is what `wanted` asks for, by its own name or by a name that it provides.
    pub fn meets(&self, version: VersionId, wanted: &Wanted<'a>) -> bool {
        let own = self.package(version) == wanted.package;
        (own && wanted.relation.admits(Some(Version::new(self.version(version))))) || self.relations(version).provides(wanted)
    }

    /// The versions, installed or not, that are what `wanted` asks for: of the named package first, then the providers,
    /// last seen first, as apt lists them.
    pub fn all_meeting<'s>(&'s self, wanted: &'s Wanted<'a>) -> impl Iterator<Item = VersionId> + 's {
        let own = self.versions_of(wanted.package).iter();
        let others = self.providers(wanted.package).iter().rev().filter(|version| self.package(**version) != wanted.package);
        own.chain(others).copied().filter(|version| self.meets(*version, wanted))
    }

    /// Names of packages that are spelled nearly like this, nearest first.
    pub fn nearest(&self, name: &str) -> Vec<&'a str> {
        const SHOWN: usize = 3;
        const LIKENESS: f64 = 0.8;
        let mut near: BTreeSet<(Reverse<u64>, &'a str)> = BTreeSet::new();
        for package in self.packages.iter().filter(|package| !package.versions.is_empty()) {
            let likeness = strsim::jaro_winkler(name, package.name);
            if likeness >= LIKENESS {
                near.insert((Reverse((likeness * 1e9) as u64), package.name));
            }
        }
        near.into_iter().take(SHOWN).map(|(_, name)| name).collect()
    }
}
