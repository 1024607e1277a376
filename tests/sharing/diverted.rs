//! A server program that the base has: it makes way for the wrapper that makes host keys, unless there are keys.

use crate::bases::base;
use crate::deb::Deb;
use crate::lab::{Lab, entries};
use crate::tree::Tree;

/// Large enough for the state, as the real one is.
fn program() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn with_server(lab: &Lab, change: impl FnOnce(&mut Tree)) -> Tree {
    let mut tree = base(true, &lab.key);
    tree.install(&Deb::new("server", "1.0").file("usr/sbin/sshd", 0o755, program()));
    change(&mut tree);
    tree
}

#[test]
fn a_server_of_the_base_without_host_keys_gets_the_wrapper() {
    let lab = Lab::new();
    let tree = with_server(&lab, |_| {});
    let layers = lab.build(&tree, "wrapped", &["--apt", "server"]);
    let all: Vec<_> = layers.iter().flat_map(|l| entries(&lab.path("wrapped"), l).into_iter().map(move |e| (&l.name, e))).collect();
    let find = |path: &str| all.iter().find(|(_, e)| e.path == path).unwrap_or_else(|| panic!("no {path}"));
    let (layer, moved) = find("usr/lib/openssh/sshd");
    assert_eq!((layer.as_str(), moved.mode, &moved.bytes), ("state", 0o755, &program()));
    let (layer, wrapper) = find("usr/sbin/sshd");
    assert_eq!((layer.as_str(), wrapper.mode), ("glue", 0o755));
    assert!(wrapper.bytes.starts_with(b"#!/bin/sh\n") && String::from_utf8_lossy(&wrapper.bytes).contains("ssh-keygen -A"));
    let (layer, diversions) = find("var/lib/dpkg/diversions");
    assert_eq!((layer.as_str(), diversions.bytes.as_slice()), ("glue", &b"/usr/sbin/sshd\n/usr/lib/openssh/sshd\n:\n"[..]));
}

#[test]
fn a_server_with_keys_or_that_nobody_asks_for_is_left_alone() {
    let lab = Lab::new();
    let key = |tree: &mut Tree| tree.file("etc/ssh/ssh_host_rsa_key", 0o600, "a key\n");
    for (number, (tree, words)) in
        [(with_server(&lab, key), &["--apt", "server"][..]), (with_server(&lab, |_| {}), &[])].into_iter().enumerate()
    {
        let out = format!("left{number}");
        let layers = lab.build(&tree, &out, words);
        let mut paths = layers.iter().flat_map(|layer| entries(&lab.path(&out), layer));
        assert!(paths.all(|e| !e.path.contains("sshd") && e.path != "var/lib/dpkg/diversions"), "{words:?}");
    }
}
