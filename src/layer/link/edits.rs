//! The edits of one source, ready to be asked for each of its entries.
//!
//! Invariant: a question costs as much as its path is deep, however many edits there are. An edit that no entry asked for
//! is an error, so that no patch is lost by a misspelt path.

use std::collections::HashMap;

use super::SpecError;
use super::replaced::Change;
use crate::layer::Edit;
use crate::stream::{EntryPath, Owner};

/// What shall happen to one entry, besides its place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted<'a> {
    pub(super) omit: bool,
    /// Mode and owner.
    pub(super) own: Option<(u32, Owner)>,
    pub(super) replace: Option<&'a [Change]>,
    used: bool,
}

/// All edits of a source.
#[derive(Debug, Default)]
pub(super) struct Edits<'a> {
    maps: HashMap<&'a [u8], &'a EntryPath>,
    by_path: HashMap<&'a [u8], Wanted<'a>>,
}

impl<'a> Edits<'a> {
    pub(super) fn new(edits: &'a [Edit]) -> Result<Self, SpecError> {
        let mut all = Self::default();
        for edit in edits {
            let (path, twice) = match edit {
                Edit::Map { from, to } => (from, all.maps.insert(from.as_bytes(), to).is_some()),
                Edit::Omit(path) => (path, std::mem::replace(&mut all.wanted(path).omit, true)),
                Edit::Own { path, mode, owner } => (path, all.wanted(path).own.replace((*mode, *owner)).is_some()),
                Edit::Replace { path, changes } => (path, all.wanted(path).replace.replace(changes).is_some()),
            };
            if twice {
                return Err(SpecError::new(path, "two edits of one kind for one path"));
            }
        }
        Ok(all)
    }
    fn wanted(&mut self, path: &'a EntryPath) -> &mut Wanted<'a> {
        self.by_path.entry(path.as_bytes()).or_default()
    }
    /// What shall happen to the entry that is shipped at `path`; counts as its use.
    pub(super) fn take(&mut self, path: &EntryPath) -> Wanted<'a> {
        self.by_path.get_mut(path.as_bytes()).map_or_else(Wanted::default, |wanted| {
            wanted.used = true;
            *wanted
        })
    }
    /// What shall happen to the entry that is shipped at `path`, asked on behalf of another.
    pub(super) fn look_up(&self, path: &EntryPath) -> Wanted<'a> {
        self.by_path.get(path.as_bytes()).copied().unwrap_or_default()
    }
    /// Where in the layer a path of the source lies: the longest `from` above it decides.
    pub(super) fn map(&self, path: &EntryPath) -> Result<EntryPath, SpecError> {
        let bytes = path.as_bytes();
        if self.maps.is_empty() {
            return Ok(path.clone());
        }
        let slashes = bytes.iter().enumerate().rev().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
        let ends = std::iter::once(bytes.len()).chain(slashes).chain(std::iter::once(0));
        for end in ends {
            if let Some(to) = self.maps.get(&bytes[..end]) {
                return to.join(&bytes[end..]).map_err(|_| SpecError::new(path, "the mapped path is too long"));
            }
        }
        Ok(path.clone())
    }
    /// Fails if an edit named a path that the source does not ship.
    pub(super) fn all_used(&self) -> Result<(), SpecError> {
        let unused = self.by_path.iter().filter(|(_, wanted)| !wanted.used).map(|(path, _)| *path).min();
        let Some(path) = unused else { return Ok(()) };
        Err(SpecError::new(&EntryPath::new(path).unwrap_or_default(), "an edit names a path that its source does not ship"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> EntryPath {
        EntryPath::new(text).expect("a path")
    }

    fn map(from: &str, to: &str) -> Edit {
        Edit::Map { from: path(from), to: path(to) }
    }

    #[test]
    fn the_longest_prefix_of_whole_components_decides() {
        let list = [map("lib", "usr/lib"), map("lib/x/y", "opt"), map("bin/sh", "bin/sh.distrib")];
        let edits = Edits::new(&list).expect("edits");
        for (from, to) in [
            ("lib", "usr/lib"),
            ("lib/a/b", "usr/lib/a/b"),
            ("lib/x", "usr/lib/x"),
            ("lib/x/y", "opt"),
            ("lib/x/y/z", "opt/z"),
            ("lib64", "lib64"),
            ("bin/sh", "bin/sh.distrib"),
            ("bin/shell", "bin/shell"),
        ] {
            assert_eq!(edits.map(&path(from)), Ok(path(to)), "{from}");
        }
        let list = [map("", "opt/prefix")];
        let edits = Edits::new(&list).expect("edits");
        assert_eq!(edits.map(&path("bin/x")), Ok(path("opt/prefix/bin/x")));
        assert_eq!(edits.map(&EntryPath::root()), Ok(path("opt/prefix")));
    }

    #[test]
    fn a_double_or_unused_edit_is_told() {
        let double = [Edit::Omit(path("a")), Edit::Omit(path("a"))];
        assert!(Edits::new(&double).is_err());
        let list = [Edit::Omit(path("a")), Edit::Omit(path("b"))];
        let mut edits = Edits::new(&list).expect("edits");
        assert!(edits.take(&path("b")).omit);
        assert_eq!(edits.all_used().expect_err("unused").path, path("a"));
        edits.take(&path("a"));
        assert!(edits.all_used().is_ok());
    }
}
