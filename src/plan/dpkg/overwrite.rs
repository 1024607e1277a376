//! Which installed package has a path, and whether another may take it over (policy 7.6, `Replaces`).

use std::collections::BTreeMap;

use crate::apt::relation;
use crate::apt::version::Version;
use crate::error::Result;
use crate::layer::root::Last;
use crate::pin::LockedPackage;
use crate::stream::{Entry, EntryPath};
use crate::system::dpkg::Stanza;

use super::{Dpkg, DpkgError};

impl Dpkg<'_> {
    /// Place -> package, over all `.list` files that are there.
    fn owners(&mut self) -> &mut BTreeMap<EntryPath, String> {
        if self.owners.is_none() {
            let mut owners = BTreeMap::new();
            for key in self.status.packages() {
                for path in self.list_of(&key.name, &key.architecture) {
                    if let Ok(place) = self.root.resolve(&path, Last::Keep)
                        && !self.root.is_directory(&place.absolute())
                    {
                        owners.insert(place, key.name.clone());
                    }
                }
            }
            self.owners = Some(owners);
        }
        self.owners.get_or_insert_default()
    }

    pub(super) fn note_owner(&mut self, place: &EntryPath, package: &str) {
        self.owners().insert(place.clone(), package.to_owned());
    }

    /// Refuses a file that another package has, or takes it over where `Replaces` allows.
    pub(super) fn check_overwrite(&mut self, locked: &LockedPackage, stanza: &Stanza, entry: &Entry) -> Result<()> {
        let Ok(place) = self.root.resolve(entry.path.as_bytes(), Last::Keep) else { return Ok(()) };
        let Some(owner) = self.owners().get(&place).cloned().filter(|owner| *owner != locked.name) else { return Ok(()) };
        let others = self.status.named(&owner)?;
        // A package that is itself replaced by this run no longer counts with its old list.
        let Some(other) = others.first() else { return Ok(()) };
        let version = Version::new(other.text("Version"));
        let replaced = relation::relations(stanza.text("Replaces")).any(|r| r.name == owner && r.admits(Some(version)));
        if !replaced {
            return Err(DpkgError::Overwrites { package: locked.name.clone(), path: entry.path.to_string(), owner }.into());
        }
        let architecture = other.text("Architecture").to_owned();
        if !self.robbed.contains(&owner) {
            self.robbed.push(owner.clone());
        }
        self.drop_from_list(&owner, &architecture, &place)
    }

    /// Takes a path out of another package's `.list`.
    fn drop_from_list(&mut self, package: &str, architecture: &str, place: &EntryPath) -> Result<()> {
        for path in [format!("/var/lib/dpkg/info/{package}:{architecture}.list"), format!("/var/lib/dpkg/info/{package}.list")] {
            let Ok((bytes, base)) = self.root.read(path.as_bytes()) else { continue };
            let keeps = |line: &&[u8]| self.root.resolve(line, Last::Keep).map_or(true, |p| p != *place);
            let mut kept: Vec<u8> = Vec::with_capacity(bytes.len());
            for line in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).filter(keeps) {
                kept.extend_from_slice(line);
                kept.push(b'\n');
            }
            self.root.write(path.as_bytes(), kept, base, 0o644)?;
            return Ok(());
        }
        Ok(())
    }

    /// Removes a file, or a directory that is empty, unless another package has it. Whether it is gone.
    pub(super) fn remove_path(&mut self, place: &EntryPath, package: &str) -> Result<bool> {
        if self.owners().get(place).is_some_and(|owner| owner != package) {
            return Ok(false);
        }
        let Some(inode) = self.root.at(place) else { return Ok(false) };
        let absolute = place.absolute();
        // A link to a directory counts as one (dpkg, `dir_is_used_by_others`): `/lib` of a merged `/usr` is everybody's.
        let leads_to_directory = !inode.is_directory() && self.root.is_directory(&absolute);
        if leads_to_directory && self.listed_elsewhere(place, package) {
            return Ok(false);
        }
        if inode.is_directory() {
            // The root is never empty, whatever stands in it.
            if place.is_root() || !self.root.read_dir(&absolute)?.is_empty() || self.listed_elsewhere(place, package) {
                return Ok(false);
            }
            self.root.remove(&absolute)?;
        } else {
            self.owners().remove(place);
            self.answers.libraries.remove(place);
            self.root.remove(&absolute)?;
        }
        Ok(true)
    }

    /// Whether another package lists this directory.
    pub(super) fn listed_elsewhere(&self, place: &EntryPath, package: &str) -> bool {
        self.status.packages().filter(|key| key.name != package).any(|key| {
            let list = self.list_of(&key.name, &key.architecture);
            list.iter().any(|path| self.root.resolve(path, Last::Keep).is_ok_and(|p| p == *place))
        })
    }
}
