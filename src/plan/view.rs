//! The virtual root as `system`'s functions see it, and their writes applied to it.

use std::sync::Arc;

use crate::error::Result;
use crate::layer::root::{InodeKind, Last, VirtualRoot};
use crate::system::{self, Change, Status, View, Write};

/// A read-only look at a virtual root.
pub(super) struct RootView<'a>(pub(super) &'a VirtualRoot);

impl View for RootView<'_> {
    fn read(&self, path: &str) -> system::Result<Option<Arc<[u8]>>> {
        if !self.is_file(path) {
            return Ok(None);
        }
        self.0.read(path.as_bytes()).map(|(bytes, _)| Some(bytes)).map_err(|e| system::SystemError::refused("read", e.to_string()))
    }
    fn status(&self, path: &str) -> Option<Status> {
        let place = self.0.resolve(path.as_bytes(), Last::Keep).ok()?;
        Some(match self.0.at(&place)?.kind {
            InodeKind::File { .. } => Status::File,
            InodeKind::Directory => Status::Directory,
            InodeKind::Symlink(target) => Status::Symlink(String::from_utf8_lossy(&target).into_owned()),
            _ => Status::Other,
        })
    }
    fn resolve(&self, path: &str) -> Option<String> {
        let place = self.0.resolve(path.as_bytes(), Last::Follow).ok()?;
        self.0.at(&place)?;
        String::from_utf8(place.absolute()).ok()
    }
    fn list(&self, path: &str) -> Vec<String> {
        let names = self.0.read_dir(path.as_bytes()).unwrap_or_default();
        names.into_iter().filter_map(|n| String::from_utf8(n).ok()).collect()
    }
}

/// Applies writes of `system`. `base`: their bytes were made from the base.
pub(super) fn apply(root: &mut VirtualRoot, writes: &[Write], base: bool) -> Result<()> {
    for write in writes {
        let path = write.path.as_bytes();
        if let Some((above, _)) = write.path.rsplit_once('/').filter(|(above, _)| !above.is_empty()) {
            root.mkdir_p(above.as_bytes(), 0o755)?;
        }
        match &write.change {
            Change::File(bytes) => {
                root.write(path, bytes.clone(), base, write.mode.unwrap_or(0o644))?;
            }
            Change::MovedFrom(from) => {
                root.rename(from.as_bytes(), path)?;
            }
            Change::Symlink(target) => {
                if root.lstat(path).is_ok() {
                    root.remove(path)?;
                }
                root.symlink(target.as_bytes(), path)?;
            }
            Change::Directory => {
                root.mkdir_p(path, write.mode.unwrap_or(0o755))?;
            }
            Change::Remove => {
                if root.lstat(path).is_ok() {
                    root.remove_tree(path)?;
                }
            }
        }
        let symlink = matches!(write.change, Change::Symlink(_));
        if let Some(mode) = write.mode.filter(|_| !symlink && write.change != Change::Remove) {
            root.chmod(path, mode)?;
        }
        if let Some(owner) = write.owner.filter(|_| write.change != Change::Remove) {
            root.chown(path, owner, base, Last::Keep)?;
        }
    }
    Ok(())
}
