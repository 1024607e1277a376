//! apt's package manager: walks the ordered list and unpacks, configures and removes so that each step is allowed.
//!
//! Invariant: before a package is unpacked its Pre-Depends are configured and what it collides with is upgraded or gone;
//! before one is configured by name its dependencies are. A package is entered again only to check (the loop flag).

use super::super::universe::{Group, Kind, PackageId, VersionId};
use super::{OrderFault, Step, View, list};

/// Most rounds over the relations of one package; apt's `APT::pkgPackageManager::MaxLoopCount`.
const MAX_ROUNDS: u32 = 5000;
/// Deepest nesting of steps.
const MAX_DEPTH: u32 = 3000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// As it was found.
    #[default]
    Now,
    Unpacked,
    Configured,
    /// Removed before its time; it is unpacked later.
    Removed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    UnpackAndConfigure,
    Unpack,
    Configure,
}

pub(super) fn run(view: &View<'_, '_>) -> Result<Vec<Step>, OrderFault> {
    let (order, immediate) = list::ordered(view);
    let mut manager =
        Manager { view, states: vec![State::Now; immediate.len()], looping: vec![false; immediate.len()], steps: Vec::new() };
    for package in &order {
        if !manager.is_now(*package) {
            continue;
        }
        let done = if view.is_deleted(*package) {
            manager.remove(*package)
        } else {
            manager.unpack(*package, immediate.get(package.at()) == Some(&true), 0)
        };
        if !done {
            return Err(OrderFault::Knot { names: view.universe.name(*package).to_owned() });
        }
    }
    Ok(manager.steps)
}

struct Manager<'v, 'u, 'a> {
    view: &'v View<'u, 'a>,
    states: Vec<State>,
    looping: Vec<bool>,
    steps: Vec<Step>,
}

/// What a round over relations found.
#[derive(Default)]
struct Round {
    /// Something is not as it must be.
    bad: bool,
    /// Something was done, so that another round is due.
    changed: bool,
}

