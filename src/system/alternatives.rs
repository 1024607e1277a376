//! `update-alternatives`: groups of names that several packages can provide.
//!
//! Invariant: a group's file below `/var/lib/dpkg/alternatives` is written as dpkg writes it; a real file is never replaced
//! by a link unless forced; a group in manual mode keeps its choice.

mod show;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::error::{Result, SystemError};
use super::view::{Status, View, Write};

pub use show::{display, list, query};

const COMMAND: &str = "update-alternatives";
const ADMIN: &str = "/var/lib/dpkg/alternatives";
const LINKS: &str = "/etc/alternatives";

/// One choice of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The highest wins in automatic mode.
    pub priority: i32,
    /// Files of the slaves, by slave name.
    pub slaves: BTreeMap<String, String>,
}

/// A group as its file holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Whether a user has chosen.
    pub manual: bool,
    /// The generic name: `/usr/bin/editor`.
    pub link: String,
    /// Links of the slaves, by slave name.
    pub slaves: BTreeMap<String, String>,
    /// The choices, by the file that they provide.
    pub choices: BTreeMap<String, Choice>,
}

/// A slave in the words of `--install`: `--slave LINK NAME PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slave {
    /// Generic name.
    pub link: String,
    /// Name below `/etc/alternatives`.
    pub name: String,
    /// The file.
    pub path: String,
}

/// What is asked of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `--install LINK NAME PATH PRIORITY [--slave ...]`.
    Install {
        /// Generic name.
        link: String,
        /// The file.
        path: String,
        /// Priority.
        priority: i32,
        /// Slaves.
        slaves: Vec<Slave>,
    },
    /// `--remove NAME PATH`.
    Remove {
        /// The file.
        path: String,
    },
    /// `--remove-all NAME`.
    RemoveAll,
    /// `--set NAME PATH`.
    Set {
        /// The file.
        path: String,
    },
    /// `--auto NAME`.
    Auto,
}

impl Group {
    /// Reads a group's file.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let mut lines = text.split('\n');
        let mut next = |what: &str| {
            lines.next().ok_or_else(|| SystemError::malformed(format!("{ADMIN}/{name}"), format!("ends where {what} should stand")))
        };
        let manual = match next("the mode")? {
            "auto" => false,
            "manual" => true,
            other => return Err(SystemError::malformed(format!("{ADMIN}/{name}"), format!("mode '{}'", other.escape_debug()))),
        };
        let mut group = Self { manual, link: next("the link")?.to_owned(), ..Self::default() };
        let mut order = Vec::new();
        loop {
            match next("a slave")? {
                "" => break,
                slave => {
                    order.push(slave.to_owned());
                    group.slaves.insert(slave.to_owned(), next("a slave's link")?.to_owned());
                }
            }
        }
        loop {
            match next("a choice")? {
                "" => return Ok(group),
                path => {
                    let priority = next("a priority")?;
                    let bad =
                        || SystemError::malformed(format!("{ADMIN}/{name}"), format!("priority '{}'", priority.escape_debug()));
                    let mut choice = Choice { priority: priority.trim().parse().map_err(|_| bad())?, ..Choice::default() };
                    for slave in &order {
                        let file = next("a slave's file")?;
                        if !file.is_empty() {
                            choice.slaves.insert(slave.clone(), file.to_owned());
                        }
                    }
                    group.choices.insert(path.to_owned(), choice);
                }
            }
        }
    }
    /// The group's file.
    pub fn print(&self) -> String {
        let mut out = format!("{}\n{}\n", if self.manual { "manual" } else { "auto" }, self.link);
        for (name, link) in &self.slaves {
            let _ = writeln!(out, "{name}\n{link}");
        }
        out.push('\n');
        for (path, choice) in &self.choices {
            let _ = writeln!(out, "{path}\n{}", choice.priority);
            for name in self.slaves.keys() {
                let _ = writeln!(out, "{}", choice.slaves.get(name).map_or("", String::as_str));
            }
        }
        out.push('\n');
        out
    }
    /// The choice that automatic mode takes: the highest priority; among equals the current one, else the first.
    pub fn best(&self, current: Option<&str>) -> Option<&str> {
        let highest = self.choices.values().map(|c| c.priority).max()?;
        let among = || self.choices.iter().filter(|(_, choice)| choice.priority == highest).map(|(path, _)| path.as_str());
        among().find(|path| Some(*path) == current).or_else(|| among().next())
    }
}

