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
const REASONS: &[&str] = &[
    "differs",
    "host-key",
    "machine-id",
    "log",
    "lock",
    "backup",
    "leftover",
    "ldconfig-cache",
    "byte-code",
    "cache",
    "hwdb",
    "catalog",
    "keystore",
];

/// What is installed: of which suite, with what is recommended or without.
struct Request {
    suite: &'static str,
    recommends: bool,
    packages: &'static [&'static str],
}

/// A slice of these stands in `make test`; the whole is `make acceptance`.
const fn with_recommended(suite: &'static str, packages: &'static [&'static str]) -> Request {
    Request { suite, recommends: true, packages }
}

/// Scratch folder of make-truth.sh, with the base that the image is built on.
fn lab() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab/truth")
}

/// Makes the truth of an installation into `folder`.
fn truth(folder: &Path, request: &Request) {
    let mut command = Command::new(tools::fidelity("make-truth.sh"));
    command.env("LAB", lab()).args(["-s", request.suite]).args(if request.recommends { &[][..] } else { &["-n"] });
    command.arg("-o").arg(folder).arg("truth").args(request.packages);
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

/// Path (`*` is any text) and reason of each line.
fn exceptions() -> Vec<(String, String)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fidelity/exceptions.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines.map(|l| l.split_once('\t').unwrap()).map(|(path, reason)| (path.to_owned(), reason.to_owned())).collect()
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((start, rest)) => {
            let tail = path.strip_prefix(start);
            tail.is_some_and(|tail| tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| matches(rest, &tail[at..])))
        }
    }
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

fn compare(request: &Request) {
    let debian = base::debian(request.suite);
    let plywood = Plywood::new();
    let folders = [plywood.path("truth-1"), plywood.path("truth-2")];
    for folder in &folders {
        truth(folder, request);
    }
    let unstable = unstable([&folders[0], &folders[1]]);
    let recommends = if request.recommends { "--recommends" } else { "--no-recommends" };
    let asked = request.packages.join(",");
    let words = ["build", &debian.name(), "--profile", "none", recommends, "--apt", &asked, "-o", "oci:out:made"];
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
    assert!(bad.is_empty(), "{asked}: {} wrong paths without a valid exception:\n{bad:#?}", bad.len());
}

/// The set of profile `openhands`.
const SANDBOX: &[&str] = &["openssh-server", "wget", "sudo"];

#[test]
fn the_sandboxs_set_is_what_apt_leaves() {
    compare(&with_recommended("bookworm", SANDBOX));
}

/// Large: `make acceptance` runs it.
#[test]
#[ignore = "an hour; make acceptance"]
fn the_matrix_is_what_apt_leaves() {
    compare(&Request { recommends: false, ..with_recommended("bookworm", SANDBOX) });
    compare(&with_recommended("trixie", SANDBOX));
    for packages in MATRIX {
        compare(&with_recommended("bookworm", packages));
    }
}

/// One request for each kind of registry or cache that installations write.
const MATRIX: &[&[&str]] = &[&["nodejs", "git", "curl", "locales", "tzdata", "vim"]];

#[test]
fn every_exception_has_an_allowed_reason() {
    for (path, reason) in exceptions() {
        let first = reason.split(':').next().unwrap();
        assert!(REASONS.contains(&first), "{path}: {reason}");
    }
}
