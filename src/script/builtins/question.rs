//! Questions that a container at build time answers always alike: who am I, what machine, is there a service manager.

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Input, Value};

pub(super) const BUILTINS: Table = &[("kill", &kill)];
pub(super) const PROGRAMS: Table = &[
    ("aa-enabled", &aa_enabled),
    ("aa-status", &aa_status),
    ("env", &env),
    ("fuser", &no_process),
    ("hostname", &hostname),
    ("ischroot", &ischroot),
    ("killall", &no_process),
    ("locale", &locale),
    ("mountpoint", &mountpoint),
    ("nice", &nice),
    ("pgrep", &no_process),
    ("pidof", &no_process),
    ("pkill", &no_process),
    ("sleep", &sleep),
    ("start-stop-daemon", &start_stop_daemon),
    ("stty", &stty),
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

/// No other process runs, so none is found.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a command")]
fn no_process(_: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    Ok(ExitStatus::FAILURE)
}

/// An image has no machine's name yet, and no address.
fn hostname(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [
        ("ip-address", 'i'),
        ("all-ip-addresses", 'i'),
        ("fqdn", 'f'),
        ("long", 'f'),
        ("domain", 'f'),
        ("short", 's'),
        ("all-fqdns", 'i'),
    ];
    let options = Options::read(call, "iIAfds", &long)?;
    if !options.operands.is_empty() {
        return Err(call.uncovered("setting a name is not covered"));
    }
    if ['i', 'I', 'A', 'f', 'd'].into_iter().any(|letter| options.has(letter)) {
        call.complain("Name or service not known");
        return Ok(ExitStatus::FAILURE);
    }
    call.out(b"localhost\n", false).map(|()| ExitStatus::SUCCESS)
}

/// Profiles are the host's; a container that is being built has none.
fn aa_enabled(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    if !Options::read(call, "qx", &[("quiet", 'q'), ("exclusive", 'x')])?.has('q') {
        call.out(b"No - not available on this system.\n", false)?;
    }
    Ok(ExitStatus::FAILURE)
}

fn aa_status(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let asks = matches!(call.arguments, [word] if word.bytes == b"--enabled");
    if asks { Ok(ExitStatus::FAILURE) } else { Err(call.uncovered("only --enabled is covered")) }
}

/// Nothing is started, and nothing runs that could be stopped.
fn start_stop_daemon(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let has = |long: &[u8], short: &[u8]| call.arguments.iter().any(|word| word.bytes == long || word.bytes == short);
    match (has(b"--start", b"-S"), has(b"--stop", b"-K"), has(b"--status", b"-T")) {
        (true, ..) => Ok(ExitStatus::SUCCESS),
        (_, true, _) => Ok(has(b"--oknodo", b"-o").into()),
        (.., true) => Ok(ExitStatus(3)),
        _ => Err(call.uncovered("no action that is covered")),
    }
}

/// What a container engine mounts while it builds; nothing else is a mount point.
fn mountpoint(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "q", &[("quiet", 'q')])?;
    let [path] = &options.operands[..] else { return Err(call.uncovered("not one directory")) };
    let path = path.bytes.strip_suffix(b"/").unwrap_or(&path.bytes);
    Ok(if [&b"/proc"[..], b"/sys", b"/dev", b""].contains(&path) { ExitStatus::SUCCESS } else { ExitStatus(32) })
}

/// There is no terminal, so every question fails.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a command")]
fn stty(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    call.complain("standard input: Inappropriate ioctl for device");
    Ok(ExitStatus::FAILURE)
}

const LOCALE_CATEGORIES: &[&str] = &[
    "CTYPE",
    "NUMERIC",
    "TIME",
    "COLLATE",
    "MONETARY",
    "MESSAGES",
    "PAPER",
    "NAME",
    "ADDRESS",
    "TELEPHONE",
    "MEASUREMENT",
    "IDENTIFICATION",
];

/// Keywords of the C locale (POSIX, XBD 7), and the locales that every system has.
fn locale(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    for argument in call.arguments {
        let text: &[u8] = match &argument.bytes[..] {
            b"-a" | b"--all-locales" => b"C\nC.utf8\nPOSIX\n",
            b"charmap" => b"ANSI_X3.4-1968\n",
            b"width" => b"210\n",
            b"height" => b"297\n",
            b"yesexpr" => b"^[yY]\n",
            b"noexpr" => b"^[nN]\n",
            b"decimal_point" => b".\n",
            _ => return Err(call.uncovered("this keyword is not covered")),
        };
        call.out(text, true)?;
    }
    if !call.arguments.is_empty() {
        return Ok(ExitStatus::SUCCESS);
    }
    if call.variables.iter().any(|(name, value)| (name == b"LANG" || name.starts_with(b"LC_")) && !value.is_empty()) {
        return Err(call.uncovered("listing settings of another locale is not covered"));
    }
    call.out(b"LANG=\nLANGUAGE=\n", false)?;
    for category in LOCALE_CATEGORIES {
        call.out(format!("LC_{category}=\"POSIX\"\n").as_bytes(), false)?;
    }
    call.out(b"LC_ALL=\n", false).map(|()| ExitStatus::SUCCESS)
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
