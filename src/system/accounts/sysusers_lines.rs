//! The lines of sysusers.d(5).
//!
//! Invariant: parsing decides nothing about numbers; a line of an unknown type is an error with its number.

use super::super::error::{Result, SystemError};

/// Where a UID or GID comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Number {
    /// `-`: the next free one.
    Free,
    /// This one, if it is free.
    Fixed(u32),
    /// That of the file's owner at this path.
    Path(String),
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// `u` and `u!`.
    User {
        /// Name.
        name: String,
        /// UID.
        uid: Number,
        /// Primary group, if given as `UID:GID` or `UID:GROUP`.
        group: Option<String>,
        /// Comment.
        comment: String,
        /// Home; `/` where it is not given.
        home: String,
        /// Shell; that of nologin where it is not given.
        shell: String,
        /// `u!`: the account is expired.
        locked: bool,
    },
    /// `g`.
    Group {
        /// Name.
        name: String,
        /// GID.
        gid: Number,
    },
    /// `m`.
    Member {
        /// User.
        user: String,
        /// Group.
        group: String,
    },
    /// `r`: the numbers to allocate from.
    Range {
        /// First and last.
        range: (u32, u32),
    },
}

/// Reads one sysusers.d file; `name` is for errors.
pub fn parse(name: &str, text: &str) -> Result<Vec<Declaration>> {
    let mut declarations = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = |cause: &str| SystemError::malformed(name, format!("line {}: {cause}", at + 1));
        let words = words(line).ok_or_else(|| bad("unbalanced quoting"))?;
        declarations.push(declaration(&words).map_err(|cause| bad(&cause))?);
    }
    Ok(declarations)
}

fn declaration(words: &[String]) -> Result<Declaration, String> {
    let field = |at: usize| words.get(at).map(String::as_str).filter(|w| !w.is_empty() && *w != "-").map(expand).transpose();
    let name = || field(1)?.ok_or_else(|| "a name is missing".to_owned());
    Ok(match words.first().map_or("", String::as_str) {
        kind @ ("u" | "u!") => {
            let id = field(2)?;
            let (uid, group) = match id.as_deref() {
                Some(id) if !id.starts_with('/') => match id.split_once(':') {
                    Some((uid, group)) => (number(Some(uid).filter(|u| *u != "-"))?, Some(group.to_owned())),
                    None => (number(Some(id))?, None),
                },
                other => (number(other)?, None),
            };
            Declaration::User {
                name: name()?,
                uid,
                group,
                comment: field(3)?.unwrap_or_default(),
                home: field(4)?.unwrap_or_else(|| "/".into()),
                shell: field(5)?.unwrap_or_default(),
                locked: kind == "u!",
            }
        }
        "g" => Declaration::Group { name: name()?, gid: number(field(2)?.as_deref())? },
        "m" => Declaration::Member { user: name()?, group: field(2)?.ok_or("a group is missing")? },
        "r" => {
            let text = field(2)?.ok_or("a range is missing")?;
            let (low, high) = text.split_once('-').unwrap_or((&text, &text));
            let parsed = low.parse().ok().zip(high.parse().ok()).filter(|(l, h): &(u32, u32)| l <= h);
            Declaration::Range { range: parsed.ok_or("a range is no pair of numbers")? }
        }
        other => return Err(format!("type '{other}' is unknown")),
    })
}

fn number(text: Option<&str>) -> Result<Number, String> {
    match text {
        None => Ok(Number::Free),
        Some(path) if path.starts_with('/') => Ok(Number::Path(path.into())),
        Some(text) => text.parse().map(Number::Fixed).map_err(|_| format!("'{text}' is no ID")),
    }
}

/// `%%`; the other specifiers ask the running host and have no answer here.
fn expand(word: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => match chars.next() {
                Some('%') => out.push('%'),
                Some('t') => out.push_str("/run"),
                Some('S') => out.push_str("/var/lib"),
                Some('C') => out.push_str("/var/cache"),
                Some('L') => out.push_str("/var/log"),
                other => return Err(format!("specifier '%{}' is not covered", other.unwrap_or(' '))),
            },
            c => out.push(c),
        }
    }
    Ok(out)
}

/// Words separated by blanks; quotes of both kinds and a backslash before any character.
pub(in super::super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, '\\') => word.get_or_insert_default().push(chars.next()?),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}
