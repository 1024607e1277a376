//! The directories that a layer lists: its own, and all above its paths, with final metadata and no time of the base.

use std::collections::{BTreeMap, BTreeSet};

use crate::layer::LayerSpec;
use crate::layer::root::{Author, Inode};
use crate::stream::{Entry, EntryPath, Kind, Owner};

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
        wanted.into_iter().map(|path| self.directory(slot, path, time, &times)).collect()
    }

    fn directory(&self, slot: Slot, path: EntryPath, time: Option<i64>, times: &BTreeMap<&EntryPath, i64>) -> Entry {
        let mtime = time.unwrap_or_else(|| times.get(&path).copied().unwrap_or(0));
        let Some(inode) = self.root.at(&path).filter(Inode::is_directory) else {
            return Entry { mtime, ..Entry::new(path, Kind::Directory, 0o755) };
        };
        let changed_here = inode.author != Author::Base && inode.provenance.any();
        if changed_here && matches!(slot, Slot::Ply(_)) {
            return Entry { mtime, ..self.before_this_base(path, &inode) };
        }
        Entry { mtime, ..inode.entry(path) }
    }

    /// A directory as a ply lists it where what a script set in it depends on the base: the glue above lists it as it is in
    /// the end. As the base has it, or else with the shipped owner, since an ID that was found in this base ends sharing.
    fn before_this_base(&self, path: EntryPath, inode: &Inode) -> Entry {
        let of_base = self.root.base().get(&path).map(|node| &node.entry).filter(|entry| entry.is_directory());
        let shipped = || {
            self.packages.iter().find_map(|package| {
                let mut entries = package.contents.entries.iter().zip(&package.places);
                entries.find(|(entry, place)| entry.is_directory() && place.as_ref() == Some(&path)).map(|(entry, _)| entry)
            })
        };
        match of_base.or_else(shipped) {
            Some(Entry { mode, owner, xattrs, .. }) => {
                let (owner, xattrs) = (*owner, xattrs.clone());
                Entry { owner, xattrs, ..Entry::new(path, Kind::Directory, *mode) }
            }
            None => Entry { owner: Owner::default(), ..inode.entry(path) },
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
