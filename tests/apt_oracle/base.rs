//! The systems that requests are made on: a dpkg status written out of the archive's own stanzas.
//!
//! Invariant: the packages fit each other, so that apt finds nothing broken before the request.

use std::collections::HashMap;
use std::fmt::Write as _;

use plywood::apt::deb822::stanzas;
use plywood::apt::packages::{Field, Index};
use plywood::apt::select::{Options, select};
use plywood::apt::universe::{File, Installed, PackageId, Seen, Universe};

use crate::lab::Lab;

/// What is installed before the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// The essential and required packages, the newest of each.
    Fresh,
    /// These and a server's packages, in the versions of the first suite: what updates and security brought since is pending.
    Aged,
}

/// What an aged server has, beside the required packages.
const SERVER: &[&str] = &["systemd-sysv", "openssh-server", "sudo", "curl", "git", "python3-venv", "nginx", "libssl-dev", "g++"];

fn pins(seen: Seen<'_>) -> i32 {
    if seen.file == File::Status { 100 } else { 500 }
}

/// The text of `/var/lib/dpkg/status`.
pub(crate) fn status(lab: &Lab, indexes: &[Index], age: Age) -> String {
    let raw = raw_stanzas(&lab.texts);
    let empty = Index::read(b"", &lab.architecture).unwrap();
    let all: Vec<&Index> = indexes.iter().collect();
    // An aged base has the versions of the first suites; a fresh one never those of a suite that is only there for pins.
    let universe = Universe::new(&all, Installed { status: &empty, extended_states: b"" }, &|seen| match seen.file {
        File::Index(at) if age == Age::Aged => 500 - i32::try_from(at).unwrap(),
        File::Index(at) if lab.indexes[at][2].split('-').next() != lab.indexes[0][2].split('-').next() => 1,
        _ => pins(seen),
    });
    let is_base = |package: &PackageId| {
        universe.candidate(*package).is_some_and(|version| {
            let stanza = universe.stanza(version);
            stanza.says_yes(Field::Essential) || stanza.get(Field::Priority) == Some("required")
        })
    };
    let mut words: Vec<&str> = universe.packages().filter(is_base).map(|package| universe.name(package)).collect();
    words.push("apt");
    words.extend(SERVER.iter().filter(|_| age == Age::Aged));
    let options = Options { recommends: false, ..Options::default() };
    let selection = select(&universe, &words, options, &|_, _| false).expect("the base can be installed");
    let mut status = String::new();
    for change in &selection.changes {
        let stanza = &raw[&(change.name.clone(), change.new.clone().unwrap())];
        let kept =
            stanza.lines().filter(|line| !["Filename:", "Size:", "MD5sum:", "SHA256:"].iter().any(|field| line.starts_with(field)));
        let (first, rest): (Vec<&str>, Vec<&str>) = kept.partition(|line| line.starts_with("Package:"));
        writeln!(status, "{}\nStatus: install ok installed\n{}\n", first.join("\n"), rest.join("\n")).unwrap();
    }
    status
}

/// Raw stanzas by name and version.
fn raw_stanzas(texts: &[Vec<u8>]) -> HashMap<(String, String), String> {
    let mut raw = HashMap::new();
    for stanza in texts.iter().flat_map(|text| stanzas(text)) {
        let key = |field| stanza.text_of(field).unwrap_or_default().to_owned();
        raw.entry((key("Package"), key("Version"))).or_insert_with(|| String::from_utf8_lossy(stanza.text()).into_owned());
    }
    raw
}
