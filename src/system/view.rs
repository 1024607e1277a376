//! What the commands see of a tree, and what they want changed in it.
//!
//! Invariant: paths are absolute text as the commands spell them; whoever holds the tree resolves symbolic links below its
//! own root, both when it answers and when it applies a [`Write`]. Nothing here touches a disk.

use std::sync::Arc;

use crate::stream::Owner;

use super::error::{Result, SystemError};

/// The largest document that is read as a whole: more than any real registry holds (Debian's largest, the debconf
/// templates, stay below 8 MiB), and far from hurting memory.
pub const MAX_DOCUMENT: usize = 64 << 20;

/// What stands at a path, its last component not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link with its target as written.
    Symlink(String),
    /// Anything else.
    Other,
}

/// A read-only tree.
pub trait View {
    /// Bytes of the regular file at `path`, links followed; `None` if there is none. Bytes that were not kept are an error.
    fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>>;
    /// What is at `path`, its last component not followed.
    fn status(&self, path: &str) -> Option<Status>;
    /// The path with all links followed, if something is there.
    fn resolve(&self, path: &str) -> Option<String>;
    /// Names in the directory `path`, in byte order; none if it is no directory.
    fn list(&self, path: &str) -> Vec<String>;

    /// Whether something is there, links followed.
    fn exists(&self, path: &str) -> bool {
        self.resolve(path).is_some()
    }
    /// Whether a directory is there, links followed.
    fn is_directory(&self, path: &str) -> bool {
        self.resolve(path).is_some_and(|real| self.status(&real) == Some(Status::Directory))
    }
    /// Whether a regular file is there, links followed.
    fn is_file(&self, path: &str) -> bool {
        self.resolve(path).is_some_and(|real| self.status(&real) == Some(Status::File))
    }
    /// Whether a symbolic link is there, dangling or not.
    fn is_symlink(&self, path: &str) -> bool {
        matches!(self.status(path), Some(Status::Symlink(_)))
    }
    /// The file as text; bytes that are not UTF-8 are replaced. For documents that are only read.
    fn text(&self, path: &str) -> Result<Option<String>> {
        Ok(self.read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
    /// The file's bytes, empty if there is none.
    fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        let bytes = self.read(path)?.map(|b| b.to_vec()).unwrap_or_default();
        if bytes.len() > MAX_DOCUMENT {
            return Err(SystemError::malformed(path, format!("more than {MAX_DOCUMENT} bytes")));
        }
        Ok(bytes)
    }
}

/// What a path shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A regular file with these bytes.
    File(Vec<u8>),
    /// A symbolic link to this target.
    Symlink(String),
    /// A directory; one that is there stays.
    Directory,
    /// What stands at this path, with all below it; that path is empty then. What was here before goes.
    MovedFrom(String),
    /// Nothing.
    Remove,
}

/// One change that a command makes. Missing parents are made as 0755 root:root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Absolute path as the command spells it.
    pub path: String,
    /// What it shall be.
    pub change: Change,
    /// Permission bits; `None`: those of the file that is replaced, else 0644 for files, 0755 for directories.
    pub mode: Option<u32>,
    /// Owner; `None`: that of the file that is replaced, else root.
    pub owner: Option<Owner>,
    /// A path that is there, whose mode and owner it shall have where `mode` and `owner` say nothing: a copy's original.
    pub like: Option<String>,
}

impl Write {
    /// A file that keeps mode and owner of the one it replaces.
    pub fn file(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), change: Change::File(bytes.into()), mode: None, owner: None, like: None }
    }
    /// A symbolic link.
    pub fn symlink(path: impl Into<String>, target: impl Into<String>) -> Self {
        Self { path: path.into(), change: Change::Symlink(target.into()), mode: None, owner: None, like: None }
    }
    /// A directory.
    pub fn directory(path: impl Into<String>) -> Self {
        Self { path: path.into(), change: Change::Directory, mode: None, owner: None, like: None }
    }
    /// What stands at `from` moves here, with mode and owner.
    pub fn moved(from: impl Into<String>, path: impl Into<String>) -> Self {
        Self { path: path.into(), change: Change::MovedFrom(from.into()), mode: None, owner: None, like: None }
    }
    /// Whatever is there goes.
    pub fn remove(path: impl Into<String>) -> Self {
        Self { path: path.into(), change: Change::Remove, mode: None, owner: None, like: None }
    }
    /// With these permission bits.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }
    /// With mode and owner of another path.
    #[must_use]
    pub fn like(mut self, path: impl Into<String>) -> Self {
        self.like = Some(path.into());
        self
    }
    /// With this owner.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }
}

/// The directory part of an absolute path, `/` for a path in the root.
pub(crate) fn directory_of(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(at) => &path[..at],
    }
}

/// The last component of a path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
