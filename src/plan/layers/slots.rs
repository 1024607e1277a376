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

    pub(super) fn slot(&self, path: &EntryPath, inode: &Inode, small: &BTreeSet<usize>) -> Slot {
        if self.fold {
            return Slot::Glue;
        }
        if path.as_bytes() == STATUS {
            return Slot::State;
        }
        if inode.provenance.any() {
            return if inode.is_file() && inode.size() >= STATE_FILE { Slot::State } else { Slot::Glue };
        }
        self.slot_of_author(inode.author, small)
    }

    pub(super) fn slot_of_author(&self, author: Author, small: &BTreeSet<usize>) -> Slot {
        match author {
            _ if self.fold => Slot::Glue,
            Author::Package(number) => self.packages.get(number).map_or(Slot::Glue, |p| Slot::Ply(p.unit)),
            Author::Recipe(unit) if !small.contains(&unit) => Slot::Ply(unit),
            Author::Base | Author::Recipe(_) | Author::Trigger | Author::Dpkg => Slot::Glue,
        }
    }
}
