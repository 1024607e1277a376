//! What is done where a script is not covered: the build stops, or the package is left to the dpkg of a running container.
//!
//! Invariant: only what dpkg itself does last is left (`postinst` and triggers), and never of a package that another one needs;
//! what is left stands in the status file, so that the next `dpkg --configure` does it and `dpkg --audit` names it.

use std::collections::BTreeMap;

use crate::apt::relation::{self, Relation};
use crate::apt::version::Version;
use crate::error::Result;
use crate::pin::Action;
use crate::system::dpkg::Stanza;

use super::scripts::Run;
use super::{Dpkg, DpkgError};

/// What is done where a script is not covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScriptPolicy {
    /// The build stops and says what is not covered.
    #[default]
    Stop,
    /// The package stays unpacked, or its triggers pending, where that does no harm to another one.
    Defer,
}

/// What is left to the container's dpkg, each with the reason.
#[derive(Clone, Debug, Default)]
pub(in crate::plan) struct Deferred {
    pub(super) policy: ScriptPolicy,
    /// Packages that stay unpacked, by their place in the changes.
    pub(super) packages: BTreeMap<usize, String>,
    /// Packages whose triggers stay pending.
    pub(super) handlers: BTreeMap<String, String>,
}

/// A script that was not covered, in a step that dpkg can do later.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Stopped {
    /// Place of the package in the changes, if it is one of them.
    number: Option<usize>,
    package: String,
    handles_triggers: bool,
    reason: String,
}

impl Deferred {
    /// Nothing yet.
    pub(in crate::plan) fn new(policy: ScriptPolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Takes a package up that stopped the plan. Whether it is new, so that another try can come further.
    pub(in crate::plan) fn take(&mut self, stopped: &Stopped) -> bool {
        let reason = stopped.reason.clone();
        match stopped.number.filter(|_| !stopped.handles_triggers) {
            Some(number) => self.packages.insert(number, reason).is_none(),
            None => self.handlers.insert(stopped.package.clone(), reason).is_none(),
        }
    }

    /// All that is left, in words.
    pub(in crate::plan) fn notes<'a>(&'a self, name: impl Fn(usize) -> String + 'a) -> impl Iterator<Item = String> + 'a {
        let packages = self.packages.iter().map(move |(number, reason)| {
            format!("{} is left unpacked; dpkg --configure -a in the container configures it ({reason})", name(*number))
        });
        let handlers = self.handlers.iter().map(|(package, reason)| {
            format!("triggers of {package} are left pending; dpkg --configure -a in the container runs them ({reason})")
        });
        packages.chain(handlers)
    }
}

impl Dpkg<'_> {
    /// Notes that a script stopped the plan; why dpkg could not do it later, if it could not.
    pub(super) fn stop(&mut self, run: &Run<'_>, reason: String) -> Result<Option<String>> {
        let handles_triggers = run.words.first() == Some(&"triggered");
        if !handles_triggers && (run.number.is_none() || self.configuring != run.number) {
            return Ok(Some(format!("dpkg runs {} while it unpacks or removes", run.script)));
        }
        let waiting =
            self.left.values().chain(&self.running).filter(|p| p.is_of(run.package)).flat_map(super::triggers::Pending::awaiting);
        let mut left: Vec<String> = waiting.map(str::to_owned).collect();
        left.push(run.package.to_owned());
        let stanzas = self.members()?;
        let obstacle = left.iter().find_map(|package| needed(package, &stanzas));
        if obstacle.is_none() {
            self.stopped = Some(Stopped { number: run.number, package: run.package.into(), handles_triggers, reason });
        }
        Ok(obstacle)
    }

    /// Refuses to leave a package waiting for triggers where another one needs it.
    pub(super) fn check_waiting(&self, package: &str, awaited: &[String]) -> Result<()> {
        let Some(why) = needed(package, &self.members()?) else { return Ok(()) };
        let handler = awaited.first().cloned().unwrap_or_default();
        let reason = self.deferred.handlers.get(&handler).cloned().unwrap_or_default();
        Err(DpkgError::Waits { package: package.into(), handler, reason, why }.into())
    }

