//! apt's list of changed packages in unpack order: sorted by score, then rearranged in four passes along relations.
//!
//! Invariant: a permutation of the changed packages. A pass visits each package depth first; what must come before it is
//! visited first; a package that is being visited is not entered again, so cycles end.

use std::cmp::Reverse as Descending;

use super::super::packages::Field;
use super::super::select::priority;
use super::super::universe::{Kind, PackageId, Wanted};
use super::View;

/// How a visit looks at relations. Each name is apt's `Dep...` function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// Conflicts, Breaks and Pre-Depends.
    UnpackCritical,
    /// The same with Depends, so that the package can be configured at once.
    UnpackImmediate,
    /// Pre-Depends, and below the first level Depends.
    UnpackPre,
    /// Installed packages whose relations break.
    UnpackBroken,
    /// Depends.
    Configure,
    /// What depends on something that goes.
    Remove,
}

/// The looks of one pass.
#[derive(Clone, Copy)]
struct Pass {
    primary: Look,
    secondary: Option<Look>,
    reverse: Option<Look>,
    remove: Option<Look>,
}

const PASSES: [Pass; 4] = [
    Pass {
        primary: Look::UnpackCritical,
        secondary: Some(Look::Configure),
        reverse: Some(Look::UnpackBroken),
        remove: Some(Look::Remove),
    },
    Pass { primary: Look::UnpackCritical, secondary: None, reverse: Some(Look::UnpackBroken), remove: Some(Look::Remove) },
    Pass { primary: Look::UnpackCritical, secondary: None, reverse: None, remove: None },
    Pass { primary: Look::UnpackPre, secondary: None, reverse: None, remove: None },
];

#[derive(Clone, Copy, Default)]
struct Flags {
    in_list: bool,
    added: bool,
    pending: bool,
}

/// The changed packages in unpack order, and which of all packages are to be configured at once.
pub(super) fn ordered(view: &View<'_, '_>) -> (Vec<PackageId>, Vec<bool>) {
    let immediate = immediate(view);
    let mut list: Vec<PackageId> = view.universe.packages().filter(|package| !view.is_kept(*package)).collect();
    list.sort_by_key(|package| (Descending(score(view, &immediate, *package)), view.universe.name(*package)));
    for pass in PASSES {
        let mut walk = Walk {
            view,
            pass,
            primary: pass.primary,
            immediate: &immediate,
            flags: vec![Flags::default(); immediate.len()],
            depth: 0,
            sorted: Vec::with_capacity(list.len()),
        };
        for package in &list {
            walk.flag(*package, |flags| flags.in_list = true);
        }
        for package in &list {
            walk.visit(*package);
        }
        list = walk.sorted;
    }
    (list, immediate)
}

/// Essential packages and all that they name as dependencies, in the new versions and in the old ones.
fn immediate(view: &View<'_, '_>) -> Vec<bool> {
    let mut flags = vec![false; view.universe.packages().count()];
    let essential = view.universe.packages().filter(|package| view.universe.is_essential(*package));
    for package in essential {
        set(&mut flags, package);
        for new in [true, false] {
            let mut open = vec![package];
            while let Some(package) = open.pop() {
                let version = if new { view.chosen(package) } else { view.installed(package) };
                let groups = version.into_iter().flat_map(|version| view.universe.relations(version).groups());
                for wanted in groups.filter(|group| group.kind.is_hard()).flat_map(|group| &group.alternatives) {
                    if set(&mut flags, wanted.package) {
                        open.push(wanted.package);
                    }
                }
            }
        }
    }
    flags
}

/// Whether the flag was not set before.
fn set(flags: &mut [bool], package: PackageId) -> bool {
    flags.get_mut(package.at()).is_some_and(|flag| !std::mem::replace(flag, true))
}

