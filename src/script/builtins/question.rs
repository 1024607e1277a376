//! Questions that a container at build time answers always alike: who am I, what machine, is there a service manager.

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Input, Value};

pub(super) const BUILTINS: Table = &[("kill", &kill)];
pub(super) const PROGRAMS: Table = &[
    ("env", &env),
    ("ischroot", &ischroot),
    ("nice", &nice),
    ("sleep", &sleep),
    ("sync", &sleep),
    ("tty", &tty),
    ("uname", &uname),
    ("which", &which),
];

/// There is no other process to signal.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a command")]
fn kill(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    call.complain("No such process");
    Ok(ExitStatus::FAILURE)
}

/// In a container's own namespaces it is false.
fn ischroot(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "ft", &[("default-false", 'f'), ("default-true", 't')])?;
    Ok(options.has('t').into())
}

/// Waiting changes nothing.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a command")]
fn sleep(_: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    Ok(ExitStatus::SUCCESS)
}

fn tty(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    if !Options::read(call, "s", &[("silent", 's'), ("quiet", 's')])?.has('s') {
        call.out(b"not a tty\n", false)?;
    }
    Ok(ExitStatus::FAILURE)
}

fn uname(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "smo", &[("machine", 'm'), ("kernel-name", 's'), ("operating-system", 'o')])?;
    let machine = call.answers.machine.clone();
    let mut parts = Vec::new();
    if options.has('s') || !(options.has('m') || options.has('o')) {
        parts.push("Linux");
    }
    if options.has('m') {
        if machine.is_empty() {
            return Err(call.uncovered("the machine is not known"));
        }
        parts.push(&machine);
    }
    if options.has('o') {
        parts.push("GNU/Linux");
    }
    call.out(format!("{}\n", parts.join(" ")).as_bytes(), false)?;
    Ok(ExitStatus::SUCCESS)
}

fn which(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "as", &[])?;
    if options.has('a') {
        return Err(call.uncovered("option -a is not covered"));
    }
    let mut status = ExitStatus::SUCCESS;
    for name in &options.operands {
        match call.find_program(&name.bytes) {
            Some(path) if !options.has('s') => call.out(&[&path[..], b"\n"].concat(), false)?,
            Some(_) => {}
            None => status = ExitStatus::FAILURE,
        }
    }
    Ok(if options.operands.is_empty() { ExitStatus::FAILURE } else { status })
}

fn env(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read_until(call, "", &[], true)?;
    let split = options.operands.iter().position(|word| !word.bytes.contains(&b'='));
    let Some((assignments, words)) = split.map(|at| options.operands.split_at(at)) else {
        return Err(call.uncovered("listing the environment is not covered"));
    };
    let mut variables = call.variables.clone();
    for assignment in assignments {
        if let Some(at) = assignment.bytes.iter().position(|b| *b == b'=') {
            let (name, value) = assignment.bytes.split_at(at);
            variables.insert(name.to_vec(), Value::with(value.get(1..).unwrap_or_default(), assignment.base));
        }
    }
    let stdin = call.stdin.clone();
    let (status, output) = call.invoke_with(&variables, words, stdin)?;
    call.out(&output.bytes, output.base)?;
    Ok(status)
}

fn nice(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read_until(call, "n:", &[("adjustment", 'n')], true)?;
    let stdin: Input = call.stdin.clone();
    let (status, output) = call.invoke(&options.operands, stdin)?;
    call.out(&output.bytes, output.base)?;
    Ok(status)
}
