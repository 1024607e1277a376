//! `sed`: the cycle over lines, and editing in place.
//!
//! Invariant: a missing newline at the end of the last line stays missing.

use crate::layer::root::{Content, Inode, InodeKind};
use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::{MAX_VALUE, Uncovered};
use crate::script::value::{ExitStatus, Value};

use super::sed_script::{Action, Address, Command, Part, parse};

pub(super) const PROGRAMS: Table = &[("sed", &sed)];

const LONG: &[(&str, char)] = &[
    ("quiet", 'n'),
    ("silent", 'n'),
    ("expression", 'e'),
    ("regexp-extended", 'E'),
    ("in-place", 'i'),
    ("file", 'f'),
    ("unbuffered", 'u'),
];

fn sed(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    // `-i` takes a suffix only in the same word; `-ie` is not `-i -e`.
    if call.arguments.iter().any(|word| word.bytes.starts_with(b"-i") && word.bytes.len() > 2) {
        return Err(call.uncovered("option -i with a suffix is not covered"));
    }
    let options = Options::read(call, "ne:Erif:u", LONG)?;
    let mut operands = &options.operands[..];
    let mut text: Vec<u8> = Vec::new();
    for part in options.values('e') {
        text.extend_from_slice(&part.bytes);
        text.push(b'\n');
    }
    for file in options.values('f') {
        let Some(part) = super::input(call, file)? else { return Ok(ExitStatus::FAILURE) };
        text.extend_from_slice(&part.bytes);
        text.push(b'\n');
    }
    let mut base = options.values('e').any(|value| value.base);
    if !options.has('e') && !options.has('f') {
        let Some((first, rest)) = operands.split_first() else {
            call.complain("no script");
            return Ok(ExitStatus::FAILURE);
        };
        text.clone_from(&first.bytes);
        base |= first.base;
        operands = rest;
    }
    let commands = parse(&text, options.has('E') || options.has('r')).map_err(|reason| call.uncovered(reason))?;
    if options.has('i') {
        return in_place(call, &commands, operands, options.has('n'), base);
    }
    let (inputs, status) = super::inputs(call, operands)?;
    let mut all = Value::with("", base);
    for (_, input) in inputs {
        if !all.bytes.is_empty() && !all.bytes.ends_with(b"\n") {
            all.bytes.push(b'\n');
        }
        all.push(&input);
    }
    let output = run(call, &commands, &all, options.has('n'))?;
    call.out(&output.bytes, output.base)?;
    Ok(if status.success() { status } else { ExitStatus::TROUBLE })
}

fn in_place(call: &mut Call<'_>, commands: &[Command], files: &[Value], quiet: bool, base: bool) -> Result<ExitStatus, Uncovered> {
    let mut status = ExitStatus::SUCCESS;
    for file in files {
        let path = call.path(file);
        let Some(mut text) = super::input(call, file)? else {
            status = ExitStatus(4);
            continue;
        };
        text.base |= base;
        let output = run(call, commands, &text, quiet)?;
        let replaced = call.root.stat(&path).and_then(|inode| {
            let size = output.bytes.len() as u64;
            let kind = InodeKind::File { content: Content::Held(output.bytes.into()), size };
            let mut provenance = inode.provenance;
            provenance.bytes = output.base;
            let mtime = call.root.time();
            // A new file takes the old one's place, also where that is a link.
            call.root.put(&path, Inode { kind, mtime, provenance, ..inode })
        });
        if let Err(error) = replaced {
            call.failed(&file.bytes, &error)?;
            status = ExitStatus(4);
        }
    }
    Ok(status)
}

/// What one command wants next.
enum Then {
    Go,
    /// Begin the next cycle without printing.
    Deleted,
    Quit,
}

struct Cycle<'t> {
    lines: Vec<&'t [u8]>,
    index: usize,
    space: Vec<u8>,
    out: Vec<u8>,
    append: Vec<u8>,
    quiet: bool,
    newline: bool,
    ranges: std::collections::HashMap<*const Command, Option<u64>>,
}

fn run(call: &mut Call<'_>, commands: &[Command], text: &Value, quiet: bool) -> Result<Value, Uncovered> {
    let lines: Vec<&[u8]> = super::split_lines(&text.bytes).collect();
    let newline = text.bytes.ends_with(b"\n");
    let mut cycle = Cycle {
        lines,
        index: 0,
        space: Vec::new(),
        out: Vec::new(),
        append: Vec::new(),
        quiet,
        newline,
        ranges: std::collections::HashMap::new(),
    };
    while cycle.index < cycle.lines.len() {
        cycle.space = cycle.lines[cycle.index].to_vec();
        let then = cycle.commands(call, commands)?;
        if !matches!(then, Then::Deleted) && !quiet {
            cycle.print();
        }
        cycle.flush();
        if matches!(then, Then::Quit) {
            break;
        }
        if cycle.out.len() > MAX_VALUE {
            return Err(call.uncovered("the output exceeds the size limit"));
        }
        cycle.index += 1;
    }
    Ok(Value::with(cycle.out, text.base))
}