/// apt's `OrderList::Score`: higher comes first.
fn score(view: &View<'_, '_>, immediate: &[bool], package: PackageId) -> i32 {
    const DELETE: i32 = 100;
    const ESSENTIAL: i32 = 200;
    const IMMEDIATE: i32 = 10;
    const PRE_DEPENDS: i32 = 50;
    let Some(version) = view.chosen(package) else { return DELETE };
    let mut score = match priority(view.universe, version) {
        1 => 5,
        2 => 4,
        3 => 3,
        4 => 1,
        _ => 0,
    };
    if view.universe.is_essential(package) {
        score += ESSENTIAL;
    }
    if immediate.get(package.at()) == Some(&true) {
        score += IMMEDIATE;
    }
    if view.universe.stanza(version).get(Field::PreDepends).is_some() {
        score += PRE_DEPENDS;
    }
    score
}

struct Walk<'w, 'u, 'a> {
    view: &'w View<'u, 'a>,
    pass: Pass,
    /// Changes while something is visited for a Pre-Depends or for immediate configuration.
    primary: Look,
    immediate: &'w [bool],
    flags: Vec<Flags>,
    depth: u32,
    sorted: Vec<PackageId>,
}

impl<'a> Walk<'_, '_, 'a> {
    fn flags(&self, package: PackageId) -> Flags {
        self.flags.get(package.at()).copied().unwrap_or_default()
    }

    fn flag(&mut self, package: PackageId, change: impl FnOnce(&mut Flags)) {
        if let Some(flags) = self.flags.get_mut(package.at()) {
            change(flags);
        }
    }

    fn is_immediate(&self, package: PackageId) -> bool {
        self.immediate.get(package.at()) == Some(&true)
    }

    fn visit(&mut self, package: PackageId) {
        let flags = self.flags(package);
        if flags.added || flags.pending || !flags.in_list {
            return;
        }
        self.depth += 1;
        self.flag(package, |flags| flags.pending = true);
        let outer = self.primary;
        if self.is_immediate(package) && self.primary != Look::UnpackPre {
            self.primary = Look::UnpackImmediate;
        }
        if self.view.is_deleted(package) {
            self.look_back(self.pass.remove, package);
        } else {
            // The primary look may change below, so it is read anew for each part, as apt does.
            self.look_ahead(Some(self.primary), package);
            self.look_back(Some(self.primary), package);
            self.look_back(self.pass.reverse, package);
            self.look_ahead(self.pass.secondary, package);
            self.look_back(self.pass.secondary, package);
        }
        if !self.flags(package).added {
            self.flag(package, |flags| (flags.added, flags.pending) = (true, false));
            self.sorted.push(package);
        }
        self.primary = outer;
        self.depth -= 1;
    }

    /// Along the relations of the new version.
    fn look_ahead(&mut self, look: Option<Look>, package: PackageId) {
        let (Some(look), Some(version)) = (look, self.view.chosen(package)) else { return };
        for group in self.view.universe.relations(version).groups() {
            for wanted in &group.alternatives {
                self.consider(look, package, group.kind, wanted);
            }
        }
    }

    fn consider(&mut self, look: Look, owner: PackageId, kind: Kind, wanted: &Wanted<'a>) {
        let counts = match look {
            Look::UnpackCritical => kind.is_negative() || kind == Kind::PreDepends,
            Look::UnpackImmediate => kind.is_negative() || kind.is_hard(),
            Look::UnpackPre => kind == Kind::PreDepends || (kind == Kind::Depends && (self.depth != 1 || self.is_immediate(owner))),
            Look::Configure => kind == Kind::Depends,
            Look::UnpackBroken | Look::Remove => false,
        };
        if !counts {
            return;
        }
        if look == Look::Configure {
            self.visit_targets(owner, kind, wanted);
            return;
        }
        let target = self.flags(wanted.package);
        if self.holds(owner, kind, wanted, false) && (!target.pending || (kind != Kind::PreDepends && look != Look::UnpackPre)) {
            return;
        }
        if target.added || target.pending {
            return;
        }
        let outer = self.primary;
        if look == Look::UnpackCritical && kind == Kind::PreDepends {
            self.primary = Look::UnpackImmediate;
        }
        self.visit_targets(owner, kind, wanted);
        self.primary = outer;
    }