impl<'u, 'a> Manager<'_, 'u, 'a> {
    fn state(&self, package: PackageId) -> State {
        self.states.get(package.at()).copied().unwrap_or_default()
    }

    fn set(&mut self, package: PackageId, state: State) {
        if let Some(slot) = self.states.get_mut(package.at()) {
            *slot = state;
        }
    }

    fn is_now(&self, package: PackageId) -> bool {
        matches!(self.state(package), State::Now | State::Removed)
    }

    fn is_looping(&self, package: PackageId) -> bool {
        self.looping.get(package.at()) == Some(&true)
    }

    fn set_looping(&mut self, package: PackageId, looping: bool) {
        if let Some(slot) = self.looping.get_mut(package.at()) {
            *slot = looping;
        }
    }

    /// Whether the installed version is this one and still untouched.
    fn is_untouched(&self, version: VersionId) -> bool {
        let package = self.view.universe.package(version);
        self.view.installed(package) == Some(version) && self.state(package) == State::Now
    }

    fn groups(&self, package: PackageId) -> &'u [Group<'a>] {
        let version = self.view.chosen(package);
        version.map(|version| self.view.universe.relations(version).groups()).unwrap_or_default()
    }

    /// All versions that meet a group, alternative by alternative.
    fn targets(&self, owner: PackageId, group: &Group<'a>) -> Vec<(VersionId, PackageId)> {
        let targets = group.alternatives.iter().flat_map(|wanted| self.view.targets(owner, group.kind, wanted));
        targets.map(|version| (version, self.view.universe.package(version))).collect()
    }

    /// Does something for `package` with another one, and notes that `package` is on the way. `None` if it failed, else
    /// whether it changed something.
    fn nested(&mut self, action: Action, package: PackageId, other: PackageId, loops: bool, depth: u32) -> Option<bool> {
        if depth > MAX_DEPTH {
            return None;
        }
        if !loops {
            self.set_looping(package, true);
        }
        let done = match action {
            Action::UnpackAndConfigure => self.unpack(other, true, depth + 1),
            Action::Unpack => self.unpack(other, false, depth + 1),
            Action::Configure => self.configure(other, depth + 1),
        };
        if !loops {
            self.set_looping(package, false);
        }
        done.then(|| !self.is_looping(other))
    }

    /// apt's `SmartUnPack`.
    fn unpack(&mut self, package: PackageId, immediate: bool, depth: u32) -> bool {
        let loops = self.is_looping(package);
        let may_vanish = depth != 0 && self.state(package) != State::Removed;
        if !self.prepare_unpack(package, loops, depth) {
            return false;
        }
        if may_vanish && self.state(package) == State::Removed {
            return true;
        }
        if !self.clear_conflicts_with(package) {
            return false;
        }
        if loops {
            return true;
        }
        self.set(package, State::Unpacked);
        if !self.view.is_kept(package) {
            self.steps.push(Step::Unpack(package));
        }
        if immediate {
            // apt notes a failure here and goes on: the package is configured at the end.
            self.configure(package, depth + 1);
        }
        true
    }

    fn prepare_unpack(&mut self, package: PackageId, loops: bool, depth: u32) -> bool {
        let mut bad = false;
        for _ in 0..MAX_ROUNDS {
            let mut round = Round::default();
            for group in self.groups(package) {
                let ok = match group.kind {
                    Kind::PreDepends => self.satisfy_before_unpack(package, group, loops, depth, &mut round),
                    Kind::Conflicts | Kind::Breaks => self.avoid(package, group, loops, depth, &mut round),
                    Kind::Depends | Kind::Recommends | Kind::Suggests => true,
                };
                if !ok {
                    return false;
                }
            }
            bad |= round.bad;
            if !round.changed {
                return !bad;
            }
        }
        false
    }

    fn satisfy_before_unpack(&mut self, package: PackageId, group: &Group<'a>, loops: bool, depth: u32, round: &mut Round) -> bool {
        let targets = self.targets(package, group);
        if targets.iter().any(|(version, _)| self.is_untouched(*version)) {
            return true;
        }
        for (version, other) in targets {
            if self.view.chosen(other) != Some(version) || self.view.is_kept(other) {
                continue;
            }
            let action = match self.state(other) {
                State::Configured => return true,
                State::Unpacked => Action::Configure,
                State::Now | State::Removed if self.is_looping(other) && loops => continue,
                State::Now | State::Removed => Action::UnpackAndConfigure,
            };
            let Some(changed) = self.nested(action, package, other, loops, depth) else { return false };
            round.changed |= changed;
            return true;
        }
        round.bad = true;
        true
    }

    /// Gets what collides with the new version out of the way.
    fn avoid(&mut self, package: PackageId, group: &Group<'a>, loops: bool, depth: u32, round: &mut Round) -> bool {
        for (version, other) in self.targets(package, group) {
            if self.view.installed(other) != Some(version) || self.state(other) != State::Now {
                continue;
            }
            if self.is_looping(other) && loops {
                if !self.remove_early(other, Some(group.kind)) {
                    return false;
                }
                round.bad = true;
            } else if self.view.is_deleted(other) {
                self.remove(other);
            } else {
                match self.nested(Action::Unpack, package, other, loops, depth) {
                    Some(changed) => round.changed |= changed,
                    None if self.state(other) == State::Removed || self.state(package) == State::Removed => {}
                    None if !self.remove_early(other, Some(group.kind)) => return false,
                    None => {}
                }
            }
        }
        true
    }

    /// Installed packages whose Conflicts hit the new version go before it is unpacked.
    fn clear_conflicts_with(&mut self, package: PackageId) -> bool {
        let Some(version) = self.view.chosen(package) else { return true };
        let provided = self.view.universe.relations(version).provided().iter().map(|(name, _)| *name);
        let names: Vec<PackageId> = std::iter::once(package).chain(provided).collect();
        for name in names {
            for at in 0..self.view.reverse_of(name).len() {
                let Some(reverse) = self.view.reverse_of(name).get(at).copied() else { continue };
                let hits = reverse.kind == Kind::Conflicts
                    && reverse.owner != package
                    && self.view.universe.meets(version, reverse.wanted);
                if hits && self.is_now(package) && !self.remove_early(reverse.owner, None) {
                    return false;
                }
            }
        }
        true
    }

    /// apt's `SmartConfigure`.
    fn configure(&mut self, package: PackageId, depth: u32) -> bool {
        let loops = self.is_looping(package);
        let mut waiting: Vec<&'u Group<'a>> = Vec::new();
        let mut rounds = 0;
        loop {
            let mut changed = false;
            for group in self.groups(package).iter().filter(|group| group.kind.is_hard()) {
                match self.unpack_dependency(package, group, loops, depth) {
                    None => return false,
                    Some(Dependency::Ready) => {}
                    Some(Dependency::Unpacked { changed: now }) => changed |= now,
                    Some(Dependency::Waits) => waiting.push(group),
                }
            }
            rounds += 1;
            if !changed {
                break;
            }
            if rounds > MAX_ROUNDS {
                return false;
            }
        }
        if !self.configure_dependencies(package, &waiting, loops, depth) {
            return false;
        }
        if loops {
            return true;
        }
        if self.state(package) == State::Configured {
            return false;
        }
        self.steps.push(Step::Configure(package));
        self.set(package, State::Configured);
        true
    }

    fn unpack_dependency(&mut self, package: PackageId, group: &Group<'a>, loops: bool, depth: u32) -> Option<Dependency> {
        let targets = self.targets(package, group);
        if targets.iter().any(|(version, _)| self.is_untouched(*version)) {
            return Some(Dependency::Ready);
        }
        let coming = |(version, other): &&(VersionId, PackageId)| self.view.chosen(*other) == Some(*version) && self.is_now(*other);
        let next = targets.iter().find(coming).map(|(_, other)| *other);
        match next {
            Some(other) if !loops => {
                let changed = self.nested(Action::UnpackAndConfigure, package, other, loops, depth)?;
                Some(Dependency::Unpacked { changed })
            }
            _ => Some(Dependency::Waits),
        }
    }

    fn configure_dependencies(&mut self, package: PackageId, waiting: &[&'u Group<'a>], loops: bool, depth: u32) -> bool {
        for _ in 0..MAX_ROUNDS {
            let mut round = Round::default();
            for group in waiting {
                round.bad = true;
                for (version, other) in self.targets(package, group) {
                    if self.view.chosen(other) != Some(version) {
                        continue;
                    }
                    match self.state(other) {
                        State::Unpacked if self.is_looping(other) && loops => round.bad = false,
                        State::Unpacked => {
                            let Some(changed) = self.nested(Action::Configure, package, other, loops, depth) else {
                                return false;
                            };
                            round.bad = false;
                            round.changed |= changed;
                        }
                        State::Configured => round.bad = false,
                        State::Now | State::Removed => continue,
                    }
                    break;
                }
            }
            if !round.changed {
                return !round.bad;
            }
        }
        false
    }

    fn remove(&mut self, package: PackageId) -> bool {
        if self.is_now(package) {
            self.set(package, State::Configured);
            self.steps.push(Step::Remove(package));
        }
        true
    }

    /// Removes a package that stays or is upgraded, because a conflict leaves no other way; never an essential one. dpkg
    /// deconfigures by itself what is only broken.
    fn remove_early(&mut self, package: PackageId, kind: Option<Kind>) -> bool {
        if self.state(package) != State::Now {
            return true;
        }
        if self.view.is_kept(package) {
            return false;
        }
        let essential = |package| self.view.universe.is_essential(package) || self.view.universe.is_protected(package);
        let needed = self.view.reverse_of(package).iter().any(|reverse| reverse.kind.is_hard() && essential(reverse.owner));
        if essential(package) || needed {
            return false;
        }
        if kind == Some(Kind::Breaks) {
            return true;
        }
        self.remove(package);
        if !self.view.is_deleted(package) {
            self.set(package, State::Removed);
        }
        true
    }
}

/// How a dependency stands when its dependant is to be configured.
enum Dependency {
    Ready,
    Unpacked { changed: bool },
    Waits,
}
