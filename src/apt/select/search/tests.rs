//! The search on small universes: drawn ones against trying every set of packages, and some made by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::super::super::packages::Index;
use super::super::super::universe::{File, Installed, PackageId, Seen, Universe, VersionId};
use super::super::{Options, SelectFault, Selection, select};

fn pins(seen: Seen<'_>) -> i32 {
    if seen.file == File::Status { 100 } else { 500 }
}

/// Stanzas from lines like `a 1; Depends: b (>= 2)`.
fn stanzas(lines: &[String], more: &str) -> String {
    let one = |line: &String| {
        let mut parts = line.split("; ");
        let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
        let fields: String = parts.map(|field| format!("{field}\n")).collect();
        format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n{more}{fields}\n")
    };
    lines.iter().map(one).collect()
}

/// Calls `check` with the universe of an archive and what is installed.
fn with_universe<T>(archive: &[String], installed: &[String], check: impl FnOnce(&Universe<'_>) -> T) -> T {
    let index = Index::read(stanzas(archive, "").as_bytes(), "amd64").unwrap();
    let status = Index::read(stanzas(installed, "Status: install ok installed\n").as_bytes(), "amd64").unwrap();
    check(&Universe::new(&[&index], Installed { status: &status, extended_states: b"" }, &pins))
}

type Chosen<'c> = &'c dyn Fn(PackageId) -> Option<VersionId>;

/// Whether every hard relation of what is there is met and nothing collides.
fn is_sound(universe: &Universe<'_>, chosen: Chosen<'_>) -> bool {
    let there = universe.packages().filter_map(|package| Some((package, chosen(package)?)));
    there.into_iter().all(|(owner, version)| {
        universe.relations(version).groups().iter().all(|group| {
            let mut met = group.alternatives.iter().flat_map(|wanted| universe.all_meeting(wanted)).filter(|other| {
                let of = universe.package(*other);
                chosen(of) == Some(*other) && !(group.kind.is_negative() && of == owner)
            });
            if group.kind.is_negative() { met.next().is_none() } else { !group.kind.is_hard() || met.next().is_some() }
        })
    })
}

/// Whether any set of installed versions and candidates is sound and has what is asked for.
fn is_possible(universe: &Universe<'_>, words: &[String]) -> bool {
    let packages: Vec<PackageId> = universe.packages().collect();
    let asked: Vec<PackageId> = words.iter().map(|word| universe.find(word).unwrap()).collect();
    let choices: Vec<Vec<Option<VersionId>>> = packages
        .iter()
        .map(|package| {
            if asked.contains(package) {
                vec![universe.candidate(*package)]
            } else {
                let mut all = vec![None, universe.installed(*package), universe.candidate(*package)];
                all.sort();
                all.dedup();
                all
            }
        })
        .collect();
    let mut places = vec![0; packages.len()];
    loop {
        let chosen = |package: PackageId| {
            let at = packages.iter().position(|known| *known == package)?;
            choices[at][places[at]]
        };
        if is_sound(universe, &chosen) {
            return true;
        }
        let Some(at) = (0..places.len()).find(|at| places[*at] + 1 < choices[*at].len()) else { return false };
        places[at] += 1;
        places[..at].fill(0);
    }
}

fn asked(universe: &Universe<'_>, words: &[String], recommends: bool) -> Result<Selection, SelectFault> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    select(universe, &words, Options { recommends, ..Options::default() }, &|_, _| false)
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn relation() -> impl Strategy<Value = String> {
    let target = prop::sample::select(vec!["a", "b", "c", "d", "e", "v"]);
    let bound = prop::sample::select(vec!["", "", "", " (>= 2)", " (<< 2)", " (= 1)"]);
    (target, bound).prop_map(|(target, bound)| format!("{target}{bound}"))
}

fn fields() -> impl Strategy<Value = String> {
    let group = || prop::collection::vec(relation(), 1..3).prop_map(|alternatives| alternatives.join(" | "));
    let depends = prop::collection::vec(group(), 0..3).prop_map(|groups| groups.join(", "));
    let conflicts = prop::collection::vec(relation(), 0..2).prop_map(|relations| relations.join(", "));
    let provides = prop::sample::select(vec!["", "", "v", "v (= 1)", "v (= 2)"]);
    (depends, conflicts, provides, prop::option::of(group())).prop_map(|(depends, conflicts, provides, recommends)| {
        let recommends = recommends.unwrap_or_default();
        format!("; Depends: {depends}; Conflicts: {conflicts}; Provides: {provides}; Recommends: {recommends}")
    })
}

fn packages(version: &'static str) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec((prop::sample::select(NAMES.to_vec()), fields()), 0..6).prop_map(move |packages| {
        let mut known = Vec::new();
        for (name, fields) in packages {
            if !known.iter().any(|line: &String| line.starts_with(name)) {
                known.push(format!("{name} {version}{fields}"));
            }
        }
        known
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_selection_is_sound_and_impossible_is_what_no_set_of_packages_serves(
        archive in packages("2"), older in packages("1"), words in prop::collection::btree_set(prop::sample::select(NAMES.to_vec()), 1..3), recommends in any::<bool>()
    ) {
        let installed = if with_universe(&[], &older, |universe| is_sound(universe, &|package| universe.installed(package))) { older } else { Vec::new() };
        with_universe(&archive, &installed, |universe| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            if words.iter().any(|word| universe.find(word).and_then(|package| universe.candidate(package)).is_none()) {
                return Ok(());
            }
            match asked(universe, &words, recommends) {
                Ok(selection) => {
                    prop_assert!(is_sound(universe, &|package| selection.chosen(package)), "{archive:?} {installed:?} {words:?}");
                    for word in &words {
                        let package = universe.find(word).unwrap();
                        prop_assert_eq!(selection.chosen(package), universe.candidate(package));
                    }
                }
                Err(SelectFault::Unmet { .. }) => prop_assert!(!is_possible(universe, &words), "{archive:?} {installed:?} {words:?}"),
                Err(other) => prop_assert!(false, "{other}"),
            }
            Ok(())
        })?;
    }
}

fn changes(archive: &[&str], installed: &[&str], words: &[&str]) -> Result<(Vec<String>, bool), SelectFault> {
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    with_universe(&owned(archive), &owned(installed), |universe| {
        let selection = asked(universe, &owned(words), true)?;
        let told = selection.changes.iter().map(|change| match &change.new {
            Some(new) => format!("{} {new}{}", change.name, if change.automatic { " auto" } else { "" }),
            None => format!("-{}", change.name),
        });
        let mut told: Vec<String> = told.collect();
        told.sort();
        Ok((told, selection.searched))
    })
}

#[test]
fn what_marking_gives_up_the_search_finds() {
    // Marking takes the first alternative twice and, when the second argument forbids what that needs, gives up too much.
    let archive =
        ["z 1; Conflicts: p2", "a 1; Depends: b | b2", "b 1; Depends: p | q", "b2 1; Conflicts: z", "p 1; Depends: p2", "p2 1"];
    let with_way = [&archive[..], &["q 1; Recommends: r", "r 1"]].concat();
    let expected = ["a 1", "b 1 auto", "q 1 auto", "r 1 auto", "z 1"].map(str::to_owned).to_vec();
    assert_eq!(changes(&with_way, &[], &["a", "z"]), Ok((expected, true)));
    let Err(SelectFault::Unmet { reasons }) = changes(&archive, &[], &["a", "z"]) else { panic!("there is no way without q") };
    assert!(!reasons.is_empty());
}

#[test]
fn essential_and_held_packages_stay_whatever_is_searched() {
    let archive = ["a 1; Depends: b | c", "b 1; Conflicts: old", "c 1; Conflicts: old"];
    for (installed, possible) in [("old 1", true), ("old 1; Essential: yes", false), ("old 1; Important: yes", false)] {
        assert_eq!(changes(&archive, &[installed], &["a"]).is_ok(), possible, "{installed}");
    }
}
