//! What holds for the layers of every image, and what the packages of the test lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::bases::{base, rows};
use crate::lab::{Entry, Lab, entries, image};
use crate::tree::What;

/// What the glue may be at most, compressed.
const GLUE: u64 = 48 << 10;

/// What the image has and the plain base has not: path, permissions, bytes where they tell something.
const ADDED: &[(&str, u32, Option<&str>)] = &[
    ("etc/alternatives", 0o755, None),
    ("etc/ca-certificates.conf", 0o644, Some("probe/one.crt\nprobe/two.crt\n")),
    ("etc/conf/fresh", 0o640, Some("shipped 2.0\n")),
    ("etc/profile.d", 0o755, None),
    ("etc/profile.d/probe.sh", 0o644, Some("PATH=/usr/sbin:/usr/bin:/sbin:/bin\n")),
    ("etc/ssl", 0o755, None),
    ("etc/ssl/certs", 0o755, None),
    ("etc/ssl/certs/ca-certificates.crt", 0o644, None),
    ("etc/sudoers.d", 0o750, None),
    ("etc/sudoers.d/guest2", 0o440, Some("guest2 ALL=(ALL:ALL) NOPASSWD:ALL\n")),
    ("home/guest2", 0o700, None),
    ("home/guest2/.profile", 0o644, Some("umask 022\n")),
    ("opt", 0o755, None),
    ("opt/large", 0o644, None),
    ("opt/probe", 0o755, None),
    ("opt/probe/logs", 0o777, None),
    ("usr/bin/edit.probe", 0o755, Some("edit\n")),
    ("usr/bin/spool-changed", 0o2755, Some("changed\n")),
    ("usr/bin/spool-large", 0o2755, None),
    ("usr/bin/spool-small", 0o2755, Some("small\n")),
    ("usr/lib/local", 0o755, None),
    ("usr/lib/local/helper", 0o755, Some("helper\n")),
    ("usr/lib/probe", 0o755, None),
    ("usr/lib/probe/plugin", 0o644, Some("plugin\n")),
    ("usr/lib/spool", 0o755, None),
    ("usr/lib/spool/helper", 0o755, Some("helper\n")),
    ("usr/lib/x86_64-linux-gnu", 0o755, None),
    ("usr/lib/x86_64-linux-gnu/libprobe.so.1.2", 0o644, None),
    ("usr/local/share/local", 0o755, None),
    ("usr/local/share/local/text", 0o644, Some("local\n")),
    ("usr/sbin/update-ca-certificates", 0o755, None),
    ("usr/share/ca-certificates", 0o755, None),
    ("usr/share/ca-certificates/probe", 0o755, None),
    ("usr/share/ca-certificates/probe/one.crt", 0o644, None),
    ("usr/share/ca-certificates/probe/two.crt", 0o644, None),
    ("usr/share/doc/spool", 0o755, None),
    ("usr/share/doc/spool/copyright", 0o644, Some("free\n")),
    ("usr/share/doc/taker", 0o755, None),
    ("usr/share/doc/taker/copyright", 0o644, Some("free\n")),
    ("usr/share/indexed/local", 0o644, Some("local\n")),
    ("usr/share/indexed/probe", 0o644, Some("probe\n")),
    ("usr/share/old/new", 0o644, Some("2.0\n")),
    ("var/lib/apt", 0o755, None),
    ("var/cache", 0o755, None),
    ("var/cache/apt", 0o755, None),
    ("var/cache/apt/archives", 0o755, None),
    ("var/cache/apt/archives/partial", 0o700, None),
    ("var/lib/apt/lists", 0o755, None),
    ("var/lib/apt/lists/auxfiles", 0o755, None),
    ("var/lib/apt/lists/partial", 0o700, None),
    ("var/lib/apt/extended_states", 0o644, None),
    ("var/lib/dpkg/alternatives/edit", 0o644, None),
    ("var/lib/indexer/all", 0o644, Some("local\nprobe\n")),
    ("var/spool", 0o755, None),
    ("var/spool/probe", 0o2775, None),
    ("var/spool/probe/README", 0o644, Some("queue\n")),
];

const LINKS: &[(&str, &str)] = &[
    ("etc/alternatives/edit", "/usr/bin/edit.probe"),
    ("etc/ssl/certs/one.pem", "/usr/share/ca-certificates/probe/one.crt"),
    ("etc/ssl/certs/two.pem", "/usr/share/ca-certificates/probe/two.crt"),
    ("usr/bin/edit", "/etc/alternatives/edit"),
    ("usr/lib/x86_64-linux-gnu/libprobe.so.1", "libprobe.so.1.2"),
];

