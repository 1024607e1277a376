//! The shell: lists, pipelines, compound commands, functions (XCU 2.9), as dash evaluates them.
//!
//! Invariant: one step of the limit for each command; nesting is bounded; pipelines are evaluated from left to right, each
//! part in a copy of the state over the one root.

mod alias;
mod arithmetic;
mod descriptor;
mod directory;
mod expand;
mod field;
mod pathname;
mod pattern;
mod read;
mod simple;
mod source;
mod special;
#[cfg(test)]
mod stand_in_tests;
mod state;
#[cfg(test)]
mod tests;

pub(super) use pattern::{class, cost, matches};
pub(super) use source::invoke;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::layer::root::VirtualRoot;

use super::ast::{AndOr, Command, CommandKind, Pipeline, Script, Word};
use super::call::Commands;
use super::environment::{self, Answers, Environment, Package};
use super::parse;
use super::uncovered::{Fuel, MAX_DEPTH, MAX_VALUE, STACK, Uncovered};
use super::value::{ExitStatus, Input, Value};

use state::{Descriptor, State, Step, Stop};

/// How a script ended, and what it wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Value,
    /// Standard error, for messages about a script that fails.
    pub stderr: Value,
}

/// Evaluates a script as dpkg would run it: `words` are its name and arguments.
pub fn evaluate(
    script: &Script,
    words: &[&str],
    root: &mut VirtualRoot,
    environment: &mut Environment<'_>,
) -> Result<Outcome, Uncovered> {
    let failed = || Uncovered::new(1, "script", "the evaluation broke off");
    std::thread::scope(|scope| {
        let work = || evaluate_here(script, words, root, environment);
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).map_err(|_| failed())?;
        thread.join().map_err(|_| failed())?
    })
}

fn evaluate_here(
    script: &Script,
    words: &[&str],
    root: &mut VirtualRoot,
    environment: &mut Environment<'_>,
) -> Result<Outcome, Uncovered> {
    let mut fuel = Fuel::default();
    let variables = environment::variables(environment);
    let mut words = words.iter().map(|word| Value::from(*word));
    let mut state = State::new(variables, words.next().unwrap_or_default(), words.collect());
    let (stdout, stderr) = (Rc::new(RefCell::default()), Rc::new(RefCell::default()));
    state.descriptors.insert(0, Descriptor::Null);
    state.descriptors.insert(1, Descriptor::Buffer(Rc::clone(&stdout)));
    state.descriptors.insert(2, Descriptor::Buffer(Rc::clone(&stderr)));
    let mut machine = Machine {
        root,
        answers: environment.answers,
        package: environment.package,
        commands: environment.commands,
        fuel: &mut fuel,
    };
    let status = Shell { state, machine: &mut machine }.script(script)?;
    let outcome = Outcome { status: ExitStatus(status), stdout: stdout.take(), stderr: stderr.take() };
    Ok(outcome)
}

/// What all shells and commands of one evaluation share.
struct Machine<'a> {
    root: &'a mut VirtualRoot,
    answers: &'a mut Answers,
    package: &'a Package,
    commands: &'a Commands,
    fuel: &'a mut Fuel,
}

/// A shell or subshell.
struct Shell<'s, 'a> {
    state: State,
    machine: &'s mut Machine<'a>,
}

