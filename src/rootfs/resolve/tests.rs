//! Links that try to leave the root, loops, and the ordinary ones of a merged `/usr`.

use proptest::prelude::*;

use super::*;
use crate::stream::Entry;

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).expect("a path")
}

/// `PATH>TARGET` is a link, `PATH/` a directory, else a file of its own name.
fn root(words: &[&str]) -> RootFs {
    RootFs::from_nodes(words.iter().map(|word| {
        let (at, kind) = match word.split_once('>') {
            Some((at, target)) => (at, Kind::Symlink { target: target.as_bytes().to_vec() }),
            None if word.ends_with('/') => (*word, Kind::Directory),
            None => (*word, Kind::File { size: word.len() as u64 }),
        };
        let bytes = matches!(kind, Kind::File { .. }).then(|| word.as_bytes().into());
        Node { entry: Entry::new(path(at), kind, 0o755), bytes, digest: None, elf: None, layer: 0 }
    }))
}

#[test]
fn links_are_followed_within_the_root() {
    let root = root(&[
        "usr/",
        "usr/lib/",
        "usr/lib/os-release",
        "lib>usr/lib",
        "etc/os-release>../usr/lib/os-release",
        "etc/up>../../../../usr",
        "etc/absolute>/lib/",
        "etc/chain>absolute",
        "etc/nowhere>gone",
        "loop>loop",
    ]);
    for (asked, follow, real, there) in [
        ("lib/os-release", true, "/usr/lib/os-release", true),
        ("lib", false, "/lib", true),
        ("lib", true, "/usr/lib", true),
        ("etc/os-release", true, "/usr/lib/os-release", true),
        ("etc/os-release", false, "/etc/os-release", true),
        ("etc/up/lib", true, "/usr/lib", true),
        ("etc/chain/os-release", false, "/usr/lib/os-release", true),
        ("etc/nowhere", true, "/etc/gone", false),
        ("etc/nowhere/x", false, "/etc/gone/x", false),
        ("lib/new/file", false, "/usr/lib/new/file", false),
        ("loop/x", false, "/loop/x", false),
        ("", true, "/", false),
    ] {
        let resolved = root.resolve(&path(asked), follow);
        assert_eq!((resolved.path.to_string().as_str(), resolved.node.is_some()), (real, there), "{asked}");
    }
    assert_eq!(root.real_parent(&path("lib/x")), path("usr/lib/x"));
    assert_eq!(root.read(&path("etc/os-release")).as_deref(), Some(b"usr/lib/os-release".as_slice()));
    assert!(root.exists(&path("etc/chain")) && !root.exists(&path("etc/nowhere")) && !root.exists(&path("loop")));
}

#[test]
fn a_directory_is_listed_through_links_and_a_dangling_link_is_shown() {
    let root = root(&["usr/lib/a", "usr/lib/b/c", "lib>usr/lib", "dangling>x"]);
    let names = |at: &str| root.list(&path(at)).map(|rows| rows.iter().map(|row| row.0.entry.path.to_string()).collect::<Vec<_>>());
    assert_eq!(names("lib"), Some(vec!["/usr/lib/a".to_owned()]));
    assert_eq!(names("dangling"), Some(vec!["/dangling".to_owned()]));
    assert_eq!(names("usr/lib/a"), Some(vec!["/usr/lib/a".to_owned()]));
    assert_eq!(names("gone"), None);
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let chain = |links: usize| {
        let mut words: Vec<String> = (0..links).map(|n| format!("{n}>{}", n + 1)).collect();
        words.push(links.to_string());
        root(&words.iter().map(String::as_str).collect::<Vec<_>>()).exists(&path("0"))
    };
    assert!(chain(40));
    assert!(!chain(41));
}

#[test]
fn targets_that_grow_without_end_end() {
    let long = format!("bomb>{}bomb", "bomb/".repeat(800));
    assert!(!root(&[&long]).exists(&path("bomb/x")));
}

proptest! {
    #[test]
    fn no_link_leads_out_of_the_root(targets in proptest::collection::vec("[ab./]{0,12}", 1..6), asked in "[ab/]{0,10}") {
        let words: Vec<String> = ["a", "b", "a/a", "a/b", "b/a"].iter().zip(&targets).map(|(at, target)| format!("{at}>{target}")).collect();
        let root = root(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let resolved = root.resolve(&path(&asked), true);
        prop_assert!(resolved.path.components().all(|component| component != b".." && component != b"."));
    }
}
