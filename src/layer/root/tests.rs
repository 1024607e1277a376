//! The virtual root against what Linux and dpkg do, on small bases.

use std::sync::Arc;

use crate::rootfs::{Node, RootFs};
use crate::stream::{Entry, EntryPath, Kind, Owner};

use super::*;

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).expect("a path")
}

fn node(at: &str, kind: Kind, bytes: Option<&str>) -> Node {
    let mode = if kind == Kind::Directory { 0o755 } else { 0o644 };
    Node {
        entry: Entry::new(path(at), kind, mode),
        bytes: bytes.map(|b| Arc::from(b.as_bytes())),
        digest: None,
        elf: None,
        layer: 0,
    }
}

fn root() -> VirtualRoot {
    let link = |to: &str| Kind::Symlink { target: to.into() };
    let file = |text: &str| Kind::File { size: text.len() as u64 };
    let base = RootFs::from_nodes([
        node("bin", link("usr/bin"), None),
        node("usr/bin/sh", link("dash"), None),
        node("usr/bin/dash", Kind::File { size: 100 }, None),
        node("etc", Kind::Directory, None),
        node("etc/passwd", file("root:x:0\n"), Some("root:x:0\n")),
        node("etc/skel/.bashrc", file("x"), Some("x")),
        node("etc/skel-more", Kind::Directory, None),
        node("etc/up", link("../../../etc"), None),
        node("loop", link("loop"), None),
        node("tmp", Kind::Directory, None),
    ]);
    let mut root = VirtualRoot::new(Arc::new(base), Arc::new(NoBodies));
    root.set_author(Author::Package(3));
    root.set_time(77);
    root
}

fn changed(root: &VirtualRoot) -> Vec<String> {
    root.changes()
        .map(|(path, change)| match change {
            Change::Node(..) => format!("+{path}"),
            Change::Removed(_) => format!("-{path}"),
        })
        .collect()
}

#[test]
fn links_and_dots_are_resolved_inside_the_root() {
    let root = root();
    for (from, to) in [
        ("/bin/sh", "/usr/bin/dash"),
        ("bin/../sh", "/usr/sh"),
        ("/../../etc/up/passwd", "/etc/passwd"),
        ("/etc/up/up/../etc//./passwd", "/etc/passwd"),
        ("/bin/new", "/usr/bin/new"),
    ] {
        assert_eq!(root.resolve(from.as_bytes(), Last::Follow).expect(from), path(to), "{from}");
    }
    assert_eq!(root.resolve(b"/bin/sh", Last::Keep).expect("a link"), path("usr/bin/sh"));
    assert!(matches!(root.resolve(b"/loop/x", Last::Follow), Err(RootError::Loop(_))));
    assert!(matches!(root.resolve(b"/etc/passwd/x", Last::Follow), Err(RootError::NotADirectory(_))));
    assert!(matches!(root.resolve(b"/none/x", Last::Follow), Err(RootError::NotFound(_))));
}

#[test]
fn directories_that_no_layer_lists_exist_and_are_listed_once() {
    let mut root = root();
    assert!(root.is_directory(b"/usr/bin") && root.is_directory(b"/etc/skel"));
    assert_eq!(root.read_dir(b"/etc").expect("a listing"), [&b"passwd"[..], b"skel", b"skel-more", b"up"]);
    root.write(b"/etc/skel/x", b"1".to_vec(), false, 0o644).expect("written");
    root.remove(b"/etc/passwd").expect("removed");
    assert_eq!(root.read_dir(b"/etc").expect("a listing"), [&b"skel"[..], b"skel-more", b"up"]);
    assert_eq!(root.read_dir(b"/").expect("a listing"), [&b"bin"[..], b"etc", b"loop", b"tmp", b"usr"]);
    assert_eq!(changed(&root), ["-/etc/passwd", "+/etc/skel/x"]);
}

#[test]
fn a_redirect_keeps_mode_and_owner_and_provenance_follows_the_bytes() {
    let mut root = root();
    assert_eq!(root.read(b"/etc/passwd").expect("read"), (Arc::from(&b"root:x:0\n"[..]), true));
    root.chown(b"/etc/passwd", Owner { uid: 1, gid: 2 }, false, Last::Follow).expect("owned");
    root.chmod(b"/etc/passwd", 0o600).expect("mode");
    root.write(b"/etc/passwd", b"new".to_vec(), false, 0o644).expect("written");
    let inode = root.stat(b"/etc/passwd").expect("there");
    assert_eq!((inode.mode, inode.owner.gid, inode.provenance.bytes), (0o600, 2, false));
    assert_eq!((inode.author, inode.mtime), (Author::Package(3), 77));
    root.write(b"/tmp/a", b"a".to_vec(), true, 0o644).expect("written");
    root.append(b"/tmp/a", b"b", false, 0o644).expect("appended");
    assert_eq!(root.read(b"/tmp/a").expect("read"), (Arc::from(&b"ab"[..]), true));
}

