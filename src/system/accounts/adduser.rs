//! `adduser --system` and `addgroup --system` of Debian's adduser 3.134 and later.
//!
//! Invariant: UID and GID are each the lowest free number, searched apart; an account that is there already as a system
//! account is left as it is.

use std::ops::RangeInclusive;

use super::super::error::{Result, SystemError};
use super::super::view::{View, Write};
use super::{Accounts, Defaults, File, GroupAdd, UserAdd, check_field};
use crate::stream::Owner;

/// How the comment is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gecos {
    /// By `chfn`, as a further run: `TEXT,,,` (adduser before 3.135).
    #[default]
    FullName,
    /// By `usermod -c`, as a further run: plain.
    Plain,
}

/// The primary group of a new system user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// `nogroup`.
    #[default]
    Nogroup,
    /// `--group`: one of its own name.
    Own,
    /// `--ingroup`: an existing one, by name.
    In(String),
    /// `--gid`: an existing one, by number.
    Gid(u32),
}

/// The words of `adduser --system`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddSystemUser {
    /// Name.
    pub name: String,
    /// `--uid`.
    pub uid: Option<u32>,
    /// `--group`, `--ingroup`, `--gid`.
    pub grouping: Grouping,
    /// `--home`; `/nonexistent` without it.
    pub home: Option<String>,
    /// `--no-create-home`.
    pub no_create_home: bool,
    /// `--shell`; `/usr/sbin/nologin` without it.
    pub shell: Option<String>,
    /// `--gecos`, `--comment`.
    pub comment: Option<String>,
}

