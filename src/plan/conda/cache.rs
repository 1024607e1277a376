//! The package cache `pkgs/` of a prefix: archives, what they were unpacked to, and what the prefix shares with that by hard links.
//!
//! Invariant: a file that the prefix has as it was shipped is one file with two names; a patched one stands in the cache unpatched.

use std::sync::Arc;

use crate::conda::{Linked, WHOLE, printed};
use crate::error::Result;
use crate::layer::Contents;
use crate::layer::root::Content;
use crate::oci::Digest;
use crate::recipe::ResolvedUnit;
use crate::stream::{Entry, EntryPath, Kind, Owner};

use super::super::layers::PlacedPackage;
use super::super::recipes::{Placing, refused};
use super::{Cached, Prefix};

impl Placing<'_> {
    /// Keeps a package in the cache. `places` are those of its entries in the prefix.
    pub(super) fn cached(
        &mut self,
        prefix: &Prefix,
        unit: &ResolvedUnit,
        linked: &Linked,
        cached: &Cached,
        top: &EntryPath,
        places: &[Option<EntryPath>],
    ) -> Result<()> {
        let cache = top.join(b"pkgs")?;
        let folder = cache.join(linked.distribution().as_bytes())?;
        let contents = linked.package.contents.clone();
        let shared = |number: usize, entry: &Entry| -> Option<EntryPath> {
            let plain = matches!(entry.kind, Kind::File { .. }) && !linked.package.patched.contains_key(&entry.path);
            places.get(number).cloned().flatten().filter(|_| plain)
        };
        self.unpacked(prefix, unit, linked, (linked.archive, contents), &folder, &shared)?;
        if let Some(info) = &cached.info {
            self.unpacked(prefix, unit, linked, info.clone(), &folder, &|_, _| None)?;
        }
        let record = printed(linked.document());
        let name = format!("pkgs/{}/info/repodata_record.json", linked.distribution());
        self.small(prefix, unit, top, &name, 0o644, record)?;
        let (archive, contents) = cached.whole.clone();
        let mut entries = Vec::new();
        for entry in &contents.entries {
            let placed = Entry { path: cache.join(linked.wanted.file.as_bytes())?, mode: prefix.mode(0o644), ..entry.clone() };
            let content = Content::Archive { archive, path: EntryPath::new(WHOLE)? };
            entries.push(Some(self.below(prefix, unit, &linked.wanted.file, &placed, content)?));
        }
        self.placed.push(PlacedPackage { archive, contents, places: entries, unit: prefix.unit, conda: None });
        Ok(())
    }

    /// Places the entries of an archive below `folder`; `shared` gives the path of the prefix that has the same file.
    fn unpacked(
        &mut self,
        prefix: &Prefix,
        unit: &ResolvedUnit,
        linked: &Linked,
        (archive, contents): (Digest, Arc<Contents>),
        folder: &EntryPath,
        shared: &dyn Fn(usize, &Entry) -> Option<EntryPath>,
    ) -> Result<()> {
        let mut places = Vec::with_capacity(contents.entries.len());
        for (number, entry) in contents.entries.iter().enumerate() {
            let path = folder.join(entry.path.as_bytes())?;
            if entry.is_directory() {
                self.folder(prefix, unit, &linked.wanted.file, &path)?;
                places.push(None);
                continue;
            }
            if let Some(first) = shared(number, entry) {
                if let Some(above) = path.parent() {
                    self.folder(prefix, unit, &linked.wanted.file, &above)?;
                }
                self.root.hard_link(&first.absolute(), &path.absolute()).map_err(|e| refused(unit, &path, &e))?;
                places.push(Some(path));
                continue;
            }
            let (kind, mode) = match &entry.kind {
                Kind::HardLink { target } => (Kind::HardLink { target: folder.join(target.as_bytes())? }, entry.mode),
                Kind::Symlink { .. } => (entry.kind.clone(), entry.mode),
                other => (other.clone(), prefix.mode(entry.mode)),
            };
            let placed = Entry { path, kind, mode, owner: Owner::default(), ..entry.clone() };
            let content = Content::Archive { archive, path: entry.path.clone() };
            places.push(Some(self.below(prefix, unit, &linked.wanted.file, &placed, content)?));
        }
        self.placed.push(PlacedPackage { archive, contents, places, unit: prefix.unit, conda: None });
        Ok(())
    }
}
