//! Packages that a user brings: files of this machine, and archives beside the base's.

use std::process::Command;

use crate::archive::Archive;
use crate::bases::base;
use crate::deb::Deb;
use crate::lab::{Lab, entries, layers};
use crate::repository::signed;

const TEXT: &str = "usr/share/mine/text";

fn mine(text: &str) -> Deb {
    Deb::new("mine", "1.0").field("Depends: local").file(TEXT, 0o644, text)
}

#[test]
fn a_package_file_is_built_in_and_a_changed_byte_changes_the_image() {
    let lab = Lab::new();
    let base = base(true, &lab.key);
    let file = lab.path("mine.deb");
    let word = file.display().to_string();
    let built = |text: &str, out: &str| {
        std::fs::write(&file, mine(text).bytes()).unwrap();
        let layers = lab.build(&base, out, &["--apt", &word]);
        let own = layers.iter().flat_map(|layer| entries(&lab.path(out), layer)).find(|entry| entry.path == TEXT);
        assert_eq!(own.map(|entry| entry.bytes), Some(text.as_bytes().to_vec()), "{out}");
        layers
    };
    let first = built("one", "first");
    assert_eq!(built("one", "again"), first);
    let other = built("two", "other");
    assert_ne!(other, first);
    assert_eq!(other.iter().filter(|layer| !first.contains(layer)).count(), 1, "only its own ply: {other:?}");
}

#[test]
fn a_package_file_that_is_none_is_refused_by_name() {
    let lab = Lab::new();
    let base = base(true, &lab.key);
    let file = lab.path("mine.deb");
    let good = mine("one").bytes();
    for (bytes, status, part) in [
        (Some(good[..good.len() - 40].to_vec()), 3, "reading package file"),
        (Some(b"#!/bin/sh".to_vec()), 3, "malformed package"),
        (None, 2, "mine.deb"),
    ] {
        match bytes {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let output = lab.command(&base, "out").arg("--apt").arg(&file).output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(status) && talk.contains(part), "{talk}");
    }
}

#[test]
fn an_archive_beside_the_base_s_serves_what_its_key_signs() {
    let lab = Lab::new();
    let from = lab.path("base");
    base(true, &lab.key).write(&from, "base");
    let third = signed(&[Deb::new("third", "1.0").field("Depends: local").file("usr/share/third/text", 0o644, "third")]);
    let archive = Archive::serving(third.files);
    let folder = lab.path("project");
    std::fs::create_dir_all(folder.join("keys")).unwrap();
    std::fs::write(folder.join("keys/third.gpg"), &third.key).unwrap();
    std::fs::write(folder.join("keys/other.gpg"), &lab.key).unwrap();
    let built = |key: &str, out: &str| {
        let text = format!(
            "base = \"oci:{}:base\"\n[apt]\npackages = [\"third\"]\n[[apt.source]]\nuris = \"{}\"\nsuites = \"stable\"\n\
             components = \"main\"\nsigned-by = \"{key}\"\n",
            from.display(),
            archive.uri()
        );
        std::fs::write(folder.join("plywood.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_plywood"));
        command.args(["build", "--json", "--platform", "linux/amd64", "--apt-mirror", &lab.mirror(), "-f"]);
        command.arg(folder.join("plywood.toml")).args(["-o", &format!("oci:{}:x", lab.path(out).display())]);
        command.env_clear().env("HOME", &folder).env("PLYWOOD_STORE", lab.path("store")).output().unwrap()
    };
    let refused = built("keys/other.gpg", "refused");
    let talk = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(3) && talk.contains("not signed by a key"), "{talk}");
    let output = built("keys/third.gpg", "served");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let paths: Vec<String> =
        layers(&output.stdout).iter().flat_map(|layer| entries(&lab.path("served"), layer)).map(|entry| entry.path).collect();
    assert!(paths.contains(&"usr/share/third/text".to_owned()), "{paths:?}");
    // The archive was for this build: the image does not name it.
    assert!(!paths.iter().any(|path| path.starts_with("etc/apt")), "{paths:?}");
}
