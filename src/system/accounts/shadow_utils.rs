//! `groupadd`, `useradd`, `usermod`, `gpasswd -a`, `userdel`: the commands of shadow-utils 4.13 and later, as data.
//!
//! Invariant: one call is one run of the command; it changes all its files or none. Numbers come from the account files of
//! the tree alone.

mod usermod;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::super::error::{Result, SystemError};
use super::super::view::{Status, View, Write};
use super::{Accounts, Database, Defaults, File, check_field, check_name};
use crate::stream::Owner;

pub use usermod::UserMod;

/// The deepest skeleton that is copied into a home: nobody's goes past a few levels.
const MAX_SKELETON_DEPTH: usize = 32;

/// The words of `groupadd`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupAdd {
    /// Name.
    pub name: String,
    /// `-g`.
    pub gid: Option<u32>,
    /// `-r`.
    pub system: bool,
    /// `-f`: an existing name is success, a taken GID is replaced by a free one.
    pub force: bool,
    /// `-o`: a GID may be taken.
    pub non_unique: bool,
}

/// The words of `useradd`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserAdd {
    /// Name.
    pub name: String,
    /// `-u`.
    pub uid: Option<u32>,
    /// `-o`: a UID may be taken.
    pub non_unique: bool,
    /// `-g`: name or number; without it a group of the user's name is made (`USERGROUPS_ENAB`).
    pub group: Option<String>,
    /// `-N`: no group of the user's name.
    pub no_user_group: bool,
    /// `-G`: further groups, names or numbers.
    pub groups: Vec<String>,
    /// `-c`.
    pub comment: String,
    /// `-d`; else `/home/NAME`.
    pub home: Option<String>,
    /// `-s`; else that of `/etc/default/useradd`.
    pub shell: Option<String>,
    /// `-r`.
    pub system: bool,
    /// `-m`: make the home from the skeleton. `-M` is false.
    pub create_home: bool,
    /// `-p`: the password field of shadow; `!` without it.
    pub password: Option<String>,
}

