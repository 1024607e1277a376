//! The arrows between the rooms point down only, and the rooms stay small.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// From top to bottom; a room may name itself and the rooms after it.
const ROOMS: &[&str] = &[
    "cli",
    "build",
    "plan",
    "pin",
    "recipe",
    "apt",
    "conda",
    "script",
    "system",
    "layer",
    "deliver",
    "image",
    "rootfs",
    "transport",
    "http",
    "store",
    "stream",
    "oci",
    "error",
];

const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 60;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    found.sort();
    assert!(found.len() > 20, "the sources were not found");
    found
        .into_iter()
        .map(|p| (p.strip_prefix(&root).expect("below src").to_owned(), fs::read_to_string(&p).expect("text")))
        .collect()
}

fn room(path: &Path) -> String {
    let first = path.components().next().expect("a component").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Rooms that a text names through `crate::`, `plywood::` or, above its own folder, `super::`.
fn named(path: &Path, text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for prefix in ["crate::", "plywood::"] {
        for (at, _) in text.match_indices(prefix) {
            let rest = &text[at + prefix.len()..];
            if let Some(list) = rest.strip_prefix('{') {
                let list = &list[..list.find("};").unwrap_or(list.len())];
                let mut depth = 0;
                for part in list.split_inclusive(['{', '}', ',']) {
                    if depth == 0 {
                        rooms.push(part.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned());
                    }
                    depth += part.matches('{').count();
                    depth = depth.saturating_sub(part.matches('}').count());
                }
            } else {
                rooms.push(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned());
            }
        }
    }
    // `super::` leaves the room only where it is repeated as often as the file is deep.
    let depth = path.components().count() - usize::from(path.ends_with("mod.rs"));
    let out = "super::".repeat(depth);
    for (at, _) in text.match_indices(&out) {
        if !text[..at].ends_with("super::") {
            let rest = &text[at + out.len()..];
            rooms.push(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned());
        }
    }
    rooms
}

#[test]
fn arrows_between_the_rooms_point_down_only() {
    let level: BTreeMap<&str, usize> = ROOMS.iter().enumerate().map(|(i, r)| (*r, i)).collect();
    let mut wrong = Vec::new();
    for (path, text) in all() {
        let from = room(&path);
        if matches!(from.as_str(), "main" | "lib") {
            continue;
        }
        let Some(own) = level.get(from.as_str()) else { panic!("{}: src has a room that ROOMS does not have", path.display()) };
        for name in named(&path, &text) {
            if level.get(name.as_str()).is_some_and(|to| to < own) {
                wrong.push(format!("{}: {from} names {name}, which stands above it", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn an_arrow_that_points_up_is_found_in_every_spelling() {
    for (path, text) in [
        ("oci/digest.rs", "use crate::store::Store;"),
        ("oci/digest.rs", "use crate::{error::Error, store::Store};"),
        ("oci/digest.rs", "fn f() -> crate::store::Store {}"),
        ("oci/digest.rs", "use super::super::store::Store;"),
        ("oci/mod.rs", "use super::store::Store;"),
    ] {
        assert!(named(Path::new(path), text).contains(&"store".to_owned()), "{path}: {text}");
    }
    assert!(!named(Path::new("oci/digest.rs"), "use super::store::Store;").contains(&"store".to_owned()));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = all()
        .into_iter()
        .filter(|(path, text)| !text.starts_with("//!") && !path.ends_with("tests.rs") && !path.iter().any(|c| c == "tests"))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn files_and_functions_stay_small() {
    let mut large = Vec::new();
    for (path, text) in all() {
        let lines: Vec<&str> = text.lines().collect();
        // Tests at the end of a file are not its subject.
        let own = lines.iter().position(|l| *l == "#[cfg(test)]").unwrap_or(lines.len());
        if own > LONGEST_FILE {
            large.push(format!("{}: {own} lines", path.display()));
        }
        let mut start: Option<(usize, usize, &str)> = None;
        for (number, line) in lines[..own].iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let words = line.trim_start();
            let is_function =
                ["fn ", "pub fn ", "async fn ", "pub async fn ", "const fn ", "pub const fn "].iter().any(|w| words.starts_with(w))
                    || words.starts_with("pub(") && words.contains(" fn ");
            if is_function && !line.ends_with(';') {
                start = Some((number, indent, line));
            } else if let Some((from, depth, name)) = start
                && words.starts_with('}')
                && indent == depth
            {
                if number - from + 1 > LONGEST_FUNCTION {
                    large.push(format!("{}:{}: {} lines: {}", path.display(), from + 1, number - from + 1, name.trim()));
                }
                start = None;
            }
        }
    }
    assert!(large.is_empty(), "\n{}", large.join("\n"));
}
