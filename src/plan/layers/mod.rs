//! Changed paths of the virtual root -> layer specs: which layer each path goes to, and what that layer's spec says.
//!
//! Invariant: every non-directory path goes to exactly one layer (but for paths of a ply that the project hides), and nothing of
//! this base enters a ply but path mapping, metadata of directories that the base has, path excludes and whiteouts.
//! `docs/layers.md` is the model.

mod directories;
mod slots;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::conda;
use crate::error::Result;
use crate::layer::root::{Change, Content, Inode, InodeKind, VirtualRoot};
use crate::layer::{Contents, LayerSpec, Made};
use crate::oci::Digest;
use crate::stream::{Entry, EntryPath, Kind};

use slots::Grounds;
pub use slots::{Slot, Unit};

/// A package as the layers see it.
#[derive(Clone, Debug)]
pub struct PlacedPackage {
    /// Its archive.
    pub archive: Digest,
    /// What it brings.
    pub contents: Arc<Contents>,
    /// For each entry of `contents` where it was placed; nothing for one that is not written (filtered, or a conffile's old text).
    pub places: Vec<Option<EntryPath>>,
    /// The unit whose ply it goes to.
    pub unit: usize,
    /// What changes in its files, where it is a conda package.
    pub conda: Option<Arc<conda::Package>>,
}

impl PlacedPackage {
    /// The newest time in the archive: that of what its scripts make.
    pub fn newest(&self) -> i64 {
        self.contents.entries.iter().map(|e| e.mtime).max().unwrap_or(0)
    }
}

/// Everything that the sorting is a function of.
#[derive(Debug)]
pub struct Sorting<'a> {
    /// The root after all steps.
    pub root: &'a VirtualRoot,
    /// By `Author::Package`.
    pub packages: &'a [PlacedPackage],
    /// By `Author::Recipe`, weakest first.
    pub units: &'a [Unit],
    /// Nodes of a ply that a project's own file hides.
    pub hidden: &'a [(EntryPath, Inode)],
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: Option<i64>,
    /// One layer in place of several.
    pub fold: bool,
}

/// A layer to link, bottom to top in the result of [`Sorting::layers`].
#[derive(Clone, Debug)]
pub struct Sorted {
    /// Which layer.
    pub slot: Slot,
    /// What it is made of.
    pub spec: LayerSpec,
}

/// A path with its final node and the number that all names of one file share.
struct Placed<'a> {
    path: &'a EntryPath,
    number: Option<usize>,
    inode: &'a Inode,
}

