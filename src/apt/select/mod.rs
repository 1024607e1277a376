//! The selection: which packages change when these words are asked of this universe, as `apt-get install` would choose.
//!
//! Invariant: a selection that is returned is sound: every hard relation of what will be there is met and nothing
//! collides, as far as that was so before. What cannot be done is told as reasons, and never called impossible when only
//! this search found no way. Pure: the same universe and words give the same selection.

mod closure;
mod explain;
mod mark;
mod release;
mod request;
mod search;
mod settle;
mod state;
#[cfg(test)]
mod tests;

use super::deep::with_deep_stack;
use super::packages::Field;
use super::universe::{File, Kind, PackageId, Universe, VersionId};
use crate::error::{Class, Fault, Side};

pub use request::is_local_file;
pub(in crate::apt) use state::priority;

use mark::{By, Reach};
use request::Asked;
use search::Verdict;
use state::{Marks, Mode};

/// What apt's configuration says about a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// `APT::Install-Recommends`
    pub recommends: bool,
    /// `APT::Install-Suggests`
    pub suggests: bool,
    /// `APT::Get::Upgrade-By-Source-Package`; true since apt 2.5.2.
    pub upgrade_by_source: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { recommends: true, suggests: false, upgrade_by_source: true }
    }
}

/// What happens to a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was not there.
    Install,
    /// Another version was there.
    Upgrade,
    /// It was there and goes.
    Remove,
}

/// The archive file that holds a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The first index, in source order, that has the version.
    pub index: usize,
    /// `Filename`, relative to the root of that index's archive.
    pub filename: String,
    /// In bytes.
    pub size: u64,
    /// SHA-256 of the file as the index writes it (hex); empty where the index has none.
    pub sha256: String,
}

/// One package that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The package.
    pub package: PackageId,
    /// Its name.
    pub name: String,
    /// `Architecture` of the new version, or of the removed one.
    pub architecture: String,
    /// The installed version, if there is one.
    pub old: Option<String>,
    /// The new version, unless it is removed.
    pub new: Option<String>,
    /// What happens.
    pub action: Action,
    /// Whether apt will call it automatically installed.
    pub automatic: bool,
    /// Where the new version is fetched.
    pub archive: Option<Archive>,
    /// Name and version of the source package of the new version, or of the removed one.
    pub source: (String, String),
}

/// What was chosen.
#[derive(Clone, Debug)]
pub struct Selection {
    /// All packages that change, in apt's order of names.
    pub changes: Vec<Change>,
    /// The packages that the request named, in its order.
    pub arguments: Vec<PackageId>,
    /// Named packages that were installed automatically and are not automatic any more.
    pub made_manual: Vec<PackageId>,
    /// Whether apt's marking found no way and the complete search did.
    pub searched: bool,
    chosen: Vec<Option<VersionId>>,
    causes: Vec<Option<(PackageId, Kind)>>,
    options: Options,
}

impl Selection {
    /// The version of a package that will be there.
    pub fn chosen(&self, package: PackageId) -> Option<VersionId> {
        self.chosen.get(package.at()).copied().flatten()
    }

    /// For which package, and by which kind of relation, this one was chosen; nothing for arguments.
    pub fn cause(&self, package: PackageId) -> Option<(PackageId, Kind)> {
        self.causes.get(package.at()).copied().flatten()
    }
}