impl Accounts {
    /// `addgroup --system NAME [--gid N]`: gives the GID.
    pub fn add_system_group(&mut self, name: &str, gid: Option<u32>, defaults: &Defaults) -> Result<u32> {
        let range = group_range(defaults);
        if let Some(there) = self.gid_of(name) {
            if gid.is_some_and(|gid| gid != there) {
                return Err(SystemError::refused("addgroup", format!("The group `{name}' already exists.")));
            }
            if !range.contains(&there) {
                return Err(SystemError::refused(
                    "addgroup",
                    format!("The group `{name}' already exists and is not a system group."),
                ));
            }
            return Ok(there);
        }
        let gid = match gid {
            Some(gid) if !self.gid_free(gid) => {
                return Err(SystemError::refused("addgroup", format!("The GID `{gid}' is already in use.")));
            }
            Some(gid) => gid,
            None => {
                lowest(range, |gid| self.gid_free(gid)).ok_or_else(|| SystemError::refused("addgroup", "No GID is available"))?
            }
        };
        self.group_add(&GroupAdd { name: name.into(), gid: Some(gid), ..GroupAdd::default() }, defaults)
    }
    /// `adduser --system`: gives UID and GID, and the home to make. `view` tells whether the home is there.
    pub fn add_system_user(
        &mut self,
        words: &AddSystemUser,
        how: Gecos,
        defaults: &Defaults,
        view: &dyn View,
    ) -> Result<(Owner, Vec<Write>)> {
        let range = defaults.adduser_range("FIRST_SYSTEM_UID", "LAST_SYSTEM_UID", 100..=999);
        if let Some(there) = self.uid_of(&words.name) {
            return self.existing(words, there, &range).map(|owner| (owner, Vec::new()));
        }
        let before = self.clone();
        let made = self.make_system_user(words, how, defaults, range);
        // adduser takes back what it has done when a later step fails.
        let owner = made.inspect_err(|_| *self = before)?;
        let home = words.home.as_deref().unwrap_or("/nonexistent");
        let nowhere = home == "/nonexistent" || home.starts_with("/nonexistent/");
        if words.no_create_home || nowhere || view.status(home).is_some() {
            return Ok((owner, Vec::new()));
        }
        let mode = defaults.adduser("SYS_DIR_MODE").and_then(|m| u32::from_str_radix(m, 8).ok()).unwrap_or(0o755);
        Ok((owner, vec![Write::directory(home).mode(mode & 0o7777).owner(owner)]))
    }
    fn existing(&self, words: &AddSystemUser, uid: u32, range: &RangeInclusive<u32>) -> Result<Owner> {
        let refused =
            |why: &str| SystemError::refused("adduser", format!("The user `{}' already exists{why}. Exiting.", words.name));
        if words.uid.is_some_and(|wanted| wanted != uid) {
            return Err(refused(" with a different UID"));
        }
        if !range.contains(&uid) {
            return Err(refused(", but is not a system user"));
        }
        let fields = self.database(File::Passwd).and_then(|p| p.find(&words.name));
        let gid = fields.and_then(|f| std::str::from_utf8(f.get(3)?).ok()?.parse().ok());
        Ok(Owner { uid, gid: gid.unwrap_or_default() })
    }
    fn make_system_user(
        &mut self,
        words: &AddSystemUser,
        how: Gecos,
        defaults: &Defaults,
        range: RangeInclusive<u32>,
    ) -> Result<Owner> {
        let unknown = |group: &str| SystemError::refused("adduser", format!("The group `{group}' does not exist."));
        let comment = words.comment.as_deref().unwrap_or_default();
        check_field("adduser", "comment", comment)?;
        let uid = match words.uid {
            Some(uid) => match self.user_with(uid) {
                Some(owner) => return Err(SystemError::UidTaken { uid, owner }),
                None => uid,
            },
            None => {
                lowest(range, |uid| self.uid_free(uid)).ok_or_else(|| SystemError::refused("adduser", "No UID is available"))?
            }
        };
        let gid = match &words.grouping {
            Grouping::Nogroup => self.gid_of("nogroup").ok_or_else(|| unknown("nogroup"))?,
            Grouping::In(group) => self.gid_of(group).ok_or_else(|| unknown(group))?,
            Grouping::Gid(gid) => self.group_with(*gid).map(|_| *gid).ok_or_else(|| unknown(&gid.to_string()))?,
            Grouping::Own => self.own_group(&words.name, words.uid, defaults)?,
        };
        let user = UserAdd {
            name: words.name.clone(),
            uid: Some(uid),
            group: Some(self.group_with(gid).ok_or_else(|| unknown(&gid.to_string()))?),
            home: Some(words.home.clone().unwrap_or_else(|| "/nonexistent".into())),
            shell: Some(words.shell.clone().unwrap_or_else(|| "/usr/sbin/nologin".into())),
            system: true,
            ..UserAdd::default()
        };
        self.user_add(&user, defaults)?;
        if words.comment.is_some() {
            let comment = if how == Gecos::FullName { full_name(comment) } else { comment.to_owned() };
            self.user_modify(&super::UserMod { name: words.name.clone(), comment: Some(comment), ..super::UserMod::default() })?;
        }
        Ok(Owner { uid, gid })
    }
    fn own_group(&mut self, name: &str, uid: Option<u32>, defaults: &Defaults) -> Result<u32> {
        if let Some(gid) = self.gid_of(name) {
            return Ok(gid);
        }
        let gid = match uid {
            Some(uid) => uid,
            None => lowest(group_range(defaults), |gid| self.gid_free(gid))
                .ok_or_else(|| SystemError::refused("adduser", "No GID is available"))?,
        };
        self.group_add(&GroupAdd { name: name.into(), gid: Some(gid), ..GroupAdd::default() }, defaults)
    }
}

fn group_range(defaults: &Defaults) -> RangeInclusive<u32> {
    defaults.adduser_range("FIRST_SYSTEM_GID", "LAST_SYSTEM_GID", 100..=999)
}

fn lowest(mut range: RangeInclusive<u32>, free: impl Fn(u32) -> bool) -> Option<u32> {
    range.find(|n| free(*n))
}

/// What `chfn` makes of a full name: the four parts of the comment, missing ones empty.
fn full_name(comment: &str) -> String {
    let parts: Vec<&str> = comment.splitn(4, ',').collect();
    (0..4).map(|at| parts.get(at).copied().unwrap_or_default()).collect::<Vec<_>>().join(",")
}
