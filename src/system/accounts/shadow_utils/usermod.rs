//! `usermod` of shadow-utils.
//!
//! Invariant: a change is whole or not at all; what the command refuses is refused.

use super::super::{Accounts, File, check_field, check_name};
use crate::system::{Result, SystemError};

/// The words of `usermod` that scripts and recipes use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserMod {
    /// The account.
    pub name: String,
    /// `-a -G`: groups to join.
    pub join: Vec<String>,
    /// `-l`.
    pub rename: Option<String>,
    /// `-d` (without `-m`: nothing is moved).
    pub home: Option<String>,
    /// `-s`.
    pub shell: Option<String>,
    /// `-c`.
    pub comment: Option<String>,
    /// `-g`: the primary group, by name or number.
    pub group: Option<String>,
    /// `-L` and `-U`: whether the password is locked.
    pub lock: Option<bool>,
}

impl Accounts {
    /// `usermod`.
    pub fn user_modify(&mut self, words: &UserMod) -> Result<()> {
        self.run(|now| now.modify(words))
    }
    fn modify(&mut self, words: &UserMod) -> Result<()> {
        const COMMAND: &str = "usermod";
        if self.uid_of(&words.name).is_none() {
            return Err(SystemError::refused(COMMAND, format!("user '{}' does not exist", words.name)));
        }
        let edits = [(4, &words.comment, "comment"), (5, &words.home, "home directory"), (6, &words.shell, "shell")];
        for (_, text, what) in edits {
            check_field(COMMAND, what, text.as_deref().unwrap_or_default())?;
        }
        for group in &words.join {
            let group = self.named_group(COMMAND, group)?;
            self.join(COMMAND, &words.name, &group)?;
        }
        let gid = words.group.as_ref().map(|group| self.number_of_group(COMMAND, group)).transpose()?;
        if let (Some(lock), Some(shadow)) = (words.lock, self.database_mut(File::Shadow)) {
            shadow.change(&words.name, |fields| {
                if let Some(password) = fields.get_mut(1) {
                    lock_password(password, lock);
                }
            });
        }
        if let Some(passwd) = self.database_mut(File::Passwd) {
            passwd.change(&words.name, |fields| {
                if let (Some(field), Some(gid)) = (fields.get_mut(3), gid) {
                    *field = gid.to_string().into_bytes();
                }
                for (at, text, _) in edits {
                    if let (Some(field), Some(text)) = (fields.get_mut(at), text) {
                        *field = text.clone().into_bytes();
                    }
                }
            });
        }
        words.rename.as_ref().map_or(Ok(()), |new| self.rename(&words.name, new))
    }
    fn number_of_group(&self, command: &'static str, group: &str) -> Result<u32> {
        let known = |gid: &u32| self.group_with(*gid).is_some();
        let number = self.gid_of(group).or_else(|| group.parse().ok().filter(known));
        number.ok_or_else(|| SystemError::refused(command, format!("group '{group}' does not exist")))
    }
    fn rename(&mut self, old: &str, new: &str) -> Result<()> {
        check_name("usermod", new)?;
        if self.uid_of(new).is_some() {
            return Err(SystemError::refused("usermod", format!("user '{new}' already exists")));
        }
        for file in [File::Passwd, File::Shadow] {
            if let Some(database) = self.database_mut(file) {
                database.rename(old, new);
            }
        }
        for file in [File::Group, File::Gshadow] {
            if let Some(database) = self.database_mut(file) {
                database.replace_member(old, Some(new));
            }
        }
        Ok(())
    }
}

/// A locked password has an exclamation mark in front; one that is nothing else is never unlocked, for it would be empty.
fn lock_password(password: &mut Vec<u8>, lock: bool) {
    match (lock, password.strip_prefix(b"!")) {
        (true, None) => password.insert(0, b'!'),
        (false, Some(rest)) if !rest.is_empty() => *password = rest.to_vec(),
        _ => {}
    }
}
