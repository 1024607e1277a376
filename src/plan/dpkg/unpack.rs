//! Unpack: preinst, entries, information files, status `unpacked`, what the old version leaves behind.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::Result;
use crate::layer::Contents;
use crate::layer::root::{Author, Content, Provenance};
use crate::pin::LockedPackage;
use crate::stream::{Entry, EntryPath, Kind};
use crate::system::dpkg::{Diversion, Diversions, Overrides, PackageKey, Stanza, State, info};

use super::old::Old;
use super::scripts::Run;
use super::{Dpkg, conffiles};
use crate::plan::diverted;

/// What a script sources to talk to debconf.
const CONFMODULE: &[u8] = b"confmodule";

impl Dpkg<'_> {
    pub(super) fn unpack(&mut self, number: usize) -> Result<()> {
        let (locked, contents) = self.change(number)?;
        let control = Self::control_file(contents, "control").map(|f| f.bytes.clone()).unwrap_or_default();
        let stanza = Stanza::parse("control", &control)?;
        let same = stanza.text("Multi-Arch") == "same";
        let old = self.old_version(locked)?;
        let author = Author::Package(number);
        self.root.set_author(author);
        self.root.set_time(contents.entries.iter().map(|e| e.mtime).max().unwrap_or(0));
        if let Some(old) = old.as_ref().filter(|old| old.is_there)
            && let Some(text) = self.installed_script(&locked.name, &old.architecture, "prerm")
        {
            self.run_script(number, &text, &old.version, "prerm", &["upgrade", &locked.version])?;
        }
        if let Some(text) = Self::control_file(contents, "preinst") {
            self.run_config(number, &text.bytes, locked, old.as_ref().map_or("", |o| o.version.as_str()))?;
            let words = old.as_ref().map(|old| [old.verb(), old.version.as_str(), locked.version.as_str()]);
            let words: &[&str] = words.as_ref().map_or(&["install"], |words| words);
            self.run_script(number, &text.bytes.clone(), &locked.version, "preinst", words)?;
        }
        self.root.set_author(author);
        let places = self.place_entries(number, locked, contents, &stanza)?;
        let progress = self.progress_of(number)?;
        progress.places = places;
        progress.multi_arch_same = same;
        progress.configured_before = old.as_ref().map(|o| o.version.clone()).unwrap_or_default();
        if let Some(old) = old.as_ref().filter(|old| old.is_there) {
            if let Some(text) = self.installed_script(&locked.name, &old.architecture, "postrm") {
                self.run_script(number, &text, &old.version, "postrm", &["upgrade", &locked.version])?;
            }
            self.root.set_author(author);
            self.remove_vanished(locked, contents, old)?;
        }
        self.root.set_author(author);
        self.take_whole_packages(number, locked, contents)?;
        self.write_info(number, locked, contents, same, old.as_ref())?;
        self.set_unpacked(number, &control, contents, old.as_ref())?;
        self.register_triggers(locked, contents, same)?;
        self.activate_paths(contents.entries.iter().map(|e| e.path.clone()))
    }

    pub(super) fn run_script(
        &mut self,
        number: usize,
        text: &Arc<[u8]>,
        version: &str,
        script: &'static str,
        words: &[&str],
    ) -> Result<()> {
        let (locked, _) = self.change(number)?;
        let run = Run {
            number: Some(number),
            package: &locked.name,
            architecture: &locked.architecture,
            version,
            script,
            words,
            author: Author::Package(number),
        };
        self.evaluate(text, &run)
    }

    /// debconf's frontend runs the package's `config` before a script that talks to it.
    pub(super) fn run_config(&mut self, number: usize, script: &[u8], locked: &LockedPackage, old: &str) -> Result<()> {
        let (_, contents) = self.change(number)?;
        let talks = script.windows(CONFMODULE.len()).any(|w| w == CONFMODULE);
        match Self::control_file(contents, "config").filter(|_| talks) {
            Some(config) => self.run_script(number, &config.bytes.clone(), &locked.version, "config", &["configure", old]),
            None => Ok(()),
        }
    }

    fn place_entries(
        &mut self,
        number: usize,
        locked: &LockedPackage,
        contents: &Arc<Contents>,
        stanza: &Stanza,
    ) -> Result<Vec<Option<EntryPath>>> {
        let archive = Self::archive(contents)?;
        let shipped_conffiles = conffiles::shipped(contents);
        let diversions = Diversions::parse(&self.registry("/var/lib/dpkg/diversions")?)?;
        let overrides = Overrides::parse(&self.registry("/var/lib/dpkg/statoverride")?)?;
        let mut places = Vec::with_capacity(contents.entries.len());
        for entry in &contents.entries {
            let absolute = entry.path.absolute();
            let keeps_parents = entry.is_directory() || matches!(entry.kind, Kind::Symlink { .. });
            if self.filter.excludes(&absolute, keeps_parents) {
                places.push(None);
                continue;
            }
            let shown = String::from_utf8_lossy(&absolute).into_owned();
            let mut placed = entry.clone();
            let diverted = diversions.of(&shown).filter(|d| d.package.as_deref() != Some(locked.name.as_str()));
            if let Some(diversion) = diverted.filter(|_| !entry.is_directory()) {
                placed.path = EntryPath::new(&diversion.to)?;
            } else if shipped_conffiles.contains(&shown) && matches!(entry.kind, Kind::File { .. }) {
                placed.path = EntryPath::new([&absolute[..], b".dpkg-new"].concat())?;
            } else if !entry.is_directory() {
                self.check_overwrite(locked, stanza, &placed)?;
            }
            let ids = self.own(&mut placed, &overrides, &shown);
            let content = Content::Archive { archive, path: entry.path.clone() };
            let place = self.root.place(&placed, content, Provenance { bytes: false, ids })?;
            if !entry.is_directory() {
                self.note_owner(&place, &locked.name);
            }
            if let Some(note) = contents.elf.get(&entry.path) {
                self.answers.libraries.insert(place.clone(), note.clone());
            }
            places.push(Some(place));
        }
        debug_assert_eq!(self.root.author(), Author::Package(number));
        Ok(places)
    }

    /// Sets mode and owner as this root has them; whether numbers come from the base.
    fn own(&mut self, entry: &mut Entry, overrides: &Overrides, shown: &str) -> bool {
        let (owner, of_base) = self.names.owner(self.root, entry);
        entry.owner = owner;
        let Some(line) = overrides.of(shown) else { return of_base };
        if let Some(owner) = self.names.override_owner(self.root, &line.user, &line.group) {
            entry.owner = owner;
        }
        entry.mode = line.mode;
        entry.owner != crate::stream::Owner::default()
    }

    /// Diverts what a recipe wants moved aside, if this package brings it.
    pub(super) fn divert(&mut self, number: usize) -> Result<()> {
        let (_, contents) = self.change(number)?;
        for divert in self.diverts {
            let ships = contents.entries.iter().any(|e| e.path == divert.path && !e.is_directory());
            let kept = divert.unless.as_ref().is_some_and(|glob| diverted::has(self.root, glob));
            let mut diversions = Diversions::parse(&self.registry("/var/lib/dpkg/diversions")?)?;
            let from = String::from_utf8_lossy(&divert.path.absolute()).into_owned();
            // What the base has was diverted before, or there is no reason to.
            let there = self.root.exists(from.as_bytes());
            if !ships || kept || there || diversions.of(&from).is_some() {
                continue;
            }
            let to = String::from_utf8_lossy(&divert.to.absolute()).into_owned();
            diversions.add(Diversion { from, to, package: None })?;
            self.write_registry("/var/lib/dpkg/diversions", diversions.bytes())?;
            self.root.set_author(Author::Package(number));
            self.root.set_time(contents.entries.iter().map(|e| e.mtime).max().unwrap_or(0));
            if let Some(parent) = divert.path.parent() {
                self.root.mkdir_p(&parent.absolute(), 0o755)?;
            }
            self.root.write(&divert.path.absolute(), divert.content.clone(), false, 0o755)?;
        }
        Ok(())
    }

    fn write_info(
        &mut self,
        number: usize,
        locked: &LockedPackage,
        contents: &Contents,
        same: bool,
        old: Option<&Old>,
    ) -> Result<()> {
        let author = Author::Package(number);
        let directory = "/var/lib/dpkg/info";
        if let Some(old) = old {
            for name in self.root.read_dir(directory.as_bytes()).unwrap_or_default() {
                let name = String::from_utf8_lossy(&name).into_owned();
                let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
                if stem == locked.name || stem == format!("{}:{}", locked.name, old.architecture) {
                    self.root.remove(format!("{directory}/{name}").as_bytes())?;
                }
            }
        }
        self.root.set_author(author);
        let members: Vec<Vec<u8>> = contents.entries.iter().map(|e| e.path.absolute()).collect();
        let shipped: BTreeSet<&[u8]> = members.iter().map(Vec::as_slice).collect();
        let obsolete: Vec<Vec<u8>> = old.map_or_else(Vec::new, |old| {
            let paths = old.conffiles.iter().filter(|c| !c.remove_on_upgrade).map(|c| c.path.clone().into_bytes());
            paths.filter(|p| !shipped.contains(p.as_slice()) && self.root.exists(p)).collect()
        });
        let list = info::list(members.iter().map(Vec::as_slice), obsolete.iter().map(Vec::as_slice));
        let path = |kind: &str| info::path(&locked.name, &locked.architecture, same, kind);
        self.root.mkdir_p(directory.as_bytes(), 0o755)?;
        self.root.write(path("list").as_bytes(), list, false, 0o644)?;
        for file in contents.control.iter().filter(|f| f.name != "control" && f.name != "list") {
            let path = path(&file.name);
            self.root.write(path.as_bytes(), file.bytes.clone(), false, file.mode)?;
            self.root.chmod(path.as_bytes(), file.mode)?;
            self.root.set_mtime(path.as_bytes(), file.mtime)?;
        }
        Ok(())
    }

    fn set_unpacked(&mut self, number: usize, control: &[u8], contents: &Contents, old: Option<&Old>) -> Result<()> {
        let list = conffiles::listed(contents, old.map_or(&[], |o| o.conffiles.as_slice()));
        let configured = old.map(|o| o.version.clone());
        let key = self.status.insert(control, &State::Unpacked { configured }, &list)?;
        if let Some(old) = old.filter(|o| o.architecture != key.architecture) {
            self.status.remove(&PackageKey { name: key.name.clone(), architecture: old.architecture.clone() });
        }
        self.status_dirty = true;
        let progress = self.progress_of(number)?;
        progress.key = Some(key);
        progress.conffiles = list;
        Ok(())
    }
}
