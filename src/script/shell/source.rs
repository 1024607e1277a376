//! Other scripts: sourced files, scripts of the root that are called as commands, and commands that call commands.
//!
//! Invariant: their text comes from the virtual root only; messages name the file.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::layer::root::Last;
use crate::script::call::{Call, SOURCED, absolute};
use crate::script::parse;
use crate::script::stand_in::{PassedOver, StandIn};
use crate::script::uncovered::{MAX_DEPTH, PARSING, Uncovered};
use crate::script::value::{ExitStatus, Input, Value};
use crate::stream::EntryPath;

use super::state::{Descriptor, State, Step, Stop};
use super::{Machine, Shell};

impl<'a> Shell<'_, 'a> {
    /// `.`: the commands of a file, in this shell.
    pub(super) fn dot(&mut self, arguments: &[Value]) -> Step {
        let Some(name) = arguments.first() else { return Ok(2) };
        if arguments.len() > 1 {
            return Err(self.uncovered(".", "arguments for a sourced file are outside POSIX"));
        }
        let Some(path) = self.find_source(&name.bytes) else {
            self.complain(&[b".: ".as_slice(), &name.bytes, b": not found"].concat())?;
            return Err(Stop::Exit(2));
        };
        if let Ok(place) = self.machine.root.resolve(&path, Last::Follow)
            && let Some(table) = self.machine.commands.library(place.as_bytes())
        {
            for (name, native) in table.iter().filter(|(name, _)| *name != SOURCED) {
                self.state.natives.insert(name.as_bytes().to_vec(), *native);
            }
            let sourced = table.iter().find(|(name, _)| *name == SOURCED);
            return sourced.map_or(Ok(0), |(name, native)| self.call(name, *native, &[]));
        }
        let bytes = match self.machine.root.read(&path) {
            Ok((bytes, _)) => bytes,
            Err(error) => {
                let message = self.failure(".: ", name, &error)?;
                self.complain(&message)?;
                return Err(Stop::Exit(2));
            }
        };
        self.spend(bytes.len() + PARSING)?;
        let file = String::from_utf8_lossy(&path).into_owned();
        let list = parse::parse_text(&bytes, 1).map_err(|uncovered| Uncovered { file: Some(file.clone()), ..uncovered })?;
        let outside = (self.state.file.replace(file), self.state.line);
        self.state.frames += 1;
        self.deeper()?;
        let step = self.list(&list);
        self.state.depth -= 1;
        self.state.frames -= 1;
        (self.state.file, self.state.line) = outside;
        match step {
            Err(Stop::Return(status)) => Ok(status),
            step => step,
        }
    }
    pub(super) fn deeper(&mut self) -> Result<(), Stop> {
        if self.state.depth >= MAX_DEPTH {
            return Err(self.uncovered("script", "the script nests too deeply"));
        }
        self.state.depth += 1;
        Ok(())
    }
    fn find_source(&self, name: &[u8]) -> Option<Vec<u8>> {
        if name.contains(&b'/') {
            return Some(absolute(&self.state.cwd, name));
        }
        let path = self.state.get(b"PATH").map(|value| value.bytes.clone()).unwrap_or_default();
        let mut candidates = path.split(|b| *b == b':').map(|d| absolute(&self.state.cwd, &[d, b"/", name].concat()));
        candidates.find(|path| self.machine.root.stat(path).is_ok_and(|inode| inode.is_file()))
    }
    /// A shell script of the root as a child process; anything else is uncovered.
    pub(super) fn run_script(&mut self, name: &Value, place: &EntryPath, arguments: &[Value]) -> Step {
        let path = place.absolute();
        let file = String::from_utf8_lossy(&path).into_owned();
        let real = self.machine.root.resolve(&path, Last::Follow).map(|place| place.absolute()).unwrap_or_default();
        // An interpreter itself, with a script as its argument.
        if matches!(real.rsplit(|b| *b == b'/').next(), Some(b"sh" | b"dash")) {
            return self.interpreter(arguments);
        }
        let mut command = name.text().into_owned();
        for argument in arguments {
            command.push(' ');
            command.push_str(&argument.text());
        }
        let text = match self.machine.root.read(&path) {
            Ok((bytes, _)) if bytes.starts_with(b"#!") => bytes,
            Err(error) if error.is_real() => return Err(self.uncovered(command, error.to_string())),
            Ok(_) | Err(_) => return Err(self.uncovered(command, format!("{file} is a program that is not covered"))),
        };
        self.spend(text.len() + PARSING)?;
        let script = match parse::parse(&text) {
            Ok(script) => script,
            Err(uncovered) if uncovered.reason.starts_with("only shell") => {
                return Err(self.uncovered(command, format!("{file} is a program that is not covered ({})", uncovered.command)));
            }
            Err(uncovered) => return Err(Uncovered { file: Some(file), ..uncovered }.into()),
        };
        self.deeper()?;
        let status = self.child(Value::new(path), arguments.to_vec(), Some(file)).script(&script);
        self.state.depth -= 1;
        Ok(status?)
    }
    /// What a recipe puts in the place of a program: its text as a child process, or nothing.
    pub(super) fn stand_in(&mut self, name: &Value, stand_in: &StandIn, arguments: &[Value]) -> Step {
        let what = name.text().rsplit('/').next().unwrap_or_default().to_owned();
        let passed = PassedOver { what, recipe: Some(stand_in.recipe.clone()), reason: stand_in.reason.clone() };
        self.machine.answers.pass_over(passed);
        let Some(text) = &stand_in.text else { return Ok(0) };
        self.spend(text.len() + PARSING)?;
        let file = format!("recipe {}", stand_in.recipe);
        let script = parse::parse(text.as_bytes()).map_err(|uncovered| Uncovered { file: Some(file.clone()), ..uncovered })?;
        self.deeper()?;
        let status = self.child(name.clone(), arguments.to_vec(), Some(file)).script(&script);
        self.state.depth -= 1;
        Ok(status?)
    }
    /// `sh -c TEXT [NAME [ARG]...]`, `sh [-e] FILE [ARG]...`.
    fn interpreter(&mut self, arguments: &[Value]) -> Step {
        let mut options = Vec::new();
        let mut rest = arguments;
        while let Some((first, more)) = rest.split_first() {
            let Some(flags) = first.bytes.strip_prefix(b"-").filter(|flags| !flags.is_empty()) else { break };
            options.extend_from_slice(flags);
            rest = more;
        }
        let text = options.contains(&b'c');
        options.retain(|option| *option != b'c');
        if options.iter().any(|option| !matches!(option, b'e' | b'u' | b'f')) {
            return Err(self.uncovered("sh", "options of the shell that are not covered"));
        }
        let Some((first, rest)) = rest.split_first() else {
            return Err(self.uncovered("sh", "a script on standard input is not evaluated"));
        };
        let bytes = if text {
            first.bytes.clone()
        } else {
            match self.machine.root.read(&absolute(&self.state.cwd, &first.bytes)) {
                Ok((bytes, _)) => bytes.to_vec(),
                Err(error) => {
                    let message = self.failure("cannot open ", first, &error)?;
                    self.complain(&message)?;
                    return Ok(2);
                }
            }
        };
        self.spend(bytes.len() + PARSING)?;
        let mut script = parse::parse(&bytes)?;
        script.options = options;
        let (name, arguments) = match rest.split_first() {
            Some((name, arguments)) if text => (name.clone(), arguments.to_vec()),
            _ if text => (Value::from("sh"), Vec::new()),
            _ => (first.clone(), rest.to_vec()),
        };
        self.deeper()?;
        let status = self.child(name, arguments, None).script(&script);
        self.state.depth -= 1;
        Ok(status?)
    }
    /// A new shell process with what it inherits.
    fn child(&mut self, name: Value, arguments: Vec<Value>, file: Option<String>) -> Shell<'_, 'a> {
        let mut state = State::new(self.state.exported(), name, arguments);
        state.cwd.clone_from(&self.state.cwd);
        state.umask = self.state.umask;
        state.descriptors = self.state.descriptors.clone();
        state.depth = self.state.depth;
        state.file = file;
        Shell { state, machine: self.machine }
    }
}

