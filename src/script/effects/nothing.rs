//! Commands that have no effect in a container image that is being built, by decision, each with its reason.
//!
//! Invariant: only here may a command be passed over; whatever a later program needs is never in this table.

use crate::script::call::{Call, Table};
use crate::script::stand_in::PassedOver;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

/// Name and reason, for those who ask what was left out.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("deb-systemd-invoke", "no service manager runs in a build"),
    ("invoke-rc.d", "no service is started in a build: policy-rc.d says 101"),
    ("service", "no service is started in a build"),
    ("ssh-keygen", "host keys in an image would be shared by all who use it; they are made at the first start"),
    ("systemd-machine-id-setup", "a machine's identity in an image would be shared; it is made at the first start"),
    ("dbus-uuidgen", "a machine's identity in an image would be shared; it is made at the first start"),
    ("journalctl", "the catalogue of journal messages is a cache of some megabytes; messages lack explanations"),
    ("systemd-hwdb", "a container has no hardware; the database is a cache of ten megabytes"),
    ("udevadm", "a container has no hardware"),
    ("logger", "no system log runs in a build"),
    ("sysctl", "a container shares the kernel and its settings with its host"),
    ("modprobe", "a container shares the kernel and its modules with its host"),
    ("apparmor_parser", "profiles belong to the host's kernel; a container cannot load them"),
    ("systemd-sysctl", "a container shares the kernel and its settings with its host"),
    ("py3compile", "byte code needs the interpreter, and differs between two runs; Python compiles when it imports"),
    ("pypy3compile", "byte code needs the interpreter, and differs between two runs; PyPy compiles when it imports"),
    ("py3clean", "there is no byte code to remove"),
    ("python", "compiling to byte code needs the interpreter, and differs between two runs; Python compiles when it imports"),
    ("pypy", "compiling to byte code needs the interpreter, and differs between two runs; PyPy compiles when it imports"),
    ("emacs", "compiling to byte code needs the interpreter; Emacs reads the source"),
    ("fc-cache", "a cache with times of directories in it; fontconfig makes it when it is asked"),
    ("mandb", "a cache with times in it; man does without"),
    ("gtk-update-icon-cache", "a cache with times in it; GTK does without"),
    ("update-initramfs", "a container has no kernel of its own"),
    ("update-grub", "a container has no boot loader"),
];

/// Programs that run another one with other rights.
pub(super) const AROUND: Table = &[("setpriv", &setpriv)];

pub(super) const PROGRAMS: Table = &[
    ("deb-systemd-invoke", &nothing),
    ("invoke-rc.d", &nothing),
    ("service", &nothing),
    ("ssh-keygen", &nothing),
    ("systemd-machine-id-setup", &nothing),
    ("dbus-uuidgen", &nothing),
    ("journalctl", &nothing),
    ("systemd-hwdb", &nothing),
    ("udevadm", &nothing),
    ("logger", &nothing),
    ("sysctl", &nothing),
    ("modprobe", &nothing),
    ("apparmor_parser", &nothing),
    ("systemd-sysctl", &nothing),
    ("py3compile", &nothing),
    ("pypy3compile", &nothing),
    ("py3clean", &nothing),
    ("python", &python),
    ("pypy", &python),
    ("emacs", &emacs),
    ("fc-cache", &nothing),
    ("mandb", &nothing),
    ("gtk-update-icon-cache", &nothing),
    ("update-initramfs", &nothing),
    ("update-grub", &nothing),
];

fn nothing(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let family = call.name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if let Some((name, reason)) = LEFT_OUT.iter().find(|(name, _)| *name == call.name || *name == family) {
        let passed = PassedOver { what: (*name).to_owned(), recipe: None, reason: (*reason).to_owned() };
        call.answers.pass_over(passed);
    }
    Ok(ExitStatus::SUCCESS)
}

/// `setpriv OPTION... -- PROGRAM WORD...`: covered where the program is passed over.
fn setpriv(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let program = call.arguments.iter().skip_while(|word| word.bytes != b"--").nth(1).map(|word| word.text().into_owned());
    let name = program.as_deref().map(|program| program.rsplit('/').next().unwrap_or_default());
    let known = LEFT_OUT.iter().find(|(known, _)| Some(*known) == name);
    let Some((name, reason)) = known else { return Err(call.uncovered("commands with other rights are not evaluated")) };
    call.answers.pass_over(PassedOver { what: (*name).to_owned(), recipe: None, reason: (*reason).to_owned() });
    Ok(ExitStatus::SUCCESS)
}

/// Compiling is passed over, anything else is uncovered.
fn python(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let mut operands = call.arguments.iter().map(|argument| &argument.bytes[..]).skip_while(|word| is_flag(word));
    let compiles = match operands.next() {
        Some(b"-m") => matches!(operands.next(), Some(b"py_compile" | b"compileall")),
        Some(script) => [&b"/py_compile.py"[..], b"/compileall.py"].iter().any(|compiler| script.ends_with(compiler)),
        None => false,
    };
    if compiles { nothing(call) } else { Err(call.uncovered("a program in Python is not run")) }
}

/// The same for Emacs.
fn emacs(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let compiles = call.arguments.iter().any(|word| word.bytes == b"batch-byte-compile");
    if compiles { Ok(ExitStatus::SUCCESS) } else { Err(call.uncovered("a program in Emacs Lisp is not run")) }
}

/// Flags that say how Python runs, not what: `-E -S -O`.
fn is_flag(word: &[u8]) -> bool {
    word.strip_prefix(b"-").is_some_and(|flags| !flags.is_empty() && flags.iter().all(|flag| b"BEIOSsu".contains(flag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_python_say_how_it_runs() {
        for (word, is) in [("-E", true), ("-OO", true), ("-m", false), ("-c", false), ("-", false), ("x.py", false)] {
            assert_eq!(is_flag(word.as_bytes()), is, "{word}");
        }
    }

    #[test]
    fn each_has_a_reason() {
        let names = |table: &[&str]| table.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let reasons: Vec<&str> = LEFT_OUT.iter().map(|(name, _)| *name).collect();
        let programs: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names(&reasons), names(&programs));
    }
}
