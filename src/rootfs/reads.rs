//! What was asked of an image: three questions, each noted, so that another image can be asked the same.
//!
//! Invariant: whoever sees an image through [`Watched`] alone is a function of the answers. Two images with equal
//! [`Reads::answers`] are one image to it. The time of a directory is no part of an answer: nobody may read it here.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::oci::{Digest, Hasher};
use crate::stream::EntryPath;

use super::{Node, RootFs};

/// Raised by every change to what is asked and how answers are summed up.
const FORMAT: &[u8] = b"answers 2\n";

/// An image with a note of every question.
#[derive(Debug)]
pub struct Watched {
    image: Arc<RootFs>,
    at: RefCell<HashSet<EntryPath>>,
    names: RefCell<HashSet<Listing>>,
    below: RefCell<HashSet<EntryPath>>,
}

/// A question for the names in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Listing {
    directory: EntryPath,
    like: NameShape,
}

/// Which names are asked for. It may let through more than whoever asks wants, never less.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NameShape {
    /// How they begin.
    pub start: Vec<u8>,
    /// How they end.
    pub end: Vec<u8>,
    /// Bytes that they have at most.
    pub most: Option<usize>,
}

impl NameShape {
    /// Whether a name is asked for.
    pub fn admits(&self, name: &[u8]) -> bool {
        name.starts_with(&self.start) && name.ends_with(&self.end) && self.most.is_none_or(|most| name.len() <= most)
    }
}

/// The questions, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reads {
    at: Vec<EntryPath>,
    names: Vec<Listing>,
    below: Vec<EntryPath>,
}

impl Watched {
    /// An image of which nothing was asked.
    pub fn new(image: Arc<RootFs>) -> Self {
        Self { image, at: RefCell::default(), names: RefCell::default(), below: RefCell::default() }
    }
    /// The node at exactly this path; no link is followed. Of a directory, all but its time counts.
    pub fn get(&self, path: &EntryPath) -> Option<&Node> {
        note(&self.at, path);
        self.image.get(path)
    }
    /// Whether anything lies below this path.
    pub fn has_below(&self, path: &EntryPath) -> bool {
        note(&self.below, path);
        self.image.below(path).next().is_some()
    }
    /// The names in a directory that have this shape, in byte order.
    pub fn names(&self, directory: &EntryPath, like: &NameShape) -> BTreeSet<Vec<u8>> {
        note(&self.names, &Listing { directory: directory.clone(), like: like.clone() });
        names(&self.image, directory, like)
    }
    /// All that was asked so far.
    pub fn reads(&self) -> Reads {
        Reads { at: sorted(&self.at), names: sorted(&self.names), below: sorted(&self.below) }
    }
}

fn note<T: Clone + Eq + std::hash::Hash>(asked: &RefCell<HashSet<T>>, question: &T) {
    let mut asked = asked.borrow_mut();
    if !asked.contains(question) {
        asked.insert(question.clone());
    }
}

fn sorted<T: Clone + Ord>(asked: &RefCell<HashSet<T>>) -> Vec<T> {
    let mut all: Vec<T> = asked.borrow().iter().cloned().collect();
    all.sort();
    all
}

impl Reads {
    /// One digest of everything that `image` answers.
    pub fn answers(&self, image: &RootFs) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(FORMAT);
        let mut add = |answer: Result<Vec<u8>, postcard::Error>| {
            // Nothing here refuses to be serialised.
            let answer = answer.unwrap_or_default();
            hasher.update(&(answer.len() as u64).to_le_bytes());
            hasher.update(&answer);
        };
        for path in &self.at {
            add(postcard::to_stdvec(&image.get(path).map(sum)));
        }
        for Listing { directory, like } in &self.names {
            add(postcard::to_stdvec(&names(image, directory, like)));
        }
        for path in &self.below {
            add(postcard::to_stdvec(&image.below(path).next().is_some()));
        }
        hasher.finish()
    }
}

/// All of a node that an answer holds; the bytes are told by their digest, and whether they are at hand.
fn sum(node: &Node) -> impl Serialize + '_ {
    let Node { entry, bytes, digest, elf, layer: _ } = node;
    let time = if entry.is_directory() { 0 } else { entry.mtime };
    ((&entry.kind, entry.mode, entry.owner, time, &entry.xattrs), bytes.is_some(), digest, elf)
}

