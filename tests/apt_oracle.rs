//! apt itself is the oracle: for seeded random requests the selection and the order are those of `apt-get -s install`.
//!
//! Invariant: the real apt reads the real archive indexes of this machine (`/var/lib/apt/lists`, or the lists of
//! `PLYWOOD_ORACLE_LISTS`) against a dpkg status that the test makes itself; nothing of the host is changed. Without
//! lists the test fails under CI and does nothing elsewhere, saying so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use plywood::apt::deb822::stanzas;
use plywood::apt::order::{Step, steps};
use plywood::apt::packages::{Field, Index};
use plywood::apt::select::{Options, Selection, select};
use plywood::apt::universe::{File, Installed, PackageId, Seen, Universe};

const SEED: u64 = 20_261_124;

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("the command starts");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn lists() -> PathBuf {
    std::env::var_os("PLYWOOD_ORACLE_LISTS").map_or_else(|| PathBuf::from("/var/lib/apt/lists"), PathBuf::from)
}

/// The files of the `Packages` indexes in apt's order of sources.
fn index_files() -> Vec<String> {
    let mut command = Command::new("apt-get");
    command.arg("-o").arg(format!("Dir::State::lists={}", lists().display()));
    let (_, told) = run(command.args(["indextargets", "--format", "$(FILENAME)", "Created-By: Packages"]));
    told.lines().filter(|file| Path::new(file).exists()).map(str::to_owned).collect()
}

fn architecture() -> String {
    run(Command::new("dpkg").arg("--print-architecture")).1.trim().to_owned()
}

fn plain_text(file: &str) -> Vec<u8> {
    Command::new("/usr/lib/apt/apt-helper").args(["cat-file", file]).output().expect("apt-helper starts").stdout
}

