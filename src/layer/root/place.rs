//! Placing a package's entries as dpkg's unpack does.
//!
//! Invariant: an existing directory, also behind a link, keeps its metadata; a link in the last component is replaced, one in
//! the directory part is followed. Ownership between packages, diversions and conffiles are decided by the caller.

use crate::stream::{Entry, EntryPath, Kind};

use super::{Content, Inode, InodeKind, Last, Provenance, RootError, VirtualRoot};

impl VirtualRoot {
    /// Places one entry and says where it went. `content` is asked only for regular files; a hard link shares the file at
    /// its target. Missing parents are made 0755 of root, as dpkg never needs and a tar may.
    pub fn place(&mut self, entry: &Entry, content: Content, provenance: Provenance) -> Result<EntryPath, RootError> {
        if let Some(parent) = entry.path.parent() {
            self.mkdir_p(parent.as_bytes(), 0o755)?;
        }
        if entry.path.is_root() {
            return Ok(EntryPath::root());
        }
        if entry.is_directory() {
            return self.place_directory(entry, provenance);
        }
        let place = self.resolve(entry.path.as_bytes(), Last::Keep)?;
        if self.is_directory_at(&place) {
            if matches!(entry.kind, Kind::Symlink { .. }) {
                return Ok(place);
            }
            return Err(RootError::IsADirectory(place.to_string()));
        }
        match &entry.kind {
            Kind::HardLink { target } => {
                let target = self.resolve(target.as_bytes(), Last::Keep)?;
                if target != place {
                    self.link(place.clone(), &target)?;
                }
            }
            Kind::File { size } => self.set(&place, entry, InodeKind::File { content, size: *size }, provenance),
            other => self.set(&place, entry, Inode::special(other), provenance),
        }
        Ok(place)
    }
    fn place_directory(&mut self, entry: &Entry, provenance: Provenance) -> Result<EntryPath, RootError> {
        if let Ok(place) = self.resolve(entry.path.as_bytes(), Last::Follow)
            && self.is_directory_at(&place)
        {
            return Ok(place);
        }
        let place = self.resolve(entry.path.as_bytes(), Last::Keep)?;
        if self.at(&place).is_some() {
            return Err(RootError::NotADirectory(place.to_string()));
        }
        self.set(&place, entry, InodeKind::Directory, provenance);
        Ok(place)
    }
    fn set(&mut self, place: &EntryPath, entry: &Entry, kind: InodeKind, provenance: Provenance) {
        let inode = Inode {
            kind,
            mode: entry.mode,
            owner: entry.owner,
            mtime: entry.mtime,
            xattrs: entry.xattrs.clone(),
            provenance,
            author: self.author,
        };
        self.insert(place.clone(), inode);
    }
}