/// Runs words as a command of a call.
pub(in crate::script) fn invoke(
    call: &mut Call<'_>,
    variables: &BTreeMap<Vec<u8>, Value>,
    words: &[Value],
    stdin: Input,
) -> Result<(ExitStatus, Value), Uncovered> {
    let Some((name, arguments)) = words.split_first() else { return Ok((ExitStatus::SUCCESS, Value::default())) };
    if call.depth >= MAX_DEPTH {
        return Err(call.uncovered("commands call each other too deeply"));
    }
    let mut state = State::new(variables.clone(), Value::new(call.name), Vec::new());
    state.cwd = call.cwd.to_vec();
    state.umask = call.umask;
    state.depth = call.depth + 1;
    state.line = call.line;
    let (stdout, stderr) = (Rc::new(RefCell::default()), Rc::new(RefCell::default()));
    state.descriptors.insert(0, Descriptor::Input(stdin));
    state.descriptors.insert(1, Descriptor::Buffer(Rc::clone(&stdout)));
    state.descriptors.insert(2, Descriptor::Buffer(Rc::clone(&stderr)));
    let mut machine = Machine {
        root: &mut *call.root,
        answers: &mut *call.answers,
        package: call.package,
        commands: call.commands,
        fuel: &mut *call.fuel,
    };
    let mut shell = Shell { state, machine: &mut machine };
    let meaning = shell.meaning(&name.bytes, true);
    let step = shell.run(name, arguments, meaning);
    let status = shell.exit(step)?;
    call.stderr.push(&stderr.take());
    Ok((ExitStatus(status), stdout.take()))
}
