//! The key of a layer: the SHA-256 of its spec's canonical bytes.
//!
//! Invariant: two specs have the same key if and only if they are equal in all that reaches the layer's bytes. The encoding
//! is spelled out here, independent of serde: every field by its length, every enum by a number. A change of this file that
//! changes bytes raises [`FORMAT`]. Structs are taken apart without `..`, so that a new field cannot be forgotten.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Edit, LayerSpec, Made};
use crate::oci::{Digest, Hasher};
use crate::stream::{Entry, Kind, Owner};

/// The format of the encoding, and of what the linker makes of a spec.
const FORMAT: u32 = 1;

/// Which layer a spec makes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Digest);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl LayerSpec {
    /// The layer's key. Names of owners and groups do not count: they are never written.
    pub fn key(&self) -> Key {
        let Self { directories, whiteouts, sources, made } = self;
        let mut out = Encoder(Hasher::new());
        out.bytes(b"plywood layer spec");
        out.number(u64::from(FORMAT));
        out.list(directories, Encoder::entry);
        out.list(whiteouts, |out, path| out.bytes(path.as_bytes()));
        out.list(sources, |out, (digest, edits)| {
            out.bytes(digest.bytes());
            out.list(edits, Encoder::edit);
        });
        out.list(made, |out, Made { entry, bytes }| {
            out.entry(entry);
            out.bytes(bytes);
        });
        Key(out.0.finish())
    }
}

/// Numbers as 8 bytes, little end first; bytes and lists after their length.
struct Encoder(Hasher);

