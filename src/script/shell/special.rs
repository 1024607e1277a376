//! Built-ins that change the shell itself (XCU 2.14 and those of 1.7 that need its state).
//!
//! Invariant: an option that is not covered is told, never ignored.

use crate::script::parse;
use crate::script::uncovered::PARSING;
use crate::script::value::Value;
use crate::script::word::is_name;

use super::Shell;
use super::simple::Meaning;
use super::state::{Step, Stop, Variable};

/// Words that the grammar takes for itself.
const KEYWORDS: &[&[u8]] = &[
    b"!", b"case", b"do", b"done", b"elif", b"else", b"esac", b"fi", b"for", b"if", b"in", b"then", b"until", b"while", b"{", b"}",
];

/// A built-in of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    Alias,
    Break,
    Colon,
    Continue,
    Dot,
    Eval,
    Exec,
    Exit,
    Export,
    Readonly,
    Return,
    Set,
    Shift,
    Times,
    Trap,
    Unset,
    Cd,
    Command,
    Getopts,
    Hash,
    Local,
    Pwd,
    Read,
    Type,
    Umask,
    Unalias,
    Wait,
}

impl Special {
    /// Whether POSIX calls it special: its failure ends the shell, and assignments before it stay.
    pub(super) fn is_posix(self) -> bool {
        use Special as S;
        !matches!(
            self,
            S::Alias
                | S::Unalias
                | S::Cd
                | S::Command
                | S::Getopts
                | S::Hash
                | S::Local
                | S::Pwd
                | S::Read
                | S::Type
                | S::Umask
                | S::Wait
        )
    }
}

/// The built-in of a name.
pub(super) fn find(name: &[u8]) -> Option<Special> {
    Some(match name {
        b"alias" => Special::Alias,
        b"unalias" => Special::Unalias,
        b"break" => Special::Break,
        b":" => Special::Colon,
        b"continue" => Special::Continue,
        b"." => Special::Dot,
        b"eval" => Special::Eval,
        b"exec" => Special::Exec,
        b"exit" => Special::Exit,
        b"export" => Special::Export,
        b"readonly" => Special::Readonly,
        b"return" => Special::Return,
        b"set" => Special::Set,
        b"shift" => Special::Shift,
        b"times" => Special::Times,
        b"trap" => Special::Trap,
        b"unset" => Special::Unset,
        b"cd" | b"chdir" => Special::Cd,
        b"command" => Special::Command,
        b"getopts" => Special::Getopts,
        b"hash" => Special::Hash,
        b"local" => Special::Local,
        b"pwd" => Special::Pwd,
        b"read" => Special::Read,
        b"type" => Special::Type,
        b"umask" => Special::Umask,
        b"wait" => Special::Wait,
        _ => return None,
    })
}

