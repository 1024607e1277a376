//! The words of a request: `./FILE.deb`, `NAME`, `NAME=VERSION`, `NAME/SUITE`, each with `:ARCHITECTURE` behind the name, and `NAME-`.
//!
//! Invariant: a word means one package and one version, or it is a fault; what apt would answer with a guess (patterns,
//! tasks) is refused by name.

use super::super::universe::{File, PackageId, Universe, VersionId};
use super::SelectFault;

/// Most providers that a message lists.
const LISTED: usize = 8;

/// One word as it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) package: PackageId,
    /// The version that shall be there; none if the package shall go.
    pub(super) version: Option<VersionId>,
}

/// Which version a word wants.
#[derive(Clone, Copy)]
enum Which<'w> {
    Candidate,
    Exactly(&'w str),
    Suite(&'w str),
    Gone,
}

/// Whether a word names a package file of this machine: it begins as a path does.
pub fn is_local_file(word: &str) -> bool {
    ["./", "../", "/"].iter().any(|start| word.starts_with(start))
}

/// The suite that a word names, which its dependencies may come from, too.
pub(super) fn suite(word: &str) -> Option<&str> {
    word.split_once('/').filter(|(name, _)| !is_local_file(word) && !name.contains('=')).map(|(_, suite)| suite)
}

pub(super) fn resolve(universe: &Universe<'_>, word: &str, in_suite: &dyn Fn(usize, &str) -> bool) -> Result<Asked, SelectFault> {
    if is_local_file(word) {
        let absent = || SelectFault::LocalFile { word: word.to_owned(), architecture: universe.architecture().to_owned() };
        let version = universe.local(word).ok_or_else(absent)?;
        return Ok(Asked { package: universe.package(version), version: Some(version) });
    }
    if let Some(what) = pattern(universe, word) {
        return Err(SelectFault::Pattern { word: word.to_owned(), what });
    }
    let (name, which) = split(universe, word);
    let name = match name.split_once(':') {
        None => name,
        Some((name, architecture)) if matches!(architecture, "any" | "native") || architecture == universe.architecture() => name,
        Some(_) => {
            return Err(SelectFault::Foreign { word: word.to_owned(), architecture: universe.architecture().to_owned() });
        }
    };
    if name.is_empty() || matches!(which, Which::Exactly("") | Which::Suite("")) {
        return Err(SelectFault::Word { word: word.to_owned() });
    }
    let package = match which {
        Which::Gone => universe.find(name).filter(|package| !universe.versions_of(*package).is_empty()),
        _ => Some(named(universe, name)?),
    };
    let package = package.ok_or_else(|| unknown(universe, name))?;
    let version =
        match which {
            Which::Gone => return Ok(Asked { package, version: None }),
            Which::Candidate => universe.candidate(package),
            Which::Exactly(wanted) => universe.versions_of(package).iter().copied().find(|v| universe.version(*v) == wanted),
            Which::Suite(suite) => universe.versions_of(package).iter().copied().find(|version| {
                universe.files(*version).iter().any(|file| matches!(file, File::Index(at) if in_suite(*at, suite)))
            }),
        };
    match version {
        Some(version) => Ok(Asked { package, version: Some(version) }),
        None => Err(no_version(universe, package, which)),
    }
}

/// What apt would understand and we do not: a task, a search pattern, a glob or a regular expression.
fn pattern(universe: &Universe<'_>, word: &str) -> Option<&'static str> {
    let name = word.split(['=', '/', ':']).next().unwrap_or(word);
    if universe.find(name).is_some() {
        return None;
    }
    match name {
        _ if name.ends_with('^') => Some("a task"),
        _ if name.starts_with(['?', '~', '!', '(']) => Some("a search pattern"),
        // A plus sign or a dot is part of ordinary names.
        _ if name.contains(['*', '?', '[', '^', '$', '|', '\\']) => Some("a glob or a regular expression"),
        _ => None,
    }
}

/// A name may end in `-` or `+` itself, so such an ending means something only where no package has the whole name.
fn split<'w>(universe: &Universe<'_>, word: &'w str) -> (&'w str, Which<'w>) {
    if let Some((name, version)) = word.split_once('=') {
        return (name, Which::Exactly(version));
    }
    if let Some((name, suite)) = word.split_once('/') {
        return (name, Which::Suite(suite));
    }
    if universe.find(word).is_some() {
        return (word, Which::Candidate);
    }
    match (word.strip_suffix('-'), word.strip_suffix('+')) {
        (Some(name), _) => (name, Which::Gone),
        (None, Some(name)) => (name, Which::Candidate),
        (None, None) => (word, Which::Candidate),
    }
}

/// The package of this name, or the only one that provides it.
fn named(universe: &Universe<'_>, name: &str) -> Result<PackageId, SelectFault> {
    let package = universe.find(name).ok_or_else(|| unknown(universe, name))?;
    if !universe.versions_of(package).is_empty() {
        return Ok(package);
    }
    let mut providers: Vec<PackageId> = universe
        .providers(package)
        .iter()
        .filter(|version| universe.candidate(universe.package(**version)) == Some(**version))
        .map(|version| universe.package(*version))
        .collect();
    providers.sort_unstable();
    providers.dedup();
    match providers.as_slice() {
        [] => Err(unknown(universe, name)),
        [only] => Ok(*only),
        several => {
            let mut providers: Vec<String> = several.iter().map(|p| universe.name(*p).to_owned()).collect();
            providers.sort_unstable();
            providers.truncate(LISTED);
            Err(SelectFault::Ambiguous { name: name.to_owned(), providers })
        }
    }
}

fn unknown(universe: &Universe<'_>, name: &str) -> SelectFault {
    let nearest = universe.nearest(name).into_iter().map(str::to_owned).collect();
    SelectFault::Unknown { name: name.to_owned(), nearest }
}

fn no_version(universe: &Universe<'_>, package: PackageId, which: Which<'_>) -> SelectFault {
    let versions: Vec<&str> = universe.versions_of(package).iter().map(|version| universe.version(*version)).collect();
    let wanted = match which {
        Which::Exactly(version) => format!("version {version}"),
        Which::Suite(suite) => format!("version in {suite}"),
        Which::Candidate | Which::Gone => "version that the pins allow".to_owned(),
    };
    SelectFault::NoVersion { name: universe.name(package).to_owned(), wanted, available: versions.join(", ") }
}
