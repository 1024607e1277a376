//! Indexes + base + requests -> packages and calls: apt's selection and order, request after request.
//!
//! Invariant: pure but for what the store remembers of package files. A later request starts from the state that the one
//! before it left; if it would change what that one brought, both become one request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::apt::extended_states;
use crate::apt::order;
use crate::apt::packages::Index;
use crate::apt::preferences::{ArchiveFacts, Preferences};
use crate::apt::select::{self, Change, Options, Selection, select};
use crate::apt::universe::{File, Installed, PackageId, Seen, Universe};
use crate::error::{During as _, Error, Result};
use crate::oci::Digest;
use crate::store::Store;

use super::index::Archive;
use super::postinst::Postinsts;
use super::share::share;
use super::transfer::canonical;
use super::{Action, Call, LockedPackage, PinError, SolverRequest};

/// Everything that decides.
pub(super) struct Question {
    pub(super) architecture: String,
    pub(super) status: Index,
    /// Package files of the requests' own.
    pub(super) local: Option<Index>,
    pub(super) extended_states: Arc<[u8]>,
    pub(super) preferences: Preferences,
    pub(super) archives: Vec<Archive>,
    /// Those that ask for something.
    pub(super) requests: Vec<SolverRequest>,
    /// What the base's configuration says.
    pub(super) options: Options,
    pub(super) store: Arc<Store>,
}

/// The answer.
#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) packages: Vec<LockedPackage>,
    pub(super) calls: Vec<Call>,
    pub(super) extended_states: Option<String>,
    pub(super) notes: Vec<String>,
    /// Package files whose scripts the order depends on and that are not known yet.
    pub(super) wanting: Vec<Digest>,
}

/// Why requests were not served one after the other.
enum Stopped {
    /// The first request cannot be served, or nothing can.
    Alone(Error),
    /// The request at this place would change what an earlier one brought, or cannot be served on top of it: as one with
    /// those before it, it may be.
    Together { at: usize, error: Option<Error> },
}

/// apt's marks at the end.
#[derive(Default)]
struct Marked {
    automatic: BTreeSet<String>,
    manual: BTreeSet<String>,
    gone: BTreeSet<String>,
}

impl Question {
    /// Chooses, orders and shares out.
    pub(super) fn decide(&self) -> Result<Decision> {
        let mut requests = self.requests.clone();
        let mut notes = Vec::new();
        let mut first = None;
        loop {
            match self.attempt(&requests) {
                Ok(mut decision) => {
                    notes.append(&mut decision.notes);
                    return Ok(Decision { notes, ..decision });
                }
                Err(Stopped::Alone(error)) => return Err(first.unwrap_or(error)),
                Err(Stopped::Together { at, error }) => {
                    notes.push(unite(&mut requests, at));
                    first = first.or(error);
                }
            }
        }
    }