impl<'a> Shell<'_, 'a> {
    fn uncovered(&self, command: impl Into<String>, reason: impl Into<String>) -> Stop {
        let file = self.state.file.clone();
        Stop::Uncovered(Uncovered { file, ..Uncovered::new(self.state.line, command, reason) })
    }
    fn spend(&mut self, bytes: usize) -> Result<(), Stop> {
        if bytes > MAX_VALUE {
            return Err(self.uncovered("script", "a value exceeds the size limit"));
        }
        if self.machine.fuel.spend(bytes) { Ok(()) } else { Err(self.uncovered("script", "the script exceeds the step limit")) }
    }
    /// Whether a pattern matches; it costs what looking may take.
    fn matches(&mut self, pattern: &[u8], text: &[u8]) -> Result<bool, Stop> {
        if !self.machine.fuel.spend(cost(pattern, text)) {
            return Err(self.uncovered("script", "the script exceeds the step limit"));
        }
        Ok(matches(pattern, text))
    }
    /// A copy of this shell; it costs what it copies.
    fn subshell(&mut self) -> Result<Shell<'_, 'a>, Stop> {
        self.spend(self.state.size().min(MAX_VALUE))?;
        let mut state = self.state.clone();
        state.exit_trap = None;
        Ok(Shell { state, machine: self.machine })
    }
    /// A whole script with its exit trap; its exit status.
    fn script(mut self, script: &Script) -> Result<u8, Uncovered> {
        self.state.bash = script.bash;
        for option in &script.options {
            self.set_option(*option, true).map_err(uncovered_only)?;
        }
        let body = Arc::clone(&script.body);
        self.whole(&body)
    }
    /// Evaluates a list as the whole of a shell's work.
    fn whole(&mut self, list: &[AndOr]) -> Result<u8, Uncovered> {
        let step = self.list(list);
        self.exit(step)
    }
    /// The end of a shell: its exit trap, then its status.
    fn exit(&mut self, step: Step) -> Result<u8, Uncovered> {
        let status = status_of(step, self.state.status)?;
        let Some(trap) = self.state.exit_trap.take() else { return Ok(status) };
        self.state.status = status;
        self.state.tested = 0;
        let list = parse::parse_text(&trap.bytes, self.state.line)?;
        match self.list(&list) {
            Err(Stop::Exit(status)) => Ok(status),
            Err(Stop::Uncovered(uncovered)) => Err(uncovered),
            _ => Ok(status),
        }
    }
    fn list(&mut self, list: &[AndOr]) -> Step {
        let mut status = 0;
        for and_or in list {
            if and_or.background {
                return Err(self.uncovered("&", "commands in the background are not evaluated"));
            }
            status = self.and_or(and_or)?;
            self.state.status = status;
        }
        Ok(status)
    }
    fn and_or(&mut self, and_or: &AndOr) -> Step {
        let last = and_or.rest.len();
        let mut status = self.pipeline(&and_or.first, last > 0)?;
        for (index, (and, pipeline)) in and_or.rest.iter().enumerate() {
            self.state.status = status;
            if *and == (status == 0) {
                status = self.pipeline(pipeline, index + 1 < last)?;
            }
        }
        Ok(status)
    }
    fn pipeline(&mut self, pipeline: &Pipeline, tested: bool) -> Step {
        if pipeline.negated || tested {
            self.state.tested += 1;
            let step = self.piped(&pipeline.commands);
            self.state.tested -= 1;
            let status = step?;
            return Ok(if pipeline.negated { u8::from(status == 0) } else { status });
        }
        self.piped(&pipeline.commands)
    }
    fn piped(&mut self, commands: &[Command]) -> Step {
        if let [command] = commands {
            return self.command(command);
        }
        let mut input = self.state.descriptors.get(&0).cloned();
        let mut status = 0;
        for (index, command) in commands.iter().enumerate() {
            let output = Rc::new(RefCell::new(Value::default()));
            let mut part = self.subshell()?;
            part.state.loops = 0;
            match &input {
                Some(input) => part.state.descriptors.insert(0, input.clone()),
                None => part.state.descriptors.remove(&0),
            };
            if index + 1 < commands.len() {
                part.state.descriptors.insert(1, Descriptor::Buffer(Rc::clone(&output)));
            }
            let step = part.command(command);
            status = part.exit(step)?;
            input = Some(Descriptor::Input(Input::new(output.take())));
        }
        self.check(status)
    }
    /// `set -e`: ends the shell where nobody looks at a status that is not 0.
    fn check(&mut self, status: u8) -> Step {
        self.state.status = status;
        if status != 0 && self.state.options.errexit && self.state.tested == 0 { Err(Stop::Exit(status)) } else { Ok(status) }
    }
    fn command(&mut self, command: &Command) -> Step {
        self.spend(0)?;
        self.state.line = command.line;
        if self.state.depth >= MAX_DEPTH {
            return Err(self.uncovered("script", "the script nests too deeply"));
        }
        self.state.depth += 1;
        let step = self.command_at_depth(command);
        self.state.depth -= 1;
        step
    }
    fn command_at_depth(&mut self, command: &Command) -> Step {
        if let CommandKind::Simple { assignments, words } = &command.kind {
            let status = self.simple(assignments, words, &command.redirects)?;
            return self.check(status);
        }
        if let CommandKind::Subshell(list) = &command.kind {
            let mut subshell = self.subshell()?;
            subshell.state.loops = 0;
            let step = match subshell.redirect(&command.redirects)? {
                None => subshell.list(list),
                Some(status) => Ok(status),
            };
            let status = subshell.exit(step)?;
            return self.check(status);
        }
        if command.redirects.is_empty() {
            return self.compound(&command.kind);
        }
        let saved = self.state.descriptors.clone();
        let step = match self.redirect(&command.redirects) {
            Ok(None) => self.compound(&command.kind),
            Ok(Some(status)) => self.check(status),
            Err(stop) => Err(stop),
        };
        self.state.descriptors = saved;
        step
    }
    fn compound(&mut self, kind: &CommandKind) -> Step {
        match kind {
            CommandKind::Group(list) => self.list(list),
            CommandKind::If { arms, otherwise } => {
                for (condition, body) in arms {
                    if self.condition(condition)? == 0 {
                        return self.list(body);
                    }
                }
                self.state.status = 0;
                self.list(otherwise)
            }
            CommandKind::While { until, condition, body } => self.repeat(*until, condition, body),
            CommandKind::For { variable, words, body } => self.each(variable, words.as_deref(), body),
            CommandKind::Case { word, arms } => self.case(word, arms),
            CommandKind::Function { name, body } => {
                self.state.functions.insert(name.clone(), Arc::clone(body));
                Ok(0)
            }
            CommandKind::Simple { .. } | CommandKind::Subshell(_) => Ok(0),
        }
    }
    fn condition(&mut self, list: &[AndOr]) -> Step {
        self.state.tested += 1;
        let step = self.list(list);
        self.state.tested -= 1;
        step
    }
    fn repeat(&mut self, until: bool, condition: &[AndOr], body: &[AndOr]) -> Step {
        let mut status = 0;
        self.state.loops += 1;
        let step = loop {
            if let Err(stop) = self.spend(0) {
                break Err(stop);
            }
            // `break` is also taken in the condition.
            let turn = match self.condition(condition) {
                Ok(found) if (found == 0) == until => break Ok(status),
                Ok(_) => self.list(body),
                Err(stop) => Err(stop),
            };
            if let Some(step) = around(turn, &mut status) {
                break step;
            }
        };
        self.state.loops -= 1;
        step
    }
    fn each(&mut self, variable: &[u8], words: Option<&[Word]>, body: &[AndOr]) -> Step {
        let values = match words {
            Some(words) => self.fields(words)?,
            None => self.state.positional.clone(),
        };
        let mut status = 0;
        self.state.loops += 1;
        let mut step = Ok(0);
        for value in values {
            if let Err(stop) = self.spend(value.bytes.len()) {
                step = Err(stop);
                break;
            }
            let turn = match self.assign(variable, value) {
                Ok(()) => self.list(body),
                Err(stop) => Err(stop),
            };
            if let Some(end) = around(turn, &mut status) {
                step = end;
                break;
            }
            step = Ok(status);
        }
        self.state.loops -= 1;
        step
    }
    fn case(&mut self, word: &Word, arms: &[(Vec<Word>, Vec<AndOr>)]) -> Step {
        let value = self.text(word)?;
        self.state.status = 0;
        for (patterns, body) in arms {
            for pattern in patterns {
                let pattern = self.pattern(pattern)?;
                if self.matches(&pattern, &value.bytes)? {
                    return self.list(body);
                }
            }
        }
        Ok(0)
    }
    fn assign(&mut self, name: &[u8], value: Value) -> Result<(), Stop> {
        if self.state.set(name, value) {
            return Ok(());
        }
        self.complain(&[name, b": is read only"].concat())?;
        Err(Stop::Exit(2))
    }
}

/// After one turn of a loop: nothing to go on, else how the loop ends.
fn around(turn: Step, status: &mut u8) -> Option<Step> {
    match turn {
        Ok(found) => {
            *status = found;
            None
        }
        Err(Stop::Break(1)) => Some(Ok(0)),
        Err(Stop::Break(n)) => Some(Err(Stop::Break(n - 1))),
        Err(Stop::Continue(1)) => {
            *status = 0;
            None
        }
        Err(Stop::Continue(n)) => Some(Err(Stop::Continue(n - 1))),
        Err(stop) => Some(Err(stop)),
    }
}

/// The exit status that the end of a shell's list means.
fn status_of(step: Step, last: u8) -> Result<u8, Uncovered> {
    match step {
        Ok(status) | Err(Stop::Exit(status) | Stop::Return(status)) => Ok(status),
        Err(Stop::Break(_) | Stop::Continue(_)) => Ok(last),
        Err(Stop::Uncovered(uncovered)) => Err(uncovered),
    }
}

fn uncovered_only(stop: Stop) -> Uncovered {
    match stop {
        Stop::Uncovered(uncovered) => uncovered,
        _ => Uncovered::new(1, "script", "the first line has options that are not covered"),
    }
}
