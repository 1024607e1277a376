//! From a path as a script writes it to the place in the root: links followed, `..` taken, and the questions about files.
//!
//! Invariant: no number of links or `..` leads out of the root; at most 40 links are followed, as Linux does.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::rootfs::NameShape;
use crate::stream::EntryPath;

use super::{Content, Inode, InodeKind, MAX_READ, RootError, VirtualRoot};

/// Linux's own limit (`MAXSYMLINKS`).
const MAX_LINKS: u32 = 40;

/// Whether a link in the last component is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// As `open` and `stat` do.
    Follow,
    /// As `lstat`, `rename` and `unlink` do.
    Keep,
}

impl VirtualRoot {
    /// The place that `path` names, taken from the root (a leading slash is optional). The last component need not exist;
    /// all directories above it must.
    pub fn resolve(&self, path: &[u8], last: Last) -> Result<EntryPath, RootError> {
        let shown = || String::from_utf8_lossy(path.get(..200).unwrap_or(path)).into_owned();
        if path.is_empty() {
            return Err(RootError::NotFound(shown()));
        }
        let mut rest: VecDeque<Vec<u8>> = split(path).collect();
        // A trailing slash asks for a directory, so the link before it is followed.
        let last = if path.ends_with(b"/") { Last::Follow } else { last };
        let mut here = EntryPath::root();
        let mut links = 0;
        while let Some(component) = rest.pop_front() {
            if component == b".." {
                here = here.parent().unwrap_or_default();
                continue;
            }
            let next = here.join(&component)?;
            if rest.is_empty() && last == Last::Keep {
                return Ok(next);
            }
            if self.is_directory_at(&next) {
                here = next;
                continue;
            }
            match self.at(&next) {
                Some(Inode { kind: InodeKind::Symlink(target), .. }) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(RootError::Loop(shown()));
                    }
                    if target.starts_with(b"/") {
                        here = EntryPath::root();
                    }
                    for component in split(&target).collect::<Vec<_>>().into_iter().rev() {
                        rest.push_front(component);
                    }
                }
                _ if rest.is_empty() => return Ok(next),
                Some(_) => return Err(RootError::NotADirectory(shown())),
                None => return Err(RootError::NotFound(shown())),
            }
        }
        Ok(here)
    }
    /// The node that `path` names, links followed.
    pub fn stat(&self, path: &[u8]) -> Result<Inode, RootError> {
        self.find(path, Last::Follow)
    }
    /// The node that `path` names; a link in the last component is the answer.
    pub fn lstat(&self, path: &[u8]) -> Result<Inode, RootError> {
        self.find(path, Last::Keep)
    }
    fn find(&self, path: &[u8], last: Last) -> Result<Inode, RootError> {
        let place = self.resolve(path, last)?;
        self.at(&place).ok_or_else(|| RootError::NotFound(place.to_string()))
    }
    /// Whether `path` names something, links followed.
    pub fn exists(&self, path: &[u8]) -> bool {
        self.stat(path).is_ok()
    }
    /// Whether `path` names a directory, links followed.
    pub fn is_directory(&self, path: &[u8]) -> bool {
        self.resolve(path, Last::Follow).is_ok_and(|place| self.is_directory_at(&place))
    }
    /// The bytes of a regular file, and whether they come from the base.
    pub fn read(&self, path: &[u8]) -> Result<(Arc<[u8]>, bool), RootError> {
        let place = self.resolve(path, Last::Follow)?;
        let inode = self.at(&place).ok_or_else(|| RootError::NotFound(place.to_string()))?;
        let InodeKind::File { content, size } = &inode.kind else {
            let shown = place.to_string();
            return Err(if inode.is_directory() { RootError::IsADirectory(shown) } else { RootError::Invalid(shown) });
        };
        Ok((self.fetch(&place, content, *size)?, inode.provenance.bytes))
    }
    /// The bytes of a node's content; `place` is for messages.
    pub fn fetch(&self, place: &EntryPath, content: &Content, size: u64) -> Result<Arc<[u8]>, RootError> {
        match content {
            Content::Held(bytes) => Ok(bytes.clone()),
            Content::Unkept(path) => Err(RootError::Unkept(path.to_string())),
            Content::Archive { .. } if size > MAX_READ => Err(RootError::TooLarge(place.to_string(), size)),
            Content::Archive { archive, path } => {
                self.bodies.read(archive, path).map_err(|cause| RootError::Body { path: place.to_string(), cause })
            }
        }
    }
    /// The names in a directory, sorted by bytes.
    pub fn read_dir(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, RootError> {
        self.read_dir_like(path, &NameShape::default())
    }
    /// At least the names of a shape; for questions that other names in the directory do not change.
    pub fn read_dir_like(&self, path: &[u8], like: &NameShape) -> Result<Vec<Vec<u8>>, RootError> {
        let place = self.resolve(path, Last::Follow)?;
        if self.is_directory_at(&place) {
            return Ok(self.names(&place, like));
        }
        let shown = place.to_string();
        Err(if self.at(&place).is_some() { RootError::NotADirectory(shown) } else { RootError::NotFound(shown) })
    }
}

fn split(path: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    path.split(|b| *b == b'/').filter(|c| !matches!(*c, b"" | b".")).map(<[u8]>::to_vec)
}
