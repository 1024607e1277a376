//! Simple commands (XCU 2.9.1): expansion, redirection, assignment, and the search for what the name means.
//!
//! Invariant: special built-ins, functions, built-ins, then the root's PATH, in this order; whether a program exists is asked
//! of the root at that moment. A program without a native command is uncovered, unless it is a shell script.

use std::sync::Arc;

use crate::layer::root::Last;
use crate::script::ast::{self, Redirect, Word};
use crate::script::call::{Call, Command, absolute};
use crate::script::environment::PATH;
use crate::script::value::{ExitStatus, Value};
use crate::stream::EntryPath;

use super::Shell;
use super::special::{self, Special};
use super::state::{State, Step, Stop, Variable};

/// Directories whose programs the native commands stand for.
const SYSTEM: &[&[u8]] = &[b"usr/bin", b"usr/sbin", b"bin", b"sbin"];

/// What a command's name means.
pub(super) enum Meaning {
    Special(Special),
    Function(Arc<ast::Command>),
    Native(&'static dyn Command),
    Program(EntryPath),
    Absent,
}

impl Shell<'_, '_> {
    pub(super) fn simple(&mut self, assignments: &[(Vec<u8>, Word)], words: &[Word], redirects: &[Redirect]) -> Step {
        self.state.substituted = None;
        let arguments = self.fields(words)?;
        let line = self.state.line;
        let Some((name, arguments)) = arguments.split_first() else { return self.assign_only(assignments, redirects) };
        if self.state.bash && matches!(&name.bytes[..], b"echo") && arguments.iter().any(|a| a.bytes.contains(&b'\\')) {
            return Err(self.uncovered("echo", "backslashes mean something else to bash"));
        }
        let meaning = self.meaning(&name.bytes, false);
        if let Meaning::Special(Special::Exec) = meaning {
            return self.exec(assignments, arguments, redirects);
        }
        if redirects.is_empty() {
            return self.with_assignments(assignments, name, arguments, meaning);
        }
        let saved = self.state.descriptors.clone();
        let step = match self.redirect(redirects) {
            Ok(Some(_)) if matches!(&meaning, Meaning::Special(special) if special.is_posix()) => Err(Stop::Exit(2)),
            Ok(Some(status)) => Ok(status),
            Ok(None) => {
                self.state.line = line;
                self.with_assignments(assignments, name, arguments, meaning)
            }
            Err(stop) => Err(stop),
        };
        self.state.descriptors = saved;
        step
    }
    fn assign_only(&mut self, assignments: &[(Vec<u8>, Word)], redirects: &[Redirect]) -> Step {
        for (name, word) in assignments {
            let value = self.text(word)?;
            self.assign(name, value)?;
        }
        let status = self.state.substituted.unwrap_or(0);
        if redirects.is_empty() {
            return Ok(status);
        }
        let saved = self.state.descriptors.clone();
        let failed = self.redirect(redirects);
        self.state.descriptors = saved;
        Ok(failed?.unwrap_or(status))
    }
    /// Assignments before a special built-in stay; before anything else they are set for it alone.
    fn with_assignments(&mut self, assignments: &[(Vec<u8>, Word)], name: &Value, arguments: &[Value], meaning: Meaning) -> Step {
        let stays = matches!(&meaning, Meaning::Special(special) if special.is_posix());
        let mut before: Vec<(Vec<u8>, Option<Variable>)> = Vec::new();
        let mut set = Ok(());
        for (variable, word) in assignments {
            let value = self.text(word)?;
            before.push((variable.clone(), self.state.variables.get(variable).cloned()));
            set = self.assign(variable, value);
            if let Some(variable) = self.state.variables.get_mut(variable) {
                variable.exported |= !stays;
            }
        }
        let step = set.and_then(|()| self.run(name, arguments, meaning));
        if !stays {
            for (variable, value) in before.into_iter().rev() {
                self.restore(variable, value);
            }
        }
        step
    }
    pub(super) fn restore(&mut self, name: Vec<u8>, variable: Option<Variable>) {
        match variable {
            Some(variable) => self.state.variables.insert(name, variable),
            None => self.state.variables.remove(&name),
        };
    }
    /// What a name means; `plain` leaves functions out, as `command` does.
    pub(super) fn meaning(&self, name: &[u8], plain: bool) -> Meaning {
        if let Some(special) = special::find(name) {
            let own = self.state.functions.get(name).filter(|_| !plain && !special.is_posix());
            return own.map_or(Meaning::Special(special), |body| Meaning::Function(Arc::clone(body)));
        }
        if !plain {
            if let Some(body) = self.state.functions.get(name) {
                return Meaning::Function(Arc::clone(body));
            }
            if let Some(native) = self.state.natives.get(name) {
                return Meaning::Native(*native);
            }
        }
        if let Some(builtin) = self.machine.commands.builtin(name) {
            return Meaning::Native(builtin);
        }
        self.program(name).map_or(Meaning::Absent, Meaning::Program)
    }
    /// The executable file that a name leads to: its path as found, links in its last component kept.
    pub(super) fn program(&self, name: &[u8]) -> Option<EntryPath> {
        let executable = |path: &[u8]| {
            self.machine.root.stat(path).ok().filter(|inode| inode.is_file() && inode.mode & 0o111 != 0)?;
            self.machine.root.resolve(path, Last::Keep).ok()
        };
        if name.is_empty() {
            return None;
        }
        if name.contains(&b'/') {
            return executable(&absolute(&self.state.cwd, name));
        }
        let path = self.state.get(b"PATH").map_or(PATH.as_bytes(), |value| &value.bytes);
        path.split(|b| *b == b':').find_map(|directory| executable(&absolute(&self.state.cwd, &[directory, b"/", name].concat())))
    }
    pub(super) fn run(&mut self, name: &Value, arguments: &[Value], meaning: Meaning) -> Step {
        match meaning {
            Meaning::Special(special) => self.special(special, name, arguments),
            Meaning::Function(body) => self.call_function(&body, arguments),
            Meaning::Native(native) => self.call(&name.text(), native, arguments),
            Meaning::Program(place) => self.run_program(name, &place, arguments),
            Meaning::Absent => self.absent(name),
        }
    }
    fn absent(&mut self, name: &Value) -> Step {
        let exists = name.bytes.contains(&b'/') && self.machine.root.exists(&absolute(&self.state.cwd, &name.bytes));
        let (message, status): (&[u8], u8) = if exists { (b": Permission denied", 126) } else { (b": not found", 127) };
        self.complain(&[&name.bytes[..], message].concat())?;
        Ok(status)
    }
    fn call_function(&mut self, body: &Arc<ast::Command>, arguments: &[Value]) -> Step {
        let positional = std::mem::replace(&mut self.state.positional, arguments.to_vec());
        let loops = std::mem::take(&mut self.state.loops);
        self.state.locals.push(Vec::new());
        self.state.frames += 1;
        let step = self.command(body);
        self.state.frames -= 1;
        for (name, variable) in self.state.locals.pop().unwrap_or_default().into_iter().rev() {
            self.restore(name, variable);
        }
        self.state.loops = loops;
        self.state.positional = positional;
        match step {
            Err(Stop::Return(status)) => Ok(status),
            step => step,
        }
    }
    /// Runs a native command and hands its output to the descriptors.
    pub(super) fn call(&mut self, name: &str, native: &dyn Command, arguments: &[Value]) -> Step {
        self.spend(arguments.iter().map(|argument| argument.bytes.len()).sum())?;
        let stdin = self.stdin()?;
        let variables = self.state.exported();
        let State { cwd, umask, depth, line, file, .. } = &self.state;
        let (typed, name) = (name, name.rsplit('/').next().unwrap_or(name));
        let mut call = Call {
            name,
            typed,
            arguments,
            stdin,
            stdout: Value::default(),
            stderr: Value::default(),
            assignments: Vec::new(),
            variables: &variables,
            cwd,
            umask: *umask,
            root: self.machine.root,
            package: self.machine.package,
            answers: self.machine.answers,
            commands: self.machine.commands,
            fuel: self.machine.fuel,
            depth: *depth,
            line: *line,
        };
        let result = native.run(&mut call);
        let (stdout, stderr, assignments) = (call.stdout, call.stderr, call.assignments);
        let status = result.map_err(|mut uncovered| {
            uncovered.file = uncovered.file.or_else(|| file.clone());
            uncovered
        })?;
        for (name, value) in assignments {
            self.assign(&name, value)?;
        }
        self.write(2, &stderr)?;
        if self.write(1, &stdout)? { Ok(status.0) } else { Ok(if status.success() { ExitStatus::FAILURE.0 } else { status.0 }) }
    }
    /// A program of the root: a native command stands for it, or it is a shell script, or it is uncovered.
    fn run_program(&mut self, name: &Value, place: &EntryPath, arguments: &[Value]) -> Step {
        let file = place.file_name();
        let words = arguments.iter().map(|argument| &argument.bytes[..]).collect::<Vec<_>>().join(&b' ');
        if let Some(stand_in) = self.machine.commands.stand_in(file, &words) {
            return self.stand_in(name, &stand_in, arguments);
        }
        let directory = place.parent().unwrap_or_default();
        let known = SYSTEM.contains(&directory.as_bytes())
            || directory.as_bytes().starts_with(b"usr/lib") && self.machine.commands.is_helper(file);
        if let Some(native) = self.machine.commands.program(file).filter(|_| known || !self.is_shell_script(place)) {
            return self.call(&name.text(), native, arguments);
        }
        self.run_script(name, place, arguments)
    }
    /// Elsewhere than in the system's directories a package's own script may have a command's name.
    fn is_shell_script(&self, place: &EntryPath) -> bool {
        let Ok((bytes, _)) = self.machine.root.read(&place.absolute()) else { return false };
        let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        first.starts_with(b"#!") && [&b"sh"[..], b"dash", b"bash"].iter().any(|shell| has_word(first, shell))
    }
    /// `exec`: redirections stay; with a command the shell ends with it.
    fn exec(&mut self, assignments: &[(Vec<u8>, Word)], arguments: &[Value], redirects: &[Redirect]) -> Step {
        if self.redirect(redirects)?.is_some() {
            return Err(Stop::Exit(2));
        }
        for (name, word) in assignments {
            let value = self.text(word)?;
            self.assign(name, value)?;
        }
        let Some((name, arguments)) = arguments.split_first() else { return Ok(0) };
        let meaning = match self.program(&name.bytes) {
            Some(place) => Meaning::Program(place),
            None => Meaning::Absent,
        };
        self.state.exit_trap = None;
        let status = self.run(name, arguments, meaning)?;
        Err(Stop::Exit(status))
    }
}

/// Whether a line has a word, or a path that ends in it.
fn has_word(line: &[u8], word: &[u8]) -> bool {
    line.split(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'!')).any(|part| part == word)
}