    /// Whether a package that will be there needs this one.
    pub(super) fn needs(&self, package: &str) -> Result<bool> {
        Ok(needed(package, &self.members()?).is_some())
    }

    /// The stanzas of all packages that will be there.
    fn members(&self) -> Result<Vec<Stanza>> {
        let mut stanzas = Vec::new();
        for change in self.changes.iter().filter(|c| c.locked.action != Action::Remove) {
            let control = change.contents.as_deref().and_then(|contents| Self::control_file(contents, "control"));
            if let Some(control) = control {
                stanzas.push(Stanza::parse("control", &control.bytes)?);
            }
        }
        for key in self.status.packages().filter(|key| self.changes.iter().all(|c| c.locked.name != key.name)) {
            stanzas.extend(self.status.get(key)?.filter(|stanza| is_there(stanza.text("Status"))));
        }
        Ok(stanzas)
    }
}

/// Whether a package in this state can meet a dependency once triggers have run.
fn is_there(status: &str) -> bool {
    ["installed", "triggers-pending", "triggers-awaited"].contains(&status.rsplit(' ').next().unwrap_or_default())
}

/// Why a package cannot wait, if it cannot: it is essential, or another one depends on it and on nothing else in its place.
fn needed(package: &str, stanzas: &[Stanza]) -> Option<String> {
    let (own, others): (Vec<&Stanza>, Vec<&Stanza>) = stanzas.iter().partition(|s| s.text("Package") == package);
    if own.iter().any(|stanza| stanza.text("Essential") == "yes") {
        return Some(format!("{package} is essential"));
    }
    let met_by = |stanzas: &[&Stanza], wanted: &Relation<'_>| stanzas.iter().any(|stanza| meets(stanza, wanted));
    let needs = |stanza: &&&Stanza| {
        ["Pre-Depends", "Depends"].iter().flat_map(|field| relation::groups(stanza.text(field))).any(|group| {
            let by_own = group.iter().any(|wanted| met_by(&own, wanted));
            by_own && !group.iter().any(|wanted| met_by(&others, wanted))
        })
    };
    others.iter().find(needs).map(|stanza| format!("{} depends on {package}", stanza.text("Package")))
}

/// Whether a package is what the relation asks for, by its name or by one that it provides.
fn meets(stanza: &Stanza, wanted: &Relation<'_>) -> bool {
    if stanza.text("Package") == wanted.name {
        return wanted.admits(Some(Version::new(stanza.text("Version"))));
    }
    let provided = |p: Relation<'_>| p.name == wanted.name && wanted.admits(p.bound.map(|(_, version)| version));
    relation::relations(stanza.text("Provides")).any(provided)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza(text: &str) -> Stanza {
        Stanza::parse("control", text.as_bytes()).expect("a stanza")
    }

    #[test]
    fn only_a_package_that_nothing_else_stands_in_for_is_needed() {
        let own = "Package: p\nVersion: 1.0\nProvides: virtual, bound (= 2)\n";
        for (other, needed_by) in [
            ("Package: o\nVersion: 1\nDepends: p", Some("o depends on p")),
            ("Package: o\nVersion: 1\nPre-Depends: x, p (>= 1)", Some("o depends on p")),
            ("Package: o\nVersion: 1\nDepends: virtual", Some("o depends on p")),
            ("Package: o\nVersion: 1\nDepends: bound (>= 2)", Some("o depends on p")),
            ("Package: o\nVersion: 1\nDepends: p (>= 2)", None),
            ("Package: o\nVersion: 1\nDepends: virtual (= 1)", None),
            ("Package: o\nVersion: 1\nDepends: p | third", None),
            ("Package: o\nVersion: 1\nRecommends: p", None),
        ] {
            let stanzas = [stanza(own), stanza(other), stanza("Package: third\nVersion: 3\n")];
            assert_eq!(needed("p", &stanzas).as_deref(), needed_by, "{other}");
        }
        let essential = [stanza("Package: p\nVersion: 1\nEssential: yes\n")];
        assert_eq!(needed("p", &essential).as_deref(), Some("p is essential"));
    }
}
