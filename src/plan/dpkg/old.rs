//! What a base has of a package already: its old version, the state that dpkg left it in, what goes when the new one is there.
//!
//! Invariant: an old version's paths and scripts come from the root's own database, never from an archive.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::layer::Contents;
use crate::layer::root::{Last, VirtualRoot};
use crate::pin::LockedPackage;
use crate::stream::EntryPath;
use crate::system::dpkg::{Conffile, PackageKey, Stanza, StatusFile, conffiles, info};

use super::scripts::Run;
use super::{Author, Dpkg, DpkgError, ScriptPolicy};

/// The old version of a package.
pub(super) struct Old {
    /// Of a package that was removed but not purged, the version that was there.
    pub(super) version: String,
    pub(super) architecture: String,
    pub(super) list: Vec<Vec<u8>>,
    pub(super) conffiles: Vec<Conffile>,
    /// Whether it is installed; else only conffiles and `postrm` are left.
    pub(super) is_there: bool,
}

impl Old {
    /// What the new version's `preinst` is told.
    pub(super) fn verb(&self) -> &'static str {
        if self.is_there { "upgrade" } else { "install" }
    }
}

/// Refuses a base in which dpkg has not finished what it began.
/// What it only left for later may stay where that is what is asked for here, too.
pub(super) fn check_states(root: &VirtualRoot, status: &StatusFile, policy: ScriptPolicy) -> Result<()> {
    let names = root.read_dir(b"/var/lib/dpkg/updates").unwrap_or_default();
    if let Some(name) = names.iter().find(|name| !name.is_empty() && name.iter().all(u8::is_ascii_digit)) {
        return Err(DpkgError::Interrupted(String::from_utf8_lossy(name).into_owned()).into());
    }
    for key in status.packages() {
        let Some(stanza) = status.get(key)? else { continue };
        let text = stanza.text("Status");
        let (wanted, state) = text.rsplit_once(' ').unwrap_or_default();
        let is_finished = ["installed", "not-installed", "config-files"].contains(&state);
        let waits = ["unpacked", "triggers-pending", "triggers-awaited"].contains(&state);
        if wanted.ends_with("reinstreq") || !(is_finished || waits && policy == ScriptPolicy::Defer) {
            return Err(DpkgError::Unfinished { package: key.name.clone(), status: text.to_owned(), waits }.into());
        }
    }
    Ok(())
}

impl Dpkg<'_> {
    pub(super) fn old_version(&self, locked: &LockedPackage) -> Result<Option<Old>> {
        let stanzas = self.status.named(&locked.name)?;
        let found = stanzas.iter().find(|s| s.text("Architecture") == locked.architecture).or(stanzas.first());
        let is_there = locked.old_version.is_some();
        let of = |stanza: &Stanza| {
            let left = stanza.text("Status").ends_with(" config-files");
            let version = stanza.text(if left { "Config-Version" } else { "Version" });
            let architecture = stanza.text("Architecture").to_owned();
            let list = self.list_of(&locked.name, &architecture);
            (is_there || left).then(|| Old {
                version: if version.is_empty() { stanza.text("Version") } else { version }.to_owned(),
                list,
                conffiles: conffiles(stanza),
                architecture,
                is_there: is_there && !left,
            })
        };
        Ok(found.and_then(of))
    }

    /// The paths of an installed package's `.list`, as shipped.
    pub(super) fn list_of(&self, name: &str, architecture: &str) -> Vec<Vec<u8>> {
        let list = self.installed_script(name, architecture, "list").unwrap_or_default();
        info::paths(&list).map(<[u8]>::to_vec).collect()
    }

    /// Removes what the old version had and no package has any more.
    pub(super) fn remove_vanished(&mut self, locked: &LockedPackage, contents: &Contents, old: &Old) -> Result<()> {
        let new: BTreeSet<EntryPath> =
            contents.entries.iter().filter_map(|e| self.root.resolve(&e.path.absolute(), Last::Keep).ok()).collect();
        let conffiles: BTreeSet<&[u8]> = old.conffiles.iter().map(|c| c.path.as_bytes()).collect();
        let gone = old.list.iter().rev().filter(|p| !conffiles.contains(p.as_slice()));
        let mut activated = Vec::new();
        for path in gone {
            let Ok(place) = self.root.resolve(path, Last::Keep) else { continue };
            if !new.contains(&place) && self.remove_path(&place, &locked.name)? {
                activated.push(place);
            }
        }
        self.activate_paths(activated.into_iter())
    }

    /// Packages whose files were all taken over are no longer there (policy 6.6, step 8).
    pub(super) fn take_whole_packages(&mut self, number: usize, locked: &LockedPackage, contents: &Contents) -> Result<()> {
        let robbed = std::mem::take(&mut self.robbed);
        if robbed.is_empty() {
            return Ok(());
        }
        let new: BTreeSet<EntryPath> =
            contents.entries.iter().filter_map(|e| self.root.resolve(&e.path.absolute(), Last::Keep).ok()).collect();
        for name in robbed {
            let Some(stanza) = self.status.named(&name)?.into_iter().next() else { continue };
            let key = PackageKey { name: name.clone(), architecture: stanza.text("Architecture").into() };
            let has_more = self
                .list_of(&key.name, &key.architecture)
                .iter()
                .any(|path| self.root.resolve(path, Last::Keep).map_or(true, |place| !new.contains(&place)));
            if has_more || stanza.text("Essential") == "yes" || self.needs(&name)? {
                continue;
            }
            if let Some(text) = self.installed_script(&key.name, &key.architecture, "postrm") {
                let version = stanza.text("Version").to_owned();
                let run = Run {
                    number: Some(number),
                    package: &key.name,
                    architecture: &key.architecture,
                    version: &version,
                    script: "postrm",
                    words: &["disappear", &locked.name, &locked.version],
                    author: Author::Package(number),
                };
                self.evaluate(&text, &run)?;
            }
            self.drop_info(number, &key, false)?;
            self.unregister_triggers(&key.name)?;
            self.status.remove(&key);
            self.status_dirty = true;
        }
        Ok(())
    }
}
