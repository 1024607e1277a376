//! Between the virtual root and the models: a [`View`] of the root, and writes applied to it.
//!
//! Invariant: a model's refusal is the command's exit status; anything that the root does not know is uncovered.

use std::sync::Arc;

use crate::layer::root::{Inode, InodeKind, Last, Provenance, VirtualRoot};
use crate::script::call::Call;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::{Change, Status, SystemError, View, Write};

/// The virtual root as the models see it.
pub(super) struct RootView<'a>(pub(super) &'a VirtualRoot);

impl View for RootView<'_> {
    fn read(&self, path: &str) -> crate::system::Result<Option<Arc<[u8]>>> {
        match self.0.read(path.as_bytes()) {
            Ok((bytes, _)) => Ok(Some(bytes)),
            Err(error) if error.is_real() => Ok(None),
            Err(_) => Err(SystemError::Unread { path: path.into() }),
        }
    }
    fn status(&self, path: &str) -> Option<Status> {
        let inode = self.0.lstat(path.as_bytes()).ok()?;
        Some(match &inode.kind {
            InodeKind::File { .. } => Status::File,
            InodeKind::Directory => Status::Directory,
            InodeKind::Symlink(target) => Status::Symlink(String::from_utf8_lossy(target).into_owned()),
            _ => Status::Other,
        })
    }
    fn resolve(&self, path: &str) -> Option<String> {
        let place = self.0.resolve(path.as_bytes(), Last::Follow).ok()?;
        self.0.at(&place)?;
        Some(String::from_utf8_lossy(&place.absolute()).into_owned())
    }
    fn list(&self, path: &str) -> Vec<String> {
        let names = self.0.read_dir(path.as_bytes()).unwrap_or_default();
        // A name that is no text is in no registry of Debian's.
        names.into_iter().filter_map(|name| String::from_utf8(name).ok()).collect()
    }
}

/// The arguments as text.
pub(super) fn words(call: &Call<'_>) -> Vec<String> {
    call.arguments.iter().map(|argument| argument.text().into_owned()).collect()
}

/// The result of a model, or its refusal as the command's own: a message and status 1.
pub(super) fn told<T>(call: &mut Call<'_>, result: Result<T, SystemError>) -> Result<Result<T, ExitStatus>, Uncovered> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.is_refusal() => {
            call.complain(error.to_string());
            Ok(Err(ExitStatus::FAILURE))
        }
        Err(error) => Err(call.uncovered(error.to_string())),
    }
}

/// Applies what a model wants; `base`: whether its bytes come from the base.
pub(super) fn finish(call: &mut Call<'_>, result: Result<Vec<Write>, SystemError>, base: bool) -> Result<ExitStatus, Uncovered> {
    match told(call, result)? {
        Ok(writes) => apply(call, &writes, base).map(|()| ExitStatus::SUCCESS),
        Err(status) => Ok(status),
    }
}

/// Applies writes in order.
pub(super) fn apply(call: &mut Call<'_>, writes: &[Write], base: bool) -> Result<(), Uncovered> {
    for write in writes {
        call.spend(if let Change::File(bytes) = &write.change { bytes.len() } else { 0 })?;
        one(call.root, write, base).map_err(|error| call.uncovered(error.to_string()))?;
    }
    Ok(())
}

fn one(root: &mut VirtualRoot, write: &Write, base: bool) -> Result<(), crate::layer::root::RootError> {
    let path = write.path.as_bytes();
    let there = root.lstat(path).ok();
    if let Change::Remove = write.change {
        return if there.is_some() { root.remove_tree(path) } else { Ok(()) };
    }
    if let Some(slash) = write.path.rfind('/').filter(|at| *at > 0) {
        root.mkdir_p(&path[..slash], 0o755)?;
    }
    match &write.change {
        Change::Remove => {}
        Change::MovedFrom(from) => {
            if there.is_some() {
                root.remove_tree(path)?;
            }
            root.rename(from.as_bytes(), path)?;
        }
        Change::Symlink(target) => {
            if there.is_some_and(|inode| inode.is_directory()) {
                root.remove_tree(path)?;
            }
            let provenance = Provenance { bytes: base, ids: false };
            let link =
                Inode { provenance, mtime: root.time(), ..Inode::new(InodeKind::Symlink(target.as_bytes().to_vec()), 0o777) };
            root.put(path, link)?;
        }
        Change::Directory => {
            root.mkdir_p(path, write.mode.unwrap_or(0o755))?;
            metadata(root, write)?;
        }
        Change::File(bytes) => {
            root.write(path, bytes.as_slice(), base, 0o644)?;
            metadata(root, write)?;
        }
    }
    Ok(())
}

/// Mode and owner, where the write names them or another path that has them.
fn metadata(root: &mut VirtualRoot, write: &Write) -> Result<(), crate::layer::root::RootError> {
    let like = write.like.as_ref().and_then(|like| root.stat(like.as_bytes()).ok());
    let path = write.path.as_bytes();
    if let Some(owner) = write.owner.or(like.as_ref().map(|inode| inode.owner)) {
        let numbers_of_base = owner.uid != 0 || owner.gid != 0;
        root.chown(path, owner, numbers_of_base, Last::Follow)?;
    }
    if let Some(mode) = write.mode.or(like.map(|inode| inode.mode)) {
        root.chmod(path, mode)?;
    }
    Ok(())
}
