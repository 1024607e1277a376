//! Triggers: who is interested in what, what was activated, and the handlers (deb-triggers(5)).

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::layer::Contents;
use crate::layer::root::Author;
use crate::pin::LockedPackage;
use crate::stream::EntryPath;
use crate::system::dpkg::{PackageKey, TriggerLines, interests};

use super::scripts::Run;
use super::{Dpkg, DpkgError};

const FILE: &str = "/var/lib/dpkg/triggers/File";

/// More rounds than any archive's triggers need: one handler may wake another, a circle never ends.
const MAX_ROUNDS: usize = 100;

/// A package whose handler is to run.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    package: String,
    /// Triggers, in order of activation.
    names: Vec<String>,
    /// Who woke it last: what the handler makes of package files alone lies with that package, on top of all that it read.
    woken_by: Author,
    /// Packages that count as configured only when the handler has run.
    awaiting: BTreeSet<String>,
}

impl Pending {
    pub(super) fn is_of(&self, package: &str) -> bool {
        self.package == package
    }

    pub(super) fn awaiting(&self) -> impl Iterator<Item = &str> {
        self.awaiting.iter().map(String::as_str)
    }

    fn merge(&mut self, later: Self) {
        self.woken_by = later.woken_by;
        self.awaiting.extend(later.awaiting);
        for name in later.names {
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        }
    }
}

impl Dpkg<'_> {
    /// Registers the package's interests and activates what its `triggers` file activates.
    pub(super) fn register_triggers(&mut self, locked: &LockedPackage, contents: &Contents, same: bool) -> Result<()> {
        let Some(file) = Self::control_file(contents, "triggers") else { return self.unregister_triggers(&locked.name) };
        let (interested, activated) = interests(&file.bytes)?;
        let package = if same { format!("{}:{}", locked.name, locked.architecture) } else { locked.name.clone() };
        for interest in &interested {
            let path = if interest.trigger.starts_with('/') {
                FILE.to_owned()
            } else {
                format!("/var/lib/dpkg/triggers/{}", interest.trigger)
            };
            let mut lines = TriggerLines::new(self.registry(&path)?);
            lines.register(&package, interest);
            self.write_registry(&path, lines.bytes().to_vec())?;
        }
        for trigger in activated {
            self.activate(&trigger.trigger, trigger.awaits)?;
        }
        Ok(())
    }

    pub(super) fn unregister_triggers(&mut self, package: &str) -> Result<()> {
        let mut lines = TriggerLines::new(self.registry(FILE)?);
        let before = lines.bytes().to_vec();
        lines.unregister(package);
        if lines.bytes() != before {
            let bytes = lines.bytes().to_vec();
            self.write_registry(FILE, bytes)?;
        }
        Ok(())
    }

    /// Activates a named trigger, or a path. `awaits`: the package at work waits for those who wait for it in turn.
    pub(super) fn activate(&mut self, name: &str, awaits: bool) -> Result<()> {
        if name.starts_with('/') {
            let path = EntryPath::new(name)?;
            return self.activate_paths(std::iter::once(path));
        }
        if name.contains(['/', '\0']) || name.starts_with('.') {
            return Ok(());
        }
        let lines = TriggerLines::new(self.registry(&format!("/var/lib/dpkg/triggers/{name}"))?);
        for (_, package, waited_for) in lines.entries() {
            self.wake(&package, name, awaits && waited_for);
        }
        Ok(())
    }

    /// Activates the file triggers of these paths.
    pub(super) fn activate_paths(&mut self, paths: impl Iterator<Item = EntryPath>) -> Result<()> {
        let lines = TriggerLines::new(self.registry(FILE)?);
        let interests: Vec<(EntryPath, String, String, bool)> = lines
            .entries()
            .into_iter()
            .filter_map(|(path, package, awaits)| Some((EntryPath::new(&path).ok()?, path, package, awaits)))
            .collect();
        let mut woken = vec![false; interests.len()];
        for path in paths {
            for (interest, woken) in interests.iter().zip(&mut woken) {
                *woken |= path.is_below(&interest.0);
            }
        }
        for ((_, name, package, awaits), woken) in interests.iter().zip(woken) {
            if woken {
                self.wake(package, name, *awaits);
            }
        }
        Ok(())
    }

    fn wake(&mut self, package: &str, trigger: &str, awaits: bool) {
        let package = package.split(':').next().unwrap_or(package);
        let woken_by = self.root.author();
        let waking = match woken_by {
            Author::Package(number) => self.changes.get(number).map(|change| change.locked.name.clone()),
            _ => None,
        };
        let awaiting = waking.filter(|name| awaits && name != package).into_iter().collect();
        let woken = Pending { package: package.into(), names: vec![trigger.into()], woken_by, awaiting };
        match self.pending.iter_mut().find(|p| p.package == package) {
            Some(pending) => pending.merge(woken),
            None => self.pending.push(woken),
        }
    }

    /// Runs what is pending for packages that are configured; the rest waits.
    pub(super) fn run_triggers(&mut self) -> Result<()> {
        for _ in 0..MAX_ROUNDS {
            let ready = self.pending.iter().position(|pending| self.is_configured(&pending.package));
            let Some(at) = ready else { return Ok(()) };
            let pending = self.pending.remove(at);
            if self.deferred.handlers.contains_key(&pending.package) {
                match self.left.get_mut(&pending.package) {
                    Some(left) => left.merge(pending),
                    None => drop(self.left.insert(pending.package.clone(), pending)),
                }
                continue;
            }
            self.running = Some(pending.clone());
            self.handle(&pending)?;
            self.running = None;
        }
        Err(DpkgError::Lock("triggers wake each other without end".into()).into())
    }

    fn is_configured(&self, package: &str) -> bool {
        let changing = self.changes.iter().any(|c| c.locked.name == package && c.contents.is_some());
        !changing || self.configured.contains(package)
    }

    fn handle(&mut self, pending: &Pending) -> Result<()> {
        let package = pending.package.as_str();
        let Some(stanza) = self.status.named(package)?.into_iter().next() else { return Ok(()) };
        if !stanza.text("Status").ends_with(" installed") {
            return Ok(());
        }
        let (architecture, version) = (stanza.text("Architecture").to_owned(), stanza.text("Version").to_owned());
        let Some(text) = self.installed_script(package, &architecture, "postinst") else { return Ok(()) };
        let joined = pending.names.join(" ");
        let number = self.changes.iter().position(|c| c.locked.name == package && c.contents.is_some());
        let run = Run {
            number,
            package,
            architecture: &architecture,
            version: &version,
            script: "postinst",
            words: &["triggered", &joined],
            author: pending.woken_by,
        };
        self.evaluate(&text, &run)
    }

    /// Notes what was left in the status file: who has to run triggers, and who waits for that.
    pub(super) fn leave_triggers(&mut self) -> Result<()> {
        let mut noted: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
        for pending in std::mem::take(&mut self.left).into_values() {
            for waiting in &pending.awaiting {
                noted.entry(waiting.clone()).or_default().1.push(pending.package.clone());
            }
            noted.entry(pending.package).or_default().0.extend(pending.names);
        }
        for (package, (pending, awaited)) in noted {
            if !awaited.is_empty() {
                self.check_waiting(&package, &awaited)?;
            }
            let keys: Vec<PackageKey> = self.status.packages().filter(|key| key.name == package).cloned().collect();
            for key in keys {
                self.status.set_triggers(&key, &pending, &awaited)?;
                self.status_dirty = true;
            }
        }
        Ok(())
    }
}
