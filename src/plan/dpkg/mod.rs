//! dpkg's steps over the virtual root: unpack, configure, remove, triggers (deb-maintscripts of the policy, chapter 6; dpkg 1.21).
//!
//! Invariant: no script is run; its text is evaluated, and what is not covered stops the plan with package, script and line.
//! Each step sets the author of what it writes, so that the layers can be told apart afterwards.

mod conffiles;
mod configure;
mod defer;
mod error;
mod forces;
mod names;
mod old;
mod overwrite;
mod preconfigure;
mod remove;
mod scripts;
mod triggers;
mod unpack;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::Result;
use crate::layer::Contents;
use crate::layer::root::{Author, VirtualRoot};
use crate::oci::Digest;
use crate::pin::{Action, Call, LockedPackage};
use crate::recipe::Divert;
use crate::script::{Answers, Commands, PassedOver};
use crate::stream::EntryPath;
use crate::system::dpkg::{Conffile, PackageKey, PathFilter, StatusFile};

use super::view::RootView;

pub use defer::ScriptPolicy;
pub(super) use defer::{Deferred, Stopped};
pub use error::DpkgError;

/// A package that changes, with what its archive brings.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// As the lock says it.
    pub locked: LockedPackage,
    /// Its archive's contents; nothing for a removal.
    pub contents: Option<Arc<Contents>>,
}

/// How a package's scripts were handled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Scripts that were evaluated: `preinst`, `postinst`.
    pub evaluated: Vec<String>,
    /// What they called that was passed over, or what a recipe stood in for.
    pub passed_over: Vec<PassedOver>,
    /// Why the package is left unpacked, or its triggers pending, for dpkg in the container.
    pub deferred: Option<String>,
}

/// What is known of a package while it is installed.
#[derive(Clone, Debug, Default)]
struct Progress {
    key: Option<PackageKey>,
    multi_arch_same: bool,
    /// The version that was configured before.
    configured_before: String,
    conffiles: Vec<Conffile>,
    /// Where each entry of the contents went.
    places: Vec<Option<EntryPath>>,
    handled: Handled,
}

/// One run over a root.
pub(super) struct Dpkg<'a> {
    root: &'a mut VirtualRoot,
    changes: &'a [Change],
    diverts: &'a [Divert],
    commands: &'a Commands,
    answers: Answers,
    progress: Vec<Progress>,
    status: StatusFile,
    status_dirty: bool,
    filter: PathFilter,
    /// Which installed package lists a place, made at the first question.
    owners: Option<BTreeMap<EntryPath, String>>,
    /// Packages that lost files to the one that is being unpacked.
    robbed: Vec<String>,
    /// Handlers to run, in order of activation.
    pending: Vec<triggers::Pending>,
    /// The handler that runs.
    running: Option<triggers::Pending>,
    /// Handlers that do not run, by package.
    left: BTreeMap<String, triggers::Pending>,
    configured: BTreeSet<String>,
    /// The package that is being configured.
    configuring: Option<usize>,
    deferred: &'a Deferred,
    /// What ended the run, where dpkg could do it later.
    stopped: Option<Stopped>,
    forces: forces::Forces,
    names: names::IdNames,
}

const STATUS: &str = "/var/lib/dpkg/status";

impl<'a> Dpkg<'a> {
    /// A run over `root`, which has a dpkg database.
    pub(super) fn new(
        root: &'a mut VirtualRoot,
        changes: &'a [Change],
        diverts: &'a [Divert],
        commands: &'a Commands,
        answers: Answers,
        deferred: &'a Deferred,
    ) -> Result<Self> {
        let (bytes, _) = root.read(STATUS.as_bytes()).map_err(|_| DpkgError::NoDatabase)?;
        let status = StatusFile::parse(&bytes)?;
        old::check_states(root, &status, deferred.policy)?;
        let filter = PathFilter::of(&RootView(root))?;
        let forces = forces::Forces::of(root)?;
        let progress = changes.iter().map(|_| Progress::default()).collect();
        Ok(Self {
            root,
            changes,
            diverts,
            commands,
            answers,
            progress,
            status,
            status_dirty: false,
            filter,
            owners: None,
            robbed: Vec::new(),
            pending: Vec::new(),
            running: None,
            left: BTreeMap::new(),
            configured: BTreeSet::new(),
            configuring: None,
            deferred,
            stopped: None,
            forces,
            names: names::IdNames::default(),
        })
    }

