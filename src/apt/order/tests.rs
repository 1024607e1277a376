//! Orders of tiny selections.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::super::packages::Index;
use super::super::select::{Options, select};
use super::super::universe::{File, Installed, Seen};
use super::*;

fn told(archive: &str, installed: &str, words: &[&str], without_postinst: &[&str]) -> String {
    let index = Index::read(archive.as_bytes(), "amd64").unwrap();
    let status = Index::read(installed.as_bytes(), "amd64").unwrap();
    let pins = |seen: Seen<'_>| if seen.file == File::Status { 100 } else { 500 };
    let universe = Universe::new(&[&index], Installed { status: &status, extended_states: b"" }, &pins);
    let selection = select(&universe, words, Options::default(), &|_, _| false).unwrap();
    let name = |package: &PackageId| universe.name(*package);
    let names = |packages: &[PackageId]| packages.iter().map(name).collect::<Vec<_>>().join(" ");
    let calls = calls(&universe, &selection, &|package| !without_postinst.contains(&universe.name(package))).unwrap();
    let told = calls.iter().map(|call| match call {
        Call::Unpack(packages) => format!("unpack {}", names(packages)),
        Call::Configure { packages, pending: false } => format!("configure {}", names(packages)),
        Call::Configure { packages, pending: true } => format!("pending {}", names(packages)),
        Call::Remove(packages) => format!("remove {}", names(packages)),
    });
    told.collect::<Vec<_>>().join("; ")
}

fn package(name: &str, fields: &str) -> String {
    format!("Package: {name}\nVersion: 1\nArchitecture: amd64\n{fields}\n\n")
}

fn there(name: &str, fields: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nVersion: 0\nArchitecture: amd64\n{fields}\n\n")
}

#[test]
fn dependencies_are_unpacked_first() {
    let archive = package("a", "Depends: b") + &package("b", "Depends: c") + &package("c", "");
    assert_eq!(told(&archive, "", &["a"], &[]), "unpack c b a; pending c b a");
}

#[test]
fn a_pre_dependency_is_configured_before_its_dependant_is_unpacked() {
    let archive = package("a", "Pre-Depends: b") + &package("b", "Depends: c") + &package("c", "");
    assert_eq!(told(&archive, "", &["a"], &[]), "unpack c b; configure c b; unpack a; pending a");
}

#[test]
fn what_conflicts_is_removed_before() {
    let archive = package("a", "Conflicts: b");
    assert_eq!(told(&archive, &there("b", ""), &["a"], &[]), "remove b; unpack a; pending a");
}

#[test]
fn a_cycle_is_cut_at_a_package_without_postinst() {
    let archive = package("a", "Depends: b") + &package("b", "Depends: a");
    assert!(told(&archive, "", &["a"], &["a"]).ends_with("pending a b"));
    assert!(told(&archive, "", &["a"], &["b"]).ends_with("pending b a"));
}

#[test]
fn an_essential_package_is_configured_at_once() {
    let archive = package("e", "Essential: yes\nDepends: l") + &package("l", "") + &package("a", "Depends: e (>= 1)");
    let installed = there("e", "Essential: yes");
    assert_eq!(told(&archive, &installed, &["a"], &[]), "unpack l; configure l; unpack e; configure e; unpack a; pending a");
}
