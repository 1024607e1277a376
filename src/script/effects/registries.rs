//! `dpkg-divert`, `dpkg-statoverride`, `dpkg-trigger`, `dpkg-maintscript-helper`.
//!
//! Invariant: dpkg's registries are the base's; a file that moves keeps its own provenance.

use super::bridge::{RootView, apply, finish, told, words};
use crate::layer::root::Last;
use crate::script::call::{Call, Table};
use crate::script::shell::matches;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::stream::Owner;
use crate::system::dpkg::{Diversion, Diversions, Override, Overrides, conffiles};
use crate::system::maintscript_helper::{self as helper, Knowledge, Task};
use crate::system::{View, Write};

pub(super) const PROGRAMS: Table = &[
    ("dpkg-divert", &dpkg_divert),
    ("dpkg-statoverride", &dpkg_statoverride),
    ("dpkg-trigger", &dpkg_trigger),
    ("dpkg-maintscript-helper", &dpkg_maintscript_helper),
];

const DIVERSIONS: &str = "/var/lib/dpkg/diversions";
const OVERRIDES: &str = "/var/lib/dpkg/statoverride";

fn registry<T>(call: &Call<'_>, path: &str, parse: fn(&[u8]) -> crate::system::Result<T>) -> Result<T, Uncovered> {
    let read = RootView(call.root).bytes(path).and_then(|bytes| parse(&bytes));
    read.map_err(|error| call.uncovered(error.to_string()))
}

fn dpkg_divert(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut action, mut package, mut to, mut rename, mut path) = ("--add".to_owned(), None, None, false, None);
    let mut local = false;
    let mut arguments = words(call).into_iter();
    while let Some(word) = arguments.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v.to_owned())));
        match name {
            "--add" | "--remove" | "--truename" | "--listpackage" | "--list" => name.clone_into(&mut action),
            "--package" => package = value.or_else(|| arguments.next()),
            "--divert" => to = value.or_else(|| arguments.next()),
            "--local" => local = true,
            "--rename" => rename = true,
            "--no-rename" | "--quiet" => {}
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            _ => path = Some(word),
        }
    }
    let mut diversions = registry(call, DIVERSIONS, Diversions::parse)?;
    if action == "--list" {
        return list_diversions(call, &diversions, path.as_deref());
    }
    let Some(path) = path else { return Err(call.uncovered("no path")) };
    let known = diversions.of(&path).cloned();
    let (from, to) = match action.as_str() {
        "--truename" => {
            let text = known.map_or(path, |known| known.to) + "\n";
            return call.out(text.as_bytes(), true).map(|()| ExitStatus::SUCCESS);
        }
        "--listpackage" => {
            let text = known.map(|known| known.package.map_or("LOCAL\n".into(), |p| p + "\n")).unwrap_or_default();
            return call.out(text.as_bytes(), true).map(|()| ExitStatus::SUCCESS);
        }
        "--add" => {
            let package = if local { None } else { package.or_else(|| Some(call.package.name.clone())) };
            let to = to.unwrap_or_else(|| format!("{path}.distrib"));
            let added = diversions.add(Diversion { from: path.clone(), to: to.clone(), package });
            match told(call, added)? {
                Ok(true) => (path, to),
                Ok(false) => return Ok(ExitStatus::SUCCESS),
                Err(_) => return Ok(ExitStatus::TROUBLE),
            }
        }
        "--remove" => match diversions.remove(&path) {
            Some(gone) => (gone.to, gone.from),
            None => return Ok(ExitStatus::SUCCESS),
        },
        other => return Err(call.uncovered(format!("action {other}"))),
    };
    let mut writes = vec![Write::file(DIVERSIONS, diversions.bytes())];
    if rename && RootView(call.root).status(&from).is_some() && RootView(call.root).status(&to).is_none() {
        writes.push(Write::moved(from, to));
    }
    apply(call, &writes, true).map(|()| ExitStatus::SUCCESS)
}

/// All of them, or the one of a path; patterns match more than is known here.
fn list_diversions(call: &mut Call<'_>, diversions: &Diversions, path: Option<&str>) -> Result<ExitStatus, Uncovered> {
    if path.is_some_and(|path| path.contains(['?', '[']) || (path.contains('*') && path != "*")) {
        return Err(call.uncovered("this pattern is not covered"));
    }
    for (from, line) in diversions.lines() {
        if path.is_none_or(|path| path == from || path == "*") {
            call.out(line.as_bytes(), true)?;
        }
    }
    Ok(ExitStatus::SUCCESS)
}

