//! `update-alternatives`.
//!
//! Invariant: groups are a registry of the base; so are the links that follow from them.

use super::bridge::{RootView, finish, told, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::alternatives::{Action, Slave, display, list, query, run};

pub(super) const PROGRAMS: Table = &[("update-alternatives", &update_alternatives)];

fn update_alternatives(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut force, mut rest) = (false, Vec::new());
    for word in words(call) {
        match word.as_str() {
            "--quiet" | "--verbose" | "--skip-auto" => {}
            "--force" => force = true,
            _ => rest.push(word),
        }
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let (name, action) = match &rest[..] {
        ["--install", link, name, path, priority, slaves @ ..] => {
            let priority = priority.parse().map_err(|_| call.uncovered("the priority is no number"))?;
            let slaves = slaves.chunks(4).map(|words| match words {
                ["--slave", link, name, path] => Ok(Slave { link: (*link).into(), name: (*name).into(), path: (*path).into() }),
                _ => Err(call.uncovered("words after --install")),
            });
            let slaves = slaves.collect::<Result<_, _>>()?;
            (*name, Action::Install { link: (*link).into(), path: (*path).into(), priority, slaves })
        }
        ["--remove", name, path] => (*name, Action::Remove { path: (*path).into() }),
        ["--remove-all", name] => (*name, Action::RemoveAll),
        ["--set", name, path] => (*name, Action::Set { path: (*path).into() }),
        ["--auto", name] => (*name, Action::Auto),
        ["--query", name] => {
            let text = query(&RootView(call.root), name);
            return print(call, text);
        }
        ["--display", name] => {
            let text = display(&RootView(call.root), name);
            return print(call, text);
        }
        ["--list", name] => {
            let text = list(&RootView(call.root), name);
            return print(call, text);
        }
        _ => return Err(call.uncovered("this action")),
    };
    let result = run(&RootView(call.root), name, &action, force);
    finish(call, result, true)
}

fn print(call: &mut Call<'_>, text: crate::system::Result<String>) -> Result<ExitStatus, Uncovered> {
    match told(call, text)? {
        Ok(text) => call.out(text.as_bytes(), true).map(|()| ExitStatus::SUCCESS),
        Err(_) => Ok(ExitStatus::TROUBLE),
    }
}
