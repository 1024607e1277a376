//! Requests, our answer, and how it differs from apt's.

use std::collections::BTreeSet;

use plywood::apt::order::{Step, steps};
use plywood::apt::packages::Index;
use plywood::apt::select::{Options, Selection, select};
use plywood::apt::universe::{Installed, Seen, Universe};

use crate::answers::Oracle;
use crate::base::{Age, pins, status};
use crate::lab::Lab;

/// A request that is answered otherwise than apt does, and why that is right. At most one in a hundred.
pub(crate) struct Exception {
    pub(crate) words: &'static str,
    #[expect(dead_code, reason = "for readers")]
    pub(crate) reason: &'static str,
}

pub(crate) const EXCEPTIONS: &[Exception] = &[];

const SEED: u64 = 20_261_124;

pub(crate) fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What is asked on which base.
pub(crate) struct Matrix {
    pub(crate) age: Age,
    pub(crate) singles: usize,
    pub(crate) triples: usize,
}

fn told_by_us(universe: &Universe<'_>, selection: &Selection) -> Vec<String> {
    let name = |package| universe.name(package);
    let mut told: Vec<String> = steps(universe, selection)
        .expect("an order is found")
        .into_iter()
        .map(|step| match step {
            Step::Unpack(package) => {
                format!("Inst {} {}", name(package), universe.version(selection.chosen(package).unwrap()))
            }
            Step::Configure(package) => format!("Conf {}", name(package)),
            Step::Remove(package) => format!("Remv {}", name(package)),
        })
        .collect();
    while told.last().is_some_and(|step| step.starts_with("Conf")) {
        told.pop();
    }
    told
}

/// The requests of `PLYWOOD_ORACLE_REQUESTS` (words separated by blanks, requests by `;`), else drawn ones.
fn requests(universe: &Universe<'_>, matrix: &Matrix) -> Vec<Vec<String>> {
    match std::env::var("PLYWOOD_ORACLE_REQUESTS") {
        Ok(text) => text.split(';').map(|words| words.split_whitespace().map(str::to_owned).collect()).collect(),
        Err(_) => drawn(universe, matrix),
    }
}

/// Requests of one and of three packages, drawn from all that are not installed.
fn drawn(universe: &Universe<'_>, matrix: &Matrix) -> Vec<Vec<String>> {
    let names: Vec<&str> = universe
        .packages()
        .filter(|package| universe.candidate(*package).is_some() && universe.installed(*package).is_none())
        .map(|package| universe.name(package))
        .collect();
    let mut state = number("PLYWOOD_ORACLE_SEED", usize::try_from(SEED).unwrap()) as u64;
    let mut draw = || {
        // xorshift64*: any good spread will do, it only has to be the same everywhere.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let at = state.wrapping_mul(0x2545_f491_4f6c_dd1d) % names.len() as u64;
        names[usize::try_from(at).unwrap()].to_owned()
    };
    let mut requests: Vec<Vec<String>> = (0..matrix.singles).map(|_| vec![draw()]).collect();
    requests.extend((0..matrix.triples).map(|_| (0..3).map(|_| draw()).collect()));
    requests
}

/// How an answer differs from apt's; nothing if it does not.
fn difference(universe: &Universe<'_>, apt: Option<Vec<String>>, words: &[String], recommends: bool) -> Option<String> {
    let options = Options { recommends, ..Options::default() };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ours = select(universe, &words, options, &|_, _| false).map(|selection| told_by_us(universe, &selection));
    let asked = format!("{} recommends={recommends}", words.join(" "));
    let set = |told: &[String]| told.iter().filter(|step| !step.starts_with("Conf")).cloned().collect::<BTreeSet<_>>();
    match (apt, ours) {
        (None, Err(_)) => None,
        (Some(apt), Ok(ours)) if apt == ours => None,
        (Some(apt), Ok(ours)) if set(&apt) == set(&ours) => {
            let at = apt.iter().zip(&ours).position(|(a, b)| a != b).unwrap_or(0);
            let part = |told: &[String]| told.iter().skip(at).take(4).cloned().collect::<Vec<_>>().join(", ");
            Some(format!("{asked}: order at {at}: apt {} | ours {}", part(&apt), part(&ours)))
        }
        (Some(apt), Ok(ours)) => {
            let (apt, ours) = (set(&apt), set(&ours));
            let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join(", ");
            Some(format!("{asked}: only apt: {} | only ours: {}", only(&apt, &ours), only(&ours, &apt)))
        }
        (None, Ok(_)) => Some(format!("{asked}: apt refuses, we do not")),
        (Some(_), Err(fault)) => Some(format!("{asked}: apt does it, we say {fault}")),
    }
}

/// Asks both on one base; every difference that no exception explains fails.
#[expect(clippy::print_stderr, reason = "what was compared, and what was not")]
pub(crate) fn compare(matrix: &Matrix) {
    let Some(lab) = Lab::find() else {
        assert!(std::env::var_os("CI").is_none(), "no package lists: run apt-get update first");
        eprintln!("no package lists on this machine, nothing was compared: run apt-get update first");
        return;
    };
    let indexes: Vec<Index> = lab.texts.iter().map(|text| Index::read(text, &lab.architecture).unwrap()).collect();
    let status = status(&lab, &indexes, matrix.age);
    let folder = tempfile::tempdir().unwrap();
    let oracle = Oracle::new(&lab, folder.path(), &status, "", "");
    let status = Index::read(status.as_bytes(), &lab.architecture).unwrap();
    let all: Vec<&Index> = indexes.iter().collect();
    let priority: &dyn Fn(Seen<'_>) -> i32 = &pins;
    let universe = Universe::new(&all, Installed { status: &status, extended_states: b"" }, priority);
    let (mut differences, mut served, mut lines, mut excused) = (Vec::new(), 0, 0, 0);
    let requests = requests(&universe, matrix);
    for (words, recommends) in requests.iter().flat_map(|words| [(words, false), (words, true)]) {
        let apt = oracle.asked(words, recommends);
        served += usize::from(apt.is_some());
        lines += apt.as_ref().map_or(0, Vec::len);
        let Some(difference) = difference(&universe, apt, words, recommends) else { continue };
        eprintln!("{difference}");
        if EXCEPTIONS.iter().any(|exception| exception.words == words.join(" ")) {
            excused += 1;
        } else {
            differences.push(difference);
        }
    }
    let (total, found) = (requests.len() * 2, differences.len());
    eprintln!(
        "{:?} base of {} packages: {total} requests, {served} served by apt in {lines} steps, {found} differ",
        matrix.age,
        status.len()
    );
    assert!(served * 2 > total, "apt served only {served} of {total} requests: the oracle is not set up");
    assert!(excused * 100 <= total, "{excused} exceptions of {total} requests are too many");
    assert!(differences.is_empty(), "{found} of {total} requests differ:\n{}", differences.join("\n"));
}