/// The group of this name in a tree.
pub fn group(view: &dyn View, name: &str) -> Result<Option<Group>> {
    view.text(&format!("{ADMIN}/{name}"))?.map(|text| Group::parse(name, &text)).transpose()
}

/// What `/etc/alternatives/NAME` points to now.
pub fn current(view: &dyn View, name: &str) -> Option<String> {
    match view.status(&format!("{LINKS}/{name}")) {
        Some(Status::Symlink(target)) => Some(target),
        _ => None,
    }
}

/// Runs one action on the group `name`. `force` lets a link replace a real file.
pub fn run(view: &dyn View, name: &str, action: &Action, force: bool) -> Result<Vec<Write>> {
    let old = group(view, name)?;
    let mut group = match (&old, action) {
        (Some(group), _) => group.clone(),
        (None, Action::Install { link, .. }) => Group { link: link.clone(), ..Group::default() },
        // Removing what is not there is success, as in dpkg: prerm scripts rely on it.
        (None, Action::Remove { .. } | Action::RemoveAll) => return Ok(Vec::new()),
        (None, _) => return Err(SystemError::refused(COMMAND, format!("no alternatives for {name}"))),
    };
    let now = current(view, name);
    let mut work = Work { view, name, force, writes: Vec::new() };
    select_mode(view, &mut group, now.as_deref());
    let chosen = match action {
        Action::Install { link, path, priority, slaves } => {
            check_install(view, name, link, path, slaves)?;
            work.evolve(&mut group, link, slaves);
            let slaves = slaves.iter().map(|s| (s.name.clone(), s.path.clone())).collect();
            group.choices.insert(path.clone(), Choice { priority: *priority, slaves });
            if group.manual { None } else { group.best(now.as_deref()) }
        }
        Action::Remove { path } => {
            group.choices.remove(path);
            if now.as_deref() == Some(path) {
                group.manual = false;
                group.best(None)
            } else {
                None
            }
        }
        Action::RemoveAll => {
            group.choices.clear();
            None
        }
        Action::Set { path } if group.choices.contains_key(path) => {
            group.manual = true;
            Some(path.as_str())
        }
        Action::Set { path } => {
            return Err(SystemError::refused(COMMAND, format!("alternative {path} for {name} not registered; not setting")));
        }
        Action::Auto => {
            group.manual = false;
            group.best(now.as_deref())
        }
    };
    let chosen = chosen.map(str::to_owned).or(now);
    work.commit(&mut group, old.as_ref(), chosen.as_deref())?;
    Ok(work.writes)
}

/// A link that somebody changed by hand makes the group manual; a dangling or absent one makes it automatic.
fn select_mode(view: &dyn View, group: &mut Group, now: Option<&str>) {
    match now {
        Some(path) if group.choices.contains_key(path) || group.choices.is_empty() => {}
        Some(path) => group.manual = view.exists(path),
        None => group.manual = false,
    }
}

fn known(view: &dyn View, name: &str) -> Result<Group> {
    group(view, name)?.ok_or_else(|| SystemError::refused(COMMAND, format!("no alternatives for {name}")))
}

fn check_install(view: &dyn View, name: &str, link: &str, path: &str, slaves: &[Slave]) -> Result<()> {
    let mut names = vec![name];
    names.extend(slaves.iter().map(|s| s.name.as_str()));
    for name in names {
        if name.is_empty() || name.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) {
            return Err(SystemError::refused(COMMAND, format!("alternative name ({}) is no plain name", name.escape_debug())));
        }
    }
    let paths = [link, path].into_iter().chain(slaves.iter().flat_map(|s| [s.link.as_str(), s.path.as_str()]));
    for path in paths {
        if !path.starts_with('/') || path.contains(['\n', '\0']) {
            return Err(SystemError::refused(
                COMMAND,
                format!("alternative path is not absolute as it should be: {}", path.escape_debug()),
            ));
        }
    }
    if let Some(slave) = slaves.iter().find(|s| s.name == name || s.link == link) {
        return Err(SystemError::refused(COMMAND, format!("name {} is both primary and slave", slave.name)));
    }
    if !view.exists(path) {
        return Err(SystemError::refused(COMMAND, format!("alternative path {path} doesn't exist")));
    }
    Ok(())
}

