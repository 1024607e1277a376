//! The `Pin` field: `version`, `release` or `origin`, and the patterns in it and in `Package`.
//!
//! Invariant: patterns are compiled once, with a limit on their size; matching takes linear time.

use regex::{Regex, RegexBuilder};

use super::ArchiveFacts;

/// The largest compiled pattern, in bytes; a long list of alternatives needs some dozen kilobytes.
const MAX_PATTERN: usize = 1 << 20;

/// A name, a glob, or a `/regular expression/`, compared without regard to case as apt does.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let inside = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        let expression = inside.map_or_else(|| glob(text), str::to_owned);
        let built = RegexBuilder::new(&expression).case_insensitive(true).size_limit(MAX_PATTERN).build();
        built.map(Self).map_err(|_| format!("{text:?} is no pattern"))
    }
    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// A glob of fnmatch(3) as an anchored regular expression.
fn glob(text: &str) -> String {
    let mut expression = String::from("^");
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => match rest.as_str().get(1..).and_then(|after| after.find(']')).map(|at| rest.as_str().split_at(at + 1)) {
                Some((set, after)) => {
                    let (negated, set) = set.strip_prefix(['!', '^']).map_or(("", set), |set| ("^", set));
                    expression.push('[');
                    expression.push_str(negated);
                    expression.push_str(&set.replace('\\', "\\\\").replace('[', "\\[").replace('^', "\\^"));
                    expression.push(']');
                    rest = after.get(1..).unwrap_or_default().chars();
                }
                None => expression.push_str("\\["),
            },
            c => expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push('$');
    expression
}

/// What a pin is about.
#[derive(Clone, Debug)]
pub(super) enum Pin {
    /// Version numbers.
    Version(Pattern),
    /// Archives, by fields of their Release file; all must match.
    Release(Vec<(Field, Pattern)>),
    /// Every archive.
    Any,
    /// Archives, by host.
    Origin(Pattern),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Archive,
    Codename,
    /// A word alone: suite or codename.
    Either,
    Origin,
    Label,
    Version,
    Component,
    /// Indexes of one architecture, which no facts hold: matches nothing.
    Architecture,
}

impl Pin {
    /// The value of `Pin`; nothing for a kind that apt does not know either.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        let (kind, data) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        let data = data.trim();
        match kind.to_ascii_lowercase().as_str() {
            "version" => Pattern::new(data).map(|pattern| Some(Self::Version(pattern))),
            "release" => Self::release(data).map(Some),
            "origin" => Pattern::new(data.trim_matches('"')).map(|pattern| Some(Self::Origin(pattern))),
            _ => Ok(None),
        }
    }

    /// `bookworm`, `12`, `*` or `a=stable, o=Debian`.
    pub(super) fn release(data: &str) -> Result<Self, String> {
        if data == "*" {
            return Ok(Self::Any);
        }
        if !data.contains('=') {
            let number = data.starts_with(|c: char| c.is_ascii_digit());
            let field = if number { Field::Version } else { Field::Either };
            return Ok(Self::Release(if data.is_empty() { Vec::new() } else { vec![(field, Pattern::new(data)?)] }));
        }
        let mut fields = Vec::new();
        for part in data.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("{part:?} is no field of a release"))?;
            let field = match key.trim() {
                "a" => Field::Archive,
                "n" => Field::Codename,
                "o" => Field::Origin,
                "l" => Field::Label,
                "v" => Field::Version,
                "c" => Field::Component,
                "b" => Field::Architecture,
                // apt passes over letters that it does not know.
                _ => continue,
            };
            fields.push((field, Pattern::new(value.trim().trim_matches('"'))?));
        }
        Ok(Self::Release(fields))
    }

    /// Whether the pin is about versions and about this one.
    pub(super) fn matches_version(&self, version: &str) -> bool {
        matches!(self, Self::Version(pattern) if pattern.matches(version))
    }

    /// Whether the pin is about archives and about this one.
    pub(super) fn matches_archive(&self, archive: &ArchiveFacts) -> bool {
        match self {
            Self::Version(_) => false,
            Self::Any => true,
            Self::Origin(host) => host.matches(&archive.host),
            Self::Release(fields) => !fields.is_empty() && fields.iter().all(|(field, pattern)| field_of(*field, archive, pattern)),
        }
    }
}

/// A field that the archive does not have matches nothing.
fn field_of(field: Field, archive: &ArchiveFacts, pattern: &Pattern) -> bool {
    let is = |value: &str| !value.is_empty() && pattern.matches(value);
    match field {
        Field::Archive => is(&archive.archive),
        Field::Codename => is(&archive.codename),
        Field::Either => is(&archive.archive) || is(&archive.codename),
        Field::Origin => is(&archive.origin),
        Field::Label => is(&archive.label),
        Field::Version => is(&archive.version),
        Field::Component => is(&archive.component),
        Field::Architecture => false,
    }
}
