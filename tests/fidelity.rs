//! The image beside what `apt-get install` leaves in the same base: path by path, with an exception list that has a reason for each line.
//!
//! Invariant: the truth is made twice; that a path differs between two real runs counts only if these two show it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::base;
use support::program::Plywood;
use support::tools;

/// Reasons that a line of the exception list may have; `differs` is checked against the two truths.
const REASONS: &[&str] = &["differs", "host-key", "machine-id", "log", "lock", "backup", "ldconfig-cache", "byte-code"];

/// Scratch folder of make-truth.sh, with the base that the image is built on.
fn lab() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab/truth")
}

/// Makes the truth of an installation into `folder`.
fn truth(folder: &Path, packages: &[&str]) {
    let mut command = Command::new(tools::fidelity("make-truth.sh"));
    command.env("LAB", lab()).args(["-n", "-o"]).arg(folder).arg("truth").args(packages);
    tools::output(&mut command).expect_success("make-truth.sh");
}

fn listing(folder: &Path) -> BTreeMap<String, String> {
    let text = tools::run("bash", ["-c", &format!("zcat {}", folder.join("truth.after.tsv.gz").display())]);
    text.lines().map(|l| l.split_once('\t').unwrap()).map(|(path, rest)| (path.to_owned(), rest.to_owned())).collect()
}

/// Paths that two real runs do not agree on.
fn unstable(folders: [&Path; 2]) -> BTreeSet<String> {
    let [first, second] = folders.map(listing);
    first.keys().chain(second.keys()).filter(|p| first.get(*p) != second.get(*p)).cloned().collect()
}

/// Path (or `prefix*`) and reason of each line.
fn exceptions() -> Vec<(String, String)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fidelity/exceptions.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines.map(|l| l.split_once('\t').unwrap()).map(|(path, reason)| (path.to_owned(), reason.to_owned())).collect()
}

fn matches(pattern: &str, path: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == path, |prefix| path.starts_with(prefix))
}

/// Wrong paths of the image, each with fidelity.py's verdict.
fn wrong(image: &str, folder: &Path) -> Vec<(String, String)> {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut command = Command::new(tools::program("python3"));
    command.arg(tools::fidelity("fidelity.py")).args([
        "score",
        image,
        &file("truth.before.tsv.gz"),
        &file("truth.after.tsv.gz"),
        "-v",
    ]);
    let out = tools::output(&mut command);
    assert!(out.stdout.contains("\nidentical: ") || out.stdout.starts_with("identical: "), "{}{}", out.stdout, out.stderr);
    let mut kind = "";
    let mut found = Vec::new();
    for line in out.stdout.lines() {
        match line.strip_prefix("    ") {
            Some(path) => found.push((path.to_owned(), kind.to_owned())),
            None => kind = line.split(':').next().unwrap(),
        }
    }
    found
}

fn compare(packages: &[&str]) {
    let debian = base::debian("bookworm");
    let plywood = Plywood::new();
    let folders = [plywood.path("truth-1"), plywood.path("truth-2")];
    for folder in &folders {
        truth(folder, packages);
    }
    let unstable = unstable([&folders[0], &folders[1]]);
    let words =
        ["build", &debian.name(), "--profile", "none", "--no-recommends", "--apt", &packages.join(","), "-o", "oci:out:made"];
    plywood.ok(words);

    let known = exceptions();
    let reason_of = |path: &str| known.iter().find(|(pattern, _)| matches(pattern, path)).map(|(_, reason)| reason.as_str());
    let wrong = wrong(&plywood.word("out"), &folders[0]);
    let bad: Vec<_> = wrong
        .iter()
        .filter(|(path, _)| match reason_of(path) {
            None => true,
            Some("differs") => !unstable.contains(path),
            Some(_) => false,
        })
        .collect();
    assert!(bad.is_empty(), "{} wrong paths without a valid exception:\n{bad:#?}", bad.len());
}

#[test]
fn the_ssh_set_is_what_apt_leaves() {
    compare(&["openssh-server", "wget", "sudo"]);
}

/// Large: `make acceptance` runs it.
#[test]
#[ignore = "minutes; make acceptance"]
fn nodejs_is_what_apt_leaves() {
    compare(&["nodejs"]);
}

#[test]
fn every_exception_has_an_allowed_reason() {
    for (path, reason) in exceptions() {
        let first = reason.split(':').next().unwrap();
        assert!(REASONS.contains(&first), "{path}: {reason}");
    }
}
