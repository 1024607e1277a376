//! `systemd-sysusers`: users and groups declared by packages.
//!
//! Invariant: groups first, then users, in the order of their lines; free numbers are searched downwards, one counter for
//! both, and must be free as UID and as GID. What exists stays.

use std::collections::BTreeSet;

use super::super::error::Result;
use super::sysusers_lines::{Declaration, Number};
use super::{Accounts, Defaults, File, check_field, check_name};

const COMMAND: &str = "systemd-sysusers";

/// What is made in this run.
struct Run<'a> {
    accounts: &'a mut Accounts,
    /// Numbers that may be given away, highest first.
    ranges: Vec<(u32, u32)>,
    /// The last number given; the next search starts below.
    last: Option<u32>,
    nologin: &'a str,
}

/// Applies declarations, all files of one call together. `nologin`: the base's nologin, as systemd was built to name it.
pub fn apply(accounts: &mut Accounts, declarations: &[Declaration], defaults: &Defaults, nologin: &str) -> Result<()> {
    accounts.run(|accounts| {
        let highest = *defaults.system("UID").end().max(defaults.system("GID").end());
        let mut ranges: Vec<(u32, u32)> =
            declarations.iter().filter_map(|d| if let Declaration::Range { range } = d { Some(*range) } else { None }).collect();
        if ranges.is_empty() {
            ranges.push((1, highest));
        }
        ranges.sort_unstable_by_key(|range| std::cmp::Reverse(range.1));
        let mut run = Run { accounts, ranges, last: None, nologin };
        run.groups(declarations)?;
        run.users(declarations)?;
        run.members(declarations)
    })
}

impl Run<'_> {
    fn groups(&mut self, declarations: &[Declaration]) -> Result<()> {
        for declaration in declarations {
            match declaration {
                Declaration::Group { name, gid } => {
                    self.group(name, gid, None)?;
                }
                // A member line makes its group, too.
                Declaration::Member { group, .. } if !declares_group(declarations, group) => {
                    self.group(group, &Number::Free, None)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
    fn users(&mut self, declarations: &[Declaration]) -> Result<()> {
        for declaration in declarations {
            if let Declaration::User { .. } = declaration {
                self.user(declaration)?;
            }
        }
        for declaration in declarations {
            let Declaration::Member { user, .. } = declaration else { continue };
            if self.accounts.uid_of(user).is_none() {
                let (home, shell) = (String::from("/"), String::new());
                let name = user.clone();
                let comment = String::new();
                self.user(&Declaration::User { name, uid: Number::Free, group: None, comment, home, shell, locked: false })?;
            }
        }
        Ok(())
    }
    fn members(&mut self, declarations: &[Declaration]) -> Result<()> {
        for declaration in declarations {
            if let Declaration::Member { user, group } = declaration {
                self.accounts.join(COMMAND, user, group)?;
                for file in [File::Group, File::Gshadow] {
                    if let Some(database) = self.accounts.database_mut(file) {
                        database.sort_members(group);
                    }
                }
            }
        }
        Ok(())
    }
    fn group(&mut self, name: &str, gid: &Number, wish: Option<u32>) -> Result<u32> {
        if let Some(gid) = self.accounts.gid_of(name) {
            return Ok(gid);
        }
        check_name(COMMAND, name)?;
        let wanted = if let Number::Fixed(gid) = gid { Some(*gid) } else { wish };
        let gid = match wanted.filter(|gid| self.free(*gid, name)) {
            Some(gid) => gid,
            None => self.allocate(name)?,
        };
        let number = gid.to_string();
        if let Some(group) = self.accounts.database_mut(File::Group) {
            group.append(&[name.as_bytes(), b"x", number.as_bytes(), b""]);
        }
        if let Some(gshadow) = self.accounts.database_mut(File::Gshadow) {
            gshadow.append(&[name.as_bytes(), b"!*", b"", b""]);
        }
        Ok(gid)
    }
    fn user(&mut self, declaration: &Declaration) -> Result<()> {
        let Declaration::User { name, uid, group, comment, home, shell, locked } = declaration else { return Ok(()) };
        if self.accounts.uid_of(name).is_some() {
            if group.is_none() {
                self.group(name, &Number::Free, None)?;
            }
            return Ok(());
        }
        check_name(COMMAND, name)?;
        for (what, text) in [("comment", comment), ("home directory", home), ("shell", shell)] {
            check_field(COMMAND, what, text)?;
        }
        let fixed = if let Number::Fixed(uid) = uid { Some(*uid) } else { None };
        let gid = match group {
            None => self.group(name, &Number::Free, fixed)?,
            Some(group) => match group.parse() {
                Ok(gid) => gid,
                Err(_) => self.group(group, &Number::Free, None)?,
            },
        };
        let own = group.is_none().then_some(gid);
        let uid = match [fixed, own].into_iter().flatten().find(|uid| self.free(*uid, name)) {
            Some(uid) => uid,
            None => self.allocate(name)?,
        };
        let shell = match shell.as_str() {
            "" if uid == 0 => "/bin/sh",
            "" => self.nologin,
            shell => shell,
        };
        let (uid, gid, day) = (uid.to_string(), gid.to_string(), self.accounts.day_field());
        if let Some(passwd) = self.accounts.database_mut(File::Passwd) {
            let [name, comment, home] = [name, comment, home].map(std::string::String::as_bytes);
            passwd.append(&[name, b"x", uid.as_bytes(), gid.as_bytes(), comment, home, shell.as_bytes()]);
        }
        if let Some(shadow) = self.accounts.database_mut(File::Shadow) {
            let expired: &[u8] = if *locked { b"1" } else { b"" };
            shadow.append(&[name.as_bytes(), b"!*", day.as_bytes(), b"", b"", b"", b"", expired, b""]);
        }
        Ok(())
    }
    /// Whether nobody else has the number, as UID or as GID; a group or user of the same name may.
    fn free(&self, number: u32, name: &str) -> bool {
        let other = |owner: Option<String>| owner.is_some_and(|owner| owner != name);
        self.accounts.uid_free(number) && !other(self.accounts.group_with(number)) && self.own_or_free(number, name)
    }
    fn own_or_free(&self, number: u32, name: &str) -> bool {
        self.accounts.gid_free(number) || self.accounts.gid_of(name) == Some(number)
    }
    fn allocate(&mut self, name: &str) -> Result<u32> {
        let used: BTreeSet<u32> = [File::Passwd, File::Group]
            .into_iter()
            .filter_map(|file| self.accounts.database(file))
            .flat_map(|database| database.numbers().map(|(_, number)| number))
            .collect();
        let below = self.last.unwrap_or(u32::MAX);
        // Twice the used numbers at most are looked at, however wide the ranges are.
        let found = self
            .ranges
            .iter()
            .filter(|(low, _)| *low < below)
            .find_map(|(low, high)| (*low..=(*high).min(below.saturating_sub(1))).rev().find(|n| !used.contains(n)));
        let number = found.ok_or_else(|| super::SystemError::refused(COMMAND, format!("No free ID for {name}")))?;
        self.last = Some(number);
        Ok(number)
    }
}

fn declares_group(declarations: &[Declaration], wanted: &str) -> bool {
    declarations.iter().any(|d| match d {
        Declaration::Group { name, .. } | Declaration::User { name, group: None, .. } => name == wanted,
        _ => false,
    })
}