const GONE: &[&str] = &["usr/share/old/gone", "usr/share/old/gone/vanished"];

/// Files of the base that have other bytes in the image.
const CHANGED: &[(&str, &str)] = &[
    ("etc/conf/followed", "shipped 2.0\n"),
    ("etc/conf/kept", "changed by the base\n"),
    ("usr/share/keeper/own", "keeper\n"),
    ("usr/share/keeper/taken", "taker\n"),
    ("usr/share/old/kept", "2.0\n"),
];

#[test]
fn no_path_stands_in_two_layers_and_every_parent_is_listed_first() {
    let lab = Lab::new();
    let mut merged = base(true, &lab.key);
    for (number, row) in rows().iter().filter(|row| row.merged).enumerate() {
        (row.change)(&mut merged);
        // All at once, but one by one at the ends: what they do together must hold, too.
        if number == 0 || number == 8 {
            check(&lab, &merged, &format!("merged{number}"));
        }
    }
    check(&lab, &base(false, &lab.key), "unmerged");
}

fn check(lab: &Lab, base: &crate::tree::Tree, out: &str) {
    let layers = lab.build(base, out, &["--set", "uid=1001"]);
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for layer in &layers {
        let mut listed = BTreeSet::new();
        for entry in entries(&lab.path(out), layer) {
            let path = entry.path.trim_start_matches("./").to_owned();
            for (at, _) in path.match_indices('/') {
                assert!(listed.contains(&path[..at]), "{out}: {} lists {path} before {}", layer.name, &path[..at]);
            }
            if entry.kind == tar::EntryType::Directory {
                listed.insert(path);
            } else if let Some(other) = owners.insert(path.clone(), layer.name.clone()) {
                panic!("{out}: {path} is in {other} and in {}", layer.name);
            }
        }
    }
    let glue = layers.iter().find(|layer| layer.name == "glue").unwrap();
    assert!(glue.size <= GLUE, "{out}: the glue has {} bytes", glue.size);
}

#[test]
fn each_path_lies_in_the_layer_that_the_model_says() {
    let lab = Lab::new();
    let layers = lab.build(&base(true, &lab.key), "plain", &[]);
    let image = image(&lab.path("plain"), &layers);
    let find = |layer: &str, path: &str| -> &Entry {
        image.get(&(layer.into(), path.into())).unwrap_or_else(|| panic!("{layer} has no {path}"))
    };
    for (layer, path) in [
        ("tools", "usr/share/old/.wh.gone"),
        ("tools", "var/lib/dpkg/info/spool.list"),
        ("tools", "usr/bin/edit.probe"),
        ("site", "etc/conf/followed"),
        ("site", "etc/ca-certificates.conf"),
        // Made by a handler of the base from package files alone: with the package that woke it last.
        ("local", "var/lib/indexer/all"),
        ("large", "opt/large"),
        ("state", "var/lib/dpkg/status"),
        ("state", "etc/ssl/certs/ca-certificates.crt"),
        ("state", "etc/ssl/certs/one.pem"),
        ("glue", "etc/ld.so.cache"),
        ("glue", "etc/alternatives/edit"),
        ("glue", "var/lib/dpkg/info/keeper.list"),
        ("glue", "home/guest2/.profile"),
    ] {
        find(layer, path);
    }
    // The group's number is the first free one of this base; what has it is not in a ply.
    for (layer, path) in [("state", "usr/bin/spool-large"), ("glue", "usr/bin/spool-small"), ("glue", "usr/bin/spool-changed")] {
        assert_eq!((find(layer, path).owner, find(layer, path).mode), ((0, 101), 0o2755), "{path}");
    }
    assert_eq!(find("tools", "var/spool/probe").owner, (0, 0));
    assert_eq!((find("glue", "var/spool/probe").owner, find("glue", "var/spool/probe").mode), ((0, 101), 0o2775));
    let keeper = String::from_utf8(find("glue", "var/lib/dpkg/info/keeper.list").bytes.clone()).unwrap();
    assert!(keeper.contains("/own\n") && !keeper.contains("/taken\n"), "{keeper}");
    let status = String::from_utf8(find("state", "var/lib/dpkg/status").bytes.clone()).unwrap();
    let stanza = status.split("\n\n").find(|stanza| stanza.starts_with("Package: conf\n")).unwrap();
    assert!(stanza.contains("Version: 2.0") && stanza.contains("/etc/conf/kept ") && !stanza.contains("newconffile"), "{stanza}");
}

