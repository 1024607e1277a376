//! Paths followed through the symbolic links of an image.
//!
//! Invariant: no path leads out of the root: absolute targets start there, `..` stops there. At most [`MAX_LINKS`] links
//! are followed. No path of this machine is looked at.

use std::sync::Arc;

use crate::stream::{EntryPath, Kind};

use super::{Node, RootFs};

/// Links that Linux follows before it says `ELOOP` (`path_resolution(7)`).
pub(super) const MAX_LINKS: usize = 40;

/// Where a path leads.
#[derive(Clone, Debug)]
pub struct Resolved<'a> {
    /// The path without links in it; the path as asked, if it leads into a loop.
    pub path: EntryPath,
    /// What is there.
    pub node: Option<&'a Node>,
}

/// A file to stream out of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The layer, counted from the bottom.
    pub layer: usize,
    /// The path of the entry with the bytes, as that layer writes it.
    pub entry: EntryPath,
    /// Its bytes, if they are at hand.
    pub bytes: Option<Arc<[u8]>>,
}

impl RootFs {
    /// Follows the links of every parent of `path`, and its own if `follow_last`.
    pub fn resolve(&self, path: &EntryPath, follow_last: bool) -> Resolved<'_> {
        let link = |at: &[u8]| match self.nodes.get(at).map(|node| &node.entry.kind) {
            Some(Kind::Symlink { target }) => Some(target.as_slice()),
            _ => None,
        };
        match steps(path.as_bytes(), follow_last, MAX_LINKS, link) {
            Some(real) => Resolved { node: self.nodes.get(&real), path: real },
            None => Resolved { path: path.clone(), node: None },
        }
    }
    /// The path with all links of its parents followed: where an entry written as `path` must stand.
    pub fn real_parent(&self, path: &EntryPath) -> EntryPath {
        self.resolve(path, false).path
    }
    /// The kept bytes of the file that `path` leads to.
    pub fn read(&self, path: &EntryPath) -> Option<Arc<[u8]>> {
        self.resolve(path, true).node?.bytes.clone()
    }
    /// Whether something is there, links followed.
    pub fn exists(&self, path: &EntryPath) -> bool {
        self.resolve(path, true).node.is_some()
    }
    /// Keeps the bytes of the regular file that `path` leads to; whoever calls has read them from where [`Self::find`] says.
    pub fn hold(&mut self, path: &EntryPath, bytes: Arc<[u8]>) {
        let real = self.resolve(path, true).path;
        if let Some(node) = self.nodes.get_mut(&real) {
            node.bytes = Some(bytes);
        }
    }
    /// Which entry of which layer has the bytes of the regular file that `path` leads to.
    pub fn find(&self, path: &EntryPath) -> Option<Found> {
        let Resolved { path, node } = self.resolve(path, true);
        let node = node.filter(|node| matches!(node.entry.kind, Kind::File { .. }))?;
        let entry = self.written.get(&path).unwrap_or(&path).clone();
        Some(Found { layer: node.layer, entry, bytes: node.bytes.clone() })
    }
}

/// Walks the components of `path` from the root; `link` tells a link's target. Nothing for more than `links` links, or a
/// path longer than Linux takes.
pub(super) fn steps<'a>(
    path: &[u8],
    follow_last: bool,
    mut links: usize,
    link: impl Fn(&[u8]) -> Option<&'a [u8]>,
) -> Option<EntryPath> {
    let mut ahead: Vec<Vec<u8>> = reversed(path);
    let mut real: Vec<u8> = Vec::with_capacity(path.len());
    while let Some(component) = ahead.pop() {
        let length = real.len();
        match component.as_slice() {
            b"" | b"." => continue,
            b".." => {
                real.truncate(real.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
                continue;
            }
            name => {
                if !real.is_empty() {
                    real.push(b'/');
                }
                real.extend_from_slice(name);
            }
        }
        let last = ahead.iter().all(Vec::is_empty);
        let Some(target) = link(&real).filter(|_| follow_last || !last) else { continue };
        links = links.checked_sub(1)?;
        real.truncate(if target.starts_with(b"/") { 0 } else { length });
        ahead.extend(reversed(target));
        // Forty links of 4095 bytes are the most that can wait; Linux stops at a path of that length.
        if ahead.iter().map(|rest| rest.len() + 1).sum::<usize>() > 4096 * 2 {
            return None;
        }
    }
    EntryPath::new(real).ok()
}

/// The components, last first. A trailing slash leaves an empty one.
fn reversed(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests;
