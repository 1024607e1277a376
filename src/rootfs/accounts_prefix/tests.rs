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

/// A layer whose last entry must not be needed.
fn before_last(paths: &[&str]) -> String {
    let bytes = layer(paths);
    told(&bytes, bytes.len() - 1600)
}

#[test]
fn a_sorted_layer_tells_once_etc_is_passed() {
    for (paths, facts) in [
        (["./", "bin>usr/bin", "etc/", "etc/group", "etc/passwd", "home/", "zzz"].as_slice(), "/etc /etc/group /etc/passwd"),
        // Sorted by whole paths, as classic Docker does.
        (&["etc/", "etc-x", "etc/passwd", "etc0", "zzz"], "/etc /etc/passwd"),
        // A whiteout stands where the hidden file would.
        (&["etc/", "etc/group", "etc/.wh.passwd", "etc/shadow", "usr/", "zzz"], "/etc /etc/group /etc/shadow"),
        (&["usr/", "usr/bin/", "zzz"], ""),
    ] {
        assert_eq!(before_last(paths), facts, "{paths:?}");
    }
}

#[test]
fn before_etc_is_passed_nothing_is_concluded() {
    let bytes = layer(&["etc/", "etc/group", "etc/passwd", "home/"]);
    for length in (0..=5 * 512).chain([bytes.len() - 1]) {
        let expected = if length < 6 * 512 { "more" } else { "/etc /etc/group /etc/passwd" };
        assert_eq!(told(&bytes, length), expected, "{length} bytes");
    }
    // The end of a part is no end of the layer, even where it looks like one.
    let bytes = layer(&["bin/", "etc/"]);
    assert_eq!(told(&bytes, 1024), "more");
    assert_eq!(told(&bytes, bytes.len()), "/etc");
}

#[test]
fn an_unsorted_layer_tells_nothing_before_its_end() {
    let paths = ["usr/", "usr/a", "bin/", "etc/", "etc/passwd", "etc/group", "zzz"];
    assert_eq!(before_last(&["var/x", "etc/", "zzz", "a", "last"]), "", "var/ is past etc/, and so far all is sorted");
    assert_eq!(before_last(&["dev/", "bin/", "etc/", "etc/passwd", "usr/", "zzz"]), "all");
    let bytes = layer(&paths);
    assert_eq!(told(&bytes, bytes.len()), "/etc /etc/group /etc/passwd");
}

#[test]
fn accounts_behind_links_need_the_whole_layer() {
    assert_eq!(before_last(&["etc/", "etc/passwd>../usr/share/passwd", "usr/", "zzz"]), "all");
    assert_eq!(before_last(&["etc>private/etc", "usr/", "zzz"]), "all");
    assert_eq!(before_last(&["etc/", "etc/mtab>/proc/mounts", "usr/", "zzz"]), "/etc /etc/mtab");
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
