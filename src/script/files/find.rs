//! `find` (tests and actions that scripts use) and `xargs`.

use crate::layer::root::{Inode, InodeKind};
use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::shell::{cost, matches};
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Input, Value};

use super::{accounts, base_name, inside};

pub(super) const PROGRAMS: Table = &[("find", &find), ("xargs", &xargs)];

/// Words that one command of `xargs` takes at most, far below any system's limit.
const MAX_WORDS: usize = 5000;

#[derive(Debug)]
enum Test {
    Name(Vec<u8>),
    Path(Vec<u8>),
    Type(u8),
    Empty,
    User(u32),
    Group(u32),
    Mode(u32, u8),
    Not(Box<Test>),
    Print,
    Print0,
    Delete,
    Prune,
    Quit,
    Exec(Vec<Value>, bool),
}

fn find(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let split = call.arguments.iter().position(|word| matches!(word.bytes.first(), Some(b'-' | b'(' | b'!')));
    let (starts, words) = call.arguments.split_at(split.unwrap_or(call.arguments.len()));
    let mut plan = Plan { minimum: 0, maximum: usize::MAX, depth_first: false, any: Vec::new() };
    plan.read(call, words)?;
    let here = [Value::from(".")];
    let mut status = ExitStatus::SUCCESS;
    for start in if starts.is_empty() { &here[..] } else { starts } {
        let mut open = vec![(start.bytes.clone(), 0_usize, false)];
        if let Err(error) = call.root.lstat(&call.path(start)) {
            status = call.failed(&start.bytes, &error)?;
            continue;
        }
        while let Some((path, depth, visited)) = open.pop() {
            call.spend(path.len())?;
            let Ok(inode) = call.root.lstat(&call.path(&path)) else { continue };
            let descend = inode.is_directory() && depth < plan.maximum && !visited;
            let names = if descend { call.root.read_dir(&call.path(&path)).unwrap_or_default() } else { Vec::new() };
            let below = names.iter().rev().map(|name| (inside(&path, name), depth + 1, false));
            if plan.depth_first && descend {
                open.push((path.clone(), depth, true));
                open.extend(below);
                continue;
            }
            let outcome = if depth >= plan.minimum { plan.visit(call, &path, &inode, start.base)? } else { Visit::Go };
            match outcome {
                Visit::Quit => return Ok(status),
                Visit::Pruned => {}
                Visit::Go => open.extend(below),
            }
        }
    }
    Ok(status)
}

enum Visit {
    Go,
    Pruned,
    Quit,
}

struct Plan {
    minimum: usize,
    maximum: usize,
    depth_first: bool,
    /// Alternatives, each of tests that must all hold.
    any: Vec<Vec<Test>>,
}