impl Accounts {
    /// `groupadd`: gives the GID.
    pub fn group_add(&mut self, words: &GroupAdd, defaults: &Defaults) -> Result<u32> {
        self.run(|now| {
            if let (true, Some(gid)) = (words.force, now.gid_of(&words.name)) {
                return Ok(gid);
            }
            now.make_group("groupadd", words, defaults, None)
        })
    }
    fn make_group(&mut self, command: &'static str, words: &GroupAdd, defaults: &Defaults, wish: Option<u32>) -> Result<u32> {
        check_name(command, &words.name)?;
        if self.gid_of(&words.name).is_some() {
            return Err(SystemError::refused(command, format!("group '{}' already exists", words.name)));
        }
        let taken = |gid: u32| self.group_with(gid);
        let range = if words.system { defaults.system("GID") } else { defaults.ordinary("GID") };
        let used = numbers(self.database(File::Group));
        let gid = match words.gid {
            Some(gid) if words.non_unique || taken(gid).is_none() => gid,
            Some(gid) if !words.force => return Err(SystemError::refused(command, format!("GID '{gid}' already exists"))),
            _ => match wish.filter(|gid| range.contains(gid) && !used.contains(gid)) {
                Some(gid) => gid,
                None => free_number(command, "GID", &used, &range, words.system)?,
            },
        };
        let number = gid.to_string();
        let group = self.database_mut(File::Group).ok_or_else(|| SystemError::refused(command, "there is no /etc/group"))?;
        group.append(&[words.name.as_bytes(), b"x", number.as_bytes(), b""]);
        if let Some(gshadow) = self.database_mut(File::Gshadow) {
            gshadow.append(&[words.name.as_bytes(), b"!", b"", b""]);
        }
        Ok(gid)
    }
    /// `useradd`: gives UID and GID. The home is made by [`home_from_skeleton`].
    pub fn user_add(&mut self, words: &UserAdd, defaults: &Defaults) -> Result<Owner> {
        self.run(|now| now.make_user(words, defaults))
    }
    fn make_user(&mut self, words: &UserAdd, defaults: &Defaults) -> Result<Owner> {
        const COMMAND: &str = "useradd";
        check_name(COMMAND, &words.name)?;
        let home = words.home.clone().unwrap_or_else(|| format!("{}/{}", defaults.useradd("HOME").unwrap_or("/home"), words.name));
        let shell = words.shell.as_deref().or(defaults.useradd("SHELL")).unwrap_or("/bin/sh");
        for (what, text) in [("comment", words.comment.as_str()), ("home directory", &home), ("shell", shell)] {
            check_field(COMMAND, what, text)?;
        }
        check_field(COMMAND, "password", words.password.as_deref().unwrap_or_default())?;
        if self.uid_of(&words.name).is_some() {
            return Err(SystemError::refused(COMMAND, format!("user '{}' already exists", words.name)));
        }
        let uid = self.uid_for(words, defaults)?;
        let groups = words.groups.iter().map(|g| self.named_group(COMMAND, g)).collect::<Result<Vec<_>>>()?;
        let gid = self.primary_group(words, defaults, uid)?;
        let passwd = self.database_mut(File::Passwd).ok_or_else(|| SystemError::refused(COMMAND, "there is no /etc/passwd"))?;
        let numbers = [uid.to_string(), gid.to_string()];
        let [u, g] = [numbers[0].as_bytes(), numbers[1].as_bytes()];
        passwd.append(&[words.name.as_bytes(), b"x", u, g, words.comment.as_bytes(), home.as_bytes(), shell.as_bytes()]);
        self.shadow_line(words, defaults);
        for group in groups {
            self.join(COMMAND, &words.name, &group)?;
        }
        if !words.system {
            self.subordinate_ranges(&words.name, defaults)?;
        }
        Ok(Owner { uid, gid })
    }
    fn uid_for(&self, words: &UserAdd, defaults: &Defaults) -> Result<u32> {
        let range = if words.system { defaults.system("UID") } else { defaults.ordinary("UID") };
        match words.uid {
            None => free_number("useradd", "UID", &numbers(self.database(File::Passwd)), &range, words.system),
            Some(uid) => match self.user_with(uid) {
                Some(owner) if !words.non_unique => Err(SystemError::UidTaken { uid, owner }),
                _ => Ok(uid),
            },
        }
    }
    fn primary_group(&mut self, words: &UserAdd, defaults: &Defaults, uid: u32) -> Result<u32> {
        if let Some(group) = &words.group {
            let name = self.named_group("useradd", group)?;
            return self.gid_of(&name).ok_or_else(|| SystemError::refused("useradd", format!("group '{group}' does not exist")));
        }
        if words.no_user_group || !defaults.login_says("USERGROUPS_ENAB") {
            return Ok(defaults.useradd("GROUP").and_then(|g| g.parse().ok()).unwrap_or(100));
        }
        if self.gid_of(&words.name).is_some() {
            let message = format!("group {0} exists - if you want to add this user to that group, use -g", words.name);
            return Err(SystemError::refused("useradd", message));
        }
        let group = GroupAdd { name: words.name.clone(), system: words.system, ..GroupAdd::default() };
        self.make_group("useradd", &group, defaults, Some(uid))
    }
    fn shadow_line(&mut self, words: &UserAdd, defaults: &Defaults) {
        let day = self.day_field();
        let ageing = |key, otherwise: &str| {
            if words.system || !defaults.login_has(key) { otherwise.to_owned() } else { defaults.login_number(key, 0).to_string() }
        };
        let fields = [ageing("PASS_MIN_DAYS", ""), ageing("PASS_MAX_DAYS", ""), ageing("PASS_WARN_AGE", "")];
        let password = words.password.as_deref().unwrap_or("!");
        if let Some(shadow) = self.database_mut(File::Shadow) {
            let [least, most, warn] = fields.each_ref().map(String::as_bytes);
            shadow.append(&[words.name.as_bytes(), password.as_bytes(), day.as_bytes(), least, most, warn, b"", b"", b""]);
        }
    }
    /// The lines of subuid and subgid: the first free block above all that are there.
    fn subordinate_ranges(&mut self, user: &str, defaults: &Defaults) -> Result<()> {
        for file in &mut self.subordinate {
            let Some(text) = &mut file.now else { continue };
            let count = defaults.login_number(&format!("SUB_{}_COUNT", file.kind), 65536);
            if count == 0 {
                continue;
            }
            let lowest = defaults.login_number(&format!("SUB_{}_MIN", file.kind), 100_000);
            let highest = defaults.login_number(&format!("SUB_{}_MAX", file.kind), 600_100_000);
            let mut ranges: Vec<(u64, u64)> = String::from_utf8_lossy(text).lines().filter_map(range_of).collect();
            ranges.sort_unstable();
            let mut start = u64::from(lowest);
            for (first, length) in ranges {
                if first + length > start && first < start + u64::from(count) {
                    start = first + length;
                }
            }
            if start + u64::from(count) - 1 > u64::from(highest) {
                return Err(SystemError::refused("useradd", "can't find subordinate range"));
            }
            if !text.is_empty() && !text.ends_with(b"\n") {
                text.push(b'\n');
            }
            text.extend_from_slice(format!("{user}:{start}:{count}\n").as_bytes());
        }
        Ok(())
    }
    /// A group given by name or number, as its name.
    fn named_group(&self, command: &'static str, group: &str) -> Result<String> {
        let by_number = group.parse().ok().and_then(|gid| self.group_with(gid));
        by_number
            .or_else(|| self.gid_of(group).map(|_| group.to_owned()))
            .ok_or_else(|| SystemError::refused(command, format!("group '{group}' does not exist")))
    }
    pub(super) fn join(&mut self, command: &'static str, user: &str, group: &str) -> Result<()> {
        if !self.database_mut(File::Group).is_some_and(|g| g.add_member(group, user)) {
            return Err(SystemError::refused(command, format!("group '{group}' does not exist")));
        }
        if let Some(gshadow) = self.database_mut(File::Gshadow) {
            gshadow.add_member(group, user);
        }
        Ok(())
    }
    /// `gpasswd -a USER GROUP`, `adduser USER GROUP`.
    pub fn add_member(&mut self, user: &str, group: &str) -> Result<()> {
        self.run(|now| {
            if now.uid_of(user).is_none() {
                return Err(SystemError::refused("gpasswd", format!("user '{user}' does not exist")));
            }
            now.join("gpasswd", user, group)
        })
    }
    /// `userdel`: the lines; gives the home that `-r` would remove. The user's own group goes if nobody else is in it.
    pub fn user_delete(&mut self, user: &str, defaults: &Defaults) -> Result<String> {
        self.run(|now| {
            let line =
                now.database(File::Passwd).and_then(|p| p.find(user)).map(|f| f.iter().map(|x| x.to_vec()).collect::<Vec<_>>());
            let Some(line) = line else {
                return Err(SystemError::refused("userdel", format!("user '{user}' does not exist")));
            };
            for file in [File::Passwd, File::Shadow] {
                if let Some(database) = now.database_mut(file) {
                    database.remove(user);
                }
            }
            for file in [File::Group, File::Gshadow] {
                if let Some(database) = now.database_mut(file) {
                    database.replace_member(user, None);
                }
            }
            now.drop_user_group(user, line.get(3).map(Vec::as_slice), defaults);
            for file in &mut now.subordinate {
                if let Some(text) = &mut file.now {
                    *text = without_owner(text, user);
                }
            }
            Ok(line.get(5).map(|home| String::from_utf8_lossy(home).into_owned()).unwrap_or_default())
        })
    }
    fn drop_user_group(&mut self, user: &str, gid: Option<&[u8]>, defaults: &Defaults) {
        let alone = self.database(File::Group).and_then(|g| g.find(user)).is_some_and(|f| f.get(3).is_some_and(|m| m.is_empty()));
        let others = self.database(File::Passwd).is_some_and(|p| p.entries().any(|f| f.get(3).copied() == gid));
        if !defaults.login_says("USERGROUPS_ENAB") || !alone || others {
            return;
        }
        for file in [File::Group, File::Gshadow] {
            if let Some(database) = self.database_mut(file) {
                database.remove(user);
            }
        }
    }
}

