//! Layers whose merged view is known: the rules of image-spec, and what overlayfs makes of the cases it leaves open.

use proptest::prelude::*;

use super::*;
use crate::stream::Limits;

/// A layer in short words: `d PATH`, `f PATH=BYTES`, `l PATH>TARGET`, `h PATH>TARGET`.
fn layer(words: &[&str]) -> Catalogue {
    let mut builder = tar::Builder::new(Vec::new());
    for word in words {
        let (flag, rest) = word.split_at(2);
        let (path, target, body) = match rest.split_once(['=', '>']) {
            Some((path, body)) if flag == "f " => (path, "", body),
            Some((path, target)) => (path, target, ""),
            None => (rest, "", ""),
        };
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(match flag {
            "d " => tar::EntryType::Directory,
            "l " => tar::EntryType::Symlink,
            "h " => tar::EntryType::Link,
            _ => tar::EntryType::Regular,
        });
        header.set_size(body.len() as u64);
        header.set_mode(0o700);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1);
        header.set_cksum();
        builder.append(&header, body.as_bytes()).expect("a vector");
    }
    let archive = builder.into_inner().expect("a vector");
    Catalogue::read(archive.as_slice(), Limits::default()).expect("a layer")
}

/// The view in the same words, with the layer that each path comes from; implied directories as `i PATH`.
fn view(layers: &[&[&str]]) -> Result<Vec<String>, String> {
    let catalogues: Vec<_> = layers.iter().map(|words| layer(words)).collect();
    let root = RootFs::merge(&catalogues).map_err(|error| error.to_string())?;
    let shown = |node: &Node| {
        let path = node.entry.path.to_string();
        let bytes = node.bytes.as_ref().map(|bytes| format!("={}", bytes.escape_ascii())).unwrap_or_default();
        match &node.entry.kind {
            Kind::Directory if node.entry.mode == 0o755 => format!("i {path} {}", node.layer),
            Kind::Directory => format!("d {path} {}", node.layer),
            Kind::Symlink { target } => format!("l {path}>{} {}", target.escape_ascii(), node.layer),
            Kind::File { .. } => format!("f {path}{bytes} {}", node.layer),
            other => format!("{other:?} {path}"),
        }
    };
    Ok(root.nodes().map(shown).collect())
}

