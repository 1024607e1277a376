//! The selection on tiny universes, each a few stanzas long.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use super::super::packages::Index;
use super::super::universe::{File, Installed, Seen, Universe};
use super::*;

/// Archive stanzas from lines like `a 1; Depends: b (>= 2); Priority: optional`.
fn stanzas(lines: &[&str], installed: bool) -> String {
    let one = |line: &&str| {
        let mut parts = line.split("; ");
        let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
        let mut text = format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n");
        if installed && !line.contains("Status:") {
            text += "Status: install ok installed\n";
        }
        parts.map(|field| format!("{field}\n")).fold(text, |text, field| text + &field) + "\n"
    };
    lines.iter().map(one).collect()
}

fn pins(seen: Seen<'_>) -> i32 {
    if seen.file == File::Status { 100 } else { 500 }
}

fn ask(archive: &[&str], installed: &[&str], words: &[&str], options: Options) -> Result<Vec<String>, SelectFault> {
    let index = Index::read(stanzas(archive, false).as_bytes(), "amd64").unwrap();
    let status = Index::read(stanzas(installed, true).as_bytes(), "amd64").unwrap();
    let universe = Universe::new(&[&index], Installed { status: &status, extended_states: b"" }, &pins);
    let selection = select(&universe, words, options, &|_, suite| suite == "main")?;
    let told = |change: &Change| match (&change.old, &change.new) {
        (None, Some(new)) => format!("{} {new}{}", change.name, if change.automatic { " auto" } else { "" }),
        (Some(old), Some(new)) => format!("{} {old}->{new}", change.name),
        (_, None) => format!("-{}", change.name),
    };
    let mut changes: Vec<String> = selection.changes.iter().map(told).collect();
    changes.sort();
    Ok(changes)
}

struct Case {
    why: &'static str,
    archive: &'static [&'static str],
    installed: &'static [&'static str],
    words: &'static [&'static str],
    expected: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        why: "dependencies come automatically",
        archive: &["a 1; Depends: b", "b 2"],
        installed: &[],
        words: &["a"],
        expected: &["a 1", "b 2 auto"],
    },
    Case {
        why: "a satisfied alternative is enough",
        archive: &["a 1; Depends: b | c", "b 1", "c 1"],
        installed: &["c 1"],
        words: &["a"],
        expected: &["a 1"],
    },
    Case {
        why: "of two providers the one mentioned later wins",
        archive: &["a 1; Depends: v", "p 1; Provides: v", "q 1; Provides: v"],
        installed: &[],
        words: &["a"],
        expected: &["a 1", "q 1 auto"],
    },
    Case {
        why: "the package of the name itself wins over a provider",
        archive: &["a 1; Depends: v", "v 1", "q 1; Provides: v"],
        installed: &[],
        words: &["a"],
        expected: &["a 1", "v 1 auto"],
    },
    Case {
        why: "a better priority wins over a later mention",
        archive: &["a 1; Depends: v", "p 1; Provides: v; Priority: standard", "q 1; Provides: v; Priority: optional"],
        installed: &[],
        words: &["a"],
        expected: &["a 1", "p 1 auto"],
    },
    Case {
        why: "an unversioned provision meets no bound",
        archive: &["a 1; Depends: v (>= 1)", "p 1; Provides: v (= 2)", "q 1; Provides: v"],
        installed: &[],
        words: &["a"],
        expected: &["a 1", "p 1 auto"],
    },
    Case {
        why: "an installed package is upgraded where it must be, with the binaries of its source",
        archive: &["a 1; Depends: b (>= 2)", "b 2; Source: s", "c 2; Source: s", "d 2"],
        installed: &["b 1; Source: s", "c 1; Source: s", "d 1"],
        words: &["a"],
        expected: &["a 1", "b 1->2", "c 1->2"],
    },
    Case {
        why: "an exact relation of an installed package pulls it along",
        archive: &["a 1; Depends: b (>= 2)", "b 2", "c 2; Depends: b (= 2)"],
        installed: &["b 1", "c 1; Depends: b (= 1)"],
        words: &["a"],
        expected: &["a 1", "b 1->2", "c 1->2"],
    },
    Case {
        why: "a conflicting installed package goes",
        archive: &["a 1; Conflicts: b"],
        installed: &["b 1"],
        words: &["a"],
        expected: &["-b", "a 1"],
    },
    Case {
        why: "a recommendation whose dependency is missing is left out",
        archive: &["a 1; Recommends: b", "b 1; Depends: nowhere"],
        installed: &[],
        words: &["a"],
        expected: &["a 1"],
    },
    Case {
        why: "a recommendation that collides with an argument is left out",
        archive: &["a 1; Recommends: b", "b 1; Conflicts: c", "c 1"],
        installed: &[],
        words: &["a", "c"],
        expected: &["a 1", "c 1"],
    },
    Case {
        why: "a relation to another architecture hits nothing",
        archive: &["a 1; Conflicts: b:i386; Depends: c:any", "c 1; Multi-Arch: allowed"],
        installed: &["b 1"],
        words: &["a"],
        expected: &["a 1", "c 1 auto"],
    },
    Case {
        why: "a virtual name with one provider is that provider",
        archive: &["p 1; Provides: v"],
        installed: &[],
        words: &["v"],
        expected: &["p 1"],
    },
    Case {
        why: "a version can be named",
        archive: &["a 1", "a 2", "b 1; Depends: a"],
        installed: &[],
        words: &["b", "a=1"],
        expected: &["a 1", "b 1"],
    },
    Case { why: "a suite can be named", archive: &["a 1"], installed: &[], words: &["a/main"], expected: &["a 1"] },
    Case { why: "a package can go", archive: &[], installed: &["a 1"], words: &["a-"], expected: &["-a"] },
    Case { why: "nothing to do is no fault", archive: &["a 1"], installed: &["a 1"], words: &["a"], expected: &[] },
    Case {
        why: "a dependency cycle ends",
        archive: &["a 1; Depends: b", "b 1; Depends: c", "c 1; Pre-Depends: a"],
        installed: &[],
        words: &["a"],
        expected: &["a 1", "b 1 auto", "c 1 auto"],
    },
    Case {
        why: "what an alternative made superfluous is swept away",
        archive: &["a 1; Depends: b | c, d", "b 1; Depends: e", "d 1; Breaks: b", "c 1", "e 1"],
        installed: &[],
        words: &["a"],
        expected: &["a 1", "c 1 auto", "d 1 auto"],
    },
    Case {
        why: "of an upgraded package only a new recommendation is followed",
        archive: &["a 2; Recommends: b, c", "b 1", "c 1"],
        installed: &["a 1; Recommends: b"],
        words: &["a"],
        expected: &["a 1->2", "c 1 auto"],
    },
];

