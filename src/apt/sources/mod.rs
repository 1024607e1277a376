//! The archives that a base names: `/etc/apt/sources.list` and `sources.list.d/*` (sources.list(5)), in apt's order.
//!
//! Invariant: one [`Source`] per URI and suite, in the order in which apt first meets them, since the order decides
//! between equal providers. Only binary archives of the native architecture; nothing is fetched.

mod one_line;
mod options;
mod stanza;
mod uri;

use std::sync::Arc;

pub use uri::{ArchiveUri, UriError};

use crate::error::{Class, Fault, Side};

use super::files::{Files, parts};

/// The longest file of sources; real ones have a few kilobytes, with inline keys some dozens.
const MAX_FILE: usize = 1 << 20;
/// The most archives that a base may name, the product of a stanza's lists included.
const MAX_SOURCES: usize = 1000;

/// One archive suite that the base reads packages from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The archive's root.
    pub uri: ArchiveUri,
    /// The distribution below `dists/`, or a path that ends in `/` (a flat archive).
    pub suite: String,
    /// Components in order, each once; none in a flat archive.
    pub components: Vec<String>,
    /// What the stanza or line says about trust and time.
    pub options: SourceOptions,
    /// The file of the base that names it.
    pub file: Arc<str>,
    /// The line there, counted from 1.
    pub line: usize,
}

impl Source {
    /// Whether the suite is a path of its own instead of a distribution with components.
    pub fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }
    /// The path of the suite's `InRelease` below the URI, without the name: `dists/bookworm/`.
    pub fn release_directory(&self) -> String {
        match self.suite.as_str() {
            "/" | "./" => String::new(),
            flat if flat.ends_with('/') => flat.trim_start_matches('/').to_owned(),
            suite => format!("dists/{suite}/"),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.uri, self.suite)
    }
}

/// The options of a source; where none is set, the base's apt.conf or apt's default decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceOptions {
    /// Whose signature counts.
    pub signed_by: SignedBy,
    /// `Trusted`: yes takes the archive without a good signature, no never.
    pub trusted: Option<bool>,
    /// `Allow-Insecure`: an archive without signature is taken.
    pub allow_insecure: Option<bool>,
    /// `Allow-Weak`: an archive with weak digests only is taken.
    pub allow_weak: Option<bool>,
    /// `Check-Valid-Until`.
    pub check_valid_until: Option<bool>,
    /// `Valid-Until-Min`, in seconds after the Release file's date.
    pub valid_until_min: Option<i64>,
    /// `Valid-Until-Max`, in seconds after the Release file's date.
    pub valid_until_max: Option<i64>,
    /// `Check-Date`.
    pub check_date: Option<bool>,
    /// `Date-Max-Future`, in seconds.
    pub date_max_future: Option<i64>,
    /// `By-Hash`.
    pub by_hash: Option<ByHash>,
    /// `Snapshot`, as written; apt heeds it only when asked to.
    pub snapshot: Option<String>,
    /// `InRelease-Path` in place of `InRelease`.
    pub inrelease_path: Option<String>,
}

/// Whether index files are asked for by their digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHash {
    /// If the archive says that it can.
    Yes,
    /// Never.
    No,
    /// Always.
    Force,
}

/// Whose signature a source accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SignedBy {
    /// Any key of the base's trusted set.
    #[default]
    TrustedSet,
    /// Keys from files and keys of the trusted set, by name.
    Keys(Vec<KeyName>),
    /// An armoured keyring written in the source itself.
    Inline(String),
}

/// One word of `Signed-By`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// A keyring file of the base, by absolute path.
    File(String),
    /// A key of the trusted set by its fingerprint in upper-case hexadecimal; `exact` (written with `!`) excludes its subkeys.
    Fingerprint {
        /// 40 or 64 digits.
        hex: String,
        /// Only this very key or subkey.
        exact: bool,
    },
}

/// A source that was left out, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceWarning {
    /// The file of the base.
    pub file: Arc<str>,
    /// The line there.
    pub line: usize,
    /// Why it was left out, in words.
    pub reason: String,
}

/// All archives of a base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// In apt's order.
    pub sources: Vec<Source>,
    /// What was left out.
    pub warnings: Vec<SourceWarning>,
}

/// Why a base's sources cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// A line or stanza that apt refuses as well.
    #[error("{file}:{line}: {what}")]
    Malformed {
        /// Path in the base.
        file: Arc<str>,
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// Larger than any real file of sources.
    #[error("{file}: too large for a file of sources")]
    TooLarge {
        /// Path in the base.
        file: Arc<str>,
    },
}

impl Fault for SourcesError {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Source
    }
}

