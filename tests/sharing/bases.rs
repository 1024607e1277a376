//! The plain base, and the ones that differ from it in one thing.

use crate::deb::Deb;
use crate::elf::library;
use crate::packages::{certificate, installed};
use crate::tree::{Family, Node, Order, Tree, What};

/// Programs whose effects scripts ask for; they count as there if their file is.
const PROGRAMS: &[&str] = &[
    "usr/bin/cat",
    "usr/bin/chgrp",
    "usr/bin/chmod",
    "usr/bin/update-alternatives",
    "usr/sbin/addgroup",
    "usr/sbin/ldconfig",
    "usr/sbin/useradd",
];

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nshadow:x:42:\nstaff:x:50:\nusers:x:100:\nnogroup:x:65534:\n";

/// The plain base; `merged`: `lib` and its kin are links into `usr`.
pub(crate) fn base(merged: bool, key: &[u8]) -> Tree {
    let mut tree = Tree::new();
    for name in ["bin", "lib", "sbin"] {
        tree.directory(&format!("usr/{name}"), 0o755);
        if merged {
            tree.symlink(name, &format!("usr/{name}"));
        } else {
            tree.directory(name, 0o755);
        }
    }
    for program in PROGRAMS {
        tree.file(program, 0o755, "");
    }
    for (path, text) in [
        ("etc/passwd", PASSWD),
        ("etc/group", GROUP),
        ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ("etc/debian_version", "12.0\n"),
        ("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n"),
        ("etc/ld.so.conf.d/libc.conf", "/usr/local/lib\n/usr/lib/x86_64-linux-gnu\n"),
        ("etc/apt/sources.list", "deb [signed-by=/usr/share/keyrings/probe.gpg] http://archive.test/debian/ stable main\n"),
        ("etc/login.defs", "SYS_UID_MIN 101\nSYS_UID_MAX 999\nSYS_GID_MIN 101\nSYS_GID_MAX 999\nHOME_MODE 0700\n"),
        ("etc/skel/.profile", "umask 022\n"),
        ("var/lib/dpkg/arch", "amd64\n"),
        ("var/lib/dpkg/triggers/File", "/usr/share/indexed indexer/noawait\n"),
        ("var/lib/dpkg/triggers/ldconfig", "libc-bin/noawait\n"),
        ("usr/share/doc/README", "documents\n"),
    ] {
        tree.file(path, 0o644, text);
    }
    for (path, group) in [("etc/shadow", false), ("etc/gshadow", true)] {
        let names = if group { GROUP } else { PASSWD };
        let rest = if group { ":*::\n" } else { ":*:19000:0:99999:7:::\n" };
        let lines = names.lines().map(|line| line.split(':').next().unwrap().to_owned() + rest);
        tree.nodes.insert(path.into(), Node { mode: 0o640, gid: 42, what: What::File(lines.collect::<String>().into_bytes()) });
    }
    tree.file(
        "etc/ld.so.cache",
        0o644,
        plywood::system::ldconfig::cache(&[], b"ldconfig (Debian GLIBC 2.36-9) stable release version 2.36"),
    );
    tree.file("usr/share/keyrings/probe.gpg", 0o644, key);
    for (path, mode) in [("root", 0o700), ("home", 0o755), ("tmp", 0o1777), ("usr/local/share/ca-certificates", 0o755)] {
        tree.directory(path, mode);
    }
    tree.directory("usr/local/lib", 0o755);
    tree.directory("var/lib/dpkg/alternatives", 0o755);
    for package in installed() {
        tree.install(&package);
    }
    tree.file("etc/conf/kept", 0o644, "changed by the base\n");
    tree
}

/// A base that differs in one thing, and what must follow.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) merged: bool,
    pub(crate) change: fn(&mut Tree),
    pub(crate) uid: u32,
    /// The layers that differ from the plain base's: plies by recipe, `state`, `glue`. All others are equal.
    pub(crate) differs: &'static [&'static str],
}

const fn row(name: &'static str, differs: &'static [&'static str], change: fn(&mut Tree)) -> Row {
    Row { name, merged: true, change, uid: 1000, differs }
}

/// The table of `docs/layers.md`.
pub(crate) fn rows() -> Vec<Row> {
    vec![
        row("a file", &[], |tree| tree.file("srv/text", 0o644, "text\n")),
        Row {
            uid: 1001,
            ..row("UID 1000 taken", &["glue"], |tree| {
                tree.append("etc/passwd", "guest:x:1000:1000::/home/guest:/bin/sh\n");
                tree.append("etc/group", "guest:x:1000:\n");
            })
        },
        row("a system group at gid 101", &["state", "glue"], |tree| tree.append("etc/group", "taken:x:101:\n")),
        row("PATH", &["glue"], |tree| tree.path = "/opt/bin:/usr/bin".into()),
        row("one more package", &["state", "glue"], |tree| {
            let library = library("libextra.so.1");
            tree.install(&Deb::new("extra", "1.0").file("usr/lib/x86_64-linux-gnu/libextra.so.1", 0o644, library));
        }),
        row("a library in /usr/local/lib", &["glue"], |tree| {
            tree.file("usr/local/lib/libown.so.1", 0o644, library("libown.so.1"));
        }),
        row("an own CA", &["state"], |tree| {
            tree.file("usr/local/share/ca-certificates/own.crt", 0o644, certificate("own", 1 << 10));
        }),
        row("/usr/local/share 0700", &["local"], |tree| tree.directory("usr/local/share", 0o700)),
        Row { merged: false, ..row("unmerged /usr", &["tools", "site", "local"], |_| {}) },
        row("schema 2", &[], |tree| tree.family = Family::Schema2),
        row("entries from the end, etc/ last", &[], |tree| tree.order = Order::Turned),
        row("/usr/share/doc behind a link", &["tools"], |tree| {
            tree.nodes.remove("usr/share/doc/README");
            tree.symlink("usr/share/doc", "../../srv/doc");
            tree.file("srv/doc/README", 0o644, "documents\n");
        }),
    ]
}
