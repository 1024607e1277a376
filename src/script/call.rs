//! The contract between the shell and its commands: [`Command`], [`Call`], and the registry [`Commands`].
//!
//! Invariant: a command sees the virtual root and values, and nothing of this machine. What it does not cover it says
//! ([`Call::uncovered`]); an option is never ignored.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::layer::root::{RootError, VirtualRoot};

use super::environment::{Answers, Package};
use super::stand_in::StandIn;
use super::uncovered::{Fuel, MAX_VALUE, Uncovered};
use super::value::{ExitStatus, Input, Value};

/// A program or shell built-in that is evaluated natively. Functions of the right shape are commands.
pub trait Command: Sync {
    /// Does the command's work on the virtual root.
    fn run(&self, call: &mut Call<'_>) -> Result<ExitStatus, Uncovered>;
}

impl<F: Fn(&mut Call<'_>) -> Result<ExitStatus, Uncovered> + Sync> Command for F {
    fn run(&self, call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
        self(call)
    }
}

/// Names and their commands, as a subject's file lists them: `pub const TABLE: Table = &[("cat", &cat), ...]`.
pub type Table = &'static [(&'static str, &'static dyn Command)];

/// Programs whose names end in their version.
const FAMILIES: &[&str] = &["python", "pypy"];

/// What a native library does when it is sourced, as one of its functions.
pub(super) const SOURCED: &str = ".";

/// All commands that are known, by name.
#[derive(Clone, Default)]
pub struct Commands {
    builtins: BTreeMap<&'static str, &'static dyn Command>,
    programs: BTreeMap<&'static str, &'static dyn Command>,
    libraries: BTreeMap<&'static str, Table>,
    helpers: Vec<&'static str>,
    stand_ins: Vec<Arc<StandIn>>,
}

impl Commands {
    /// The shell's own built-ins, file tools, text tools, and Debian's commands.
    pub fn standard() -> Self {
        let mut commands = Self::default();
        for table in super::builtins::BUILTINS {
            commands.add_builtins(table);
        }
        for table in [super::builtins::PROGRAMS, super::files::PROGRAMS, super::text::PROGRAMS].concat() {
            commands.add_programs(table);
        }
        super::effects::install(&mut commands);
        commands
    }
    /// Commands that exist without a file.
    pub fn add_builtins(&mut self, table: Table) {
        self.builtins.extend(table.iter().copied());
    }
    /// Commands that stand for a program: one exists if its file is in the virtual root, in a directory of PATH.
    pub fn add_programs(&mut self, table: Table) {
        self.programs.extend(table.iter().copied());
    }
    /// Names of programs that are known below `/usr/lib`, too, where others of the same name may be anything.
    pub fn add_helpers(&mut self, names: &[&'static str]) {
        self.helpers.extend(names);
    }
    /// Whether a program is known wherever it lies below `/usr/lib`.
    pub fn is_helper(&self, name: &[u8]) -> bool {
        self.helpers.iter().any(|helper| helper.as_bytes() == name)
    }
    /// A shell library whose functions are native: sourcing the file at `path` (no leading slash, links resolved) defines
    /// them, and its text is not evaluated.
    pub fn add_library(&mut self, path: &'static str, table: Table) {
        self.libraries.insert(path, table);
    }
    /// A built-in.
    pub fn builtin(&self, name: &[u8]) -> Option<&'static dyn Command> {
        self.builtins.get(std::str::from_utf8(name).ok()?).copied()
    }
    /// What stands for a program.
    pub fn program(&self, name: &[u8]) -> Option<&'static dyn Command> {
        let name = std::str::from_utf8(name).ok()?;
        // An interpreter is installed by its version's name: `python3.11` is `python`.
        let family = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        self.programs.get(name).or_else(|| self.programs.get(family).filter(|_| FAMILIES.contains(&family))).copied()
    }
    /// What recipes put in the place of programs and scripts, weakest first: the last one that fits counts, and before a native command.
    pub fn add_stand_ins(&mut self, stand_ins: impl IntoIterator<Item = StandIn>) {
        self.stand_ins.extend(stand_ins.into_iter().map(Arc::new));
    }
    /// What stands for a call of a program; `words` are its arguments, joined by blanks.
    pub(super) fn stand_in(&self, program: &[u8], words: &[u8]) -> Option<Arc<StandIn>> {
        self.stand_ins.iter().rev().find(|stand_in| stand_in.is_for_program(program, words)).cloned()
    }
    /// What stands for a script of a package.
    pub fn stand_in_for(&self, package: &str, script: &str, text: &[u8]) -> Option<&StandIn> {
        self.stand_ins.iter().rev().find(|stand_in| stand_in.is_for_script(package, script, text)).map(Arc::as_ref)
    }
    /// The functions of a native library.
    pub fn library(&self, path: &[u8]) -> Option<Table> {
        self.libraries.get(std::str::from_utf8(path).ok()?).copied()
    }
}

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.builtins.keys()).entries(self.programs.keys()).finish()
    }
}

