//! What scripts and effects do to the virtual root: write, make, link, move, remove, and metadata.
//!
//! Invariant: every changed node carries the author and time that were set; removing what the base never had leaves no trace.

use std::sync::Arc;

use crate::rootfs::NameShape;
use crate::stream::{EntryPath, Owner};

use super::{Content, Inode, InodeKind, Last, Provenance, RootError, Slot, VirtualRoot};

impl VirtualRoot {
    /// Writes a regular file as a shell redirect does: links are followed, an existing file keeps mode and owner, a new one
    /// gets `mode` and root. `base` is whether the bytes come from the base.
    pub fn write(&mut self, path: &[u8], bytes: impl Into<Arc<[u8]>>, base: bool, mode: u32) -> Result<EntryPath, RootError> {
        let bytes: Arc<[u8]> = bytes.into();
        let place = self.resolve(path, Last::Follow)?;
        let kind = InodeKind::File { size: bytes.len() as u64, content: Content::Held(bytes) };
        match self.at(&place) {
            Some(Inode { kind: InodeKind::File { .. }, .. }) => {
                let time = self.time;
                self.change(&place, |inode| {
                    inode.kind = kind;
                    inode.mtime = time;
                    inode.provenance.bytes = base;
                })?;
            }
            Some(inode) if inode.is_directory() => return Err(RootError::IsADirectory(place.to_string())),
            Some(_) => return Err(RootError::Invalid(place.to_string())),
            None if path.ends_with(b"/") => return Err(RootError::IsADirectory(place.to_string())),
            None => {
                let provenance = Provenance { bytes: base, ids: false };
                self.put_new(&place, Inode { provenance, ..self.made(kind, mode) })?;
            }
        }
        Ok(place)
    }
    /// Adds bytes at the end of a regular file, which is made with `mode` where it is not there. The result comes from the
    /// base if the old bytes or the new ones do.
    pub fn append(&mut self, path: &[u8], bytes: &[u8], base: bool, mode: u32) -> Result<EntryPath, RootError> {
        match self.read(path) {
            Ok((old, old_base)) => {
                let mut all = Vec::with_capacity(old.len() + bytes.len());
                all.extend_from_slice(&old);
                all.extend_from_slice(bytes);
                self.write(path, all, base || old_base, mode)
            }
            Err(RootError::NotFound(_)) => self.write(path, bytes.to_vec(), base, mode),
            Err(error) => Err(error),
        }
    }
    /// Puts a node where nothing is (or replaces a non-directory whole, as rename over it does). The author is set, the
    /// time is the node's own.
    pub fn put(&mut self, path: &[u8], inode: Inode) -> Result<EntryPath, RootError> {
        let place = self.resolve(path, Last::Keep)?;
        if self.is_directory_at(&place) {
            return Err(RootError::IsADirectory(place.to_string()));
        }
        self.put_new(&place, inode)?;
        Ok(place)
    }
    /// Makes one directory of root.
    pub fn mkdir(&mut self, path: &[u8], mode: u32) -> Result<EntryPath, RootError> {
        // `mkdir` follows no link in the last component, also where a slash ends the path.
        let place = self.resolve(trim(path), Last::Keep)?;
        if place.is_root() || self.at(&place).is_some() {
            return Err(RootError::Exists(place.to_string()));
        }
        self.put_new(&place, self.made(InodeKind::Directory, mode))?;
        Ok(place)
    }
    /// Makes a directory and all that are missing above it; one that is there is left as it is.
    pub fn mkdir_p(&mut self, path: &[u8], mode: u32) -> Result<EntryPath, RootError> {
        let mut place = EntryPath::root();
        for component in path.split(|b| *b == b'/').filter(|c| !matches!(*c, b"" | b".")) {
            if component == b".." {
                place = place.parent().unwrap_or_default();
                continue;
            }
            // One step at a time from where we are, so that a deep path does not cost its depth at each step.
            place = place.join(component)?;
            if self.is_directory_at(&place) {
                continue;
            }
            let Some(there) = self.at(&place) else {
                self.put_new(&place, self.made(InodeKind::Directory, mode))?;
                continue;
            };
            if !matches!(there.kind, InodeKind::Symlink(_)) {
                return Err(RootError::NotADirectory(place.to_string()));
            }
            place = self.resolve(&place.absolute(), Last::Follow)?;
            if !self.is_directory_at(&place) {
                if self.at(&place).is_some() {
                    return Err(RootError::NotADirectory(place.to_string()));
                }
                self.put_new(&place, self.made(InodeKind::Directory, mode))?;
            }
        }
        Ok(place)
    }
    /// Makes a symbolic link; an existing path is an error.
    pub fn symlink(&mut self, target: &[u8], path: &[u8]) -> Result<EntryPath, RootError> {
        let place = self.resolve(trim(path), Last::Keep)?;
        if self.at(&place).is_some() {
            return Err(RootError::Exists(place.to_string()));
        }
        self.put_new(&place, self.made(InodeKind::Symlink(target.to_vec()), 0o777))?;
        Ok(place)
    }
    /// Gives a file a further name; an existing path is an error. A link as `old` is itself linked, as `ln` of Linux does.
    pub fn hard_link(&mut self, old: &[u8], new: &[u8]) -> Result<EntryPath, RootError> {
        let from = self.resolve(old, Last::Keep)?;
        let to = self.resolve(trim(new), Last::Keep)?;
        if self.at(&to).is_some() {
            return Err(RootError::Exists(to.to_string()));
        }
        if self.is_directory_at(&from) {
            return Err(RootError::Invalid(from.to_string()));
        }
        let number = self.own(&from)?;
        self.check_parent(&to)?;
        self.slots.insert(to.clone(), Slot::Node(number));
        Ok(to)
    }
    /// Moves a file, link or whole directory; a file in the way is replaced, an empty directory too by a directory.
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> Result<EntryPath, RootError> {
        let from = self.resolve(trim(old), Last::Keep)?;
        let to = self.resolve(trim(new), Last::Keep)?;
        let is_directory = self.is_directory_at(&from);
        if self.at(&from).is_none() {
            return Err(RootError::NotFound(from.to_string()));
        }
        if from == to {
            return Ok(to);
        }
        if from.is_root() || to.is_root() || (is_directory && to.is_below(&from)) {
            return Err(RootError::Invalid(from.to_string()));
        }
        self.check_parent(&to)?;
        if self.at(&to).is_some() {
            match (is_directory, self.is_directory_at(&to)) {
                (false, true) => return Err(RootError::IsADirectory(to.to_string())),
                (true, false) => return Err(RootError::NotADirectory(to.to_string())),
                (true, true) if !self.names(&to, &NameShape::default()).is_empty() => {
                    return Err(RootError::NotEmpty(to.to_string()));
                }
                _ => self.forget(&to),
            }
        }
        for path in self.tree(&from) {
            let number = self.own(&path)?;
            let rest = path.as_bytes().get(from.as_bytes().len()..).unwrap_or_default();
            let target = to.join(rest)?;
            self.slots.insert(target, Slot::Node(number));
            self.forget(&path);
        }
        Ok(to)
    }
    /// Removes a file, a link (not what it leads to) or an empty directory.
    pub fn remove(&mut self, path: &[u8]) -> Result<(), RootError> {
        let place = self.resolve(trim(path), Last::Keep)?;
        if self.at(&place).is_none() {
            return Err(RootError::NotFound(place.to_string()));
        }
        if place.is_root() {
            return Err(RootError::Invalid(place.to_string()));
        }
        if self.is_directory_at(&place) && !self.names(&place, &NameShape::default()).is_empty() {
            return Err(RootError::NotEmpty(place.to_string()));
        }
        self.forget(&place);
        Ok(())
    }
    /// Removes a path and all below it.
    pub fn remove_tree(&mut self, path: &[u8]) -> Result<(), RootError> {
        let place = self.resolve(trim(path), Last::Keep)?;
        if self.at(&place).is_none() {
            return Err(RootError::NotFound(place.to_string()));
        }
        if place.is_root() {
            return Err(RootError::Invalid(place.to_string()));
        }
        for path in self.tree(&place) {
            self.forget(&path);
        }
        Ok(())
    }
    /// Lets a path be as the base has it: what was written comes to the same.
    pub fn restore(&mut self, place: &EntryPath) {
        if self.base.get(place).is_some() {
            self.slots.remove(place);
        }
    }
    /// Sets the 12 permission bits; links are followed.
    pub fn chmod(&mut self, path: &[u8], mode: u32) -> Result<(), RootError> {
        let place = self.resolve(path, Last::Follow)?;
        self.change(&place, |inode| inode.mode = mode & 0o7777)
    }
    /// Sets owner and group; `base` is whether a number was found in the base. As the kernel does, the setuid and setgid
    /// bits of an executable file are cleared.
    pub fn chown(&mut self, path: &[u8], owner: Owner, base: bool, last: Last) -> Result<(), RootError> {
        let place = self.resolve(path, last)?;
        self.change(&place, |inode| {
            inode.owner = owner;
            inode.provenance.ids = base;
            if inode.is_file() && inode.mode & 0o111 != 0 {
                let setgid = if inode.mode & 0o010 != 0 { 0o2000 } else { 0 };
                inode.mode &= !(0o4000 | setgid);
            }
        })
    }
    /// Sets the time of last change, in seconds since 1970; links are followed.
    pub fn set_mtime(&mut self, path: &[u8], mtime: i64) -> Result<(), RootError> {
        let place = self.resolve(path, Last::Follow)?;
        self.change(&place, |inode| inode.mtime = mtime)
    }
    /// Sets an extended attribute; links are followed.
    pub fn set_xattr(&mut self, path: &[u8], name: &[u8], value: &[u8]) -> Result<(), RootError> {
        let place = self.resolve(path, Last::Follow)?;
        self.change(&place, |inode| {
            inode.xattrs.insert(name.to_vec(), value.to_vec());
        })
    }
    /// Removes an extended attribute; links are followed.
    pub fn remove_xattr(&mut self, path: &[u8], name: &[u8]) -> Result<(), RootError> {
        let place = self.resolve(path, Last::Follow)?;
        self.change(&place, |inode| {
            inode.xattrs.remove(name);
        })
    }

