//! Conda prefixes: packages placed as entries, with edits for their prefix, and the files that an installation makes.
//!
//! Invariant: a path of a package never goes through a symbolic link, so that nothing lands outside of the prefix; of two packages
//! with one path the later one has it. Where the base has the prefix, nothing is placed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::conda::{Environment, Linked, SmallFile};
use crate::error::Result;
use crate::layer::Contents;
use crate::layer::root::{Bodies, Content, Last, VirtualRoot};
use crate::oci::Digest;
use crate::recipe::ResolvedUnit;
use crate::stream::{Entry, EntryPath, Kind, Owner};

use super::PlanError;
use super::layers::PlacedPackage;
use super::recipes::{Placing, refused};

/// A prefix to place.
#[derive(Clone, Debug)]
pub struct Prefix {
    /// Its unit.
    pub unit: usize,
    /// Where it stands.
    pub path: EntryPath,
    /// What is linked; nothing where the base has the prefix.
    pub environment: Option<Environment>,
    /// Files beside those of packages, by path below the prefix.
    pub files: BTreeMap<String, SmallFile>,
    /// The group may write.
    pub group_writable: bool,
    /// What the package cache keeps, for each package of the environment; nothing where there is no cache.
    pub cache: Vec<Cached>,
}

/// What the package cache keeps of a package besides its files: archives by digest.
#[derive(Clone, Debug)]
pub struct Cached {
    /// The package as the one file of a tar.
    pub whole: (Digest, Arc<Contents>),
    /// `info/`, where the package has it apart.
    pub info: Option<(Digest, Arc<Contents>)>,
}

impl Prefix {
    fn mode(&self, mode: u32) -> u32 {
        if self.group_writable { mode | 0o020 } else { mode }
    }
}

/// Packages' files as they are in their prefix: whoever reads one, reads it patched.
struct Patched {
    inner: Arc<dyn Bodies>,
    packages: BTreeMap<Digest, Vec<Arc<crate::conda::Package>>>,
}

/// `bodies` with the changes that the prefixes make.
pub(super) fn patched_bodies(bodies: Arc<dyn Bodies>, prefixes: &[Prefix]) -> Arc<dyn Bodies> {
    let mut packages: BTreeMap<Digest, Vec<_>> = BTreeMap::new();
    for linked in prefixes.iter().filter_map(|p| p.environment.as_ref()).flat_map(|e| &e.packages) {
        packages.entry(linked.archive).or_default().push(linked.package.clone());
    }
    if packages.is_empty() { bodies } else { Arc::new(Patched { inner: bodies, packages }) }
}

impl Bodies for Patched {
    fn read(&self, archive: &Digest, path: &EntryPath) -> Result<Arc<[u8]>> {
        let bytes = self.inner.read(archive, path)?;
        let Some(packages) = self.packages.get(archive) else { return Ok(bytes) };
        let mut changes = packages.iter().map(|p| p.patched.get(path).map(|p| p.changes.as_slice()).unwrap_or_default());
        let first = changes.next().unwrap_or_default();
        if changes.any(|other| other != first) {
            let reason = "is in two prefixes and cannot be read for one of them".to_owned();
            return Err(PlanError::Path { label: format!("conda package {archive}"), path: path.to_string(), reason }.into());
        }
        let (mut out, mut done) = (Vec::with_capacity(bytes.len()), 0);
        for (at, length, new) in first {
            out.extend_from_slice(bytes.get(done..*at as usize).unwrap_or_default());
            out.extend_from_slice(new);
            done = (at + length) as usize;
        }
        out.extend_from_slice(bytes.get(done..).unwrap_or_default());
        Ok(out.into())
    }
}