/// One call of a command.
pub struct Call<'a> {
    /// The name that it was called by, without directories.
    pub name: &'a str,
    /// The name as it was written.
    pub typed: &'a str,
    /// The arguments after the name.
    pub arguments: &'a [Value],
    /// Standard input; reading it moves it for the commands that follow.
    pub stdin: Input,
    /// What it writes to standard output.
    pub stdout: Value,
    /// What it writes to standard error.
    pub stderr: Value,
    /// Shell variables to set afterwards in the shell that called (debconf's `RET`); only for built-ins and libraries.
    pub assignments: Vec<(Vec<u8>, Value)>,
    /// Exported variables, and those that stand before the command.
    pub variables: &'a BTreeMap<Vec<u8>, Value>,
    /// The working directory, absolute.
    pub cwd: &'a [u8],
    /// Bits that new files and directories do not get.
    pub umask: u32,
    /// The virtual root.
    pub root: &'a mut VirtualRoot,
    /// The package whose script this is.
    pub package: &'a Package,
    /// Fixed answers, and what outlives the script.
    pub answers: &'a mut Answers,
    /// All commands.
    pub commands: &'a Commands,
    pub(super) fuel: &'a mut Fuel,
    pub(super) depth: u32,
    pub(super) line: u32,
}

impl Call<'_> {
    /// Says that this call is not covered.
    pub fn uncovered(&self, reason: impl Into<String>) -> Uncovered {
        let mut command = self.name.to_owned();
        for argument in self.arguments {
            command.push(' ');
            command.push_str(&argument.text());
        }
        Uncovered::new(self.line, command, reason)
    }
    /// Takes a step of the limit, and more for many bytes.
    pub fn spend(&mut self, bytes: usize) -> Result<(), Uncovered> {
        if self.fuel.spend(bytes) { Ok(()) } else { Err(self.uncovered("the script exceeds the step limit")) }
    }
    /// Writes to standard output.
    pub fn out(&mut self, bytes: &[u8], base: bool) -> Result<(), Uncovered> {
        self.spend(bytes.len())?;
        if self.stdout.bytes.len() + bytes.len() > MAX_VALUE {
            return Err(self.uncovered("the output exceeds the size limit"));
        }
        self.stdout.push_bytes(bytes, base);
        Ok(())
    }
    /// Writes `NAME: message` and a newline to standard error.
    pub fn complain(&mut self, message: impl AsRef<[u8]>) {
        if self.stderr.bytes.len() < MAX_VALUE {
            self.stderr.push_bytes(self.name.as_bytes(), false);
            self.stderr.push_bytes(b": ", false);
            self.stderr.push_bytes(message.as_ref(), false);
            self.stderr.push_bytes(b"\n", false);
        }
    }
    /// A failed operation: told on standard error with status 1 where a real system fails alike, else uncovered.
    pub fn failed(&mut self, path: &[u8], error: &RootError) -> Result<ExitStatus, Uncovered> {
        if !error.is_real() {
            return Err(self.uncovered(error.to_string()));
        }
        let message = [path, b": ", error.reason().as_bytes()].concat();
        self.complain(message);
        Ok(ExitStatus::FAILURE)
    }
    /// An argument as an absolute path.
    pub fn path(&self, argument: impl AsRef<[u8]>) -> Vec<u8> {
        absolute(self.cwd, argument.as_ref())
    }
    /// An exported variable.
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name.as_bytes())
    }
    /// The path of an executable program, as the search path spells it.
    pub fn find_program(&self, name: &[u8]) -> Option<Vec<u8>> {
        let executable = |path: &Vec<u8>| self.root.stat(path).is_ok_and(|inode| inode.is_file() && inode.mode & 0o111 != 0);
        if name.contains(&b'/') {
            return Some(self.path(name)).filter(executable).map(|_| name.to_vec());
        }
        let path = self.variable("PATH").map_or(super::environment::PATH.as_bytes(), |value| &value.bytes);
        path.split(|b| *b == b':').map(|directory| [directory, b"/", name].concat()).find(executable)
    }
    /// Runs another command as a child of this one, with its own standard input; standard error is added to this one's.
    pub fn invoke(&mut self, words: &[Value], stdin: Input) -> Result<(ExitStatus, Value), Uncovered> {
        let variables = self.variables;
        super::shell::invoke(self, variables, words, stdin)
    }
    /// As [`Self::invoke`], with another environment.
    pub fn invoke_with(
        &mut self,
        variables: &BTreeMap<Vec<u8>, Value>,
        words: &[Value],
        stdin: Input,
    ) -> Result<(ExitStatus, Value), Uncovered> {
        super::shell::invoke(self, variables, words, stdin)
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("name", &self.name).field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

/// `path` as an absolute path, seen from `cwd`; dots are left to the root's resolution. An empty path stays empty.
pub(super) fn absolute(cwd: &[u8], path: &[u8]) -> Vec<u8> {
    if path.is_empty() || path.starts_with(b"/") { path.to_vec() } else { [cwd, b"/", path].concat() }
}
