//! Merging of indexes, candidates, and what the status says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn index(text: &str) -> Index {
    Index::read(text.as_bytes(), "amd64").unwrap()
}

fn package(name: &str, version: &str, fields: &str) -> String {
    format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n{fields}\n\n")
}

fn pins(seen: Seen<'_>) -> i32 {
    if seen.file == File::Status { 100 } else { 500 }
}

#[test]
fn numbers_grow_over_all_files_in_order_of_first_mention() {
    let first = index(&package("a", "1", "Depends: z"));
    let second = index(&(package("b", "1", "") + &package("z", "1", "")));
    let status = index(&package("c", "1", "Status: install ok installed\nDepends: a"));
    let universe = Universe::new(&[&first, &second], Installed { status: &status, extended_states: b"" }, &pins);
    let names: Vec<_> = universe.packages().map(|package| universe.name(package)).collect();
    assert_eq!(names, ["a", "z", "b", "c"]);
}

#[test]
fn candidates_follow_priority_then_version() {
    /// Versions with the priority of each one's archive, the installed one, and the candidate.
    type Case<'a> = (&'a [(&'a str, i32)], Option<&'a str>, Option<&'a str>);
    let cases: [Case<'_>; 9] = [
        (&[("1", 500), ("2", 500)], None, Some("2")),
        (&[("1", 500), ("2", 100)], None, Some("1")),
        (&[("1", 990), ("2", 500)], None, Some("1")),
        (&[("1", 500)], Some("2"), Some("2")),
        (&[("1", 1000)], Some("2"), Some("1")),
        (&[("2", 100)], Some("1"), Some("2")),
        (&[("2", 1)], Some("1"), Some("1")),
        (&[("2", -1)], None, None),
        (&[("2", 0)], None, None),
    ];
    for (versions, installed, expected) in cases {
        let indexes: Vec<Index> = versions.iter().map(|(version, _)| index(&package("a", version, ""))).collect();
        let status = index(&installed.map(|v| package("a", v, "Status: install ok installed")).unwrap_or_default());
        let priority = |seen: Seen<'_>| match seen.file {
            File::Index(at) => versions[at].1,
            File::Status => 100,
        };
        let all: Vec<&Index> = indexes.iter().collect();
        let universe = Universe::new(&all, Installed { status: &status, extended_states: b"" }, &priority);
        let candidate = universe.candidate(universe.find("a").unwrap()).map(|version| universe.version(version));
        assert_eq!(candidate, expected, "{versions:?} {installed:?}");
    }
}

#[test]
fn one_build_in_two_files_is_one_version_and_two_builds_are_two() {
    let first = index(&(package("a", "1", "Depends: x\nSize: 5") + &package("b", "1", "Depends: x")));
    let second = index(&(package("a", "1", "Depends: x\nSize: 5") + &package("b", "1", "Depends: y")));
    let status = index(&package("a", "1", "Status: install ok installed\nDepends: x"));
    let universe = Universe::new(&[&first, &second], Installed { status: &status, extended_states: b"" }, &pins);
    let (a, b) = (universe.find("a").unwrap(), universe.find("b").unwrap());
    assert_eq!(universe.versions_of(a).len(), 1);
    assert_eq!(universe.files(universe.installed(a).unwrap()), [File::Index(0), File::Index(1), File::Status]);
    assert_eq!(universe.versions_of(b).len(), 2);
    assert_eq!(universe.files(universe.candidate(b).unwrap()), [File::Index(0)]);
}

#[test]
fn only_packages_whose_files_are_there_are_installed() {
    let states =
        [("installed", true), ("unpacked", true), ("triggers-pending", true), ("config-files", false), ("not-installed", false)];
    for (state, there) in states {
        let status = index(&package("a", "1", &format!("Status: hold ok {state}")));
        let universe = Universe::new(&[], Installed { status: &status, extended_states: b"" }, &pins);
        let a = universe.find("a").unwrap();
        assert_eq!((universe.installed(a).is_some(), universe.is_held(a)), (there, there), "{state}");
    }
}

#[test]
fn extended_states_tell_what_is_automatic() {
    let archive = index(&(package("a", "1", "") + &package("b", "1", "")));
    let status = index("");
    let extended_states =
        b"Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nArchitecture: i386\nAuto-Installed: 1\n";
    let universe = Universe::new(&[&archive], Installed { status: &status, extended_states }, &pins);
    let automatic = |name| universe.is_automatic(universe.find(name).unwrap());
    assert_eq!((automatic("a"), automatic("b")), (true, false));
}

#[test]
fn near_names_come_nearest_first() {
    let archive = index(&(package("nodejs", "1", "") + &package("node-js-beautify", "1", "") + &package("zsh", "1", "")));
    let status = index("");
    let universe = Universe::new(&[&archive], Installed { status: &status, extended_states: b"" }, &pins);
    assert_eq!(universe.nearest("nodesj").first(), Some(&"nodejs"));
    assert!(universe.nearest("qqqqqq").is_empty());
}