/// What `useradd -m` makes: the home with the mode of login.defs and a copy of `/etc/skel`; nothing if it exists.
pub fn home_from_skeleton(view: &dyn View, home: &str, owner: Owner, defaults: &Defaults) -> Result<Vec<Write>> {
    if view.status(home).is_some() {
        return Ok(Vec::new());
    }
    let mode = defaults.login_number("HOME_MODE", 0o777 & !defaults.login_number("UMASK", 0o22));
    let mut writes = vec![Write::directory(home).mode(mode).owner(owner)];
    let mut todo = vec![(String::new(), 0)];
    let skeleton = defaults.useradd("SKEL").unwrap_or("/etc/skel");
    while let Some((below, depth)) = todo.pop() {
        if depth > MAX_SKELETON_DEPTH {
            return Err(SystemError::malformed(skeleton, "nested too deeply"));
        }
        for name in view.list(&format!("{skeleton}{below}")) {
            let (from, to) = (format!("{skeleton}{below}/{name}"), format!("{home}{below}/{name}"));
            match view.status(&from) {
                Some(Status::Directory) => {
                    writes.push(Write::directory(&to).owner(owner));
                    todo.push((format!("{below}/{name}"), depth + 1));
                }
                Some(Status::Symlink(target)) => {
                    let target = target.strip_prefix(skeleton).map_or(target.clone(), |rest| format!("{home}{rest}"));
                    writes.push(Write::symlink(to, target).owner(owner));
                }
                Some(Status::File) => writes.push(Write::file(to, view.bytes(&from)?).owner(owner)),
                _ => {}
            }
        }
    }
    Ok(writes)
}

