//! `[[user]]`: accounts as `useradd -rm` makes them with the base's own defaults, and what happens to a taken UID.

use std::sync::Arc;

use crate::error::Result;
use crate::layer::root::{Last, NoBodies, VirtualRoot};
use crate::recipe::{Resolved, User};
use crate::rootfs::RootFs;
use crate::stream::{EntryPath, Owner};
use crate::system::Write;
use crate::system::accounts::{Accounts, Defaults, File, UserAdd, UserMod, home_from_skeleton};

use super::PlanError;
use super::view::{RootView, apply};

/// What happens to an account that has the wanted UID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UidTaken {
    /// The build stops and names the owner.
    #[default]
    Fail,
    /// The account that is there is used.
    Reuse,
    /// The account that is there gets the new name and home.
    Rename,
    /// The account that is there is removed, with its home if that is its own (`userdel -r`).
    Replace,
}

/// Fails where a fixed UID of the recipes belongs to somebody else in the base's accounts.
pub fn check_uids(accounts: RootFs, resolved: &Resolved) -> Result<()> {
    let root = VirtualRoot::new(Arc::new(accounts), Arc::new(NoBodies));
    let accounts = Accounts::of(&RootView(&root), None)?;
    for user in resolved.units.iter().flat_map(|u| &u.users) {
        if let Some(uid) = user.uid.filter(|_| accounts.uid_of(&user.name).is_none())
            && let Some(owner) = accounts.user_with(uid)
        {
            return Err(taken_uid(&accounts, user, uid, &owner).into());
        }
    }
    Ok(())
}

fn taken_uid(accounts: &Accounts, user: &User, uid: u32, owner: &str) -> PlanError {
    let free = (uid..uid.saturating_add(10_000)).find(|n| accounts.uid_free(*n)).unwrap_or(uid);
    PlanError::UidTaken { uid, owner: owner.into(), user: user.name.clone(), free: user.uid_is_parameter.then_some(free) }
}

/// An account that is there now.
pub(super) struct Made {
    /// The name that owners of the recipe mean: another one under `reuse`.
    pub(super) name: String,
    /// What the user should know.
    pub(super) note: Option<String>,
}

/// Makes the account.
pub(super) fn make(root: &mut VirtualRoot, user: &User, taken: UidTaken, day: Option<u32>) -> Result<Made> {
    let defaults = Defaults::of(&RootView(root))?;
    let mut accounts = Accounts::of(&RootView(root), day)?;
    let mut made = Made { name: user.name.clone(), note: None };
    if let Some(uid) = accounts.uid_of(&user.name) {
        if user.uid.is_some_and(|wanted| wanted != uid) {
            let (name, wanted, is_parameter) = (user.name.clone(), user.uid.unwrap_or(uid), user.uid_is_parameter);
            return Err(PlanError::OtherUid { name, has: uid, wanted, is_parameter }.into());
        }
    } else if let Some((uid, owner)) = user.uid.and_then(|uid| Some((uid, accounts.user_with(uid)?))) {
        made = take_over(root, &mut accounts, user, uid, &owner, taken, &defaults)?;
    } else {
        add(root, &mut accounts, user, &defaults)?;
    }
    for group in &user.groups {
        if accounts.gid_of(group).is_none() {
            return Err(PlanError::NoGroup { user: user.name.clone(), group: group.clone() }.into());
        }
        accounts.add_member(&made.name, group)?;
    }
    apply(root, &accounts.writes(), true)?;
    if user.sudo {
        sudo(root, &made.name)?;
    }
    Ok(made)
}

fn add(root: &mut VirtualRoot, accounts: &mut Accounts, user: &User, defaults: &Defaults) -> Result<()> {
    if let Some(group) = user.group.as_ref().filter(|g| accounts.gid_of(g).is_none()) {
        return Err(PlanError::NoGroup { user: user.name.clone(), group: group.clone() }.into());
    }
    let home = text(&user.home.absolute());
    let words = UserAdd {
        name: user.name.clone(),
        uid: user.uid,
        group: user.group.clone(),
        home: Some(home.clone()),
        shell: user.shell.clone(),
        system: true,
        create_home: true,
        ..UserAdd::default()
    };
    let owner = accounts.user_add(&words, defaults)?;
    make_home(root, &home, owner, defaults)
}