fn names(image: &RootFs, directory: &EntryPath, like: &NameShape) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    collect_names(directory, like, &mut found, |start| image.range_from(start).next().map(|node| node.entry.path.as_bytes()));
    found
}

/// The names in a directory of a sorted tree, those of unlisted directories too. `first` gives the first path from a bound on;
/// whole subtrees are skipped, so that listing `/` does not walk the image.
pub fn collect_names<'a>(
    directory: &EntryPath,
    like: &NameShape,
    names: &mut BTreeSet<Vec<u8>>,
    first: impl Fn(Bound<&[u8]>) -> Option<&'a [u8]>,
) {
    let mut prefix = directory.as_bytes().to_vec();
    if !prefix.is_empty() {
        prefix.push(b'/');
    }
    let mut at = Bound::Excluded(prefix.clone());
    loop {
        let Some(path) = first(at.as_ref().map(Vec::as_slice)) else { return };
        let Some(rest) = path.strip_prefix(prefix.as_slice()) else { return };
        let name = rest.split(|b| *b == b'/').next().unwrap_or_default();
        let next = [prefix.as_slice(), name].concat();
        // `0` is the byte after `/`.
        at = if name.len() == rest.len() { Bound::Excluded(next) } else { Bound::Included([next.as_slice(), b"0"].concat()) };
        if like.admits(name) {
            names.insert(name.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Entry, Kind};

    fn path(text: &str) -> EntryPath {
        EntryPath::new(text).expect("a path")
    }

    fn node(name: &str, kind: Kind, edit: impl FnOnce(&mut Entry)) -> Node {
        let mut entry = Entry::new(path(name), kind, 0o755);
        edit(&mut entry);
        Node { entry, bytes: None, digest: Some(Digest::of(b"x")), elf: None, layer: 0 }
    }

    fn file(name: &str) -> Node {
        node(name, Kind::File { size: 1 }, |_| {})
    }

    #[test]
    fn only_what_was_asked_decides() {
        let nodes = || [node("etc", Kind::Directory, |_| {}), file("etc/a"), file("etc/m/x"), file("var/x")];
        let watched = Watched::new(Arc::new(RootFs::from_nodes(nodes())));
        assert!(watched.get(&path("etc")).is_some() && watched.get(&path("etc/a")).is_some());
        assert!(watched.get(&path("etc/none")).is_none());
        let all = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect::<BTreeSet<_>>();
        assert_eq!(watched.names(&path("etc"), &NameShape::default()), all(&["a", "m"]));
        let long = NameShape { start: b"v".to_vec(), end: b"r".to_vec(), most: Some(3) };
        assert_eq!(watched.names(&EntryPath::root(), &long), all(&["var"]));
        assert!(!watched.has_below(&path("run")) && watched.has_below(&path("var")));
        let reads = watched.reads();
        let base = reads.answers(&RootFs::from_nodes(nodes()));
        let with = |more: Node| reads.answers(&RootFs::from_nodes(nodes().into_iter().chain([more])));
        let same = [
            file("srv/other"),
            file("vast"),
            file("run.x"),
            file("etc/m/deeper"),
            file("var/more"),
            node("var/x", Kind::Fifo, |_| {}),
            node("etc", Kind::Directory, |entry| entry.mtime = 9),
            Node { layer: 7, ..file("etc/a") },
        ];
        for more in same {
            assert_eq!(with(more.clone()), base, "{more:?}");
        }
        let differs = [
            file("etc/none"),
            file("etc/c"),
            file("run/x"),
            file("vir"),
            node("etc/a", Kind::File { size: 1 }, |entry| entry.mtime = 9),
            node("etc/a", Kind::File { size: 1 }, |entry| entry.mode = 0o600),
            node("etc", Kind::Directory, |entry| entry.owner.gid = 9),
            Node { digest: Some(Digest::of(b"y")), ..file("etc/a") },
            Node { bytes: Some(Arc::from(&b"x"[..])), ..file("etc/a") },
        ];
        for more in differs {
            assert_ne!(with(more.clone()), base, "{more:?}");
        }
    }
}
