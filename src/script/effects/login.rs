//! `pam-auth-update`, `add-shell`, `remove-shell`, `update-shells`, `su`.
//!
//! Invariant: both registries are the base's. What `su` would do as another user is uncovered, but for questions of what is theirs.

use super::bridge::{RootView, apply, finish, told, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::debconf::Session;
use crate::system::{pam, shells};

pub(super) const PROGRAMS: Table = &[
    ("pam-auth-update", &pam_auth_update),
    ("add-shell", &change_shells),
    ("remove-shell", &change_shells),
    ("update-shells", &change_shells),
    ("su", &su),
];

fn pam_auth_update(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let mut request = pam::Words::default();
    let mut names: Option<&mut std::collections::BTreeSet<String>> = None;
    for word in words(call) {
        match word.as_str() {
            "--package" => names = None,
            "--force" => {
                request.force = true;
                names = None;
            }
            "--remove" => names = Some(&mut request.remove),
            "--enable" => names = Some(&mut request.enable),
            "--disable" => names = Some(&mut request.disable),
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            _ => {
                let Some(names) = names.as_mut() else { return Err(call.uncovered("a word without option")) };
                names.insert(word);
            }
        }
    }
    let mut database = super::debconf::open(call)?;
    super::debconf::load(call, &mut database, &format!("/var/lib/dpkg/info/{}.templates", pam::owner()), pam::owner())?;
    let result = pam::update(&RootView(call.root), &request, &mut Session::new(&mut database, pam::owner()));
    match told(call, result)? {
        Ok(mut writes) => {
            writes.extend(database.writes());
            apply(call, &writes, true).map(|()| ExitStatus::SUCCESS)
        }
        Err(status) => Ok(status),
    }
}

fn change_shells(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let words = words(call);
    let names: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some(option) = names.iter().find(|name| name.starts_with('-')) {
        return Err(call.uncovered(format!("option {option} is not covered")));
    }
    let view = RootView(call.root);
    let result = match call.name {
        "add-shell" => shells::add(&view, &names),
        "remove-shell" => shells::remove(&view, &names),
        _ => shells::update(&view),
    };
    finish(call, result, true)
}

/// `su [-s SHELL] -c "test -O PATH && test -G PATH" USER`
fn su(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut command, mut user) = (None, None);
    let mut arguments = words(call).into_iter();
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "-c" | "--command" => command = arguments.next(),
            "-s" | "--shell" => drop(arguments.next()),
            "-" | "-l" | "--login" => {}
            other if other.starts_with('-') || user.is_some() => return Err(call.uncovered(format!("{other} is not covered"))),
            _ => user = Some(word),
        }
    }
    let (accounts, _) = super::accounts::accounts(call)?;
    let (Some(command), Some(user)) = (command, user) else { return Err(call.uncovered("no command, or no user")) };
    let Some(uid) = accounts.uid_of(&user) else {
        call.complain(format!("user {user} does not exist or the user entry does not contain all the required fields"));
        return Ok(ExitStatus::FAILURE);
    };
    for part in command.split("&&") {
        let (kind, path) = match part.split_whitespace().collect::<Vec<_>>()[..] {
            ["test", kind @ ("-O" | "-G"), path] if path.starts_with('/') => (kind, path),
            _ => return Err(call.uncovered("commands of another user are not evaluated")),
        };
        let owner = call.root.stat(path.as_bytes()).ok().map(|inode| inode.owner);
        let is_theirs = owner.is_some_and(|owner| match kind {
            "-O" => owner.uid == uid,
            _ => accounts.group_of_user(&user) == Some(owner.gid),
        });
        if !is_theirs {
            return Ok(ExitStatus::FAILURE);
        }
    }
    Ok(ExitStatus::SUCCESS)
}