impl Shell<'_, '_> {
    pub(super) fn special(&mut self, special: Special, name: &Value, arguments: &[Value]) -> Step {
        match special {
            Special::Colon | Special::Hash | Special::Wait => Ok(0),
            Special::Break | Special::Continue => self.leave_loop(special, arguments),
            Special::Alias => self.alias(arguments),
            Special::Unalias => self.unalias(arguments),
            Special::Dot => self.dot(arguments),
            Special::Eval => self.eval(arguments),
            Special::Exec | Special::Times => Err(self.uncovered(name.text(), "not covered here")),
            Special::Exit => Err(Stop::Exit(self.status_argument(arguments)?)),
            Special::Return => {
                let status = self.status_argument(arguments)?;
                Err(if self.state.frames > 0 { Stop::Return(status) } else { Stop::Exit(status) })
            }
            Special::Export => self.mark(arguments, |variable| variable.exported = true, b"export"),
            Special::Readonly => self.mark(arguments, |variable| variable.readonly = true, b"readonly"),
            Special::Local => self.local(arguments),
            Special::Set => self.set(arguments),
            Special::Shift => self.shift(arguments),
            Special::Trap => self.trap(arguments),
            Special::Unset => self.unset(arguments),
            Special::Cd => self.cd(arguments),
            Special::Pwd => {
                let cwd = Value::new([&self.state.cwd[..], b"\n"].concat());
                self.print(&cwd)
            }
            Special::Command => self.command_builtin(arguments),
            Special::Type => self.type_of(arguments),
            Special::Getopts => self.getopts(arguments),
            Special::Read => self.read(arguments),
            Special::Umask => self.umask(arguments),
        }
    }
    pub(super) fn print(&mut self, value: &Value) -> Step {
        Ok(u8::from(!self.write(1, value)?))
    }
    pub(super) fn not_covered<T>(&self, name: &str, arguments: &[Value], what: &str) -> Result<T, Stop> {
        let words: Vec<_> = arguments.iter().map(Value::text).collect();
        Err(self.uncovered(format!("{name} {}", words.join(" ")), what))
    }
    fn number(&mut self, argument: &Value) -> Result<u32, Stop> {
        if let Ok(number) = argument.text().parse() {
            return Ok(number);
        }
        self.complain(&[b"Illegal number: ", &argument.bytes[..]].concat())?;
        Err(Stop::Exit(2))
    }
    fn status_argument(&mut self, arguments: &[Value]) -> Result<u8, Stop> {
        match arguments.first() {
            Some(argument) => Ok(self.number(argument)? as u8),
            None => Ok(self.state.status),
        }
    }
    fn leave_loop(&mut self, special: Special, arguments: &[Value]) -> Step {
        let levels = match arguments.first() {
            Some(argument) => self.number(argument)?,
            None => 1,
        };
        if self.state.loops == 0 {
            return Ok(0);
        }
        let levels = levels.clamp(1, self.state.loops);
        Err(if special == Special::Break { Stop::Break(levels) } else { Stop::Continue(levels) })
    }
    fn eval(&mut self, arguments: &[Value]) -> Step {
        let text = arguments.iter().map(|argument| &argument.bytes[..]).collect::<Vec<_>>().join(&b' ');
        self.spend(text.len() + PARSING)?;
        let list = parse::parse_text(&text, self.state.line)?;
        self.deeper()?;
        let step = self.list(&list);
        self.state.depth -= 1;
        step
    }
    fn mark(&mut self, arguments: &[Value], mark: impl Fn(&mut Variable), name: &[u8]) -> Step {
        for argument in arguments {
            if argument.bytes.starts_with(b"-") {
                return self.not_covered(&String::from_utf8_lossy(name), arguments, "options are not covered");
            }
            let (variable, value) = split_assignment(argument);
            if !is_name(&variable) {
                self.complain(&[name, b": ", &variable, b": bad variable name"].concat())?;
                return Err(Stop::Exit(2));
            }
            if let Some(value) = value {
                self.assign(&variable, value)?;
            }
            mark(self.state.variables.entry(variable).or_default());
        }
        Ok(0)
    }
    fn local(&mut self, arguments: &[Value]) -> Step {
        for argument in arguments {
            let (name, value) = split_assignment(argument);
            let before = self.state.variables.get(&name).cloned();
            let Some(frame) = self.state.locals.last_mut() else {
                self.complain(b"local: not in a function")?;
                return Err(Stop::Exit(2));
            };
            if !frame.iter().any(|(known, _)| *known == name) {
                frame.push((name.clone(), before));
            }
            // Without a value dash lets the outer value show through.
            if let Some(value) = value {
                self.assign(&name, value)?;
            }
        }
        Ok(0)
    }
    /// Turns an option of `set` on or off.
    pub(super) fn set_option(&mut self, option: u8, on: bool) -> Result<(), Stop> {
        match option {
            b'e' => self.state.options.errexit = on,
            b'u' => self.state.options.nounset = on,
            b'f' => self.state.options.noglob = on,
            b'a' => self.state.options.allexport = on,
            // Traces go to standard error, which nobody reads.
            b'x' | b'v' => self.state.options.xtrace = on,
            b'C' => self.state.options.noclobber = on,
            b'h' | b'b' | b'm' if !on => {}
            _ => return Err(self.uncovered(format!("set -{}", char::from(option)), "this option is not covered")),
        }
        Ok(())
    }
    fn set(&mut self, arguments: &[Value]) -> Step {
        let mut rest = arguments.iter();
        while let Some(argument) = rest.as_slice().first() {
            let on = match argument.bytes.first() {
                Some(b'-') => true,
                Some(b'+') => false,
                _ => break,
            };
            rest.next();
            if argument.bytes == b"--" {
                self.state.positional = rest.as_slice().to_vec();
                return Ok(0);
            }
            for option in argument.bytes.get(1..).unwrap_or_default() {
                if *option != b'o' {
                    self.set_option(*option, on)?;
                    continue;
                }
                let name = rest.next().map(|name| name.text().into_owned());
                match name.as_deref() {
                    Some("errexit") => self.state.options.errexit = on,
                    Some("nounset") => self.state.options.nounset = on,
                    Some("noclobber") => self.state.options.noclobber = on,
                    Some("noglob") => self.state.options.noglob = on,
                    Some("allexport") => self.state.options.allexport = on,
                    Some("xtrace" | "verbose") => self.state.options.xtrace = on,
                    _ => return self.not_covered("set", arguments, "this option is not covered"),
                }
            }
        }
        if arguments.is_empty() {
            return self.not_covered("set", arguments, "listing all variables is not covered");
        }
        if !rest.as_slice().is_empty() {
            self.state.positional = rest.as_slice().to_vec();
        }
        Ok(0)
    }
    fn shift(&mut self, arguments: &[Value]) -> Step {
        let count = match arguments.first() {
            Some(argument) => self.number(argument)? as usize,
            None => 1,
        };
        if count > self.state.positional.len() {
            self.complain(b"shift: can't shift that many")?;
            return Err(Stop::Exit(2));
        }
        self.state.positional.drain(..count);
        Ok(0)
    }
    #[expect(clippy::unnecessary_wraps, reason = "the shape of a built-in")]
    /// Only the exit trap is evaluated: no signal ever comes.
    fn trap(&mut self, arguments: &[Value]) -> Step {
        let arguments = if arguments.first().is_some_and(|first| first.bytes == b"--") { &arguments[1..] } else { arguments };
        let Some((action, conditions)) = arguments.split_first() else { return Ok(0) };
        let is_exit = |condition: &Value| matches!(&condition.bytes[..], b"0" | b"EXIT");
        let number = !action.is_empty() && action.bytes.iter().all(u8::is_ascii_digit);
        if number || conditions.is_empty() || action.bytes == b"-" {
            let all = if number || conditions.is_empty() { arguments } else { conditions };
            if all.iter().any(is_exit) {
                self.state.exit_trap = None;
            }
        } else if conditions.iter().any(is_exit) {
            self.state.exit_trap = Some(action.clone()).filter(|action| !action.is_empty());
        }
        Ok(0)
    }
    fn unset(&mut self, arguments: &[Value]) -> Step {
        let (functions, names) = match arguments.first().map(|first| &first.bytes[..]) {
            Some(b"-f") => (true, &arguments[1..]),
            Some(b"-v") => (false, &arguments[1..]),
            _ => (false, arguments),
        };
        for name in names {
            if functions {
                self.state.functions.remove(&name.bytes);
            } else if self.state.variables.get(&name.bytes).is_some_and(|variable| variable.readonly) {
                self.complain(&[&name.bytes[..], b": is read only"].concat())?;
                return Err(Stop::Exit(2));
            } else {
                self.state.variables.remove(&name.bytes);
            }
        }
        Ok(0)
    }
    fn command_builtin(&mut self, arguments: &[Value]) -> Step {
        let Some((first, rest)) = arguments.split_first() else { return Ok(0) };
        match &first.bytes[..] {
            b"-v" => self.command_v(rest),
            b"-V" => self.type_of(rest),
            b"-p" | b"--" => self.command_builtin(rest),
            flag if flag.starts_with(b"-") => self.not_covered("command", arguments, "this option is not covered"),
            _ => {
                let meaning = self.meaning(&first.bytes, true);
                // `command` takes the danger out of special built-ins: their failure does not end the shell.
                match self.run(first, rest, meaning) {
                    Err(Stop::Exit(2)) if first.bytes != b"exit" => Ok(2),
                    step => step,
                }
            }
        }
    }
    fn command_v(&mut self, names: &[Value]) -> Step {
        let Some(name) = names.first() else { return Ok(2) };
        if KEYWORDS.contains(&&name.bytes[..]) {
            return self.print(&Value::new([&name.bytes[..], b"\n"].concat()));
        }
        let found = match self.meaning(&name.bytes, false) {
            Meaning::Program(place) if !name.bytes.contains(&b'/') => self.spelled(&name.bytes, &place.absolute()),
            Meaning::Absent => return Ok(127),
            _ => name.bytes.clone(),
        };
        self.print(&Value::new([&found[..], b"\n"].concat()))
    }
    /// A program as the search path spells it, where links lead elsewhere.
    pub(super) fn spelled(&self, name: &[u8], place: &[u8]) -> Vec<u8> {
        let path = self.state.get(b"PATH").map(|value| value.bytes.clone()).unwrap_or_default();
        let mut candidates = path.split(|b| *b == b':').map(|directory| [directory, b"/", name].concat());
        let found =
            candidates.find(|path| self.machine.root.stat(path).is_ok_and(|inode| inode.is_file() && inode.mode & 0o111 != 0));
        found.unwrap_or_else(|| place.to_vec())
    }
    fn type_of(&mut self, names: &[Value]) -> Step {
        let mut status = 0;
        for name in names {
            let text = match self.meaning(&name.bytes, false) {
                Meaning::Special(special) if special.is_posix() => b" is a special shell builtin\n".to_vec(),
                Meaning::Special(_) | Meaning::Native(_) => b" is a shell builtin\n".to_vec(),
                Meaning::Function(_) => b" is a shell function\n".to_vec(),
                Meaning::Program(place) => [b" is ".as_slice(), &self.spelled(&name.bytes, &place.absolute()), b"\n"].concat(),
                Meaning::Absent => {
                    status = 127;
                    b": not found\n".to_vec()
                }
            };
            self.print(&Value::new([&name.bytes[..], &text].concat()))?;
        }
        Ok(status)
    }
}

fn split_assignment(argument: &Value) -> (Vec<u8>, Option<Value>) {
    let mut halves = argument.bytes.splitn(2, |b| *b == b'=');
    let name = halves.next().unwrap_or_default().to_vec();
    (name, halves.next().map(|value| Value::with(value, argument.base)))
}