fn dpkg_statoverride(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut action, mut force, mut update, mut operands) = (String::new(), false, false, Vec::new());
    for word in words(call) {
        match word.as_str() {
            "--add" | "--remove" | "--list" => action = word,
            "--force" | "--force-all" | "--force-statoverride-add" | "--force-statoverride-remove" => force = true,
            "--update" => update = true,
            "--quiet" => {}
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            _ => operands.push(word),
        }
    }
    let mut overrides = registry(call, OVERRIDES, Overrides::parse)?;
    match (action.as_str(), &operands[..]) {
        ("--list", patterns) => list_overrides(call, &overrides, patterns),
        ("--remove", [path]) => {
            if !overrides.remove(path) && !force {
                call.complain("no override present");
                return Ok(ExitStatus::TROUBLE);
            }
            apply(call, &[Write::file(OVERRIDES, overrides.bytes())], true).map(|()| ExitStatus::SUCCESS)
        }
        ("--add", [user, group, mode, path]) => {
            let mode =
                u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777).ok_or_else(|| call.uncovered("the mode"))?;
            let new = Override { user: user.clone(), group: group.clone(), mode, path: path.clone() };
            let added = overrides.add(new, force);
            if told(call, added)?.is_err() {
                return Ok(ExitStatus(if update { 3 } else { 2 }));
            }
            apply(call, &[Write::file(OVERRIDES, overrides.bytes())], true)?;
            if update && call.root.exists(path.as_bytes()) {
                return own(call, user, group, mode, path);
            }
            Ok(ExitStatus::SUCCESS)
        }
        _ => Err(call.uncovered("this action")),
    }
}

/// Those that one of the patterns matches, in the order of the registry; all without a pattern.
fn list_overrides(call: &mut Call<'_>, overrides: &Overrides, patterns: &[String]) -> Result<ExitStatus, Uncovered> {
    let mut status = ExitStatus::FAILURE;
    for found in &overrides.0 {
        let fits = |pattern: &String| matches(pattern.trim_end_matches('/').as_bytes(), found.path.as_bytes());
        if patterns.is_empty() || patterns.iter().any(fits) {
            let line = format!("{} {} {:o} {}\n", found.user, found.group, found.mode, found.path);
            call.out(line.as_bytes(), true)?;
            status = ExitStatus::SUCCESS;
        }
    }
    Ok(status)
}

/// `--update`: owner and mode are set at once.
fn own(call: &mut Call<'_>, user: &str, group: &str, mode: u32, path: &str) -> Result<ExitStatus, Uncovered> {
    let (accounts, _) = super::accounts::accounts(call)?;
    let number = |name: &str, known: Option<u32>| name.strip_prefix('#').and_then(|n| n.parse().ok()).or(known);
    let ids = number(user, accounts.uid_of(user)).zip(number(group, accounts.gid_of(group)));
    let Some((uid, gid)) = ids else {
        call.complain(format!("user '{user}' or group '{group}' does not exist"));
        return Ok(ExitStatus::TROUBLE);
    };
    let done = call.root.chown(path.as_bytes(), Owner { uid, gid }, uid != 0 || gid != 0, Last::Follow);
    let done = done.and_then(|()| call.root.chmod(path.as_bytes(), mode));
    done.map(|()| ExitStatus::SUCCESS).map_err(|error| call.uncovered(error.to_string()))
}

fn dpkg_trigger(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut names, mut arguments) = (Vec::new(), call.arguments.iter());
    while let Some(word) = arguments.next() {
        match word.text().as_ref() {
            "--check-supported" => return Ok(ExitStatus::SUCCESS),
            "--await" | "--no-await" => {}
            "--by-package" => {
                arguments.next();
            }
            option if option.starts_with("--by-package=") => {}
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            _ => names.push(word.bytes.clone()),
        }
    }
    let [name] = &names[..] else { return Err(call.uncovered("not one trigger")) };
    if !call.answers.triggers.contains(name) {
        call.answers.triggers.push(name.clone());
    }
    Ok(ExitStatus::SUCCESS)
}

fn dpkg_maintscript_helper(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let words = words(call);
    let (request, script) = match words.iter().position(|word| word == "--") {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (&words[..], &words[words.len()..]),
    };
    let word = |at: usize| request.get(at).cloned().unwrap_or_default();
    let known = ["rm_conffile", "mv_conffile", "symlink_to_dir", "dir_to_symlink", "supports"];
    let (task, prior) = match (word(0).as_str(), request.len()) {
        ("supports", 2..) => return Ok(ExitStatus(u8::from(!known.contains(&word(1).as_str())))),
        ("rm_conffile", 2..) => (Task::RemoveConffile { path: word(1) }, word(2)),
        ("mv_conffile", 3..) => (Task::MoveConffile { old: word(1), new: word(2) }, word(3)),
        ("symlink_to_dir", 3..) => (Task::SymlinkToDirectory { path: word(1), target: word(2) }, word(3)),
        ("dir_to_symlink", 3..) => (Task::DirectoryToSymlink { path: word(1), target: word(2) }, word(3)),
        (other, _) => return Err(call.uncovered(format!("action {other}"))),
    };
    let own = |at: usize| script.get(at).cloned().unwrap_or_default();
    let request = helper::Call { script: call.package.script.clone(), action: own(0), old_version: own(1), prior_version: prior };
    let Some(compare) = call.answers.compare_versions.or(request.old_version.is_empty().then_some(never)) else {
        return Err(call.uncovered("no order of versions was given"));
    };
    let stanzas = super::dpkg::stanzas(call, &call.package.name.clone())?;
    let listed: Vec<_> = stanzas.iter().flat_map(conffiles).collect();
    let shipped = |path: &str| listed.iter().find(|c| c.path == path).map(|c| c.hash.clone());
    let writes = helper::run(&RootView(call.root), &task, &request, &Knowledge { compare, shipped: &shipped });
    finish(call, writes, true)
}

/// On a first install no version is compared.
fn never(_: &str, _: &str) -> std::cmp::Ordering {
    std::cmp::Ordering::Equal
}
