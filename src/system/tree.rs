//! A small tree in memory: lets one command see what the one before it wrote, and lets tests compare a model with a disk.
//!
//! Invariant: links are followed below the tree's own root, at most [`MAX_LINKS`] of them; no disk is touched.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::stream::Owner;

use super::error::Result;
use super::view::{Change, Status, View, Write};

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;

/// What stands at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A file with its bytes.
    File(Arc<[u8]>),
    /// A link with its target.
    Symlink(String),
    /// A directory.
    Directory,
}

/// A node with mode and owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// What it is.
    pub item: Item,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub owner: Owner,
}

/// The tree: absolute normalised path (`/etc/passwd`) to node. The root is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: BTreeMap<String, Placed>,
}

impl Tree {
    /// An empty root.
    pub fn new() -> Self {
        Self::default()
    }
    /// Files of root with mode 0644, parents made.
    pub fn with_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut tree = Self::new();
        for (path, text) in files {
            tree.apply(&Write::file(path, text.as_bytes()));
        }
        tree
    }
    /// All nodes in byte order of their paths.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Placed)> {
        self.nodes.iter().map(|(path, placed)| (path.as_str(), placed))
    }
    /// The node at exactly this path.
    pub fn get(&self, path: &str) -> Option<&Placed> {
        self.nodes.get(path)
    }
    /// Applies the changes in order.
    pub fn apply_all(&mut self, writes: &[Write]) {
        for write in writes {
            self.apply(write);
        }
    }
    /// Applies one change; links in its directory part are followed, the last component is replaced.
    pub fn apply(&mut self, write: &Write) {
        let Some(path) = self.place(&write.path) else { return };
        if path == "/" {
            return;
        }
        let item = match &write.change {
            Change::Remove => {
                self.take(&path);
                return;
            }
            Change::MovedFrom(from) => {
                let Some(from) = self.place(from) else { return };
                let moved = self.take(&from);
                self.take(&path);
                self.make_parents(&path);
                self.nodes.extend(moved.into_iter().map(|(below, placed)| (format!("{path}{below}"), placed)));
                return;
            }
            Change::Directory if self.is_directory(&path) => return,
            Change::Directory => Item::Directory,
            Change::File(bytes) => Item::File(bytes.as_slice().into()),
            Change::Symlink(target) => Item::Symlink(target.clone()),
        };
        self.make_parents(&path);
        let original = write.like.as_deref().and_then(|like| self.resolve(like));
        let old = self.nodes.get(original.as_ref().unwrap_or(&path)).filter(|_| !matches!(item, Item::Symlink(_)));
        let mode = write.mode.or(old.map(|o| o.mode)).unwrap_or(match item {
            Item::File(_) => 0o644,
            Item::Symlink(_) => 0o777,
            Item::Directory => 0o755,
        });
        let owner = write.owner.or(old.map(|o| o.owner)).unwrap_or_default();
        self.nodes.insert(path, Placed { item, mode, owner });
    }
    /// Takes a path and all below it out; the paths are given relative to it.
    fn take(&mut self, path: &str) -> Vec<(String, Placed)> {
        let is_it = |at: &str| at.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let (taken, kept) = std::mem::take(&mut self.nodes).into_iter().partition(|(at, _)| is_it(at));
        self.nodes = kept;
        let taken: BTreeMap<String, Placed> = taken;
        taken.into_iter().map(|(at, placed)| (at[path.len()..].to_owned(), placed)).collect()
    }
    fn make_parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/').skip(1) {
            let parent = &path[..at];
            if !self.nodes.contains_key(parent) {
                self.nodes.insert(parent.into(), Placed { item: Item::Directory, mode: 0o755, owner: Owner::default() });
            }
        }
    }
    /// The path with links of its directory part followed; components that are not there stay as they are.
    fn place(&self, path: &str) -> Option<String> {
        self.walk(path, false)
    }
    fn walk(&self, path: &str, last: bool) -> Option<String> {
        let mut todo: Vec<String> = path.split('/').rev().map(Into::into).collect();
        let mut done = String::new();
        let mut links = 0;
        while let Some(component) = todo.pop() {
            match component.as_str() {
                "" | "." => continue,
                ".." => {
                    done.truncate(done.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let next = format!("{done}/{component}");
            match self.nodes.get(&next) {
                Some(Placed { item: Item::Symlink(target), .. }) if last || !todo.iter().all(String::is_empty) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    if target.starts_with('/') {
                        done.clear();
                    }
                    todo.extend(target.split('/').rev().map(Into::into));
                }
                _ => done = next,
            }
        }
        Some(if done.is_empty() { "/".into() } else { done })
    }
}

impl View for Tree {
    fn read(&self, path: &str) -> Result<Option<Arc<[u8]>>> {
        Ok(self.resolve(path).and_then(|real| match self.nodes.get(&real) {
            Some(Placed { item: Item::File(bytes), .. }) => Some(bytes.clone()),
            _ => None,
        }))
    }
    fn status(&self, path: &str) -> Option<Status> {
        let path = self.place(path)?;
        if path == "/" {
            return Some(Status::Directory);
        }
        self.nodes.get(&path).map(|placed| match &placed.item {
            Item::File(_) => Status::File,
            Item::Symlink(target) => Status::Symlink(target.clone()),
            Item::Directory => Status::Directory,
        })
    }
    fn resolve(&self, path: &str) -> Option<String> {
        self.walk(path, true).filter(|real| real == "/" || self.nodes.contains_key(real))
    }
    fn list(&self, path: &str) -> Vec<String> {
        let Some(real) = self.resolve(path) else { return Vec::new() };
        let above = if real == "/" { String::from("/") } else { format!("{real}/") };
        self.nodes
            .range(above.clone()..)
            .map_while(|(path, _)| path.strip_prefix(&above))
            .filter(|name| !name.contains('/'))
            .map(Into::into)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_below_the_root_and_loops_end() {
        let mut tree = Tree::with_files([("/usr/lib/x/f", "f")]);
        tree.apply_all(&[Write::symlink("/lib", "usr/lib"), Write::symlink("/loop", "loop"), Write::symlink("/up", "../../usr")]);
        assert_eq!(tree.resolve("/lib/x/f").as_deref(), Some("/usr/lib/x/f"));
        assert_eq!(tree.resolve("/up/lib/x/../x/f").as_deref(), Some("/usr/lib/x/f"));
        assert_eq!(tree.resolve("/loop"), None);
        tree.apply(&Write::file("/lib/x/g", "g"));
        assert_eq!(tree.list("/usr/lib/x"), ["f", "g"]);
        assert!(tree.is_symlink("/lib") && tree.is_directory("/lib") && !tree.is_file("/lib"));
        tree.apply(&Write::remove("/usr/lib"));
        assert!(!tree.exists("/lib") && tree.is_symlink("/lib"));
    }

    #[test]
    fn a_replaced_file_keeps_mode_and_owner() {
        let mut tree = Tree::new();
        let owner = Owner { uid: 0, gid: 42 };
        tree.apply(&Write::file("/etc/shadow", "a").mode(0o640).owner(owner));
        tree.apply(&Write::file("/etc/shadow", "b"));
        let node = tree.get("/etc/shadow").expect("the file");
        assert_eq!((node.mode, node.owner), (0o640, owner));
    }
}
