//! Remove: prerm, files, postrm; conffiles stay with status `config-files`, as without `--purge`.

use crate::error::Result;
use crate::layer::root::{Author, Last};
use crate::pin::Action;
use crate::stream::EntryPath;
use crate::system::dpkg::{Conffile, PackageKey, State, conffiles, info};

use super::scripts::Run;
use super::{Dpkg, DpkgError};

impl Dpkg<'_> {
    pub(super) fn remove(&mut self, number: usize) -> Result<()> {
        let change = self.changes.get(number).filter(|c| c.locked.action == Action::Remove);
        let locked = &change.ok_or_else(|| DpkgError::Lock(format!("package {number} is not one to remove")))?.locked;
        let stanzas = self.status.named(&locked.name)?;
        let Some(stanza) = stanzas.into_iter().next() else { return Ok(()) };
        if [stanza.text("Essential"), stanza.text("Protected")].contains(&"yes") {
            return Err(DpkgError::Essential(locked.name.clone()).into());
        }
        let key = PackageKey { name: locked.name.clone(), architecture: stanza.text("Architecture").into() };
        self.removal_script(number, &key, &locked.version, "prerm")?;
        let kept = conffiles(&stanza);
        self.root.set_author(Author::Package(number));
        let mut gone = Vec::new();
        let list = self.list_of(&key.name, &key.architecture);
        for path in list.iter().rev() {
            if kept.iter().any(|c| c.path.as_bytes() == path.as_slice()) {
                continue;
            }
            if let Ok(place) = self.root.resolve(path, Last::Keep)
                && self.remove_path(&place, &key.name)?
            {
                gone.push(place);
            }
        }
        self.activate_paths(gone.into_iter())?;
        self.removal_script(number, &key, &locked.version, "postrm")?;
        let has_postrm = self.installed_script(&key.name, &key.architecture, "postrm").is_some();
        self.drop_info(number, &key, !kept.is_empty() || has_postrm)?;
        if !kept.is_empty() || has_postrm {
            self.keep_list(number, &key, &list, &kept)?;
        }
        self.unregister_triggers(&key.name)?;
        if kept.is_empty() && !has_postrm {
            self.status.remove(&key);
        } else {
            self.status.set_state(&key, &State::ConfigFiles)?;
        }
        self.status_dirty = true;
        Ok(())
    }

    fn removal_script(&mut self, number: usize, key: &PackageKey, version: &str, script: &'static str) -> Result<()> {
        let Some(text) = self.installed_script(&key.name, &key.architecture, script) else { return Ok(()) };
        let run = Run {
            number: Some(number),
            package: &key.name,
            architecture: &key.architecture,
            version,
            script,
            words: &["remove"],
            author: Author::Package(number),
        };
        self.evaluate(&text, &run)
    }

    /// Writes the list of what is left: conffiles, and directories that hold some or that nobody else has and are not empty.
    fn keep_list(&mut self, number: usize, key: &PackageKey, list: &[Vec<u8>], kept: &[Conffile]) -> Result<()> {
        let holds = |path: &[u8]| {
            let rest = |c: &Conffile| c.path.as_bytes().strip_prefix(path).map(<[u8]>::to_vec);
            kept.iter().filter_map(rest).any(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let stays = |path: &&Vec<u8>| {
            let is_full = |place: &EntryPath| {
                self.root.is_directory(&place.absolute())
                    && !self.root.read_dir(&place.absolute()).unwrap_or_default().is_empty()
                    && !self.listed_elsewhere(place, &key.name)
            };
            holds(path) || self.root.resolve(path, Last::Keep).is_ok_and(|place| is_full(&place))
        };
        let left: Vec<u8> = list.iter().filter(stays).flat_map(|path| [path.as_slice(), b"\n"].concat()).collect();
        for path in [info::path(&key.name, &key.architecture, true, "list"), info::path(&key.name, "", false, "list")] {
            if self.root.exists(path.as_bytes()) {
                self.root.set_author(Author::Package(number));
                self.root.write(path.as_bytes(), left.clone(), true, 0o644)?;
            }
        }
        Ok(())
    }

    /// Of a package in `config-files` only `.list` (of its conffiles) and `.postrm` stay.
    pub(super) fn drop_info(&mut self, number: usize, key: &PackageKey, stays: bool) -> Result<()> {
        self.root.set_author(Author::Package(number));
        let directory = "/var/lib/dpkg/info";
        for name in self.root.read_dir(directory.as_bytes()).unwrap_or_default() {
            let name = String::from_utf8_lossy(&name).into_owned();
            let Some((stem, kind)) = name.rsplit_once('.') else { continue };
            let own = stem == key.name || stem == format!("{}:{}", key.name, key.architecture);
            if own && !(stays && matches!(kind, "list" | "postrm")) {
                self.root.remove(format!("{directory}/{name}").as_bytes())?;
            }
        }
        Ok(())
    }
}
