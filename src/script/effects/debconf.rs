//! The functions of debconf's confmodule (`db_get`, ...), over the virtual root's database.
//!
//! Invariant: answers count as the base's. A package's templates are loaded when its script sources confmodule; its `config`
//! script is evaluated by the caller before, as debconf's frontend does.

use super::bridge::{RootView, apply, words};
use crate::script::call::{Call, SOURCED, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};
use crate::system::View;
use crate::system::debconf::{Debconf, Session};

pub(super) const FUNCTIONS: Table = &[
    (SOURCED, &start),
    ("db_version", &speak),
    ("db_capb", &speak),
    ("db_set", &speak),
    ("db_reset", &speak),
    ("db_title", &speak),
    ("db_settitle", &speak),
    ("db_input", &speak),
    ("db_text", &speak),
    ("db_beginblock", &speak),
    ("db_endblock", &speak),
    ("db_go", &speak),
    ("db_get", &speak),
    ("db_register", &speak),
    ("db_unregister", &speak),
    ("db_subst", &speak),
    ("db_fset", &speak),
    ("db_fget", &speak),
    ("db_purge", &speak),
    ("db_metaget", &speak),
    ("db_exist", &speak),
    ("db_clear", &speak),
    ("db_info", &speak),
    ("db_progress", &speak),
    ("db_data", &speak),
    ("db_previous_module", &speak),
    ("db_x_loadtemplatefile", &load_file),
    ("db_stop", &stop),
];

/// Sourcing confmodule starts the frontend, which loads the package's templates.
fn start(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    if !matches!(call.package.script.as_str(), "preinst" | "postinst" | "config") {
        return Ok(ExitStatus::SUCCESS);
    }
    let mut database = open(call)?;
    load_own(call, &mut database)?;
    apply(call, &database.writes(), true)?;
    Ok(ExitStatus::SUCCESS)
}

/// One command: `RET` is the text, the status is the code.
fn speak(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let verb = match call.name.strip_prefix("db_").unwrap_or(call.name) {
        "text" => "input",
        verb => verb,
    };
    let arguments = words(call);
    let mut line = vec![verb];
    // The shell joins its words with blanks, and debconf splits the line again.
    line.extend(arguments.iter().flat_map(|word| word.split(' ')));
    let mut database = open(call)?;
    let named = match verb {
        "input" => line.get(2),
        "get" | "set" | "reset" | "fget" | "fset" | "subst" | "metaget" => line.get(1),
        _ => None,
    };
    let first_word = matches!(verb, "version" | "capb") || named.is_some_and(|name| database.question(name).is_none());
    if first_word {
        load_own(call, &mut database)?;
    }
    let busy = std::mem::take(&mut call.answers.pending_questions);
    let mut session = Session::new(&mut database, owner(call)).with_busy(busy);
    let reply = session.command(&line);
    call.answers.pending_questions = session.into_busy();
    let writes = database.writes();
    apply(call, &writes, true)?;
    call.assignments.push((b"RET".to_vec(), Value::with(reply.text, true)));
    Ok(ExitStatus(reply.code))
}

fn stop(_: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    Ok(ExitStatus::SUCCESS)
}

/// `db_x_loadtemplatefile FILE [OWNER]`.
fn load_file(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let arguments = words(call);
    let (path, owner) = match &arguments[..] {
        [path] => (path.clone(), owner(call)),
        [path, owner] => (path.clone(), owner.clone()),
        _ => return Err(call.uncovered("not one file")),
    };
    let mut database = open(call)?;
    load(call, &mut database, &path, &owner)?;
    let writes = database.writes();
    apply(call, &writes, true)?;
    Ok(ExitStatus::SUCCESS)
}

/// The database as it is now.
pub(super) fn open(call: &mut Call<'_>) -> Result<Debconf, Uncovered> {
    let database = Debconf::of(&RootView(call.root));
    database.map_err(|error| call.uncovered(error.to_string()))
}

/// Loads one templates file, if it is there.
pub(super) fn load(call: &mut Call<'_>, database: &mut Debconf, path: &str, owner: &str) -> Result<(), Uncovered> {
    let bytes = RootView(call.root).read(path).map_err(|error| call.uncovered(error.to_string()))?;
    let Some(bytes) = bytes else { return Ok(()) };
    call.spend(bytes.len())?;
    database.load_templates(path, &bytes, owner).map_err(|error| call.uncovered(error.to_string()))
}

fn load_own(call: &mut Call<'_>, database: &mut Debconf) -> Result<(), Uncovered> {
    let (name, architecture) = (call.package.name.clone(), call.package.architecture.clone());
    let owner = owner(call);
    for stem in [format!("{name}:{architecture}"), name] {
        load(call, database, &format!("/var/lib/dpkg/info/{stem}.templates"), &owner)?;
    }
    Ok(())
}

/// The package's name in the database: with its architecture where dpkg's files have it, too.
fn owner(call: &Call<'_>) -> String {
    let package = call.package;
    let full = format!("{}:{}", package.name, package.architecture);
    let listed = |kind: &str| call.root.exists(format!("/var/lib/dpkg/info/{full}.{kind}").as_bytes());
    if listed("list") || listed("templates") { full } else { package.name.clone() }
}
