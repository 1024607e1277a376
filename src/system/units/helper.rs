//! `deb-systemd-helper`: enabling with a memory, so that an upgrade does not undo what a user has done.
//!
//! Invariant: state stands below `/var/lib/systemd/deb-systemd-*`; links that a user removed are not made again.

use super::super::error::{Result, SystemError};
use super::super::view::{Status, View, Write, name_of};
use super::{Instance, Link, Search, link_closure, preset};

const LIBRARY: &str = "/var/lib/systemd";

/// The helper on one tree.
#[derive(Clone, Copy)]
pub struct Helper<'a> {
    view: &'a dyn View,
    search: Search,
    systemctl: bool,
}

impl std::fmt::Debug for Helper<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Helper").field("search", &self.search).field("systemctl", &self.systemctl).finish_non_exhaustive()
    }
}

/// A question whose answer is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Are all links there that the unit asks for now?
    IsEnabled,
    /// Are all links there that were noted? True without a note.
    WasEnabled,
    /// Was it ever enabled by the helper?
    DebianInstalled,
}

impl<'a> Helper<'a> {
    /// The helper over `view`; it asks the tree whether `systemctl` is there.
    pub fn new(view: &'a dyn View, search: Search) -> Self {
        let systemctl = ["/bin/systemctl", "/usr/bin/systemctl"].iter().any(|path| view.is_file(path));
        Self { view, search, systemctl }
    }
    fn enabled_directory(&self) -> String {
        self.state_directory("enabled")
    }
    fn state_directory(&self, kind: &str) -> String {
        let user = if self.search.instance == Instance::User { "user-" } else { "" };
        format!("{LIBRARY}/deb-systemd-{user}helper-{kind}")
    }
    fn note(&self, unit: &str) -> String {
        format!("{}/{}.dsh-also", self.enabled_directory(), name_of(unit))
    }
    fn noted(&self, unit: &str) -> Result<Vec<String>> {
        Ok(self.view.text(&self.note(unit))?.unwrap_or_default().lines().map(Into::into).collect())
    }
    fn marker(&self, link: &str) -> String {
        let below = link.strip_prefix(&format!("{}/", self.search.instance.directory())).unwrap_or(link.trim_start_matches('/'));
        format!("{}/{below}", self.enabled_directory())
    }
    /// The answer to a question about one unit.
    pub fn ask(&self, question: Question, unit: &str) -> Result<bool> {
        Ok(match question {
            Question::IsEnabled => self.closure(unit)?.iter().all(|link| self.view.is_symlink(&link.at)),
            Question::WasEnabled => self.noted(unit)?.iter().all(|link| self.view.is_symlink(link)),
            Question::DebianInstalled => self.view.is_file(&self.note(unit)),
        })
    }
    fn closure(&self, unit: &str) -> Result<Vec<Link>> {
        link_closure(self.view, self.search, unit)
    }
    /// `enable`.
    pub fn enable(&self, unit: &str) -> Result<Vec<Write>> {
        let links = self.closure(unit)?;
        if !self.systemctl {
            return self.make_links(unit, &links, true);
        }
        if self.ask(Question::DebianInstalled, unit)? {
            let any = links.iter().any(|link| self.view.is_symlink(&link.at));
            return self.make_links(unit, &links, any);
        }
        let mut writes = preset(self.view, self.search, unit)?;
        writes.extend(self.make_links(unit, &links, false)?);
        Ok(writes)
    }
    fn make_links(&self, unit: &str, links: &[Link], create: bool) -> Result<Vec<Write>> {
        let mut writes = Vec::new();
        let mut noted = self.noted(unit)?;
        let before = noted.len();
        for link in links {
            if !noted.contains(&link.at) {
                noted.push(link.at.clone());
            }
            let marker = self.marker(&link.at);
            if self.view.exists(&marker) || writes.iter().any(|write: &Write| write.path == marker) {
                continue;
            }
            if create && !self.view.is_symlink(&link.at) {
                writes.push(Write::symlink(&link.at, &link.to));
            }
            writes.push(Write::file(marker, ""));
        }
        if noted.len() > before {
            writes.push(Write::file(self.note(unit), lines(&noted)).mode(0o644));
        }
        Ok(writes)
    }
    /// `update-state`: the note says what the unit asks for now.
    pub fn update_state(&self, unit: &str) -> Result<Vec<Write>> {
        let links: Vec<String> = self.closure(unit)?.into_iter().map(|link| link.at).collect();
        Ok(vec![Write::file(self.note(unit), lines(&links)).mode(0o644)])
    }
    /// `disable`, and `purge`, which forgets everything.
    pub fn disable(&self, unit: &str, purge: bool) -> Result<Vec<Write>> {
        let mut writes = Vec::new();
        for link in self.noted(unit)? {
            let there = self.view.is_symlink(&link);
            if purge || there {
                writes.push(Write::remove(self.marker(&link)));
            }
            if there {
                writes.push(Write::remove(link));
            }
        }
        if purge && self.view.exists(&self.note(unit)) {
            writes.push(Write::remove(self.note(unit)));
        }
        Ok(writes)
    }
    /// `mask`: the unit cannot be started until it is unmasked; a unit file of the user's own is left alone.
    pub fn mask(&self, unit: &str) -> Vec<Write> {
        let link = format!("{}/{}", self.search.instance.directory(), name_of(unit));
        if self.view.exists(&link) || self.search.is_masked(self.view, name_of(unit)) {
            return Vec::new();
        }
        let marker = format!("{}/{}", self.state_directory("masked"), name_of(unit));
        vec![Write::symlink(link, "/dev/null"), Write::file(marker, "")]
    }
    /// `unmask`: only what the helper has masked.
    pub fn unmask(&self, unit: &str) -> Vec<Write> {
        let link = format!("{}/{}", self.search.instance.directory(), name_of(unit));
        let marker = format!("{}/{}", self.state_directory("masked"), name_of(unit));
        if self.view.status(&link) != Some(Status::Symlink("/dev/null".into())) || !self.view.exists(&marker) {
            return Vec::new();
        }
        vec![Write::remove(link), Write::remove(marker)]
    }
    /// `reenable`.
    pub fn reenable(&self, unit: &str) -> Result<Vec<Write>> {
        if self.closure(unit)?.is_empty() {
            return Ok(Vec::new());
        }
        Err(SystemError::uncovered("deb-systemd-helper", "reenable"))
    }
}

fn lines(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}
