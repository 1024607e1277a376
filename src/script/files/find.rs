//! `find`: the tests and actions that scripts use.

use crate::layer::root::{Inode, InodeKind};
use crate::script::call::{Call, Table};
use crate::script::shell::{cost, matches};
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Input, Value};

use super::{accounts, base_name, inside};

pub(super) const PROGRAMS: Table = &[("find", &find)];

/// Parentheses in parentheses.
const MAX_NESTING: u32 = 20;

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
    /// In parentheses: alternatives, each of tests that must all hold.
    Any(Vec<Vec<Test>>),
    Print,
    Print0,
    PrintF(Vec<u8>),
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
        self.any = self.alternatives(call, &mut words, 0)?;
        if !self.any.iter().flatten().any(acts) {
            let any = std::mem::take(&mut self.any);
            self.any = vec![vec![Test::Any(any), Test::Print]];
        }
        Ok(())
    }
    /// Tests up to the end, or to the parenthesis that ends them.
    fn alternatives(
        &mut self,
        call: &mut Call<'_>,
        words: &mut std::slice::Iter<'_, Value>,
        depth: u32,
    ) -> Result<Vec<Vec<Test>>, Uncovered> {
        if depth > MAX_NESTING {
            return Err(call.uncovered("parentheses are nested too deeply"));
        }
        let (mut any, mut all, mut negated) = (Vec::new(), Vec::new(), false);
        loop {
            let Some(word) = words.next() else {
                if depth > 0 {
                    return Err(call.uncovered("a parenthesis is not closed"));
                }
                break;
            };
            let test = match &word.text()[..] {
                ")" if depth > 0 => break,
                "-o" | "-or" => {
                    any.push(std::mem::take(&mut all));
                    continue;
                }
                "!" | "-not" => {
                    negated = !negated;
                    continue;
                }
                "(" => Some(Test::Any(self.alternatives(call, words, depth + 1)?)),
                name => self.test(call, name, words)?,
            };
            let Some(test) = test else { continue };
            all.push(if std::mem::take(&mut negated) { Test::Not(Box::new(test)) } else { test });
        }
        any.push(all);
        Ok(any)
    }
    /// One test or action; nothing for a word about the whole walk.
    fn test(
        &mut self,
        call: &mut Call<'_>,
        name: &str,
        words: &mut std::slice::Iter<'_, Value>,
    ) -> Result<Option<Test>, Uncovered> {
        Ok(Some(match name {
            "-a" | "-and" | "-xdev" | "-mount" | "-noleaf" => return Ok(None),
            "-depth" | "-d" => {
                self.depth_first = true;
                return Ok(None);
            }
            "-maxdepth" | "-mindepth" => {
                let number = words.next().and_then(|word| word.text().parse().ok());
                let Some(number) = number else { return Err(call.uncovered("a depth is missing")) };
                *(if name == "-maxdepth" { &mut self.maximum } else { &mut self.minimum }) = number;
                return Ok(None);
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
            "-exec" => exec(call, words)?,
            _ => {
                let Some(argument) = words.next() else { return Err(call.uncovered(format!("{name} is not covered"))) };
                valued(call, name, argument)?
            }
        }))
    }
    fn visit(&self, call: &mut Call<'_>, path: &[u8], inode: &Inode, base: bool) -> Result<Visit, Uncovered> {
        let mut visit = Visit::Go;
        one_holds(call, &self.any, (path, inode, base), &mut visit)?;
        Ok(visit)
    }
}

/// What is looked at: its path as spelled, itself, and whether its start came from the base.
pub(super) type Place<'p> = (&'p [u8], &'p Inode, bool);

fn acts(test: &Test) -> bool {
    match test {
        Test::Print | Test::Print0 | Test::PrintF(_) | Test::Delete | Test::Exec(..) => true,
        Test::Not(inner) => acts(inner),
        Test::Any(any) => any.iter().flatten().any(acts),
        _ => false,
    }
}

/// Whether all tests of one of the alternatives hold.
fn one_holds(call: &mut Call<'_>, any: &[Vec<Test>], place: Place<'_>, visit: &mut Visit) -> Result<bool, Uncovered> {
    for all in any {
        let mut held = true;
        for test in all {
            held = holds(call, test, place, visit)?;
            if matches!(visit, Visit::Quit) {
                return Ok(true);
            }
            if !held {
                break;
            }
        }
        if held {
            return Ok(true);
        }
    }
    Ok(false)
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
        "-printf" => Test::PrintF(argument.bytes.clone()),
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

/// As `-type` names it.
fn letter(kind: &InodeKind) -> u8 {
    match kind {
        InodeKind::File { .. } => b'f',
        InodeKind::Directory => b'd',
        InodeKind::Symlink(_) => b'l',
        InodeKind::CharDevice(..) => b'c',
        InodeKind::BlockDevice(..) => b'b',
        InodeKind::Fifo => b'p',
    }
}

fn holds(call: &mut Call<'_>, test: &Test, place: Place<'_>, visit: &mut Visit) -> Result<bool, Uncovered> {
    let (path, inode, base) = place;
    Ok(match test {
        Test::Name(pattern) => {
            call.spend(cost(pattern, base_name(path)))?;
            matches(pattern, base_name(path))
        }
        Test::Path(pattern) => {
            call.spend(cost(pattern, path))?;
            matches(pattern, path)
        }
        Test::Type(kind) => letter(&inode.kind) == *kind,
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
        Test::Not(inner) => !holds(call, inner, place, visit)?,
        Test::Any(any) => one_holds(call, any, place, visit)?,
        Test::Print | Test::Print0 => {
            let end: &[u8] = if matches!(test, Test::Print) { b"\n" } else { b"\0" };
            call.out(&[path, end].concat(), base)?;
            true
        }
        Test::Delete => match call.root.remove(&call.path(path)) {
            Ok(()) => true,
            Err(error) => call.failed(path, &error)?.success(),
        },
        Test::Prune => {
            *visit = Visit::Pruned;
            true
        }
        Test::Quit => {
            *visit = Visit::Quit;
            true
        }
        Test::PrintF(format) => {
            let text = super::find_print::printed(call, format, place)?;
            call.out(&text, base)?;
            true
        }
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
pub(super) fn replace(word: &[u8], path: &[u8]) -> Vec<u8> {
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
