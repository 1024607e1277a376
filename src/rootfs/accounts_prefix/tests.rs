//! When the start of a layer is enough, and when it is not.

use super::*;

fn layer(paths: &[&str]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for path in paths {
        let (path, target) = path.split_once('>').unwrap_or((path, ""));
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(if !target.is_empty() {
            tar::EntryType::Symlink
        } else if path.ends_with('/') {
            tar::EntryType::Directory
        } else {
            tar::EntryType::Regular
        });
        let body = if path.ends_with('/') || !target.is_empty() { "" } else { path };
        header.set_size(body.len() as u64);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        builder.append(&header, body.as_bytes()).expect("a vector");
    }
    builder.into_inner().expect("a vector")
}

/// What a layer tells if `length` of its bytes are read: the paths in `etc/`, or what is missing.
fn told(bytes: &[u8], length: usize) -> String {
    match read_accounts_prefix(&bytes[..length], length == bytes.len()).expect("a layer") {
        Prefix::NeedMore => "more".to_owned(),
        Prefix::NeedAll => "all".to_owned(),
        Prefix::Facts(facts) => {
            let root = AccountFacts::merge([&facts]).expect("a view");
            root.nodes().map(|node| node.entry.path.to_string()).collect::<Vec<_>>().join(" ")
        }
    }
}

/// Enough of an ordinary `etc/` to show that a layer is sorted.
const MANY: [&str; 20] = [
    "etc/", "etc/a", "etc/b", "etc/c", "etc/d", "etc/e", "etc/f", "etc/g", "etc/h", "etc/i", "etc/j", "etc/k", "etc/l", "etc/m",
    "etc/n", "etc/o", "etc/o1", "etc/o2", "etc/o3", "etc/o4",
];

/// What is told, `MANY` left out, of a layer of these paths and `MANY` before the first of them in `etc/`, less its last.
fn before_last(paths: &[&str]) -> String {
    let at = paths.iter().position(|path| path.starts_with("etc/")).unwrap_or(paths.len());
    let bytes = layer(&[&paths[..at], &MANY, &paths[at..]].concat());
    let told = told(&bytes, bytes.len() - 1600);
    let many = |path: &&str| !MANY.iter().any(|known| path.trim_start_matches('/') == known.trim_end_matches('/'));
    told.split(' ').filter(many).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_sorted_layer_tells_once_etc_is_passed() {
    for (paths, facts) in [
        (["./", "bin>usr/bin", "etc/passwd", "etc/shadow", "home/", "zzz"].as_slice(), "/etc/passwd /etc/shadow"),
        // Sorted by whole paths, as classic Docker does.
        (&["boot/", "boot-x", "boot/y", "etc/passwd", "etc0", "zzz"], "/etc/passwd"),
        // Sorted per directory, as GNU tar and BuildKit do; then neither.
        (&["boot/", "boot/y", "boot-x", "etc/passwd", "etc0", "zzz"], "/etc/passwd"),
        (&["boot/", "boot/y", "boot-x", "dev/", "dev-x", "dev/y", "etc/passwd", "etc0", "zzz"], "all"),
        // A whiteout stands where the hidden file would.
        (&["etc/ox", "etc/.wh.passwd", "etc/shadow", "usr/", "zzz"], "/etc/ox /etc/shadow"),
    ] {
        assert_eq!(before_last(paths), facts, "{paths:?}");
    }
}

#[test]
fn before_etc_is_passed_nothing_is_concluded() {
    let bytes = layer(&[MANY.as_slice(), &["etc/passwd", "home/", "zzz"]].concat());
    let home = (1 + 21 * 2 - 2) * 512;
    for length in (0..bytes.len()).step_by(101) {
        let shown = told(&bytes, length);
        assert_eq!(shown == "more", length < home + 512, "{length} bytes: {shown}");
    }
    // The end of a part is no end of the layer, even where it looks like one.
    let bytes = layer(&["bin/", "etc/"]);
    assert_eq!(told(&bytes, 1024), "more");
    assert_eq!(told(&bytes, bytes.len()), "/etc");
}

#[test]
fn a_layer_that_is_not_known_to_be_sorted_tells_nothing_before_its_end() {
    assert_eq!(before_last(&["dev/", "bin/", "etc/passwd", "usr/", "zzz"]), "all");
    for paths in [["usr/", "usr/a", "usr/b", "etc/", "etc/passwd"].as_slice(), &["etc/", "etc/group", "usr/", "etc/passwd"]] {
        let bytes = layer(paths);
        assert_eq!(told(&bytes, bytes.len() - 1), "all", "{paths:?}");
        assert!(told(&bytes, bytes.len()).contains("/etc/passwd"), "{paths:?}");
    }
}

#[test]
fn accounts_behind_links_need_the_whole_layer() {
    assert_eq!(before_last(&["etc/passwd>../usr/share/passwd", "usr/", "zzz"]), "all");
    assert_eq!(before_last(&["etc>private/etc", "usr/", "zzz"]), "all");
    assert_eq!(before_last(&["etc/otab>/proc/mounts", "etc/passwd", "usr/", "zzz"]), "/etc/otab /etc/passwd");
}

#[test]
fn facts_of_upper_layers_hide_those_of_lower_ones() {
    let facts = |paths: &[&str]| match read_accounts_prefix(layer(paths).as_slice(), true).expect("a layer") {
        Prefix::Facts(facts) => facts,
        other => panic!("{other:?}"),
    };
    let layers = [facts(&["etc/", "etc/group", "etc/passwd"]), facts(&["etc/.wh.group", "etc/shadow"])];
    let root = AccountFacts::merge(&layers).expect("a view");
    let paths: Vec<_> = root.nodes().map(|node| (node.entry.path.to_string(), node.layer)).collect();
    assert_eq!(paths, [("/etc", 0), ("/etc/passwd", 0), ("/etc/shadow", 1)].map(|(path, layer)| (path.to_owned(), layer)));
    assert_eq!(root.read(&EntryPath::new("etc/shadow").expect("a path")).as_deref(), Some(b"etc/shadow".as_slice()));
}

#[test]
fn damage_is_not_mistaken_for_an_end() {
    let mut bytes = layer(&["etc/", "etc/passwd", "home/"]);
    bytes[600] ^= 1;
    assert!(read_accounts_prefix(&bytes[..2000], false).is_err());
}
