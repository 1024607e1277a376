//! The directories that a layer lists: its own, and all above its paths, with final metadata and no time of the base.

use std::collections::{BTreeMap, BTreeSet};

use crate::layer::LayerSpec;
use crate::layer::root::InodeKind;
use crate::stream::{Entry, EntryPath, Kind};

use super::{Placed, Slot, Sorting};

impl Sorting<'_> {
    pub(super) fn directories(&self, slot: Slot, nodes: &[Placed<'_>], spec: &LayerSpec) -> Vec<Entry> {
        let mut wanted: BTreeSet<EntryPath> = BTreeSet::new();
        for node in nodes {
            wanted.extend(node.path.parents());
            if node.inode.is_directory() {
                wanted.insert(node.path.clone());
            }
        }
        for path in &spec.whiteouts {
            wanted.extend(path.parents());
        }
        let times = self.shipped_times(slot);
        // SOURCE_DATE_EPOCH is the time of state and glue.
        let time = self.epoch.filter(|_| matches!(slot, Slot::State | Slot::Glue));
        wanted.into_iter().map(|path| self.directory(path, time, &times)).collect()
    }

    fn directory(&self, path: EntryPath, time: Option<i64>, times: &BTreeMap<&EntryPath, i64>) -> Entry {
        let mtime = time.unwrap_or_else(|| times.get(&path).copied().unwrap_or(0));
        match self.root.at(&path) {
            Some(inode) if matches!(inode.kind, InodeKind::Directory) => Entry { mtime, ..inode.entry(path) },
            _ => Entry { mtime, ..Entry::new(path, Kind::Directory, 0o755) },
        }
    }

    /// The newest time of each directory among the packages of a ply. State and glue have no time of their own.
    fn shipped_times(&self, slot: Slot) -> BTreeMap<&EntryPath, i64> {
        let mut times = BTreeMap::new();
        for package in self.packages.iter().filter(|p| slot.holds_packages_of(p.unit, self.fold)) {
            for (entry, place) in package.contents.entries.iter().zip(&package.places).filter(|(e, _)| e.is_directory()) {
                if let Some(place) = place {
                    let time = times.entry(place).or_insert(entry.mtime);
                    *time = entry.mtime.max(*time);
                }
            }
        }
        times
    }
}