#[test]
fn what_the_catalogue_did_not_keep_is_no_ordinary_failure() {
    let mut root = root();
    let error = root.read(b"/bin/sh").expect_err("no bytes");
    assert!(matches!(&error, RootError::Unkept(path) if path == "/usr/bin/dash") && !error.is_real());
    assert!(root.read(b"/bin/none").expect_err("absent").is_real());
    root.rename(b"/bin/dash", b"/bin/moved").expect("moved");
    assert!(matches!(root.read(b"/bin/moved"), Err(RootError::Unkept(path)) if path == "/usr/bin/dash"));
}

#[test]
fn a_directory_moves_with_all_below_it() {
    let mut root = root();
    root.rename(b"/etc/skel", b"/tmp/skel").expect("moved");
    assert_eq!(root.read(b"/tmp/skel/.bashrc").expect("read").0.as_ref(), b"x");
    assert!(!root.exists(b"/etc/skel"));
    assert_eq!(changed(&root), ["-/etc/skel", "-/etc/skel/.bashrc", "+/tmp/skel", "+/tmp/skel/.bashrc"]);
    assert!(matches!(root.rename(b"/tmp", b"/tmp/skel/x"), Err(RootError::Invalid(_))));
    root.remove_tree(b"/tmp/skel").expect("removed");
    root.mkdir(b"/etc/skel", 0o700).expect("made again");
    assert!(root.read_dir(b"/etc/skel").expect("a listing").is_empty());
    assert_eq!(changed(&root), ["+/etc/skel", "-/etc/skel/.bashrc"]);
}

#[test]
fn names_of_one_file_share_what_is_written() {
    let mut root = root();
    let file = Entry::new(path("usr/bin/a"), Kind::File { size: 1 }, 0o755);
    let link = Entry::new(path("bin/b"), Kind::HardLink { target: path("bin/a") }, 0o755);
    let content = Content::Held(Arc::from(&b"1"[..]));
    root.place(&file, content.clone(), Provenance::default()).expect("placed");
    assert_eq!(root.place(&link, content.clone(), Provenance::default()).expect("placed"), path("usr/bin/b"));
    root.write(b"/bin/b", b"2".to_vec(), false, 0o644).expect("written");
    assert_eq!(root.read(b"/bin/a").expect("read").0.as_ref(), b"2");
    root.place(&file, content, Provenance::default()).expect("placed again");
    assert_eq!(root.read(b"/bin/b").expect("read").0.as_ref(), b"2");
    assert_eq!(root.read(b"/bin/a").expect("read").0.as_ref(), b"1");
}

#[test]
fn entries_are_placed_as_dpkg_places_them() {
    let mut root = root();
    let place = |root: &mut VirtualRoot, at: &str, kind: Kind| {
        root.place(&Entry::new(path(at), kind, 0o700), Content::Held(Arc::from([])), Provenance::default())
    };
    let link = || Kind::Symlink { target: b"elsewhere".to_vec() };
    place(&mut root, "etc", Kind::Directory).expect("stays");
    place(&mut root, "bin", Kind::Directory).expect("the link stays");
    place(&mut root, "tmp", link()).expect("the directory stays");
    assert!(changed(&root).is_empty());
    place(&mut root, "bin/sh", Kind::File { size: 0 }).expect("the link is replaced");
    assert!(root.lstat(b"/usr/bin/sh").expect("there").is_file());
    assert!(matches!(place(&mut root, "tmp", Kind::Fifo), Err(RootError::IsADirectory(_))));
    assert_eq!(place(&mut root, "bin/d", Kind::Directory).expect("made"), path("usr/bin/d"));
    assert_eq!(root.stat(b"/bin/d").expect("there").mode, 0o700);
}

#[test]
fn a_path_that_comes_and_goes_leaves_no_trace() {
    let mut root = root();
    root.mkdir_p(b"/tmp/a/b/c", 0o755).expect("made");
    root.symlink(b"a", b"/tmp/l").expect("linked");
    assert!(matches!(root.remove(b"/tmp/a"), Err(RootError::NotEmpty(_))));
    assert!(matches!(root.mkdir(b"/tmp/l/", 0o755), Err(RootError::Exists(_))));
    root.remove(b"/tmp/l").expect("removed");
    root.remove_tree(b"/tmp/a").expect("removed");
    assert!(changed(&root).is_empty());
    assert!(matches!(root.remove_tree(b"/"), Err(RootError::Invalid(_))));
}