impl Encoder {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }
    fn list<'a, T: 'a, L: IntoIterator<Item = &'a T, IntoIter: ExactSizeIterator>>(
        &mut self,
        list: L,
        mut each: impl FnMut(&mut Self, &'a T),
    ) {
        let list = list.into_iter();
        self.number(list.len() as u64);
        list.for_each(|item| each(self, item));
    }
    fn owner(&mut self, Owner { uid, gid }: Owner) {
        self.number(u64::from(uid));
        self.number(u64::from(gid));
    }
    fn entry(&mut self, entry: &Entry) {
        let Entry { path, kind, mode, owner, user_name: _, group_name: _, mtime, xattrs } = entry;
        self.bytes(path.as_bytes());
        self.kind(kind);
        self.number(u64::from(*mode));
        self.owner(*owner);
        self.number(*mtime as u64);
        self.number(xattrs.len() as u64);
        for (name, value) in xattrs {
            self.bytes(name);
            self.bytes(value);
        }
    }
    fn kind(&mut self, kind: &Kind) {
        let (tag, numbers, target): (u64, [u64; 2], &[u8]) = match kind {
            Kind::File { size } => (1, [*size, 0], b""),
            Kind::Directory => (2, [0, 0], b""),
            Kind::Symlink { target } => (3, [0, 0], target),
            Kind::HardLink { target } => (4, [0, 0], target.as_bytes()),
            Kind::CharDevice { major, minor } => (5, [u64::from(*major), u64::from(*minor)], b""),
            Kind::BlockDevice { major, minor } => (6, [u64::from(*major), u64::from(*minor)], b""),
            Kind::Fifo => (7, [0, 0], b""),
        };
        self.number(tag);
        self.number(numbers[0]);
        self.number(numbers[1]);
        self.bytes(target);
    }
    fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Map { from, to } => {
                self.number(1);
                self.bytes(from.as_bytes());
                self.bytes(to.as_bytes());
            }
            Edit::Omit(path) => {
                self.number(2);
                self.bytes(path.as_bytes());
            }
            Edit::Own { path, mode, owner } => {
                self.number(3);
                self.bytes(path.as_bytes());
                self.number(u64::from(*mode));
                self.owner(*owner);
            }
            Edit::Replace { path, changes } => {
                self.number(4);
                self.bytes(path.as_bytes());
                self.list(changes, |out, (at, length, new)| {
                    out.number(*at);
                    out.number(*length);
                    out.bytes(new);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::stream::EntryPath;

    fn path(text: &str) -> EntryPath {
        EntryPath::new(text).expect("a path")
    }

    /// A spec in which every field has a value of its own.
    fn spec() -> LayerSpec {
        let directory = Entry::new(path("d"), Kind::Directory, 0o755);
        let made = Entry::new(path("d/m"), Kind::File { size: 1 }, 0o644);
        let own = Edit::Own { path: path("d/o"), mode: 0o600, owner: Owner { uid: 1, gid: 2 } };
        let replace = Edit::Replace { path: path("d/r"), changes: vec![(1, 2, b"x".to_vec())] };
        let map = Edit::Map { from: path("a"), to: path("d") };
        LayerSpec {
            directories: vec![directory],
            whiteouts: vec![path("d/w")],
            sources: vec![(Digest::of(b"s"), vec![map, Edit::Omit(path("x")), own, replace])],
            made: vec![Made { entry: made, bytes: b"m"[..].into() }],
        }
    }

    #[test]
    fn every_field_counts() {
        type Change = fn(&mut LayerSpec);
        let changes: &[Change] = &[
            |_| {},
            |s| s.directories.clear(),
            |s| s.directories[0].path = path("e"),
            |s| s.directories[0].mode = 0o700,
            |s| s.directories[0].owner.uid = 7,
            |s| s.directories[0].owner.gid = 7,
            |s| s.directories[0].mtime = -1,
            |s| drop(s.directories[0].xattrs.insert(b"user.a".to_vec(), b"b".to_vec())),
            |s| drop(s.directories[0].xattrs.insert(b"user.ab".to_vec(), b"".to_vec())),
            |s| s.directories[0].kind = Kind::Fifo,
            |s| s.directories[0].kind = Kind::File { size: 0 },
            |s| s.directories[0].kind = Kind::Symlink { target: b"t".to_vec() },
            |s| s.directories[0].kind = Kind::HardLink { target: path("t") },
            |s| s.directories[0].kind = Kind::CharDevice { major: 1, minor: 2 },
            |s| s.directories[0].kind = Kind::BlockDevice { major: 1, minor: 2 },
            |s| s.directories[0].kind = Kind::BlockDevice { major: 2, minor: 1 },
            |s| s.whiteouts.push(path("d/v")),
            |s| s.whiteouts[0] = path("d/v"),
            |s| s.sources[0].0 = Digest::of(b"t"),
            |s| s.sources[0].1.truncate(1),
            |s| s.sources[0].1[0] = Edit::Map { from: path("a"), to: path("e") },
            |s| s.sources[0].1[0] = Edit::Map { from: path("ad"), to: EntryPath::root() },
            |s| s.sources[0].1[1] = Edit::Omit(path("y")),
            |s| s.sources[0].1[2] = Edit::Own { path: path("d/o"), mode: 0o600, owner: Owner { uid: 2, gid: 1 } },
            |s| s.sources[0].1[2] = Edit::Own { path: path("d/o"), mode: 0o700, owner: Owner { uid: 1, gid: 2 } },
            |s| s.sources[0].1[3] = Edit::Replace { path: path("d/r"), changes: vec![(2, 1, b"x".to_vec())] },
            |s| s.sources[0].1[3] = Edit::Replace { path: path("d/r"), changes: vec![(1, 2, b"y".to_vec())] },
            |s| s.made[0].entry.mtime = 1,
            |s| s.made[0].bytes = b"n"[..].into(),
            |s| s.made.clear(),
        ];
        let keys: BTreeSet<Key> = changes
            .iter()
            .map(|change| {
                let mut changed = spec();
                change(&mut changed);
                changed.key()
            })
            .collect();
        assert_eq!(keys.len(), changes.len());
    }

    #[test]
    fn names_of_owners_do_not_count() {
        let mut named = spec();
        named.directories[0].user_name = b"root".to_vec();
        named.made[0].entry.group_name = b"root".to_vec();
        assert_eq!(named.key(), spec().key());
    }

    #[test]
    fn keys_of_this_format_are_known() {
        assert_eq!(FORMAT, 1, "a new format has new golden keys");
        assert_eq!(LayerSpec::default().key().0.short(), "ffde63256cf9");
        assert_eq!(spec().key().0.short(), "d01a60749aea");
    }
}