    /// Does dpkg's calls in order; triggers run at the end of each, as dpkg does.
    pub(super) fn run(&mut self, calls: &[Call]) -> Result<()> {
        self.preconfigure()?;
        for call in calls {
            match call {
                Call::Unpack(numbers) => {
                    for number in numbers {
                        self.divert(*number)?;
                        self.unpack(*number)?;
                    }
                }
                Call::Configure(numbers) => {
                    for number in numbers {
                        self.configure(*number)?;
                    }
                    self.run_triggers()?;
                }
                Call::Remove(numbers) => {
                    for number in numbers {
                        self.remove(*number)?;
                    }
                    self.run_triggers()?;
                }
                Call::Finish => self.run_triggers()?,
            }
        }
        self.leave_triggers()?;
        self.write_status()
    }

    /// What ended the run, where dpkg could do it later.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.stopped.clone()
    }

    /// Where each package's entries went, and how its scripts were handled, by place in the changes.
    pub(super) fn finish(self) -> Vec<(Vec<Option<EntryPath>>, Handled)> {
        let mut done: Vec<_> = self.progress.into_iter().map(|p| (p.places, p.handled)).collect();
        for ((_, handled), change) in done.iter_mut().zip(self.changes) {
            if let Some(reason) = self.deferred.handlers.get(&change.locked.name) {
                handled.deferred.get_or_insert_with(|| reason.clone());
            }
        }
        done
    }

    fn change(&self, number: usize) -> Result<(&'a LockedPackage, &'a Arc<Contents>)> {
        let change = self.changes.get(number).filter(|c| c.locked.action != Action::Remove);
        let found = change.and_then(|c| c.contents.as_ref().map(|contents| (&c.locked, contents)));
        found.ok_or_else(|| DpkgError::Lock(format!("there is no archive for package {number} of dpkg's calls")).into())
    }

    fn progress_of(&mut self, number: usize) -> Result<&mut Progress> {
        self.progress.get_mut(number).ok_or_else(|| DpkgError::Lock(format!("there is no package {number}")).into())
    }

    fn archive(contents: &Contents) -> Result<Digest> {
        contents.archive.ok_or_else(|| DpkgError::Lock("an archive has no digest".into()).into())
    }

    /// A control file of a package's archive.
    fn control_file<'c>(contents: &'c Contents, name: &str) -> Option<&'c crate::layer::ControlFile> {
        contents.control.iter().find(|f| f.name == name)
    }

    /// Writes one of dpkg's own registries. Its bytes come from the base, present there or not.
    fn write_registry(&mut self, path: &str, bytes: Vec<u8>) -> Result<()> {
        let author = self.root.author();
        self.root.set_author(Author::Dpkg);
        self.root.mkdir_p(parent(path).as_bytes(), 0o755)?;
        self.root.write(path.as_bytes(), bytes, true, 0o644)?;
        self.root.set_author(author);
        Ok(())
    }

    /// The bytes of a registry; empty where there is none.
    fn registry(&self, path: &str) -> Result<Vec<u8>> {
        if !self.root.exists(path.as_bytes()) {
            return Ok(Vec::new());
        }
        Ok(self.root.read(path.as_bytes())?.0.to_vec())
    }

    fn write_status(&mut self) -> Result<()> {
        if std::mem::take(&mut self.status_dirty) {
            let bytes = self.status.bytes();
            self.write_registry(STATUS, bytes)?;
        }
        Ok(())
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(above, _)| above)
}

impl std::fmt::Debug for Dpkg<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dpkg").field("changes", &self.changes.len()).finish_non_exhaustive()
    }
}