impl Plan {
    fn read(&mut self, call: &mut Call<'_>, words: &[Value]) -> Result<(), Uncovered> {
        let mut words = words.iter();
        let mut all = Vec::new();
        let mut negated = false;
        while let Some(word) = words.next() {
            let name = word.text();
            let test = match &name[..] {
                "-o" | "-or" => {
                    self.any.push(std::mem::take(&mut all));
                    continue;
                }
                "-a" | "-and" | "-xdev" | "-mount" | "-noleaf" => continue,
                "!" | "-not" => {
                    negated = !negated;
                    continue;
                }
                "-depth" | "-d" => {
                    self.depth_first = true;
                    continue;
                }
                "-maxdepth" | "-mindepth" => {
                    let number = words.next().and_then(|word| word.text().parse().ok());
                    let Some(number) = number else { return Err(call.uncovered("a depth is missing")) };
                    *(if name == "-maxdepth" { &mut self.maximum } else { &mut self.minimum }) = number;
                    continue;
                }
                "-print" => Test::Print,
                "-print0" => Test::Print0,
                "-prune" => Test::Prune,
                "-quit" => Test::Quit,
                "-empty" => Test::Empty,
                "-delete" => {
                    self.depth_first = true;
                    Test::Delete
                }
                "-exec" => exec(call, &mut words)?,
                _ => {
                    let Some(argument) = words.next() else { return Err(call.uncovered(format!("{name} is not covered"))) };
                    valued(call, &name, argument)?
                }
            };
            all.push(if std::mem::take(&mut negated) { Test::Not(Box::new(test)) } else { test });
        }
        self.any.push(all);
        let acts = |test: &Test| matches!(test, Test::Print | Test::Print0 | Test::Delete | Test::Exec(..));
        if !self.any.iter().flatten().any(acts) {
            if self.any.len() > 1 && self.any.iter().flatten().any(|test| matches!(test, Test::Prune)) {
                return Err(call.uncovered("-prune without an action is not covered"));
            }
            self.any.iter_mut().for_each(|all| all.push(Test::Print));
        }
        Ok(())
    }
    fn visit(&self, call: &mut Call<'_>, path: &[u8], inode: &Inode, base: bool) -> Result<Visit, Uncovered> {
        let mut visit = Visit::Go;
        for all in &self.any {
            let mut held = true;
            for test in all {
                held = holds(call, test, path, inode, base)?;
                if !held {
                    break;
                }
                match test {
                    Test::Prune => visit = Visit::Pruned,
                    Test::Quit => return Ok(Visit::Quit),
                    _ => {}
                }
            }
            if held {
                break;
            }
        }
        Ok(visit)
    }
}

fn exec(call: &Call<'_>, words: &mut std::slice::Iter<'_, Value>) -> Result<Test, Uncovered> {
    let mut command = Vec::new();
    for word in words.by_ref() {
        match &word.bytes[..] {
            b";" => return Ok(Test::Exec(command, false)),
            // Together or one by one is the same to what is covered.
            b"+" if command.last().is_some_and(|last: &Value| last.bytes == b"{}") => return Ok(Test::Exec(command, true)),
            _ => command.push(word.clone()),
        }
    }
    Err(call.uncovered("-exec does not end"))
}

fn valued(call: &Call<'_>, name: &str, argument: &Value) -> Result<Test, Uncovered> {
    let refuse = || call.uncovered(format!("{name} {} is not covered", argument.text()));
    Ok(match name {
        "-name" => Test::Name(argument.bytes.clone()),
        "-path" | "-wholename" => Test::Path(argument.bytes.clone()),
        "-type" => match argument.bytes[..] {
            [kind @ (b'f' | b'd' | b'l' | b'c' | b'b' | b'p')] => Test::Type(kind),
            _ => return Err(refuse()),
        },
        "-user" | "-uid" => Test::User(accounts::user_or_number(call.root, &argument.bytes).ok_or_else(refuse)?.0),
        "-group" | "-gid" => Test::Group(accounts::group_or_number(call.root, &argument.bytes).ok_or_else(refuse)?.0),
        "-perm" => {
            let text = argument.text();
            let (how, digits) = match text.chars().next() {
                Some('-') => (b'-', &text[1..]),
                Some('/') => (b'/', &text[1..]),
                _ => (b'=', &text[..]),
            };
            Test::Mode(u32::from_str_radix(digits, 8).map_err(|_| refuse())?, how)
        }
        _ => return Err(call.uncovered(format!("{name} is not covered"))),
    })
}