/// The links of one run.
struct Work<'a> {
    view: &'a dyn View,
    name: &'a str,
    force: bool,
    writes: Vec<Write>,
}

impl Work<'_> {
    /// Takes over the links that an `--install` names; an old link of another path goes.
    fn evolve(&mut self, group: &mut Group, link: &str, slaves: &[Slave]) {
        if group.link != link {
            self.drop_link(&group.link.clone());
            link.clone_into(&mut group.link);
        }
        for slave in slaves {
            if let Some(old) = group.slaves.insert(slave.name.clone(), slave.link.clone()).filter(|old| *old != slave.link) {
                self.drop_link(&old);
            }
        }
    }
    fn commit(&mut self, group: &mut Group, old: Option<&Group>, chosen: Option<&str>) -> Result<()> {
        let slaves: Vec<(String, String)> = group.slaves.iter().map(|(n, l)| (n.clone(), l.clone())).collect();
        if group.choices.is_empty() {
            self.drop_link(&group.link.clone());
            self.writes.push(Write::remove(format!("{LINKS}/{}", self.name)));
            for (name, link) in &slaves {
                self.drop_slave(name, link);
            }
            self.writes.push(Write::remove(format!("{ADMIN}/{}", self.name)));
            return Ok(());
        }
        if let Some((path, choice)) = chosen.and_then(|path| group.choices.get_key_value(path)) {
            self.install(self.name, &group.link, path)?;
            for (name, link) in &slaves {
                match choice.slaves.get(name).filter(|file| self.view.exists(file)) {
                    Some(file) => self.install(name, link, file)?,
                    None => self.drop_slave(name, link),
                }
            }
        }
        // A slave that no choice names any more leaves the group.
        group.slaves.retain(|name, _| group.choices.values().any(|c| c.slaves.contains_key(name)));
        for (name, link) in slaves.iter().filter(|(name, _)| !group.slaves.contains_key(name)) {
            self.drop_slave(name, link);
        }
        if old != Some(group) {
            self.writes.push(Write::file(format!("{ADMIN}/{}", self.name), group.print()));
        }
        Ok(())
    }
    fn install(&mut self, name: &str, link: &str, file: &str) -> Result<()> {
        let middle = format!("{LINKS}/{name}");
        let points_to = |path: &str| match self.view.status(path) {
            Some(Status::Symlink(target)) => Some(target),
            _ => None,
        };
        let (middle_target, link_target) = (points_to(&middle), points_to(link));
        if middle_target.as_deref() != Some(file) {
            self.writes.push(Write::symlink(&middle, file));
        }
        if link_target.as_deref() == Some(middle.as_str()) {
            return Ok(());
        }
        if !self.view.is_directory(super::view::directory_of(link)) {
            return Err(SystemError::refused(
                COMMAND,
                format!("error creating symbolic link '{link}.dpkg-tmp': No such file or directory"),
            ));
        }
        if self.replaceable(link) {
            self.writes.push(Write::symlink(link, middle));
        }
        Ok(())
    }
    /// Whether a link may stand at `path`: nothing is there, or a link, or a real file that may be overwritten.
    fn replaceable(&self, path: &str) -> bool {
        match self.view.status(path) {
            None | Some(Status::Symlink(_)) => true,
            Some(Status::Directory) => false,
            Some(_) => self.force,
        }
    }
    fn drop_slave(&mut self, name: &str, link: &str) {
        self.drop_link(link);
        let middle = format!("{LINKS}/{name}");
        if self.view.status(&middle).is_some() {
            self.writes.push(Write::remove(middle));
        }
    }
    fn drop_link(&mut self, link: &str) {
        if self.view.is_symlink(link) || (self.force && self.view.is_file(link)) {
            self.writes.push(Write::remove(link));
        }
    }
}

#[cfg(test)]
mod tests;