/// Why a request cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectFault {
    /// No package and no provider has the name.
    #[error("package {name:?} does not exist in the archive")]
    Unknown {
        /// As it was asked for.
        name: String,
        /// Names that are spelled nearly so.
        nearest: Vec<String>,
    },
    /// The package is known, but not in the demanded version or suite.
    #[error("package {name:?} has no {wanted}; the archive has {available}")]
    NoVersion {
        /// The package.
        name: String,
        /// `version 1.2` or `version in suite-x`.
        wanted: String,
        /// The versions there are.
        available: String,
    },
    /// A virtual name with more than one provider.
    #[error("{name:?} is a virtual package provided by {}", providers.join(", "))]
    Ambiguous {
        /// As it was asked for.
        name: String,
        /// Who provides it.
        providers: Vec<String>,
    },
    /// The word has no meaning here.
    #[error("{word:?} is not NAME, NAME=VERSION, NAME/SUITE, NAME:ARCHITECTURE or NAME-")]
    Word {
        /// As it was written.
        word: String,
    },
    /// A form of apt's that says no package by name.
    #[error("{word:?} is {what}, which means packages that change with the archive")]
    Pattern {
        /// As it was written.
        word: String,
        /// `a task`, ...
        what: &'static str,
    },
    /// A package file that this base cannot take.
    #[error("{word} is no package for {architecture}: its control file says otherwise, or lacks Package or Version")]
    LocalFile {
        /// As it was written.
        word: String,
        /// Of the base.
        architecture: String,
    },
    /// No set of packages serves the request: a complete search says so.
    #[error("the packages cannot be installed together:\n{}", reasons.join("\n"))]
    Unmet {
        /// One line each.
        reasons: Vec<String>,
    },
    /// No set of packages was found before the search met its bound.
    #[error("no way was found to install the packages together, and the search was given up:\n{}", reasons.join("\n"))]
    Undecided {
        /// One line each.
        reasons: Vec<String>,
    },
    /// A package of another architecture than the base's.
    #[error("{word:?} asks for a package of another architecture, and only those for {architecture} are chosen")]
    Foreign {
        /// As it was written.
        word: String,
        /// Of the base.
        architecture: String,
    },
    /// Something that must not happen without being allowed.
    #[error("{name} would be {what}")]
    Refused {
        /// The package.
        name: String,
        /// `removed, but is essential`, ...
        what: &'static str,
    },
    /// The thread that marks could not be started or was lost.
    #[error("the package selection could not be run")]
    Lost,
}

impl Fault for SelectFault {
    fn class(&self) -> Class {
        match self {
            Self::Unknown { .. } | Self::NoVersion { .. } => Class::NotFound,
            Self::Ambiguous { .. } | Self::Word { .. } | Self::Pattern { .. } => Class::Usage,
            Self::Unmet { .. } | Self::Undecided { .. } | Self::LocalFile { .. } => Class::Input,
            Self::Refused { .. } | Self::Foreign { .. } => Class::Refused,
            Self::Lost => Class::Local,
        }
    }
    fn side(&self) -> Side {
        match self {
            Self::Unmet { .. } | Self::Undecided { .. } => Side::Source,
            Self::Lost => Side::Local,
            _ => Side::Recipe,
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest, .. } if !nearest.is_empty() => Some(format!("did you mean {}?", nearest.join(" or "))),
            Self::Ambiguous { providers, .. } => Some(format!("name one of them, such as {}", providers.first()?)),
            Self::Foreign { .. } => Some("build an image of that platform with --platform".into()),
            Self::Refused { what: ESSENTIAL, .. } => Some("leave out what removes it: a base cannot work without it".into()),
            Self::Refused { what: HELD, .. } => Some("`apt-mark unhold` it in the base, or leave it as it is".into()),
            Self::Refused { .. } => Some("name the version that is installed, or a newer one".into()),
            Self::Pattern { .. } => Some("name the packages themselves".into()),
            Self::Undecided { .. } => Some("name versions, or fewer packages in one request".into()),
            _ => None,
        }
    }
}

/// What `apt-get install WORDS...` would choose. `in_suite` tells whether an index (by its number) belongs to a suite or
/// codename, for words of the form `NAME/SUITE`.
pub fn select(
    universe: &Universe<'_>,
    words: &[&str],
    options: Options,
    in_suite: &(dyn Fn(usize, &str) -> bool + Sync),
) -> Result<Selection, SelectFault> {
    with_deep_stack("apt-select", || select_here(universe, words, options, in_suite)).unwrap_or(Err(SelectFault::Lost))
}