    /// The decision for requests that are served one after the other.
    fn attempt(&self, requests: &[SolverRequest]) -> Result<Decision, Stopped> {
        let facts: Vec<&ArchiveFacts> = self.files().map(|(_, facts, _)| facts).collect();
        let installed = ArchiveFacts::installed();
        let priority = |seen: Seen<'_>| {
            let of = |file: &File| match file {
                File::Index(at) => facts.get(*at).copied(),
                File::Status => Some(&installed),
            };
            let archives: Vec<&ArchiveFacts> = seen.files.iter().filter_map(of).collect();
            self.preferences.priority_in(seen.name, seen.source, seen.version, &archives)
        };
        let indexes: Vec<&Index> = self.files().map(|(_, _, index)| &**index).collect();
        let state = Installed { status: &self.status, extended_states: &self.extended_states };
        let mut universe = Universe::new(&indexes, state, &priority);
        if let Some(local) = &self.local {
            universe = universe.with_local(local, indexes.len());
        }
        let postinsts = Postinsts::new(&self.store);
        let (mut decision, mut marked) = (Decision::default(), Marked::default());
        for (at, request) in requests.iter().enumerate() {
            let selection = match self.select(&universe, request) {
                Ok(selection) => selection,
                Err(error) if at > 0 => return Err(Stopped::Together { at, error: Some(error) }),
                Err(error) => return Err(Stopped::Alone(error)),
            };
            let touched = |change: &Change| decision.packages.iter().any(|package| package.name == change.name);
            if selection.changes.iter().any(touched) {
                return Err(Stopped::Together { at, error: None });
            }
            self.add(&mut decision, &universe, &selection, request, &postinsts).map_err(Stopped::Alone)?;
            marked.add(&universe, &selection, &mut decision.packages);
            if selection.searched {
                let units: Vec<&str> = request.units.iter().map(|(unit, _)| unit.as_str()).collect();
                decision.notes.push(format!("apt's own marking finds no way to {}; a complete search found one", units.join(", ")));
            }
            universe = universe.after(&selection, &priority);
        }
        decision.extended_states = marked.text(&self.extended_states, &self.architecture);
        decision.wanting = postinsts.guessed();
        Ok(decision)
    }

    /// All index files: archive, what pins may ask, and the index.
    fn files(&self) -> impl Iterator<Item = (&Archive, &ArchiveFacts, &Arc<Index>)> {
        self.archives.iter().flat_map(|archive| archive.files.iter().map(move |(facts, index)| (archive, facts, index)))
    }

    fn select(&self, universe: &Universe<'_>, request: &SolverRequest) -> Result<Selection> {
        let words: Vec<&str> = request.units.iter().flat_map(|(_, words)| words.iter().map(String::as_str)).collect();
        let options = Options { recommends: request.recommends.unwrap_or(self.options.recommends), ..self.options };
        let suites: Vec<[&str; 3]> = self
            .files()
            .map(|(archive, facts, _)| [facts.archive.as_str(), facts.codename.as_str(), archive.source.suite.as_str()])
            .collect();
        let in_suite = |at: usize, suite: &str| suites.get(at).is_some_and(|names| names.contains(&suite));
        let units: Vec<&str> = request.units.iter().filter(|(_, words)| !words.is_empty()).map(|(unit, _)| unit.as_str()).collect();
        select(universe, &words, options, &in_suite).during(|| format!("choosing packages for {}", units.join(", ")))
    }

    /// Adds the packages and calls of one request.
    fn add(
        &self,
        decision: &mut Decision,
        universe: &Universe<'_>,
        selection: &Selection,
        request: &SolverRequest,
        postinsts: &Postinsts<'_>,
    ) -> Result<()> {
        let changes: BTreeMap<PackageId, &Change> = selection.changes.iter().map(|change| (change.package, change)).collect();
        let has_postinst = |package: PackageId| {
            let archive = changes.get(&package).and_then(|change| change.archive.as_ref());
            archive.and_then(|archive| Digest::from_hex(&archive.sha256).ok()).is_none_or(|digest| postinsts.has(digest))
        };
        let calls = order::calls(universe, selection, &has_postinst)?;
        let words: Vec<usize> = request.units.iter().map(|(_, words)| words.len()).collect();
        let units = share(universe, selection, &words);
        let mut places: BTreeMap<PackageId, usize> = BTreeMap::new();
        for package in calls.iter().flat_map(|call| ends_with(call, &changes)) {
            if let (Some(change), false) = (changes.get(&package), places.contains_key(&package)) {
                let unit = units.get(&package).and_then(|place| request.units.get(*place));
                places.insert(package, decision.packages.len());
                decision.packages.push(self.locked(change, unit.map(|(name, _)| name.as_str()).unwrap_or_default())?);
            }
        }
        let numbers = |packages: &[PackageId]| packages.iter().filter_map(|package| places.get(package).copied()).collect();
        let calls = calls.iter().map(|call| match call {
            order::Call::Unpack(packages) => Call::Unpack(numbers(packages)),
            order::Call::Configure { packages, .. } => Call::Configure(numbers(packages)),
            order::Call::Remove(packages) => Call::Remove(numbers(packages)),
        });
        decision.calls.extend(calls.filter(|call| !matches!(call, Call::Configure(numbers) if numbers.is_empty())));
        decision.calls.push(Call::Finish);
        Ok(())
    }

    fn locked(&self, change: &Change, recipe: &str) -> Result<LockedPackage> {
        let version = change.new.clone().or_else(|| change.old.clone()).unwrap_or_default();
        let unusable = || PinError::NoDigest { package: format!("{} {version}", change.name) };
        let action = match change.action {
            select::Action::Install => Action::Install,
            select::Action::Upgrade => Action::Upgrade,
            select::Action::Remove => Action::Remove,
        };
        let mut locked = LockedPackage {
            name: change.name.clone(),
            version: version.clone(),
            architecture: change.architecture.clone(),
            action,
            old_version: change.old.clone().filter(|_| action == Action::Upgrade),
            sha256: None,
            size: 0,
            location: None,
            auto: change.automatic && action != Action::Remove,
            recipe: recipe.to_owned(),
        };
        if action != Action::Remove {
            let file = change.archive.as_ref().ok_or_else(unusable)?;
            locked.location = Some(match self.files().nth(file.index) {
                Some((archive, _, _)) => {
                    let url = archive.source.uri.join(&file.filename).map_err(|_| unusable())?;
                    canonical(&url).to_string()
                }
                // Behind the archives' indexes stands that of the requests' own files.
                None => file.filename.clone(),
            });
            locked.sha256 = Some(Digest::from_hex(&file.sha256.to_ascii_lowercase()).map_err(|_| unusable())?);
            locked.size = file.size;
        }
        Ok(locked)
    }
}

