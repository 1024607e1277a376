//! Requests, our answer, and how it differs from apt's.

use std::collections::BTreeSet;

use plywood::apt::order::{Step, steps};
use plywood::apt::packages::Index;
use plywood::apt::select::{Options, Selection, select};
use plywood::apt::universe::{File, Installed, PackageId, Seen, Universe, VersionId};

use crate::answers::Oracle;
use crate::base::{Age, status};
use crate::lab::Lab;
use crate::pins::Pins;

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
#[derive(Clone, Copy)]
pub(crate) struct Matrix {
    pub(crate) age: Age,
    pub(crate) singles: usize,
    pub(crate) triples: usize,
    /// The base's apt.conf and preferences.
    pub(crate) conf: &'static str,
    pub(crate) preferences: &'static str,
    /// Packages are asked for as `NAME/SUITE`.
    pub(crate) suite: Option<&'static str>,
}

impl Matrix {
    pub(crate) fn new(age: Age, singles: usize, triples: usize) -> Self {
        Self { age, singles, triples, conf: "", preferences: "", suite: None }
    }
}

type InSuite<'s> = &'s (dyn Fn(usize, &str) -> bool + Sync);

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
fn requests(universe: &Universe<'_>, matrix: &Matrix, in_suite: InSuite<'_>) -> Vec<Vec<String>> {
    match std::env::var("PLYWOOD_ORACLE_REQUESTS") {
        Ok(text) => text.split(';').map(|words| words.split_whitespace().map(str::to_owned).collect()).collect(),
        Err(_) => drawn(universe, matrix, in_suite),
    }
}

/// Requests of one and of three packages, drawn from all that are not installed, or of a suite from all that it has.
fn drawn(universe: &Universe<'_>, matrix: &Matrix, in_suite: InSuite<'_>) -> Vec<Vec<String>> {
    let has = |version: &VersionId, suite: &str| {
        universe.files(*version).iter().any(|file| matches!(file, File::Index(at) if in_suite(*at, suite)))
    };
    let is_drawn = |package: &PackageId| match matrix.suite {
        Some(suite) => universe.versions_of(*package).iter().any(|version| has(version, suite)),
        None => universe.candidate(*package).is_some() && universe.installed(*package).is_none(),
    };
    let names: Vec<&str> = universe.packages().filter(is_drawn).map(|package| universe.name(package)).collect();
    let mut state = number("PLYWOOD_ORACLE_SEED", usize::try_from(SEED).unwrap()) as u64;
    let mut draw = || {
        // xorshift64*: any good spread will do, it only has to be the same everywhere.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let at = state.wrapping_mul(0x2545_f491_4f6c_dd1d) % names.len() as u64;
        let name = names[usize::try_from(at).unwrap()];
        matrix.suite.map_or_else(|| name.to_owned(), |suite| format!("{name}/{suite}"))
    };
    let mut requests: Vec<Vec<String>> = (0..matrix.singles).map(|_| vec![draw()]).collect();
    requests.extend((0..matrix.triples).map(|_| (0..3).map(|_| draw()).collect()));
    requests
}

/// How an answer differs from apt's; nothing if it does not.
fn difference(
    universe: &Universe<'_>,
    apt: Option<Vec<String>>,
    words: &[String],
    options: Options,
    in_suite: InSuite<'_>,
) -> Option<String> {
    let recommends = options.recommends;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ours = select(universe, &words, options, in_suite).map(|selection| told_by_us(universe, &selection));
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
    let oracle = Oracle::new(&lab, folder.path(), &status, matrix.conf, matrix.preferences);
    let pins = Pins::new(&lab, matrix.conf, matrix.preferences);
    let status = Index::read(status.as_bytes(), &lab.architecture).unwrap();
    let all: Vec<&Index> = indexes.iter().collect();
    let priority = |seen: Seen<'_>| pins.priority(seen);
    let universe = Universe::new(&all, Installed { status: &status, extended_states: b"" }, &priority);
    let in_suite = |at: usize, suite: &str| lab.indexes[at][1..=2].iter().any(|name| name == suite);
    let (mut differences, mut asked, mut served, mut lines, mut excused) = (Vec::new(), 0, 0, 0, 0);
    let requests = requests(&universe, matrix, &in_suite);
    let only_known = std::env::var_os("PLYWOOD_ORACLE_KNOWN").is_some();
    for (words, recommends) in requests.iter().flat_map(|words| [(words, false), (words, true)]) {
        if only_known && !oracle.knows(words, recommends) {
            continue;
        }
        let options = Options { recommends, suggests: pins.suggests, ..Options::default() };
        let apt = oracle.asked(words, recommends);
        asked += 1;
        served += usize::from(apt.is_some());
        lines += apt.as_ref().map_or(0, Vec::len);
        let Some(difference) = difference(&universe, apt, words, options, &in_suite) else { continue };
        eprintln!("{difference}");
        if EXCEPTIONS.iter().any(|exception| exception.words == words.join(" ")) {
            excused += 1;
        } else {
            differences.push(difference);
        }
    }
    let (total, found) = (asked, differences.len());
    eprintln!(
        "{:?} base of {} packages: {total} requests, {served} served by apt in {lines} steps, {found} differ",
        matrix.age,
        status.len()
    );
    assert!(served * 2 > total, "apt served only {served} of {total} requests: the oracle is not set up");
    assert!(excused * 100 <= total, "{excused} exceptions of {total} requests are too many");
    assert!(differences.is_empty(), "{found} of {total} requests differ:\n{}", differences.join("\n"));
}
