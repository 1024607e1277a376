//! The one-line format: `deb [option=value ...] URI SUITE COMPONENT...`.
//!
//! Invariant: a line of another type than `deb` is checked for its type only; what is wrong on a line is told with it.

use super::{Given, options};

/// All `deb` lines, with line numbers from 1; a malformed line ends it.
pub(super) fn parse(text: &str) -> Vec<Result<Given, (usize, String)>> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        // apt cuts at the first `#` outside brackets and quotes; options with a `#` do not occur.
        let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
        if line.is_empty() {
            continue;
        }
        let parsed = entry(line, at + 1).map_err(|what| (at + 1, what));
        let wrong = parsed.is_err();
        found.extend(parsed.transpose());
        if wrong {
            break;
        }
    }
    found
}

fn entry(text: &str, line: usize) -> Result<Option<Given>, String> {
    let (kind, rest) = text.split_once([' ', '\t']).ok_or("a source needs a type, a URI and a suite")?;
    match kind {
        "deb" => {}
        "deb-src" => return Ok(None),
        other => return Err(format!("unknown type {other:?}")),
    }
    let mut given = Given { line, enabled: true, types: vec![kind.into()], ..Given::default() };
    let mut rest = rest.trim_start();
    if let Some(inside) = rest.strip_prefix('[') {
        let (bracket, after) = inside.split_once(']').ok_or("the options do not end with `]`")?;
        for option in bracket.split_ascii_whitespace() {
            let (name, value) = option.split_once('=').ok_or_else(|| format!("option {option:?} has no value"))?;
            set(&mut given, name, value)?;
        }
        rest = after;
    }
    let mut words = words(rest).into_iter();
    given.uris.extend(words.next());
    given.suites.extend(words.next());
    given.components.extend(words);
    Ok(Some(given))
}

/// `name=`, `name+=` and `name-=`; only for architectures do the latter matter here.
fn set(given: &mut Given, name: &str, value: &str) -> Result<(), String> {
    let (name, suffix) = match (name.strip_suffix('+'), name.strip_suffix('-')) {
        (Some(name), _) => (name, "-Add"),
        (_, Some(name)) => (name, "-Remove"),
        _ => (name, ""),
    };
    options::set(given, &format!("{}{suffix}", options::deb822_name(name)), value)
}

/// Words between white space; brackets protect it (`cdrom:[Debian 12 "x"]/`).
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut bracketed = false;
    for c in text.chars() {
        bracketed = (bracketed || c == '[') && c != ']';
        match words.last_mut() {
            Some(word) if bracketed || !c.is_ascii_whitespace() => word.push(c),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