impl Placing<'_> {
    /// Whether the base has the unit's prefix.
    pub(super) fn stands(&self, number: usize) -> bool {
        self.conda.iter().any(|prefix| prefix.unit == number && prefix.environment.is_none())
    }

    /// Places a prefix, or says that it stands.
    pub(super) fn conda(&mut self, prefix: &Prefix) -> Result<()> {
        let resolved = self.resolved;
        let Some(unit) = resolved.units.get(prefix.unit) else { return Ok(()) };
        let Some(environment) = &prefix.environment else {
            self.notes.push(format!("{}: the base has {} already, so it is left as it is", unit.label, prefix.path));
            return Ok(());
        };
        let absolute = prefix.path.absolute();
        let place = self.root.resolve(&absolute, Last::Follow);
        if place.is_ok_and(|place| self.root.at(&place).is_some()) {
            let reason = "is there already, and not in the base".to_owned();
            return Err(PlanError::Path { label: unit.label.clone(), path: prefix.path.to_string(), reason }.into());
        }
        self.check_libc(unit)?;
        if let Some(above) = prefix.path.parent() {
            self.root.mkdir_p(&above.absolute(), 0o755).map_err(|e| refused(unit, &above, &e))?;
        }
        let top = self.root.mkdir_p(&absolute, prefix.mode(0o755)).map_err(|e| refused(unit, &prefix.path, &e))?;
        let mut has = crate::conda::Prefix::default();
        for (number, linked) in environment.packages.iter().enumerate() {
            let places = self.package(prefix, unit, environment, linked, &top, &mut has)?;
            if let Some(cached) = prefix.cache.get(number) {
                self.cached(prefix, unit, linked, cached, &top, &places)?;
            }
        }
        for (name, file) in &prefix.files {
            self.small(prefix, unit, &top, name, file.mode, file.bytes.clone())?;
        }
        // Where conda makes new environments.
        if environment.has("conda") {
            let envs = top.join(b"envs")?;
            self.root.mkdir_p(&envs.absolute(), prefix.mode(0o755)).map_err(|e| refused(unit, &envs, &e))?;
        }
        Ok(())
    }

    fn package(
        &mut self,
        prefix: &Prefix,
        unit: &ResolvedUnit,
        environment: &Environment,
        linked: &Linked,
        top: &EntryPath,
        has: &mut crate::conda::Prefix,
    ) -> Result<Vec<Option<EntryPath>>> {
        let package = &linked.package;
        let listed: std::collections::BTreeSet<&EntryPath> = package.listed.iter().map(|l| &l.path).collect();
        let mut places = Vec::with_capacity(package.contents.entries.len());
        for entry in &package.contents.entries {
            if entry.is_directory() || !listed.contains(&entry.path) {
                places.push(None);
                continue;
            }
            let below = environment.place(linked, &entry.path)?;
            match (&entry.kind, package.digests.get(&entry.path)) {
                (Kind::Symlink { target }, _) => has.link(below.clone(), target.clone()),
                (_, Some(digest)) => has.file(below.clone(), *digest),
                _ => {}
            }
            let kind = match &entry.kind {
                Kind::HardLink { target } => Kind::HardLink { target: top.join(environment.place(linked, target)?.as_bytes())? },
                Kind::File { size } => Kind::File { size: package.patched.get(&entry.path).map_or(*size, |p| p.size) },
                other => other.clone(),
            };
            let mode = if matches!(kind, Kind::Symlink { .. }) { entry.mode } else { prefix.mode(entry.mode) };
            let placed = Entry { path: top.join(below.as_bytes())?, kind, mode, owner: Owner::default(), ..entry.clone() };
            let content = Content::Archive { archive: linked.archive, path: entry.path.clone() };
            places.push(Some(self.below(prefix, unit, &linked.wanted.file, &placed, content)?));
        }
        for directory in package.listed.iter().filter(|l| l.kind == Some(crate::conda::PathKind::Directory)) {
            let at = top.join(environment.place(linked, &directory.path)?.as_bytes())?;
            self.folder(prefix, unit, &linked.wanted.file, &at)?;
        }
        let placed = PlacedPackage {
            archive: linked.archive,
            contents: package.contents.clone(),
            places: places.clone(),
            unit: prefix.unit,
            conda: Some(package.clone()),
        };
        self.placed.push(placed);
        let points = environment.entry_points(linked)?;
        for point in &points {
            let name = format!("bin/{}", point.command);
            has.file(EntryPath::new(&name)?, Digest::of(point.text.as_bytes()));
            self.small(prefix, unit, top, &name, 0o775, point.text.clone().into_bytes())?;
        }
        let record = environment.record(linked, &points, has)?;
        self.small(prefix, unit, top, &format!("conda-meta/{}.json", linked.distribution()), 0o644, record)?;
        Ok(places)
    }

    /// A file with its bytes.
    fn small(
        &mut self,
        prefix: &Prefix,
        unit: &ResolvedUnit,
        top: &EntryPath,
        name: &str,
        mode: u32,
        bytes: Vec<u8>,
    ) -> Result<()> {
        let size = bytes.len() as u64;
        let entry = Entry::new(top.join(name.as_bytes())?, Kind::File { size }, prefix.mode(mode));
        self.below(prefix, unit, name, &entry, Content::Held(bytes.into())).map(|_| ())
    }

    /// Places an entry of the prefix; `whose` is for messages.
    fn below(&mut self, prefix: &Prefix, unit: &ResolvedUnit, whose: &str, entry: &Entry, content: Content) -> Result<EntryPath> {
        if let Some(parent) = entry.path.parent() {
            self.folder(prefix, unit, whose, &parent)?;
        }
        let there = self.root.resolve(&entry.path.absolute(), Last::Keep).ok().and_then(|place| self.root.at(&place));
        if there.is_some_and(|inode| inode.is_directory()) {
            let reason = format!("is a directory, and {whose} brings a file or link");
            return Err(PlanError::Path { label: unit.label.clone(), path: entry.path.to_string(), reason }.into());
        }
        self.place(prefix.unit, unit, entry, content, false)
    }

    /// Makes a directory of the prefix and those above it; none of them may be a link.
    fn folder(&mut self, prefix: &Prefix, unit: &ResolvedUnit, whose: &str, path: &EntryPath) -> Result<()> {
        let place = self.root.mkdir_p(&path.absolute(), prefix.mode(0o755)).map_err(|e| refused(unit, path, &e))?;
        if place == *path {
            return Ok(());
        }
        let reason = format!("lies behind a symbolic link that leads to {place}, and {whose} writes there");
        Err(PlanError::Path { label: unit.label.clone(), path: path.to_string(), reason }.into())
    }

    /// Conda packages bring no libc: a base that has another one cannot run them.
    fn check_libc(&mut self, unit: &ResolvedUnit) -> Result<()> {
        let loader = match self.machine {
            "x86_64" => "/lib64/ld-linux-x86-64.so.2",
            "aarch64" => "/lib/ld-linux-aarch64.so.1",
            "ppc64le" => "/lib64/ld64.so.2",
            "s390x" => "/lib/ld64.so.1",
            _ => return Ok(()),
        };
        if self.root.stat(loader.as_bytes()).is_ok() {
            return Ok(());
        }
        if self.root.stat(format!("/lib/ld-musl-{}.so.1", self.machine).as_bytes()).is_ok() {
            return Err(PlanError::Libc { label: unit.label.clone(), loader }.into());
        }
        self.notes.push(format!("{}: the base has no {loader}, without which no program of conda runs", unit.label));
        Ok(())
    }
}

/// Whether the root has a directory at the prefix.
pub fn is_standing(root: &VirtualRoot, prefix: &EntryPath) -> bool {
    root.is_directory(&prefix.absolute())
}

mod cache;
#[cfg(test)]
mod tests;