impl Cycle<'_> {
    fn last(&self) -> bool {
        self.index + 1 >= self.lines.len()
    }
    fn print(&mut self) {
        self.out.extend_from_slice(&self.space);
        if !self.last() || self.newline {
            self.out.push(b'\n');
        }
    }
    fn flush(&mut self) {
        if !self.append.is_empty() && !self.out.is_empty() && !self.out.ends_with(b"\n") {
            self.out.push(b'\n');
        }
        self.out.append(&mut self.append);
    }
    fn at(&self, address: &Address) -> bool {
        match address {
            Address::Line(number) => self.index as u64 + 1 == *number,
            Address::Last => self.last(),
            Address::Pattern(regex) => regex.is_match(&self.space),
        }
    }
    /// Whether a command works on this line; ranges remember that they are open.
    fn selected(&mut self, command: &Command) -> bool {
        let Some(from) = &command.from else { return !command.negated };
        let Some(to) = &command.to else { return self.at(from) != command.negated };
        let line = self.index as u64 + 1;
        let key: *const Command = command;
        let open = self.ranges.get(&key).copied().unwrap_or(matches!(from, Address::Line(0)).then_some(0));
        let inside = if open.is_some() {
            let ends = match to {
                Address::Line(number) => line >= *number,
                other => self.at(other),
            };
            self.ranges.insert(key, open.filter(|_| !ends));
            // A range whose last line was passed without being seen is one line long.
            !matches!(to, Address::Line(number) if line > *number)
        } else if self.at(from) {
            let only = matches!(to, Address::Line(number) if *number <= line) || matches!(to, Address::Last) && self.last();
            self.ranges.insert(key, (!only).then_some(line));
            true
        } else {
            false
        };
        inside != command.negated
    }
    fn commands(&mut self, call: &mut Call<'_>, commands: &[Command]) -> Result<Then, Uncovered> {
        for command in commands {
            call.spend(self.space.len())?;
            if !self.selected(command) {
                continue;
            }
            match &command.action {
                Action::Delete => return Ok(Then::Deleted),
                Action::Quit => return Ok(Then::Quit),
                Action::Print => {
                    let (newline, index) = (self.newline, self.index);
                    // Of a line that is printed twice only the last may lack its newline.
                    self.newline = newline || !self.quiet;
                    self.print();
                    (self.newline, self.index) = (newline, index);
                }
                Action::Number => self.out.extend_from_slice(format!("{}\n", self.index + 1).as_bytes()),
                Action::Next => {
                    if self.last() {
                        return Ok(if self.quiet { Then::Deleted } else { Then::Go });
                    }
                    if !self.quiet {
                        self.print();
                    }
                    self.flush();
                    self.index += 1;
                    self.space = self.lines[self.index].to_vec();
                }
                Action::Append(text) => self.append.extend_from_slice(text),
                Action::Insert(text) => self.out.extend_from_slice(text),
                Action::Change(text) => {
                    let open = self.ranges.get(&std::ptr::from_ref(command)).copied().flatten().is_some();
                    if command.negated || !open {
                        self.out.extend_from_slice(text);
                    }
                    return Ok(Then::Deleted);
                }
                Action::Translate(table) => self.space.iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]),
                Action::Group(inner) => match self.commands(call, inner)? {
                    Then::Go => {}
                    then => return Ok(then),
                },
                Action::Substitute { regex, replacement, global, number, print } => {
                    let replaced = substitute(regex, replacement, *global, *number, &self.space);
                    if let Some(replaced) = replaced {
                        call.spend(replaced.len())?;
                        if replaced.len() > MAX_VALUE {
                            return Err(call.uncovered("a line exceeds the size limit"));
                        }
                        self.space = replaced;
                        if *print {
                            self.print();
                        }
                    }
                }
            }
        }
        Ok(Then::Go)
    }
}

fn substitute(regex: &regex::bytes::Regex, replacement: &[Part], global: bool, number: usize, space: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut copied = 0;
    let mut done = false;
    for (index, found) in regex.captures_iter(space).enumerate() {
        let Some(all) = found.get(0) else { continue };
        if index + 1 < number {
            continue;
        }
        out.extend_from_slice(&space[copied..all.start()]);
        for part in replacement {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Group(group) => out.extend_from_slice(found.get(*group).map_or(&b""[..], |group| group.as_bytes())),
            }
        }
        copied = all.end();
        done = true;
        if !global || out.len() > MAX_VALUE {
            break;
        }
    }
    out.extend_from_slice(&space[copied..]);
    done.then_some(out)
}