#[test]
fn what_dpkg_would_refuse_or_ask_stops_the_build_and_its_twin_passes() {
    let lab = Lab::new();
    let plain = base(true, &lab.key);
    let mut asks = plain.clone();
    asks.file("etc/conf/followed", 0o644, "changed by the base\n");
    let mut agrees = plain.clone();
    agrees.file("etc/conf/followed", 0o644, "shipped 2.0\n");
    for (number, (tree, words, told)) in [
        (&plain, &["--apt", "thief"][..], Some(["thief", "/usr/share/keeper/own"])),
        (&plain, &[], None),
        (&asks, &[], Some(["conf", "/etc/conf/followed"])),
        (&agrees, &[], None),
    ]
    .into_iter()
    .enumerate()
    {
        let output = lab.command(tree, &format!("refused{number}")).args(words).output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        match told {
            None => assert!(output.status.success(), "{talk}"),
            Some(parts) => {
                assert!([3, 8].contains(&output.status.code().unwrap()), "{:?}: {talk}", output.status);
                let error = talk.lines().find(|line| line.starts_with("error:")).unwrap_or_default();
                assert!(parts.iter().all(|part| error.contains(part)), "{talk}");
                assert!(!lab.path(&format!("refused{number}")).join("index.json").exists());
            }
        }
    }
}

#[test]
fn a_tool_of_others_unpacks_the_expected_tree() {
    let lab = Lab::new();
    for (out, order) in [("sorted", crate::tree::Order::Sorted), ("turned", crate::tree::Order::Turned)] {
        let mut tree = base(true, &lab.key);
        tree.order = order;
        lab.build(&tree, out, &[]);
        let bundle = lab.path(&format!("{out}-bundle"));
        let unpacked = Command::new("umoci")
            .args(["unpack", "--rootless", "--image", &format!("{}:x", lab.path(out).display())])
            .arg(&bundle)
            .output()
            .unwrap_or_else(|e| panic!("umoci (tests/setup installs it): {e}"));
        assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
        let root = bundle.join("rootfs");
        compare(&root, &tree);
        // Folders without write permission for their owner would stay behind.
        Command::new("chmod").args(["-R", "u+rwX"]).arg(&bundle).status().unwrap();
    }
}

fn compare(root: &Path, tree: &crate::tree::Tree) {
    let mut expected: BTreeSet<String> = tree.nodes.keys().cloned().collect();
    expected.insert("var/lib/dpkg/status".into());
    expected.extend(ADDED.iter().map(|(path, ..)| (*path).to_owned()).chain(LINKS.iter().map(|(path, _)| (*path).to_owned())));
    expected.retain(|path| !GONE.contains(&path.as_str()));
    let mut found = BTreeSet::new();
    walk(root, root, &mut found);
    // dpkg's own files of each package, and what editors of accounts leave, are held by the oracles against the real tools.
    let own = |path: &&String| path.starts_with("var/lib/dpkg/info/") || path.ends_with('-');
    let wrong: Vec<&String> = found.symmetric_difference(&expected).filter(|path| !own(path)).collect();
    assert!(wrong.is_empty(), "there or not against expectation: {wrong:?}");
    for (path, mode, bytes) in ADDED {
        let there = std::fs::symlink_metadata(root.join(path)).unwrap();
        assert_eq!(there.permissions().mode() & 0o7777, *mode, "{path}");
        if let Some(bytes) = bytes {
            assert_eq!(std::fs::read_to_string(root.join(path)).unwrap(), *bytes, "{path}");
        }
    }
    for (path, target) in LINKS {
        assert_eq!(std::fs::read_link(root.join(path)).unwrap().to_str(), Some(*target), "{path}");
    }
    for (path, bytes) in CHANGED {
        assert_eq!(std::fs::read_to_string(root.join(path)).unwrap(), *bytes, "{path}");
    }
    for (path, node) in &tree.nodes {
        if let (What::Directory, Ok(there)) = (&node.what, std::fs::symlink_metadata(root.join(path))) {
            assert_eq!(there.permissions().mode() & 0o7777, node.mode, "{path}");
        }
    }
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        if path.is_dir() && !path.is_symlink() {
            walk(root, &path, found);
        }
    }
}