fn pins(seen: Seen<'_>) -> i32 {
    if seen.file == File::Status { 100 } else { 500 }
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

/// A dpkg status with the packages that a minimal base has: the essential and required ones with their dependencies. An
/// aged base has the oldest versions that the archive still has.
fn status(indexes: &[Index], raw: &HashMap<(String, String), String>, aged: bool) -> String {
    let empty = Index::read(b"", indexes[0].architecture()).unwrap();
    let all: Vec<&Index> = indexes.iter().collect();
    let universe = Universe::new(&all, Installed { status: &empty, extended_states: b"" }, &|seen| match seen.file {
        File::Index(at) if aged => 500 - i32::try_from(at).unwrap(),
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

/// A folder in which apt sees this status and the host's sources and lists, and no other configuration.
fn oracle(folder: &Path, status: &str, architecture: &str) -> PathBuf {
    let w = folder.display();
    for below in ["state", "cache/archives/partial", "none"] {
        std::fs::create_dir_all(folder.join(below)).unwrap();
    }
    std::fs::write(folder.join("state/status"), status).unwrap();
    let configuration = format!(
        r#"APT::Architecture "{architecture}"; APT::Architectures {{"{architecture}";}};
Dir::Etc::main "/dev/null"; Dir::Etc::parts "{w}/none";
Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "{w}/none";
Dir::State "{w}/state"; Dir::State::status "{w}/state/status"; Dir::State::lists "{lists}";
Dir::State::extended_states "{w}/state/extended_states"; Dir::Cache "{w}/cache"; Dir::Log "{w}/none";
Dir::Log::Planner ""; Dir::Log::Solver ""; Debug::NoLocking "1"; Acquire::Languages "none";
APT::AutoRemove::SuggestsImportant "false";
"#,
        lists = lists().display()
    );
    let file = folder.join("apt.conf");
    std::fs::write(&file, configuration).unwrap();
    file
}

/// What apt would do: a line per step up to the last unpacking or removal; none if it refuses.
fn told_by_apt(configuration: &Path, words: &[String], recommends: bool) -> Option<Vec<String>> {
    let mut command = Command::new("apt-get");
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("LC_ALL", "C").env("APT_CONFIG", configuration);
    command.args(["-s", "-qq", "-y", "-o", &format!("APT::Install-Recommends={recommends}"), "install"]).args(words);
    let (done, told) = run(&mut command);
    let mut steps: Vec<String> = told.lines().filter_map(step).collect();
    while steps.last().is_some_and(|step| step.starts_with("Conf")) {
        steps.pop();
    }
    done.then_some(steps)
}

/// `Inst NAME [OLD] (NEW SUITE [ARCH]) []` as `Inst NAME NEW`.
fn step(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let (what, name) = (words.next()?, words.next()?.split(':').next()?);
    match what {
        "Inst" => {
            let new = words.find_map(|word| word.strip_prefix('('))?;
            Some(format!("Inst {name} {new}"))
        }
        "Conf" | "Remv" => Some(format!("{what} {name}")),
        _ => None,
    }
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
fn requests(universe: &Universe<'_>, singles: usize, triples: usize) -> Vec<Vec<String>> {
    match std::env::var("PLYWOOD_ORACLE_REQUESTS") {
        Ok(text) => text.split(';').map(|words| words.split_whitespace().map(str::to_owned).collect()).collect(),
        Err(_) => drawn(universe, singles, triples),
    }
}

/// Requests of one and of three packages, drawn from all that are not installed.
fn drawn(universe: &Universe<'_>, singles: usize, triples: usize) -> Vec<Vec<String>> {
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
    let mut requests: Vec<Vec<String>> = (0..singles).map(|_| vec![draw()]).collect();
    requests.extend((0..triples).map(|_| (0..3).map(|_| draw()).collect()));
    requests
}

/// How an answer differs from apt's; nothing if it does not.
fn difference(universe: &Universe<'_>, apt: Option<Vec<String>>, words: &[String], recommends: bool) -> Option<String> {
    let options = Options { recommends, ..Options::default() };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ours = select(universe, &words, options, &|_, _| false).map(|selection| told_by_us(universe, &selection));
    let set = |told: &[String]| told.iter().filter(|step| !step.starts_with("Conf")).cloned().collect::<BTreeSet<_>>();
    match (apt, ours) {
        (None, Err(_)) => None,
        (Some(apt), Ok(ours)) if apt == ours => None,
        (Some(apt), Ok(ours)) if set(&apt) == set(&ours) => {
            let at = apt.iter().zip(&ours).position(|(a, b)| a != b).unwrap_or(0);
            let part = |told: &[String]| told.iter().skip(at).take(4).cloned().collect::<Vec<_>>().join(", ");
            Some(format!("{words:?} recommends={recommends}: order at {at}: apt {} | ours {}", part(&apt), part(&ours)))
        }
        (Some(apt), Ok(ours)) => {
            let (apt, ours) = (set(&apt), set(&ours));
            let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join(", ");
            Some(format!("{words:?} recommends={recommends}: only apt: {} | only ours: {}", only(&apt, &ours), only(&ours, &apt)))
        }
        (None, Ok(_)) => Some(format!("{words:?} recommends={recommends}: apt refuses, we do not")),
        (Some(_), Err(fault)) => Some(format!("{words:?} recommends={recommends}: apt does it, we say {fault}")),
    }
}

#[expect(clippy::print_stderr, reason = "what was compared, and what was not")]
fn compare(aged: bool, singles: usize, triples: usize) {
    let files = index_files();
    if files.is_empty() {
        assert!(std::env::var_os("CI").is_none(), "no package lists: run apt-get update first");
        eprintln!("no package lists on this machine, nothing was compared: run apt-get update first");
        return;
    }
    let texts: Vec<Vec<u8>> = files.iter().map(|file| plain_text(file)).collect();
    let architecture = architecture();
    let indexes: Vec<Index> = texts.iter().map(|text| Index::read(text, &architecture).unwrap()).collect();
    let status = status(&indexes, &raw_stanzas(&texts), aged);
    drop(texts);
    let folder = tempfile::tempdir().unwrap();
    let configuration = oracle(folder.path(), &status, &architecture);
    let status = Index::read(status.as_bytes(), &architecture).unwrap();
    let all: Vec<&Index> = indexes.iter().collect();
    let universe = Universe::new(&all, Installed { status: &status, extended_states: b"" }, &pins);
    let (mut differences, mut served, mut steps) = (Vec::new(), 0, 0);
    let requests = requests(&universe, singles, triples);
    for (words, recommends) in requests.iter().flat_map(|words| [(words, false), (words, true)]) {
        let apt = told_by_apt(&configuration, words, recommends);
        served += usize::from(apt.is_some());
        steps += apt.as_ref().map_or(0, Vec::len);
        differences.extend(difference(&universe, apt, words, recommends));
    }
    let (total, found) = (requests.len() * 2, differences.len());
    eprintln!("{total} requests, {served} served by apt in {steps} steps, {found} differ");
    assert!(served * 2 > total, "apt served only {served} of {total} requests: the oracle is not set up");
    assert!(differences.is_empty(), "{found} of {total} requests differ:\n{}", differences.join("\n"));
}

/// A slice of the matrix, since apt itself takes seconds a request; `tests/acceptance/run` asks for 60 and 20.
const SINGLES: usize = 4;
const TRIPLES: usize = 2;

#[test]
fn a_fresh_base_gets_what_apt_would_install_in_its_order() {
    compare(false, number("PLYWOOD_ORACLE_SINGLES", SINGLES), number("PLYWOOD_ORACLE_TRIPLES", TRIPLES));
}

#[test]
fn an_aged_base_is_upgraded_as_apt_would() {
    compare(true, number("PLYWOOD_ORACLE_SINGLES", SINGLES) / 3, number("PLYWOOD_ORACLE_TRIPLES", TRIPLES) / 3);
}
