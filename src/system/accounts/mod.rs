//! Users and groups: passwd, group, shadow, gshadow, subuid and subgid, and the commands that change them.
//!
//! Invariant: only the lines that a command names change. Each command is one run: a file that it changes leaves its bytes
//! from before the run in `passwd-`, `group-`, `shadow-`, `gshadow-`, as the tools do; what a base lacks is not made.

mod adduser;
mod database;
mod defaults;
mod shadow_utils;
mod sysusers;
mod sysusers_lines;

pub use adduser::{AddSystemUser, Gecos, Grouping};
pub use database::{Database, File};
pub use defaults::Defaults;
pub use shadow_utils::{GroupAdd, UserAdd, UserMod, home_from_skeleton};
pub use sysusers::apply as apply_sysusers;
pub use sysusers_lines::{Declaration, Number, parse as parse_sysusers};

use super::error::{Result, SystemError};
use super::view::{View, Write};

/// The account files of one tree and what was done to them.
#[derive(Clone, Debug)]
pub struct Accounts {
    slots: [Slot; 4],
    subordinate: [Subordinate; 2],
    day: Option<u32>,
}

/// One account file; `None` where the tree has none.
#[derive(Clone, Debug)]
struct Slot {
    file: File,
    now: Option<Database>,
    read: Vec<u8>,
    backup: Option<Vec<u8>>,
}

/// `/etc/subuid` or `/etc/subgid`; `None` where the tree has none.
#[derive(Clone, Debug)]
struct Subordinate {
    path: &'static str,
    kind: &'static str,
    read: Option<Vec<u8>>,
    now: Option<Vec<u8>>,
    backup: Option<Vec<u8>>,
}

impl Accounts {
    /// Reads the files of a tree. `day`: days since 1970 for the third field of shadow; `None` leaves it empty.
    pub fn of(view: &dyn View, day: Option<u32>) -> Result<Self> {
        let slot = |file: File| -> Result<Slot> {
            let read = view.read(file.path())?;
            let now = read.as_ref().map(|bytes| Database::parse(file, bytes)).transpose()?;
            Ok(Slot { file, now, read: read.map(|b| b.to_vec()).unwrap_or_default(), backup: None })
        };
        let subordinate = |path, kind| -> Result<Subordinate> {
            let read = view.read(path)?.map(|b| b.to_vec());
            Ok(Subordinate { path, kind, now: read.clone(), read, backup: None })
        };
        let [passwd, shadow, group, gshadow] = File::ALL;
        Ok(Self {
            slots: [slot(passwd)?, slot(shadow)?, slot(group)?, slot(gshadow)?],
            subordinate: [subordinate("/etc/subuid", "UID")?, subordinate("/etc/subgid", "GID")?],
            day,
        })
    }
    /// The file as it is now, if the tree has it.
    pub fn database(&self, file: File) -> Option<&Database> {
        self.slots.iter().find(|s| s.file == file).and_then(|s| s.now.as_ref())
    }
    fn database_mut(&mut self, file: File) -> Option<&mut Database> {
        self.slots.iter_mut().find(|s| s.file == file).and_then(|s| s.now.as_mut())
    }
    /// The UID of a user.
    pub fn uid_of(&self, user: &str) -> Option<u32> {
        self.database(File::Passwd)?.number_of(user)
    }
    /// The GID of an account's line.
    pub fn group_of_user(&self, user: &str) -> Option<u32> {
        let fields = self.database(File::Passwd)?.find(user)?;
        std::str::from_utf8(fields.get(3)?).ok()?.parse().ok()
    }
    /// The GID of a group.
    pub fn gid_of(&self, group: &str) -> Option<u32> {
        self.database(File::Group)?.number_of(group)
    }
    /// The user that has this UID.
    pub fn user_with(&self, uid: u32) -> Option<String> {
        self.database(File::Passwd)?.name_of(uid)
    }
    /// The group that has this GID.
    pub fn group_with(&self, gid: u32) -> Option<String> {
        self.database(File::Group)?.name_of(gid)
    }
    /// Whether no user has this UID.
    pub fn uid_free(&self, uid: u32) -> bool {
        self.user_with(uid).is_none()
    }
    /// Whether no group has this GID.
    pub fn gid_free(&self, gid: u32) -> bool {
        self.group_with(gid).is_none()
    }
    /// The third field of a new line in shadow.
    fn day_field(&self) -> String {
        self.day.map(|day| day.to_string()).unwrap_or_default()
    }
    /// What is to be written: each changed file, then its backup.
    pub fn writes(&self) -> Vec<Write> {
        let mut writes = Vec::new();
        for slot in &self.slots {
            let Some(now) = &slot.now else { continue };
            push_changed(&mut writes, slot.file.path(), &slot.read, now.bytes(), slot.backup.as_deref());
        }
        for file in &self.subordinate {
            if let (Some(read), Some(now)) = (&file.read, &file.now) {
                push_changed(&mut writes, file.path, read, now.clone(), file.backup.as_deref());
            }
        }
        writes
    }
    /// Runs one command: on failure nothing is changed, on success each changed file has its backup.
    fn run<T>(&mut self, command: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let mut next = self.clone();
        let result = command(&mut next)?;
        for (slot, old) in next.slots.iter_mut().zip(&self.slots) {
            if slot.now != old.now {
                slot.backup = old.now.as_ref().map(Database::bytes);
            }
        }
        for (file, old) in next.subordinate.iter_mut().zip(&self.subordinate) {
            if file.now != old.now {
                file.backup.clone_from(&old.now);
            }
        }
        *self = next;
        Ok(result)
    }
}

fn push_changed(writes: &mut Vec<Write>, path: &str, read: &[u8], now: Vec<u8>, backup: Option<&[u8]>) {
    let Some(backup) = backup else { return };
    if now != read {
        writes.push(Write::file(path, now));
    }
    writes.push(Write::file(format!("{path}-"), backup).like(path));
}

/// Refuses a field that would break its line, or let a package write a second one.
fn check_field(command: &'static str, what: &str, text: &str) -> Result<()> {
    if text.contains(|c: char| c == ':' || c.is_control()) {
        return Err(SystemError::refused(command, format!("invalid {what} '{}'", text.escape_debug())));
    }
    Ok(())
}

/// The names that Debian's shadow-utils take: no `-`, `+`, `~` in front; no `:`, `,`, `/`, white space or control.
fn check_name(command: &'static str, name: &str) -> Result<()> {
    let bad = |c: char| matches!(c, ':' | ',' | '/') || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > 32 || name.starts_with(['-', '+', '~']) || name.contains(bad) {
        return Err(SystemError::refused(command, format!("invalid name '{}'", name.escape_debug())));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
