//! `grep`, `egrep`, `fgrep`.

use regex::bytes::Regex;

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};

use super::{regular, split_lines};

pub(super) const PROGRAMS: Table = &[("grep", &grep), ("egrep", &grep), ("fgrep", &grep)];

const LONG: &[(&str, char)] = &[
    ("quiet", 'q'),
    ("silent", 'q'),
    ("fixed-strings", 'F'),
    ("line-regexp", 'x'),
    ("extended-regexp", 'E'),
    ("ignore-case", 'i'),
    ("invert-match", 'v'),
    ("count", 'c'),
    ("no-messages", 's'),
    ("line-number", 'n'),
    ("only-matching", 'o'),
    ("regexp", 'e'),
    ("word-regexp", 'w'),
    ("files-with-matches", 'l'),
    ("files-without-match", 'L'),
    ("no-filename", 'h'),
    ("with-filename", 'H'),
    ("max-count", 'm'),
    ("text", 'a'),
];

fn grep(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "qFxEGivcsnoe:wlLhHm:a", LONG)?;
    let mut operands = &options.operands[..];
    let mut patterns: Vec<Value> = options.values('e').cloned().collect();
    if patterns.is_empty() {
        let Some((first, rest)) = operands.split_first() else {
            call.complain("usage: grep [OPTION]... PATTERNS [FILE]...");
            return Ok(ExitStatus::TROUBLE);
        };
        patterns.push(first.clone());
        operands = rest;
    }
    let regexes = compile(call, &options, &patterns)?;
    let limit = options.value('m').map_or(Ok(u64::MAX), |value| value.text().parse());
    let Ok(limit) = limit else { return Err(call.uncovered("option -m without a number")) };
    let named = (operands.len() > 1 || options.has('H')) && !options.has('h');
    let complaints = call.stderr.clone();
    let (inputs, failed) = super::inputs(call, operands)?;
    if options.has('s') {
        call.stderr = complaints;
    }
    let mut found = false;
    for (name, text) in inputs {
        found |= search(call, &options, &regexes, (&name, &text), named, limit)?;
    }
    Ok(match (found, failed.success()) {
        (true, true) => ExitStatus::SUCCESS,
        (true, false) if options.has('q') => ExitStatus::SUCCESS,
        (false, true) => ExitStatus::FAILURE,
        _ => ExitStatus::TROUBLE,
    })
}

fn compile(call: &Call<'_>, options: &Options, patterns: &[Value]) -> Result<Vec<Regex>, Uncovered> {
    let fixed = options.has('F') || call.name == "fgrep";
    let extended = options.has('E') || call.name == "egrep";
    let mut regexes = Vec::new();
    for pattern in patterns.iter().flat_map(|value| value.bytes.split(|b| *b == b'\n')) {
        let compiled = if fixed {
            let compiled = regular::compile_fixed(pattern, options.has('i'));
            compiled.map(|regex| regex.as_str().to_owned())
        } else {
            regular::compile(pattern, extended, options.has('i')).map(|regex| regex.as_str().to_owned())
        };
        let text = compiled.map_err(|reason| call.uncovered(reason))?;
        let text = if options.has('x') {
            format!("^(?:{text})$")
        } else if options.has('w') {
            format!("(?:^|[^0-9A-Za-z_])(?P<word>{text})(?:$|[^0-9A-Za-z_])")
        } else {
            text
        };
        let built = regex::bytes::RegexBuilder::new(&text).unicode(false).case_insensitive(options.has('i')).build();
        regexes.push(built.map_err(|_| call.uncovered("this pattern is not covered"))?);
    }
    if options.has('w') && options.has('o') {
        return Err(call.uncovered("options -w and -o together are not covered"));
    }
    Ok(regexes)
}

fn search(
    call: &mut Call<'_>,
    options: &Options,
    regexes: &[Regex],
    (name, text): (&Value, &Value),
    named: bool,
    limit: u64,
) -> Result<bool, Uncovered> {
    let prefix = if named { [shown(name), b":"].concat() } else { Vec::new() };
    let quiet = options.has('q') || options.has('c') || options.has('l') || options.has('L');
    let mut count = 0_u64;
    for (index, line) in split_lines(&text.bytes).enumerate() {
        call.spend(line.len() * regexes.len())?;
        let matched = regexes.iter().any(|regex| regex.is_match(line));
        if matched == options.has('v') || count >= limit {
            continue;
        }
        count += 1;
        if quiet {
            continue;
        }
        let number = if options.has('n') { format!("{}:", index + 1).into_bytes() } else { Vec::new() };
        if !options.has('o') {
            call.out(&[&prefix[..], &number, line, b"\n"].concat(), text.base)?;
        } else if !options.has('v') {
            for part in parts(regexes, line) {
                call.out(&[&prefix[..], &number, part, b"\n"].concat(), text.base)?;
            }
        }
    }
    if options.has('q') {
        return Ok(count > 0);
    }
    if options.has('l') || options.has('L') {
        if (count > 0) == options.has('l') {
            call.out(&[shown(name), b"\n"].concat(), name.base)?;
        }
    } else if options.has('c') {
        call.out(&[&prefix[..], count.to_string().as_bytes(), b"\n"].concat(), text.base)?;
    }
    Ok(if options.has('L') { count == 0 } else { count > 0 })
}

fn shown(name: &Value) -> &[u8] {
    if name.bytes == b"-" { b"(standard input)" } else { &name.bytes }
}

/// What matches in a line, the leftmost and there the longest first.
fn parts<'l>(regexes: &[Regex], line: &'l [u8]) -> Vec<&'l [u8]> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at <= line.len() {
        let found = regexes.iter().filter_map(|regex| regex.find_at(line, at));
        let Some(next) = found.min_by_key(|found| (found.start(), usize::MAX - found.len())) else { break };
        if next.is_empty() {
            at = next.end() + 1;
        } else {
            parts.push(next.as_bytes());
            at = next.end();
        }
    }
    parts
}