#[test]
fn requests_choose_what_apt_chooses() {
    for case in CASES {
        let found = ask(case.archive, case.installed, case.words, Options::default());
        assert_eq!(
            found.as_deref(),
            Ok(case.expected.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice()),
            "{}",
            case.why
        );
    }
}

#[test]
fn recommendations_can_be_off() {
    let options = Options { recommends: false, ..Options::default() };
    assert_eq!(ask(&["a 1; Recommends: b", "b 1"], &[], &["a"], options), Ok(vec!["a 1".to_owned()]));
}

#[test]
fn what_cannot_be_done_is_told_with_its_reasons() {
    /// Archive, installed, words, and what the fault says.
    type Impossible<'a> = (&'a [&'a str], &'a [&'a str], &'a [&'a str], &'a str);
    let cases: [Impossible<'_>; 9] = [
        (&["libfoo 1"], &[], &["libfo"], "package \"libfo\" does not exist in the archive"),
        (&["p 1; Provides: v", "q 1; Provides: v"], &[], &["v"], "\"v\" is a virtual package provided by p, q"),
        (&["a 1"], &[], &["a=2"], "package \"a\" has no version 2; the archive has 1"),
        (&["a 1"], &[], &["a/other"], "package \"a\" has no version in other; the archive has 1"),
        (&["a 1; Depends: b (>= 2)", "b 1"], &[], &["a"], "a depends on b (>= 2), but the archive has b 1"),
        (
            &["a 1; Depends: b", "b 1; Depends: c", "c 1; Pre-Depends: gone"],
            &[],
            &["a"],
            "c pre-depends on gone, but the archive has no gone",
        ),
        (&["a 1; Conflicts: b", "b 1"], &[], &["a", "b"], "a conflicts with b, but b 1 is also wanted"),
        (&[], &["a 1; Essential: yes"], &["a-"], "a would be removed, but is essential"),
        (&["a 2"], &["a 1; Status: hold ok installed"], &["a"], "a would be changed, but is on hold"),
    ];
    for (archive, installed, words, expected) in cases {
        let fault = ask(archive, installed, words, Options::default()).unwrap_err();
        assert!(fault.to_string().contains(expected), "{fault}");
    }
}

#[test]
fn an_unknown_name_has_near_ones_as_its_hint() {
    let fault = ask(&["libfoo 1", "zzz 1"], &[], &["libfo"], Options::default()).unwrap_err();
    assert_eq!(fault.hint().as_deref(), Some("did you mean libfoo?"));
}

#[test]
fn a_closure_follows_chosen_alternatives_and_taken_recommendations() {
    let archive = ["a 1; Depends: b | c", "b 1; Recommends: d", "c 1", "d 1", "x 1; Depends: c"];
    let index = Index::read(stanzas(&archive, false).as_bytes(), "amd64").unwrap();
    let status = Index::read(b"", "amd64").unwrap();
    let universe = Universe::new(&[&index], Installed { status: &status, extended_states: b"" }, &pins);
    let selection = select(&universe, &["a", "x"], Options::default(), &|_, _| false).unwrap();
    let names = |words: &[&str]| {
        let arguments: Vec<_> = words.iter().map(|word| universe.find(word).unwrap()).collect();
        selection.closure(&universe, &arguments).into_iter().map(|p| universe.name(p)).collect::<BTreeSet<_>>()
    };
    assert_eq!(names(&["a"]), BTreeSet::from(["a", "b", "c", "d"]));
    assert_eq!(names(&["x"]), BTreeSet::from(["c", "x"]));
}