fn select_here(
    universe: &Universe<'_>,
    words: &[&str],
    options: Options,
    in_suite: &dyn Fn(usize, &str) -> bool,
) -> Result<Selection, SelectFault> {
    let asked: Vec<Asked> = words.iter().map(|word| request::resolve(universe, word, in_suite)).collect::<Result<_, _>>()?;
    let offered = release::offered(universe, words, &asked, options, in_suite);
    let mut marks = Marks::new(universe, options, offered);
    let broken_before: Vec<PackageId> =
        marks.chosen().map(|(package, _)| package).filter(|package| marks.is_broken(*package)).collect();
    for one in &asked {
        match one.version {
            None => drop(marks.remove(one.package, By::User, 0)),
            Some(version) => {
                marks.change(one.package, |choice| choice.candidate = Some(version));
                marks.install(one.package, Reach::Alone, By::User, 0);
                // Also where the very version is there already.
                marks.change(one.package, |choice| choice.automatic = false);
            }
        }
        marks.change(one.package, |choice| choice.protected = true);
    }
    for one in asked.iter().filter(|one| one.version.is_some()) {
        // One that is upgraded takes its siblings with it, also where it wants nothing.
        if marks.is_wanting(one.package) || marks.of(one.package).mode == Mode::Install {
            marks.install(one.package, Reach::Dependencies, By::User, 0);
        }
    }
    let mut searched = false;
    if let Err(broken) = marks.settle(&broken_before) {
        let reasons = explain::reasons(&marks, &broken);
        match search::search(&mut marks, &asked, &broken_before) {
            Verdict::Found => searched = true,
            Verdict::Impossible => return Err(SelectFault::Unmet { reasons }),
            Verdict::Unknown => return Err(SelectFault::Undecided { reasons }),
        }
    }
    marks.sweep(&asked.iter().map(|one| one.package).collect::<Vec<_>>());
    check_allowed(&marks)?;
    Ok(selection(&marks, &asked, searched))
}

/// Why an essential package may not go.
const ESSENTIAL: &str = "removed, but is essential";
/// Why a held package may not change.
const HELD: &str = "changed, but is on hold";

/// What `-y` does not cover: removal of essential packages, downgrades, changes of held packages.
fn check_allowed(marks: &Marks<'_, '_>) -> Result<(), SelectFault> {
    let universe = marks.universe;
    for package in universe.packages().filter(|package| marks.of(*package).mode != Mode::Keep) {
        let refuse = |what| Err(SelectFault::Refused { name: universe.name(package).to_owned(), what });
        let removed = marks.of(package).mode == Mode::Delete;
        if removed && (universe.is_essential(package) || universe.is_protected(package)) {
            return refuse(ESSENTIAL);
        }
        if universe.is_held(package) && universe.installed(package).is_some() {
            return refuse(HELD);
        }
        if let Some((old, new)) = universe.installed(package).zip(marks.of(package).chosen)
            && super::version::Version::new(universe.version(new)) < super::version::Version::new(universe.version(old))
        {
            return refuse("downgraded");
        }
    }
    Ok(())
}

fn selection(marks: &Marks<'_, '_>, asked: &[Asked], searched: bool) -> Selection {
    let universe = marks.universe;
    let changes = universe.packages().filter_map(|package| change(marks, package)).collect();
    let arguments: Vec<PackageId> = asked.iter().map(|one| one.package).collect();
    let now_manual = |package: &PackageId| universe.is_automatic(*package) && !marks.of(*package).automatic;
    let installed = |package: &PackageId| universe.installed(*package).is_some() && marks.of(*package).chosen.is_some();
    Selection {
        changes,
        made_manual: arguments.iter().copied().filter(installed).filter(now_manual).collect(),
        arguments,
        searched,
        chosen: marks.choices.iter().map(|choice| choice.chosen).collect(),
        causes: marks.choices.iter().map(|choice| choice.cause).collect(),
        options: marks.options,
    }
}

fn change(marks: &Marks<'_, '_>, package: PackageId) -> Option<Change> {
    let universe = marks.universe;
    let (old, choice) = (universe.installed(package), marks.of(package));
    let action = match (choice.mode, old) {
        (Mode::Keep, _) => return None,
        (Mode::Delete, _) => Action::Remove,
        (Mode::Install, None) => Action::Install,
        (Mode::Install, Some(_)) => Action::Upgrade,
    };
    let stanza = universe.stanza(choice.chosen.or(old)?);
    let index = choice.chosen.and_then(|version| {
        universe.files(version).iter().find_map(|file| match file {
            File::Index(at) => Some(*at),
            File::Status => None,
        })
    });
    let text = |field| stanza.get(field).unwrap_or_default().to_owned();
    let (source, source_version) = stanza.source();
    Some(Change {
        package,
        name: universe.name(package).to_owned(),
        architecture: text(Field::Architecture),
        old: old.map(|version| universe.version(version).to_owned()),
        new: choice.chosen.map(|version| universe.version(version).to_owned()),
        action,
        automatic: choice.automatic,
        archive: index.map(|index| Archive {
            index,
            filename: text(Field::Filename),
            size: stanza.get(Field::Size).and_then(|size| size.parse().ok()).unwrap_or_default(),
            sha256: text(Field::Sha256),
        }),
        source: (source.to_owned(), source_version.to_owned()),
    })
}