impl Sources {
    /// Reads the base's sources in apt's order: `sources.list`, then `sources.list.d/*.list` and `*.sources` by name.
    /// `native` is the base's Debian architecture.
    pub fn read(files: &(impl Files + ?Sized), native: &str) -> Result<Self, SourcesError> {
        let mut paths = vec!["/etc/apt/sources.list".to_owned()];
        paths.extend(parts(files, "/etc/apt/sources.list.d", &["list", "sources"], false));
        let mut sources = Self::default();
        for path in paths {
            let Some(bytes) = files.read(&path) else { continue };
            let file: Arc<str> = path.as_str().into();
            if bytes.len() > MAX_FILE {
                return Err(SourcesError::TooLarge { file });
            }
            let text = String::from_utf8_lossy(&bytes);
            let stanzas = if path.ends_with(".sources") { stanza::parse(&text) } else { one_line::parse(&text) };
            sources.add_all(stanzas, &file, native)?;
        }
        Ok(sources)
    }

    /// Adds archives that the user names, behind those of the base; `said_by` is what messages call the place.
    pub fn add_stanza(&mut self, said_by: &str, text: &str, native: &str) -> Result<(), SourcesError> {
        self.add_all(stanza::parse(text), &said_by.into(), native)
    }

    fn add_all(&mut self, all: Vec<Result<Given, (usize, String)>>, file: &Arc<str>, native: &str) -> Result<(), SourcesError> {
        for stanza in all {
            let malformed = |line, what| SourcesError::Malformed { file: file.clone(), line, what };
            let given = stanza.map_err(|(line, what)| malformed(line, what))?;
            let line = given.line;
            self.add(&given, file, native).map_err(|what| malformed(line, what))?;
        }
        Ok(())
    }

    /// Adds the product of the stanza's URIs and suites.
    fn add(&mut self, given: &Given, file: &Arc<str>, native: &str) -> Result<(), String> {
        if !given.enabled || !given.types.iter().any(|t| t == "deb") || !given.architectures.includes(native) {
            return Ok(());
        }
        given.check()?;
        for uri in &given.uris {
            let uri = match ArchiveUri::new(&uri.replace("$(ARCH)", native)) {
                Ok(uri) => uri,
                Err(UriError::Method(method)) => {
                    let reason = format!("the method `{method}` is not supported, its packages are left out");
                    self.warnings.push(SourceWarning { file: file.clone(), line: given.line, reason });
                    continue;
                }
                Err(error) => return Err(error.to_string()),
            };
            for suite in &given.suites {
                self.merge(Source {
                    uri: uri.clone(),
                    suite: suite.replace("$(ARCH)", native),
                    components: given.components.clone(),
                    options: given.options.clone(),
                    file: file.clone(),
                    line: given.line,
                })?;
                if self.sources.len() > MAX_SOURCES {
                    return Err("the base names too many archives".into());
                }
            }
        }
        Ok(())
    }

    /// A suite that is named again gains the new components in its first place, as in apt.
    fn merge(&mut self, source: Source) -> Result<(), String> {
        let Some(known) = self.sources.iter_mut().find(|s| s.uri == source.uri && s.suite == source.suite) else {
            let mut source = source;
            let mut seen = std::collections::BTreeSet::new();
            source.components.retain(|c| seen.insert(c.clone()));
            self.sources.push(source);
            return Ok(());
        };
        if known.options.signed_by != source.options.signed_by {
            return Err(format!("conflicting values of Signed-By for {known} (also in {}:{})", known.file, known.line));
        }
        if known.options.trusted != source.options.trusted {
            return Err(format!("conflicting values of Trusted for {known} (also in {}:{})", known.file, known.line));
        }
        for component in source.components {
            if !known.components.contains(&component) {
                known.components.push(component);
            }
        }
        Ok(())
    }
}

/// What one line or stanza says, before the product is made.
#[derive(Debug, Default)]
struct Given {
    line: usize,
    enabled: bool,
    types: Vec<String>,
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    architectures: Architectures,
    options: SourceOptions,
}

impl Given {
    fn check(&self) -> Result<(), String> {
        if self.uris.is_empty() {
            return Err("no URI".into());
        }
        if self.suites.is_empty() {
            return Err("no suite".into());
        }
        for suite in &self.suites {
            let plain = suite.bytes().all(|b| b.is_ascii_graphic()) && !suite.split('/').any(|part| part == "..");
            match (plain, suite.ends_with('/'), self.components.is_empty()) {
                (false, ..) => return Err(format!("suite {suite:?} is no plain path")),
                (_, true, false) => return Err(format!("suite {suite} is a path of its own and takes no components")),
                (_, false, true) => return Err(format!("no component for suite {suite}")),
                _ => {}
            }
        }
        let plain = |c: &String| c.bytes().all(|b| b.is_ascii_graphic()) && !c.split('/').any(|part| part == "..");
        self.components.iter().find(|c| !plain(c)).map_or(Ok(()), |c| Err(format!("component {c:?} is no plain path")))
    }
}

/// `Architectures`, `Architectures-Add`, `Architectures-Remove`.
#[derive(Debug, Default)]
struct Architectures {
    only: Option<Vec<String>>,
    more: Vec<String>,
    less: Vec<String>,
}

impl Architectures {
    fn includes(&self, native: &str) -> bool {
        let names = |list: &[String]| list.iter().any(|a| a == native || a == "native");
        let given = self.only.as_ref().is_none_or(|only| names(only)) || names(&self.more);
        given && !names(&self.less)
    }
}

#[cfg(test)]
mod tests;