fn holds(call: &mut Call<'_>, test: &Test, path: &[u8], inode: &Inode, base: bool) -> Result<bool, Uncovered> {
    Ok(match test {
        Test::Name(pattern) => {
            call.spend(cost(pattern, base_name(path)))?;
            matches(pattern, base_name(path))
        }
        Test::Path(pattern) => {
            call.spend(cost(pattern, path))?;
            matches(pattern, path)
        }
        Test::Type(kind) => {
            let own = match &inode.kind {
                InodeKind::File { .. } => b'f',
                InodeKind::Directory => b'd',
                InodeKind::Symlink(_) => b'l',
                InodeKind::CharDevice(..) => b'c',
                InodeKind::BlockDevice(..) => b'b',
                InodeKind::Fifo => b'p',
            };
            own == *kind
        }
        Test::Empty => match inode.kind {
            InodeKind::Directory => call.root.read_dir(&call.path(path)).is_ok_and(|names| names.is_empty()),
            InodeKind::File { size, .. } => size == 0,
            _ => false,
        },
        Test::User(id) => inode.owner.uid == *id,
        Test::Group(id) => inode.owner.gid == *id,
        Test::Mode(bits, b'-') => inode.mode & bits == *bits,
        Test::Mode(bits, b'/') => *bits == 0 || inode.mode & bits != 0,
        Test::Mode(bits, _) => inode.mode == *bits,
        Test::Not(inner) => !holds(call, inner, path, inode, base)?,
        Test::Print | Test::Print0 => {
            let end: &[u8] = if matches!(test, Test::Print) { b"\n" } else { b"\0" };
            call.out(&[path, end].concat(), base)?;
            true
        }
        Test::Delete => match call.root.remove(&call.path(path)) {
            Ok(()) => true,
            Err(error) => call.failed(path, &error)?.success(),
        },
        Test::Prune | Test::Quit => true,
        Test::Exec(command, together) => {
            let filled: Vec<Value> =
                command.iter().map(|word| Value::with(replace(&word.bytes, path), word.base || base)).collect();
            let (status, output) = call.invoke(&filled, Input::default())?;
            call.out(&output.bytes, output.base)?;
            status.success() || *together
        }
    })
}

/// `{}` replaced everywhere in a word.
fn replace(word: &[u8], path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < word.len() {
        if word[at..].starts_with(b"{}") {
            out.extend_from_slice(path);
            at += 2;
        } else {
            out.push(word[at]);
            at += 1;
        }
    }
    out
}

fn xargs(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [("null", '0'), ("no-run-if-empty", 'r'), ("max-args", 'n')];
    let options = Options::read_until(call, "0rn:I:", &long, true)?;
    let text = call.stdin.rest();
    call.spend(text.bytes.len())?;
    if !options.has('0') && text.bytes.iter().any(|b| matches!(b, b'"' | b'\'' | b'\\')) {
        return Err(call.uncovered("quotes in the input are not covered"));
    }
    let separators: fn(&u8) -> bool = if options.has('0') {
        |b| *b == 0
    } else if options.has('I') {
        |b| *b == b'\n'
    } else {
        |b| b.is_ascii_whitespace()
    };
    let words = text.bytes.split(separators).filter(|word| !word.is_empty());
    let words: Vec<Value> = words.map(|word| Value::with(word, text.base)).collect();
    let echo = [Value::from("echo")];
    let command = if options.operands.is_empty() { &echo[..] } else { &options.operands };
    let mut groups: Vec<Vec<Value>> = Vec::new();
    if let Some(mark) = options.value('I') {
        for word in &words {
            let fill = |part: &Value| {
                let same = part.bytes == mark.bytes;
                if same {
                    word.clone()
                } else if mark.bytes == b"{}" {
                    Value::with(replace(&part.bytes, &word.bytes), part.base || word.base)
                } else {
                    part.clone()
                }
            };
            groups.push(command.iter().map(fill).collect());
        }
    } else {
        let size = options.value('n').map_or(Ok(MAX_WORDS), |value| value.text().parse::<usize>());
        let Ok(size) = size.map(|size| size.clamp(1, MAX_WORDS)) else { return Err(call.uncovered("option -n without a number")) };
        groups.extend(words.chunks(size).map(|words| [command, words].concat()));
        if words.is_empty() && !options.has('r') {
            groups.push(command.to_vec());
        }
    }
    let mut status = ExitStatus::SUCCESS;
    for group in groups {
        let (ended, output) = call.invoke(&group, Input::default())?;
        call.out(&output.bytes, output.base)?;
        match ended.0 {
            0 => {}
            127 => return Ok(ExitStatus(127)),
            _ => status = ExitStatus(123),
        }
    }
    Ok(status)
}
