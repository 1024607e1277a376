//! Which layer a path goes to (`docs/layers.md`, "From the virtual root to specs").

use std::collections::BTreeSet;

use crate::layer::root::{Author, Change, Inode, InodeKind};
use crate::recipe::Rank;
use crate::stream::EntryPath;

use super::Sorting;

/// From this size on a file that holds bytes or IDs of the base is worth a layer that other bases may share.
const STATE_FILE: u64 = 32 << 10;

/// Below this size a recipe without packages is not worth a layer.
const PLY: u64 = 64 << 10;

/// Always state, whatever its size: it decides what other bases share.
const STATUS: &[u8] = b"var/lib/dpkg/status";

/// A layer of ours. The order is bottom to top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The ply of the unit at this place.
    Ply(usize),
    /// Large files with bytes or IDs of the base.
    State,
    /// Everything small that depends on the base.
    Glue,
}

impl Slot {
    /// Whether entries of a package of `unit` can lie here.
    pub(super) fn holds_packages_of(self, unit: usize, fold: bool) -> bool {
        match self {
            Self::Ply(own) => own == unit,
            Self::Glue => fold,
            Self::State => false,
        }
    }
}

/// A unit of the recipes as the layers see it.
#[derive(Clone, Debug)]
pub struct Unit {
    /// `sshd`
    pub name: String,
    /// Whose word it is.
    pub rank: Rank,
    /// Whether it asks for packages.
    pub has_packages: bool,
}

/// What the sorting of each path rests on besides the path itself.
#[derive(Debug)]
pub(super) struct Grounds {
    /// [`Sorting::small_units`]
    pub(super) small: BTreeSet<usize>,
    /// [`Sorting::state_folders`]
    pub(super) state_folders: BTreeSet<(EntryPath, Author)>,
}

impl Grounds {
    /// Links beside a state file of the same author are one result with it (a CA bundle and the links to what is in it): what
    /// changes the one changes the others, so that together they spare the glue.
    fn goes_with_state(&self, path: &EntryPath, inode: &Inode) -> bool {
        let folder = inode.target().and_then(|_| path.parent());
        folder.is_some_and(|folder| self.state_folders.contains(&(folder, inode.author)))
    }
}

fn is_large(inode: &Inode) -> bool {
    inode.is_file() && inode.size() >= STATE_FILE
}

impl Sorting<'_> {
    /// Units whose own paths are too few bytes for a layer.
    pub(super) fn small_units(&self) -> BTreeSet<usize> {
        let mut sizes = vec![0_u64; self.units.len()];
        for (_, change) in self.root.changes() {
            if let Change::Node(_, Inode { author: Author::Recipe(unit), kind: InodeKind::File { size, .. }, provenance, .. }) =
                change
                && !provenance.any()
                && let Some(sum) = sizes.get_mut(*unit)
            {
                *sum += size;
            }
        }
        let units = self.units.iter().enumerate();
        units.filter(|(i, unit)| !unit.has_packages && sizes.get(*i).is_none_or(|s| *s < PLY)).map(|(i, _)| i).collect()
    }

    /// Directories and authors of the state files whose bytes were made from the base.
    pub(super) fn state_folders(&self) -> BTreeSet<(EntryPath, Author)> {
        let mut folders = BTreeSet::new();
        for (path, change) in self.root.changes() {
            if let (Change::Node(_, inode), Some(folder)) = (change, path.parent())
                && inode.provenance.bytes
                && is_large(inode)
            {
                folders.insert((folder, inode.author));
            }
        }
        folders
    }

    pub(super) fn slot(&self, path: &EntryPath, inode: &Inode, grounds: &Grounds) -> Slot {
        if self.fold {
            return Slot::Glue;
        }
        if path.as_bytes() == STATUS {
            return Slot::State;
        }
        if inode.provenance.any() {
            return if is_large(inode) || grounds.goes_with_state(path, inode) { Slot::State } else { Slot::Glue };
        }
        self.slot_of_author(inode.author, &grounds.small)
    }

    pub(super) fn slot_of_author(&self, author: Author, small: &BTreeSet<usize>) -> Slot {
        match author {
            _ if self.fold => Slot::Glue,
            Author::Package(number) => self.packages.get(number).map_or(Slot::Glue, |p| Slot::Ply(p.unit)),
            Author::Recipe(unit) if !small.contains(&unit) => Slot::Ply(unit),
            Author::Base | Author::Recipe(_) | Author::Dpkg => Slot::Glue,
        }
    }
}