    /// Changes the node at exactly this path and marks it as the author's.
    pub(super) fn change(&mut self, place: &EntryPath, edit: impl FnOnce(&mut Inode)) -> Result<(), RootError> {
        let number = self.own(place)?;
        let author = self.author;
        if let Some(inode) = self.inodes.get_mut(number) {
            edit(inode);
            inode.author = author;
        }
        Ok(())
    }
    fn made(&self, kind: InodeKind, mode: u32) -> Inode {
        Inode { mtime: self.time, ..Inode::new(kind, mode) }
    }
    pub(super) fn put_new(&mut self, place: &EntryPath, mut inode: Inode) -> Result<(), RootError> {
        self.check_parent(place)?;
        inode.author = self.author;
        self.insert(place.clone(), inode);
        Ok(())
    }
    pub(super) fn insert(&mut self, place: EntryPath, inode: Inode) {
        self.inodes.push(inode);
        self.slots.insert(place, Slot::Node(self.inodes.len() - 1));
    }
    pub(super) fn link(&mut self, place: EntryPath, target: &EntryPath) -> Result<(), RootError> {
        let number = self.own(target)?;
        self.slots.insert(place, Slot::Node(number));
        Ok(())
    }
    fn check_parent(&self, place: &EntryPath) -> Result<(), RootError> {
        match place.parent() {
            Some(parent) if !self.is_directory_at(&parent) => Err(RootError::NotFound(parent.to_string())),
            _ => Ok(()),
        }
    }
    /// The number of the node at exactly this path; a node of the base is copied up first.
    fn own(&mut self, place: &EntryPath) -> Result<usize, RootError> {
        if let Some(Slot::Node(number)) = self.slots.get(place) {
            return Ok(*number);
        }
        let inode = self.at(place).ok_or_else(|| RootError::NotFound(place.to_string()))?;
        self.insert(place.clone(), inode);
        Ok(self.inodes.len() - 1)
    }
    fn forget(&mut self, place: &EntryPath) {
        if self.in_base(place) {
            self.slots.insert(place.clone(), Slot::Removed(self.author));
        } else {
            self.slots.remove(place);
        }
    }
    /// A path and all below it, parents first. The walk keeps its own stack: depth is bounded by the length of paths only.
    fn tree(&self, top: &EntryPath) -> Vec<EntryPath> {
        let mut paths = Vec::new();
        let mut open = vec![top.clone()];
        while let Some(path) = open.pop() {
            if self.is_directory_at(&path) {
                open.extend(self.names(&path, &NameShape::default()).iter().rev().filter_map(|name| path.join(name).ok()));
            }
            paths.push(path);
        }
        paths
    }
}

/// Without the slashes at the end; a path of slashes alone stays the root.
fn trim(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|b| *b != b'/').map_or(path.len().min(1), |at| at + 1);
    path.get(..end).unwrap_or_default()
}