/// The packages for which a call decides the place in the lock: what is unpacked, and what goes for good.
fn ends_with(call: &order::Call, changes: &BTreeMap<PackageId, &Change>) -> Vec<PackageId> {
    match call {
        order::Call::Unpack(packages) => packages.clone(),
        order::Call::Configure { .. } => Vec::new(),
        order::Call::Remove(packages) => {
            let goes = |package: &PackageId| changes.get(package).is_some_and(|change| change.action == select::Action::Remove);
            packages.iter().copied().filter(goes).collect()
        }
    }
}

/// Makes the requests up to `at` one, and says so.
fn unite(requests: &mut Vec<SolverRequest>, at: usize) -> String {
    let later: Vec<SolverRequest> = requests.split_off((at + 1).min(requests.len()));
    let recommends = requests.last().and_then(|request| request.recommends);
    let files = requests.iter().flat_map(|request| request.files.clone()).collect();
    let units: Vec<(String, Vec<String>)> = requests.drain(..).flat_map(|request| request.units).collect();
    let names: Vec<&str> = units.iter().filter(|(_, words)| !words.is_empty()).map(|(name, _)| name.as_str()).collect();
    let note = format!("the packages of {} depend on each other and are chosen as one request", names.join(", "));
    requests.push(SolverRequest { units, recommends, files });
    requests.extend(later);
    note
}

impl Marked {
    fn add(&mut self, universe: &Universe<'_>, selection: &Selection, packages: &mut [LockedPackage]) {
        for change in &selection.changes {
            let name = change.name.clone();
            match change.action {
                select::Action::Remove => {
                    self.automatic.remove(&name);
                    self.gone.insert(name);
                }
                select::Action::Install if change.automatic => drop(self.automatic.insert(name)),
                select::Action::Install => drop(self.manual.insert(name)),
                select::Action::Upgrade => {}
            }
        }
        for name in selection.made_manual.iter().map(|package| universe.name(*package)) {
            self.automatic.remove(name);
            self.manual.insert(name.to_owned());
            packages.iter_mut().filter(|known| known.name == name).for_each(|known| known.auto = false);
        }
    }

    /// The file's new text; nothing if no mark changes.
    fn text(&self, old: &[u8], architecture: &str) -> Option<String> {
        if self.automatic.is_empty() && self.manual.is_empty() && self.gone.is_empty() {
            return None;
        }
        let (automatic, manual, gone) = (words(&self.automatic), words(&self.manual), words(&self.gone));
        let text = extended_states::write(old, architecture, &automatic, &manual, &gone);
        Some(String::from_utf8_lossy(&text).into_owned())
    }
}

fn words(names: &BTreeSet<String>) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