    /// Along the relations of installed packages that point here, by name or by a provided name.
    fn look_back(&mut self, look: Option<Look>, package: PackageId) {
        let Some(look) = look else { return };
        let mut names = vec![package];
        names.extend(self.view.provided(package));
        for name in names {
            for reverse in self.view.reverse_of(name) {
                let (owner, kind) = (reverse.owner, reverse.kind);
                let counts = match look {
                    Look::UnpackCritical | Look::UnpackImmediate => kind == Kind::Conflicts,
                    Look::UnpackBroken => kind.is_hard() || kind.is_negative(),
                    Look::Remove => kind.is_hard(),
                    Look::UnpackPre | Look::Configure => false,
                };
                if counts && look == Look::Remove {
                    self.before_removal(owner, reverse.wanted);
                } else if counts && !self.holds(owner, kind, reverse.wanted, true) {
                    self.visit(owner);
                }
            }
        }
    }

    /// What depends on a package that goes is removed before, or what replaces it there is unpacked before; else the
    /// dependant is upgraded before.
    fn before_removal(&mut self, owner: PackageId, broken: &Wanted<'a>) {
        let flags = self.flags(owner);
        if flags.added || flags.pending {
            return;
        }
        if self.view.is_deleted(owner) {
            self.visit(owner);
            return;
        }
        let Some(version) = self.view.installed(owner) else { return };
        for group in self.view.universe.relations(version).groups().iter().filter(|group| group.kind.is_hard()) {
            if !group.alternatives.iter().any(|wanted| std::ptr::eq(wanted, broken)) {
                continue;
            }
            let targets: Vec<_> =
                group.alternatives.iter().flat_map(|wanted| self.view.targets(owner, group.kind, wanted)).collect();
            let package = |version| self.view.universe.package(version);
            let stays = targets
                .iter()
                .any(|target| self.view.installed(package(*target)) == Some(*target) && !self.view.is_deleted(package(*target)));
            if stays {
                continue;
            }
            let replacement = targets.iter().map(|target| (*target, package(*target))).find(|(target, package)| {
                self.view.chosen(*package) == Some(*target) && !self.view.is_kept(*package) && !self.flags(*package).pending
            });
            self.visit(replacement.map_or(owner, |(_, package)| package));
        }
    }

    /// Visits what a relation points to: for a positive one what will be there, for a negative one what is there, first
    /// what is to be removed.
    fn visit_targets(&mut self, owner: PackageId, kind: Kind, wanted: &Wanted<'a>) {
        let view = self.view;
        let targets = view.targets(owner, kind, wanted);
        let rounds: &[bool] = if kind.is_negative() { &[true, false] } else { &[false] };
        for deleted in rounds {
            for version in &targets {
                let package = view.universe.package(*version);
                let there = if kind.is_negative() { view.installed(package) } else { view.chosen(package) };
                let in_round = !kind.is_negative() || view.is_deleted(package) == *deleted;
                if in_round && !view.is_kept(package) && there == Some(*version) {
                    self.visit(package);
                }
            }
        }
    }

    /// Whether a relation is true once all that was added so far is unpacked.
    fn holds(&self, owner: PackageId, kind: Kind, wanted: &Wanted<'a>, backward: bool) -> bool {
        for version in self.view.targets(owner, kind, wanted) {
            let package = self.view.universe.package(version);
            let flags = self.flags(package);
            let new = flags.added || (flags.pending && backward);
            let there = if new { self.view.chosen(package) } else { self.view.installed(package) };
            if there != Some(version) {
                continue;
            }
            if kind.is_negative() {
                return false;
            }
            let itself = if backward { wanted.package } else { owner };
            if package == itself && self.view.chosen(package) != Some(version) {
                continue;
            }
            return true;
        }
        kind == Kind::Conflicts
    }
}