impl Sorting<'_> {
    /// The layers, bottom to top; empty ones are left out.
    pub fn layers(&self) -> Result<Vec<Sorted>> {
        let mut whiteouts: BTreeMap<Slot, Vec<EntryPath>> = BTreeMap::new();
        let mut nodes: BTreeMap<Slot, Vec<Placed<'_>>> = BTreeMap::new();
        let grounds = Grounds { small: self.small_units(), state_folders: self.state_folders() };
        let mut removed: Option<&EntryPath> = None;
        for (path, change) in self.root.changes() {
            match change {
                // A whiteout hides all below, so only the topmost removed path has one.
                Change::Removed(_) if removed.is_some_and(|above| path.is_below(above)) => {}
                Change::Removed(author) => {
                    removed = Some(path);
                    whiteouts.entry(self.slot_of_author(author, &grounds.small)).or_default().push(path.clone());
                }
                Change::Node(number, inode) => {
                    let slot = self.slot(path, inode, &grounds);
                    nodes.entry(slot).or_default().push(Placed { path, number: Some(number), inode });
                }
            }
        }
        for (path, inode) in self.hidden.iter().filter(|_| !self.fold) {
            let slot = self.slot(path, inode, &grounds);
            nodes.entry(slot).or_default().push(Placed { path, number: None, inode });
        }
        let slots: std::collections::BTreeSet<Slot> = whiteouts.keys().chain(nodes.keys()).copied().collect();
        let mut layers = Vec::new();
        for slot in slots {
            let nodes = nodes.remove(&slot).unwrap_or_default();
            let mut spec = self.spec(slot, &nodes)?;
            spec.whiteouts = whiteouts.remove(&slot).unwrap_or_default();
            spec.directories = self.directories(slot, &nodes, &spec);
            if !(spec.sources.is_empty() && spec.made.is_empty() && spec.whiteouts.is_empty() && spec.directories.is_empty()) {
                layers.push(Sorted { slot, spec });
            }
        }
        Ok(layers)
    }

    /// Sources and made files of one layer.
    fn spec(&self, slot: Slot, nodes: &[Placed<'_>]) -> Result<LayerSpec> {
        let mut spec = LayerSpec::default();
        let by_path: BTreeMap<&EntryPath, &Placed<'_>> = nodes.iter().map(|n| (n.path, n)).collect();
        let mut from_archives: std::collections::BTreeSet<&EntryPath> = std::collections::BTreeSet::new();
        let mut first_names: BTreeMap<usize, &EntryPath> = BTreeMap::new();
        let own = |package: &&PlacedPackage| {
            let by_slot = slot.holds_packages_of(package.unit, self.fold);
            by_slot || matches!(slot, Slot::State | Slot::Glue) && source::is_streamed(package, &by_path)
        };
        for package in self.packages.iter().filter(own) {
            let taken = source::take(package, &by_path, &from_archives, &first_names);
            if !taken.paths.is_empty() {
                let files = taken.paths.iter().filter_map(|path| by_path.get(path)).filter(|node| node.inode.is_file());
                let names = files.filter_map(|node| Some((node.number?, node.path)));
                for (number, path) in names {
                    first_names.entry(number).or_insert(path);
                }
                spec.sources.push((package.archive, taken.edits));
                from_archives.extend(taken.paths);
            }
        }
        for node in nodes.iter().filter(|n| !n.inode.is_directory() && !from_archives.contains(n.path)) {
            let known = node.number.and_then(|n| first_names.get(&n).copied());
            spec.made.push(self.made(slot, node, known)?);
            if let (Some(number), true) = (node.number, node.inode.is_file()) {
                first_names.entry(number).or_insert(node.path);
            }
        }
        Ok(spec)
    }

    fn made(&self, slot: Slot, node: &Placed<'_>, first_name: Option<&EntryPath>) -> Result<Made> {
        let mut entry = Entry { mtime: self.time(slot, node.inode), ..node.inode.entry(node.path.clone()) };
        if let Some(target) = first_name {
            entry.kind = Kind::HardLink { target: target.clone() };
            return Ok(Made { entry, bytes: Arc::from([]) });
        }
        let bytes = match &node.inode.kind {
            InodeKind::File { content, size } => self.root.fetch(node.path, content, *size)?,
            _ => Arc::from([]),
        };
        Ok(Made { entry, bytes })
    }

    /// The time of a file that was made, or taken out of its package into state or glue.
    fn time(&self, slot: Slot, inode: &Inode) -> i64 {
        let shipped = matches!(inode.kind, InodeKind::File { content: Content::Archive { .. }, .. });
        match (slot, inode.author) {
            (Slot::State | Slot::Glue, _) if self.epoch.is_some() => self.epoch.unwrap_or_default(),
            _ if shipped => inode.mtime,
            (Slot::Ply(_), crate::layer::root::Author::Package(n)) => self.packages.get(n).map_or(0, PlacedPackage::newest),
            (Slot::Ply(unit), _) => self.newest_of(|p| p.unit == unit),
            (Slot::State | Slot::Glue, _) => self.newest_of(|_| true),
        }
    }

    fn newest_of(&self, which: impl Fn(&PlacedPackage) -> bool) -> i64 {
        self.packages.iter().filter(|p| which(p)).map(PlacedPackage::newest).max().unwrap_or(0)
    }
}