/// What it shows, the layers, their view.
type Case<'a> = (&'a str, &'a [&'a [&'a str]], &'a [&'a str]);

#[test]
fn layers_are_merged_by_the_overlay_rules() {
    let table: &[Case] = &[
        ("a file hides a file", &[&["d etc", "f etc/a=1"], &["f etc/a=2"]], &["d /etc 0", "f /etc/a=2 1"]),
        ("a listed directory gives its metadata", &[&["d etc", "f etc/a=1"], &["d etc"]], &["d /etc 1", "f /etc/a=1 0"]),
        ("a whiteout removes a file", &[&["d etc", "f etc/a=1", "f etc/b=1"], &["f etc/.wh.a"]], &["d /etc 0", "f /etc/b=1 0"]),
        (
            "a whiteout removes a tree",
            &[&["d etc", "d etc/d", "f etc/d/a=1", "f etc/d-e=1"], &["f etc/.wh.d"]],
            &["d /etc 0", "f /etc/d-e=1 0"],
        ),
        ("a whiteout of nothing does nothing", &[&["d etc"], &["f etc/.wh.x"]], &["d /etc 0"]),
        (
            "a whiteout spares its own layer",
            &[&["d etc", "d etc/d", "f etc/d/a=1"], &["d etc/d", "f etc/d/b=2", "f etc/.wh.d"]],
            &["d /etc 0", "d /etc/d 1", "f /etc/d/b=2 1"],
        ),
        (
            "an opaque marker counts wherever it stands",
            &[&["d etc", "f etc/a=1"], &["d etc", "f etc/b=2", "f etc/.wh..wh..opq"]],
            &["d /etc 1", "f /etc/b=2 1"],
        ),
        ("an opaque root hides all", &[&["d etc", "f etc/a=1"], &["f .wh..wh..opq", "d usr"]], &["d /usr 1"]),
        ("a file hides a directory", &[&["d a", "d a/b", "f a/b/c"], &["f a/b"]], &["d /a 0", "f /a/b 1"]),
        ("a directory hides a file", &[&["f a"], &["d a", "f a/b"]], &["d /a 1", "f /a/b 1"]),
        ("an unlisted parent hides a file", &[&["f a"], &["f a/b"]], &["i /a 1", "f /a/b 1"]),
        ("an unlisted parent leaves a directory", &[&["d a"], &["f a/b"]], &["d /a 0", "f /a/b 1"]),
        (
            "a directory hides a lower link",
            &[&["d usr", "d usr/lib", "l lib>usr/lib"], &["f lib/x"]],
            &["i /lib 1", "f /lib/x 1", "d /usr 0", "d /usr/lib 0"],
        ),
        ("a link hides a directory", &[&["d lib", "f lib/x"], &["l lib>usr/lib"]], &["l /lib>usr/lib 1"]),
        (
            "a link of the same layer is followed",
            &[&["l lib>/usr/lib", "f lib/x", "f lib/../y"][..2]],
            &["l /lib>/usr/lib 0", "i /usr 0", "i /usr/lib 0", "f /usr/lib/x 0"],
        ),
        ("the last of two entries wins", &[&["f a=1", "d b", "f b/c", "f a=2", "f b"]], &["f /a 0", "f /b 0"]),
        (
            "hard links share bytes",
            &[&["d etc", "f etc/a=1", "h etc/b>etc/a", "f etc/a=2", "h etc/c>./etc/b"]],
            &["d /etc 0", "f /etc/a=2 0", "f /etc/b=1 0", "f /etc/c=1 0"],
        ),
        ("a hard link to a link is that link", &[&["l a>x", "h b>a"]], &["l /a>x 0", "l /b>x 0"]),
        (
            "a hard link's target is found through links",
            &[&["l lib>usr/lib", "f lib/a", "h b>lib/a"]],
            &["f /b 0", "l /lib>usr/lib 0", "i /usr 0", "i /usr/lib 0", "f /usr/lib/a 0"],
        ),
        ("bookkeeping of AUFS is no content", &[&["d .wh..wh.plnk", "f .wh..wh.plnk/1.2", "f .wh..wh.aufs", "f a"]], &["f /a 0"]),
        ("the root may be listed", &[&["d ./", "f a"]], &["d / 0", "f /a 0"]),
    ];
    for (name, layers, expected) in table {
        assert_eq!(view(layers).unwrap_or_else(|error| vec![error]), *expected, "{name}");
    }
}

#[test]
fn what_an_engine_cannot_unpack_is_refused_by_name() {
    let table: &[(&[&[&str]], &str)] = &[
        (&[&["f a"], &["h b>a"]], "layer 1: hard link /b leads to /a, which is not in this layer before it"),
        (&[&["h b>a", "f a"]], "layer 0: hard link /b leads to /a, which is not in this layer before it"),
        (&[&["d a", "h b>a"]], "layer 0: hard link /b leads to /a, which is a directory"),
        (&[&["f a", "f a/b"]], "layer 0: /a/b cannot be placed, since /a is not a directory in the same layer"),
        (&[&["f .wh.a/b"]], "layer 0: /.wh.a/b cannot be placed, since /.wh.a is named as a whiteout"),
        (&[&["l a>.wh.b", "f a/c"]], "layer 0: /a/c cannot be placed, since /.wh.b is named as a whiteout"),
        (&[&["l a>b", "l b>a", "f a/c"]], "layer 0: /a/c cannot be placed, since /a is below a loop of symbolic links"),
    ];
    for (layers, message) in table {
        assert_eq!(view(layers).expect_err("refused"), *message);
    }
}

#[test]
fn the_entry_with_the_bytes_is_found_under_the_name_its_layer_gives_it() {
    let layers = [layer(&["l lib>usr/lib", "f lib/a=1", "h b>lib/a"]), layer(&["l etc>usr", "l c>b"])];
    let root = RootFs::merge(&layers).expect("a view");
    let found = |path| root.find(&EntryPath::new(path).expect("a path")).map(|found| (found.layer, found.entry.to_string()));
    for path in ["b", "c", "lib/a", "usr/lib/a", "etc/lib/a"] {
        assert_eq!(found(path), Some((0, "/lib/a".to_owned())), "{path}");
    }
    assert_eq!(found("lib"), None);
    let above = [layers[0].clone(), layer(&["f b=2"])];
    let root = RootFs::merge(&above).expect("a view");
    assert_eq!(root.find(&EntryPath::new("b").expect("a path")).map(|found| found.entry.to_string()), Some("/b".to_owned()));
}

proptest! {
    #[test]
    fn every_node_of_any_layers_stands_in_a_directory(
        words in proptest::collection::vec(
            proptest::collection::vec("(d|f) (a|b)(/(a|b|\\.wh\\.a|\\.wh\\.b|\\.wh\\.\\.wh\\.\\.opq)){0,2}|l (a|b)(/(a|b)){0,1}>(/|\\.\\./)?(a|b)|h (a|b)>(a|b)", 0..7),
            0..4,
        )
    ) {
        let catalogues: Vec<_> = words.iter().map(|words| layer(&words.iter().map(String::as_str).collect::<Vec<_>>())).collect();
        let Ok(root) = RootFs::merge(&catalogues) else { return Ok(()) };
        for node in root.nodes() {
            prop_assert!(!node.entry.path.file_name().starts_with(b".wh."));
            for parent in node.entry.path.parents() {
                prop_assert!(root.get(&parent).is_some_and(|above| above.entry.is_directory()), "{} in {parent}", node.entry.path);
            }
        }
        let hidden = layer(&["f .wh..wh..opq"]);
        let nothing = RootFs::merge(catalogues.iter().chain([&hidden])).expect("a view");
        prop_assert!(nothing.nodes().all(|node| node.entry.path.is_root()) && nothing.written.is_empty());
    }
}

#[test]
fn parents_that_no_layer_lists_are_bounded_over_the_whole_image() {
    let deep = |name: usize| {
        let path = EntryPath::new([format!("{name}/").as_str(), "a/".repeat(2000).as_str(), "f"].concat()).expect("a path");
        Record { entry: Entry::new(path, Kind::File { size: 0 }, 0o644), bytes: None, digest: None, elf: None }
    };
    let layers = |count: usize| (0..count).map(|name| Catalogue { records: vec![deep(name)], ..Catalogue::default() });
    // Each implies 2001 directories of 2 KB on average.
    assert!(RootFs::merge(&layers(10).collect::<Vec<_>>()).is_ok());
    let refused = RootFs::merge(&layers(20).collect::<Vec<_>>());
    assert!(matches!(refused, Err(RootFsError::Implied { .. })));
}
