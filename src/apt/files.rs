//! What the archive side of apt asks of a base: the bytes of a file, the names in a directory.
//!
//! Invariant: paths are those of the base, absolute; this machine's files are never meant. Nothing here writes.

use std::sync::Arc;

use crate::rootfs::RootFs;
use crate::stream::EntryPath;

/// The files of a base, as apt run inside it would see them. Links are followed.
pub trait Files {
    /// The bytes of the regular file at the absolute `path`, where there is one.
    fn read(&self, path: &str) -> Option<Arc<[u8]>>;
    /// The names in the directory at the absolute `path`, in byte order; none where it is no directory.
    fn names(&self, path: &str) -> Vec<String>;
}

impl Files for RootFs {
    fn read(&self, path: &str) -> Option<Arc<[u8]>> {
        Self::read(self, &EntryPath::new(path).ok()?)
    }
    fn names(&self, path: &str) -> Vec<String> {
        let Ok(path) = EntryPath::new(path) else { return Vec::new() };
        let directory = self.resolve(&path, true).path;
        let names = self.children(&directory).filter_map(|node| String::from_utf8(node.entry.path.file_name().to_vec()).ok());
        names.collect()
    }
}

/// The absolute paths of the files of a `.d` directory that apt reads (`GetListOfFilesInDir`): names of letters, digits
/// and `_-:.`, not hidden, with one of the `extensions`, or with none at all if `bare`; in byte order.
pub(super) fn parts(files: &(impl Files + ?Sized), directory: &str, extensions: &[&str], bare: bool) -> Vec<String> {
    let mut names = files.names(directory);
    names.retain(|name| {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-:.".contains(&b)) && !name.starts_with('.');
        plain
            && match name.rsplit_once('.') {
                None => bare,
                Some((_, extension)) => extensions.contains(&extension),
            }
    });
    names.sort();
    names.into_iter().map(|name| format!("{directory}/{name}")).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rootfs::Node;
    use crate::stream::{Entry, Kind};

    /// A base of a few text files, for the tests of this room.
    #[derive(Default)]
    pub(in crate::apt) struct Made(BTreeMap<String, Vec<u8>>);

    impl Made {
        pub(in crate::apt) fn with(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
            self.0.insert(path.into(), bytes.as_ref().to_vec());
            self
        }
    }

    impl Files for Made {
        fn read(&self, path: &str) -> Option<Arc<[u8]>> {
            self.0.get(path).map(|bytes| bytes.as_slice().into())
        }
        fn names(&self, path: &str) -> Vec<String> {
            let below = format!("{path}/");
            self.0.keys().filter_map(|p| p.strip_prefix(&below)).filter(|n| !n.contains('/')).map(Into::into).collect()
        }
    }

    #[test]
    fn only_the_names_that_apt_reads_are_read() {
        let made = ["b.conf", "a", "c.list", "bad~", ".hidden", "x.conf.dpkg-old", "0.conf", "with space"]
            .iter()
            .fold(Made::default(), |made, name| made.with(&format!("/d/{name}"), ""));
        assert_eq!(parts(&made, "/d", &["conf"], true), ["/d/0.conf", "/d/a", "/d/b.conf"]);
        assert_eq!(parts(&made, "/d", &["conf"], false), ["/d/0.conf", "/d/b.conf"]);
    }

    #[test]
    fn links_are_followed_inside_the_root_and_never_for_ever() {
        let node = |path: &str, kind: Kind, bytes: Option<&[u8]>| Node {
            entry: Entry::new(EntryPath::new(path).expect("a path"), kind, 0o644),
            bytes: bytes.map(Into::into),
            digest: None,
            elf: None,
            layer: 0,
        };
        let link = |path: &str, target: &str| node(path, Kind::Symlink { target: target.into() }, None);
        let root = RootFs::from_nodes([
            node("usr/share/keyrings/a.pgp", Kind::File { size: 1 }, Some(b"k")),
            link("usr/share/keyrings/a.gpg", "a.pgp"),
            link("etc/keys", "../../../usr/share/keyrings"),
            link("loop", "/loop"),
        ]);
        assert_eq!(Files::read(&root, "/usr/share/keyrings/a.gpg").as_deref(), Some(&b"k"[..]));
        assert_eq!(Files::read(&root, "/etc/keys/a.gpg").as_deref(), Some(&b"k"[..]));
        assert_eq!(Files::read(&root, "/loop"), None);
        assert_eq!(root.names("/etc/keys"), ["a.gpg", "a.pgp"]);
    }
}