fn make_home(root: &mut VirtualRoot, home: &str, owner: Owner, defaults: &Defaults) -> Result<()> {
    let writes = home_from_skeleton(&RootView(root), home, owner, defaults)?;
    apply(root, &writes, true)
}

fn take_over(
    root: &mut VirtualRoot,
    accounts: &mut Accounts,
    user: &User,
    uid: u32,
    owner: &str,
    taken: UidTaken,
    defaults: &Defaults,
) -> Result<Made> {
    let named = |name: &str| Made { name: name.to_owned(), note: None };
    match taken {
        UidTaken::Fail => Err(taken_uid(accounts, user, uid, owner).into()),
        UidTaken::Reuse => Ok(named(owner)),
        UidTaken::Rename => {
            let home = text(&user.home.absolute());
            let words = UserMod { name: owner.into(), rename: Some(user.name.clone()), home: Some(home), ..UserMod::default() };
            accounts.user_modify(&words)?;
            Ok(named(&user.name))
        }
        UidTaken::Replace => {
            let home = accounts.user_delete(owner, defaults)?;
            let own = own_home(root, accounts, uid, &home);
            if own {
                apply(root, &[Write::remove(home.clone())], true)?;
            }
            let left = !own && root.lstat(home.as_bytes()).is_ok();
            let note = left.then(|| format!("the account {owner} is replaced, {home} stays: it is not that account's alone"));
            add(root, accounts, user, defaults)?;
            Ok(Made { note, ..named(&user.name) })
        }
    }
}

/// Directories of the root that are the system's, whoever owns them (hier(7)).
const SYSTEM: [&[u8]; 22] = [
    b"bin",
    b"boot",
    b"dev",
    b"etc",
    b"home",
    b"lib",
    b"lib32",
    b"lib64",
    b"libx32",
    b"lost+found",
    b"media",
    b"mnt",
    b"opt",
    b"proc",
    b"root",
    b"run",
    b"sbin",
    b"srv",
    b"sys",
    b"tmp",
    b"usr",
    b"var",
];

/// Whether `home` is a directory that goes with the account of `uid`, as `userdel -r` decides: it belongs to that UID, and no
/// account that stays lives in it. `accounts` are those that stay.
fn own_home(root: &VirtualRoot, accounts: &Accounts, uid: u32, home: &str) -> bool {
    let place = |path: &[u8], last| root.resolve(path, last).ok().or_else(|| EntryPath::new(path).ok());
    let Some(home) = place(home.as_bytes(), Last::Keep).filter(|_| home.starts_with('/')) else { return false };
    let owned = root.at(&home).is_some_and(|inode| inode.is_directory() && inode.owner.uid == uid);
    if !owned || home.is_root() || SYSTEM.contains(&home.as_bytes()) {
        return false;
    }
    let entries = accounts.database(File::Passwd).into_iter().flat_map(crate::system::accounts::Database::entries);
    let mut homes = entries.filter_map(|fields| place(fields.get(5)?, Last::Follow));
    !homes.any(|other| other == home || other.is_below(&home))
}

/// A drop-in of `/etc/sudoers.d`: sudo ignores names with `.` or a trailing `~` (sudoers(5), "Including other files").
fn sudo(root: &mut VirtualRoot, name: &str) -> Result<()> {
    let file = name.replace(['.', '~'], "_");
    let path = format!("/etc/sudoers.d/{file}");
    let line = format!("{name} ALL=(ALL:ALL) NOPASSWD:ALL\n");
    let same = root.read(path.as_bytes()).is_ok_and(|(bytes, _)| *bytes == *line.as_bytes());
    if same {
        return Ok(());
    }
    let directory = if root.exists(b"/etc/sudoers.d") { None } else { Some(Write::directory("/etc/sudoers.d").mode(0o750)) };
    apply(root, directory.as_slice(), false)?;
    apply(root, &[Write::file(path, line).mode(0o440)], false)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