fn numbers(database: Option<&Database>) -> BTreeSet<u32> {
    database.map(|d| d.numbers().map(|(_, n)| n).collect()).unwrap_or_default()
}

/// The rule of `find_new_uid`: system numbers go down from below the lowest used, ordinary ones up from above the highest;
/// when that end is reached, the whole range is searched from its start.
fn free_number(command: &'static str, what: &str, used: &BTreeSet<u32>, range: &RangeInclusive<u32>, system: bool) -> Result<u32> {
    let mut inside = used.iter().copied().filter(|n| range.contains(n));
    let (low, high) = (*range.start(), *range.end());
    let mut all = low..=high;
    let found = if system {
        let next = inside.next().map_or(Some(high), |lowest| lowest.checked_sub(1));
        next.filter(|n| range.contains(n)).or_else(|| all.rfind(|n| !used.contains(n)))
    } else {
        let next = inside.next_back().map_or(Some(low), |highest| highest.checked_add(1));
        next.filter(|n| range.contains(n)).or_else(|| all.find(|n| !used.contains(n)))
    };
    found.ok_or_else(|| SystemError::refused(command, format!("can't get unique {what} (no more available {what}s)")))
}

fn range_of(line: &str) -> Option<(u64, u64)> {
    let mut fields = line.split(':').skip(1);
    Some((u64::from(fields.next()?.parse::<u32>().ok()?), u64::from(fields.next()?.parse::<u32>().ok()?)))
}

fn without_owner(text: &[u8], user: &str) -> Vec<u8> {
    let is_theirs = |line: &&[u8]| line.strip_prefix(user.as_bytes()).is_some_and(|rest| rest.first() == Some(&b':'));
    text.split_inclusive(|b| *b == b'\n').filter(|line| !is_theirs(line)).flatten().copied().collect()
}
