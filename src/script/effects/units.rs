//! Units and init scripts: `deb-systemd-helper`, `systemctl`, `update-rc.d`.
//!
//! Invariant: links and state follow from the package's unit files alone; no unit is started.

use super::bridge::{RootView, finish, told, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::rc;
use crate::system::units::{Helper, Instance, Question, Search, disable, enable, preset};
use crate::system::{SystemError, View, Write};

pub(super) const PROGRAMS: Table =
    &[("deb-systemd-helper", &deb_systemd_helper), ("systemctl", &systemctl), ("update-rc.d", &update_rc_d)];

/// Debian 13's tools look in `/usr/lib` first; its base has no `/lib` of its own any more, and its helper says so.
/// An action of systemctl on one unit.
type Make = fn(&dyn View, Search, &str) -> Result<Vec<Write>, SystemError>;

fn search(call: &Call<'_>, instance: Instance) -> Search {
    let view = RootView(call.root);
    let release = view.text("/etc/debian_version").ok().flatten().unwrap_or_default();
    let major: u32 = release.split('.').next().and_then(|major| major.trim().parse().ok()).unwrap_or(u32::MAX);
    Search { instance, usr_first: major > 12 }
}

fn deb_systemd_helper(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut instance, mut rest) = (Instance::System, Vec::new());
    for word in words(call) {
        match word.as_str() {
            "--quiet" | "--system" => {}
            "--user" => instance = Instance::User,
            _ => rest.push(word),
        }
    }
    let Some((action, units)) = rest.split_first() else { return Ok(ExitStatus::SUCCESS) };
    let question = match action.as_str() {
        "is-enabled" => Some(Question::IsEnabled),
        "was-enabled" => Some(Question::WasEnabled),
        "debian-installed" => Some(Question::DebianInstalled),
        _ => None,
    };
    let mut answer = ExitStatus(u8::from(question.is_some()));
    let search = search(call, instance);
    for unit in units {
        let view = RootView(call.root);
        let helper = Helper::new(&view, search);
        let writes = match (question, action.as_str()) {
            (Some(question), _) => match helper.ask(question, unit) {
                Ok(true) => {
                    answer = ExitStatus::SUCCESS;
                    Ok(Vec::new())
                }
                other => other.map(|_| Vec::new()),
            },
            (None, "enable") => helper.enable(unit),
            (None, "update-state") => helper.update_state(unit),
            (None, "disable") => helper.disable(unit, false),
            (None, "purge") => helper.disable(unit, true),
            (None, "mask") => Ok(helper.mask(unit)),
            (None, "unmask") => Ok(helper.unmask(unit)),
            (None, "reenable") => helper.reenable(unit),
            (None, other) => return Err(call.uncovered(format!("action {other}"))),
        };
        let status = finish(call, writes, false)?;
        if !status.success() {
            return Ok(status);
        }
    }
    Ok(answer)
}

fn systemctl(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut instance, mut rest) = (Instance::System, Vec::new());
    for word in words(call) {
        match word.as_str() {
            "--system" | "--quiet" | "-q" | "--no-reload" | "--preset-mode=enable-only" | "--no-block" => {}
            "--global" | "--user" => instance = Instance::User,
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            _ => rest.push(word),
        }
    }
    // Questions to a manager, of which a list of all units is one.
    let (action, units) = rest.split_first().map_or(("list-units", &[][..]), |(action, units)| (action.as_str(), units));
    let search = search(call, instance);
    let make: Make = match action {
        "enable" => enable,
        "disable" => disable,
        "preset" => preset,
        // There is no manager that could be told.
        "daemon-reload" | "daemon-reexec" | "start" | "stop" | "restart" | "reload" | "try-restart" | "reset-failed" => {
            return Ok(ExitStatus::SUCCESS);
        }
        "is-active" => return Ok(ExitStatus(3)),
        "list-units" | "status" | "show" | "is-system-running" => {
            call.complain("System has not been booted with systemd as init system (PID 1). Can't operate.");
            return Ok(ExitStatus::FAILURE);
        }
        other => return Err(call.uncovered(format!("action {other}"))),
    };
    for unit in units {
        let writes = make(&RootView(call.root), search, unit);
        let status = finish(call, writes, false)?;
        if !status.success() {
            return Ok(status);
        }
    }
    Ok(ExitStatus::SUCCESS)
}

fn update_rc_d(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let words: Vec<String> = words(call).into_iter().filter(|word| word != "-f").collect();
    let [name, action, ..] = &words[..] else { return Err(call.uncovered("not a name and an action")) };
    let action = match action.as_str() {
        "defaults" | "start" | "stop" => rc::Action::Defaults,
        "defaults-disabled" => rc::Action::DefaultsDisabled,
        "disable" => rc::Action::Toggle { on: false },
        "enable" => rc::Action::Toggle { on: true },
        "remove" => rc::Action::Remove,
        other => return Err(call.uncovered(format!("action {other}"))),
    };
    let writes = rc::update(&RootView(call.root), name, action);
    let status = finish(call, writes, false)?;
    let unit = format!("{name}.service");
    let search = search(call, Instance::System);
    let view = RootView(call.root);
    if !status.success()
        || action != rc::Action::Defaults
        || search.find(&view, &unit).is_none()
        || !view.exists("/usr/bin/systemctl")
    {
        return Ok(status);
    }
    // With systemctl there, a native unit of the same name is enabled, too, its failure unnoticed.
    let writes = enable(&view, search, &unit);
    if let Ok(writes) = told(call, writes)? {
        super::bridge::apply(call, &writes, false)?;
    }
    Ok(status)
}
