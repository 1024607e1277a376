//! A Release file: what an archive says of itself, whether it may be used now, and which index files it vouches for.
//!
//! Invariant: made from [`VerifiedText`] only. A file counts by its SHA-256; weaker digests are not even read.

mod date;
mod index;

use std::collections::BTreeMap;
use std::time::SystemTime;

pub use index::{Candidate, FetchPlan, IndexFile, plan_fetch};

use crate::error::{Class, Fault, Side};
use crate::oci::Digest;

use super::conf::AptConf;
use super::deb822::{self, Stanza};
use super::preferences::{ArchiveFacts, Automatic};
use super::signature::{VerifiedText, seconds};
use super::sources::Source;

/// The most files that a Release may list; the largest known lists some ten thousand.
const MAX_FILES: usize = 1_000_000;
/// How far an archive's clock may be ahead, in seconds (`Acquire::Max-FutureTime`).
const MAX_FUTURE: i64 = 10;

/// What an archive says of itself, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// `Origin`: `Debian`.
    pub origin: Option<String>,
    /// `Label`.
    pub label: Option<String>,
    /// `Suite`: `oldstable`.
    pub suite: Option<String>,
    /// `Codename`: `bookworm`.
    pub codename: Option<String>,
    /// `Version`.
    pub version: Option<String>,
    /// `Date`, in seconds since 1970.
    pub date: i64,
    /// `Valid-Until`, in seconds since 1970.
    pub valid_until: Option<i64>,
    /// `Architectures`.
    pub architectures: Vec<String>,
    /// `Components`, without what stands before a slash.
    pub components: Vec<String>,
    /// `Acquire-By-Hash`.
    pub by_hash: bool,
    /// `No-Support-for-Architecture-all: Packages`: packages for all architectures stand in each architecture's index.
    pub no_separate_all: bool,
    /// `NotAutomatic` and `ButAutomaticUpgrades`.
    pub automatic: Automatic,
    /// Size and digest of each listed file, by its path below the suite's directory.
    files: BTreeMap<String, (u64, Digest)>,
}

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// A field is missing or malformed.
    #[error("the Release file of {archive}: {what}")]
    Malformed {
        /// URI and suite.
        archive: String,
        /// What is wrong.
        what: String,
    },
    /// No SHA-256 of any file.
    #[error("the Release file of {archive} lists no SHA-256 digests; weaker ones are not trusted")]
    WeakDigests {
        /// URI and suite.
        archive: String,
    },
    /// Made in the future.
    #[error("the Release file of {archive} is not valid yet: it is dated {date}, and it is {now}")]
    Future {
        /// URI and suite.
        archive: String,
        /// Its date.
        date: String,
        /// The time that was compared.
        now: String,
    },
    /// Past `Valid-Until`.
    #[error("the Release file of {archive} has expired: it was valid until {until}, and it is {now}")]
    Expired {
        /// URI and suite.
        archive: String,
        /// The end, with the source's minimum and maximum applied.
        until: String,
        /// The time that was compared.
        now: String,
    },
    /// A component's index is not listed.
    #[error("the Release file of {archive} lists no file {path}")]
    NoIndex {
        /// URI and suite.
        archive: String,
        /// The index without suffix.
        path: String,
    },
}

impl Fault for ReleaseError {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Expired { .. } => Some("--allow-expired takes an archive that lags; the lock records it".into()),
            Self::Future { .. } => Some("check this machine's clock".into()),
            _ => None,
        }
    }
}

impl Release {
    /// Reads the verified text. `source` is for messages, and for what it allows.
    pub fn parse(text: &VerifiedText, source: &Source) -> Result<Self, ReleaseError> {
        let malformed = |what: &str| ReleaseError::Malformed { archive: source.to_string(), what: what.to_owned() };
        let mut stanzas = deb822::stanzas(text.text());
        let stanza = stanzas.next().ok_or_else(|| malformed("it is empty"))?;
        if stanzas.next().is_some() {
            return Err(malformed("it has more than one stanza"));
        }
        let word = |name: &str| stanza.text_of(name).map(str::to_owned).filter(|v| !v.is_empty());
        let yes = |name: &str| stanza.text_of(name).and_then(super::conf::truth).unwrap_or(false);
        let words = |name: &str| -> Vec<String> {
            stanza.text_of(name).unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
        };
        let date = stanza.text_of("Date").ok_or_else(|| malformed("it has no Date"))?;
        let date = date::parse(date).ok_or_else(|| malformed("its Date is no date in UTC"))?;
        let valid_until = match stanza.text_of("Valid-Until") {
            None => None,
            Some(text) => Some(date::parse(text).ok_or_else(|| malformed("its Valid-Until is no date in UTC"))?),
        };
        // Security archives write `updates/main` for what stands in `main`.
        let component = |c: String| c.rsplit_once('/').map_or(c.clone(), |(_, last)| last.to_owned());
        Ok(Self {
            origin: word("Origin"),
            label: word("Label"),
            suite: word("Suite"),
            codename: word("Codename"),
            version: word("Version"),
            date,
            valid_until,
            architectures: words("Architectures"),
            components: words("Components").into_iter().map(component).collect(),
            by_hash: yes("Acquire-By-Hash"),
            no_separate_all: words("No-Support-for-Architecture-all").iter().any(|w| w == "Packages"),
            automatic: match (yes("NotAutomatic"), yes("ButAutomaticUpgrades")) {
                (_, true) => Automatic::Upgrades,
                (true, false) => Automatic::Never,
                (false, false) => Automatic::Always,
            },
            files: table(&stanza, source)?,
        })
    }

    /// Whether the archive may be used at `now`, in apt's order: date, then end of validity, each as the source says, else
    /// apt.conf, else apt's default. What apt only warns of comes back as words.
    pub fn check(
        &self,
        source: &Source,
        conf: &AptConf,
        now: SystemTime,
        allow_expired: bool,
    ) -> Result<Vec<String>, ReleaseError> {
        let options = &source.options;
        let (archive, now) = (source.to_string(), seconds(now));
        let mut warnings = Vec::new();
        let named = [&self.codename, &self.suite].into_iter().flatten().any(|name| same_suite(name, &source.suite));
        if !source.is_flat() && !named {
            let codename = self.codename.as_deref().unwrap_or("no codename");
            warnings.push(format!("conflicting distribution: {archive} was asked for, {codename} came"));
        }
        if !options.check_date.unwrap_or_else(|| conf.bool("Acquire::Check-Date", true)) {
            return Ok(warnings);
        }
        let future = options.date_max_future.or_else(|| conf.number("Acquire::Max-FutureTime")).unwrap_or(MAX_FUTURE);
        if self.date > now.saturating_add(future) {
            return Err(ReleaseError::Future { archive, date: date::shown(self.date), now: date::shown(now) });
        }
        let check_end = options.check_valid_until.unwrap_or_else(|| conf.bool("Acquire::Check-Valid-Until", true));
        if let Some(until) = self.ends(source, conf).filter(|until| check_end && *until < now) {
            if !allow_expired {
                return Err(ReleaseError::Expired { archive, until: date::shown(until), now: date::shown(now) });
            }
            warnings.push(format!("{archive} has expired ({}), and is used since that was allowed", date::shown(until)));
        }
        Ok(warnings)
    }

    /// The end of validity, extended by the minimum and shortened by the maximum that the source or apt.conf set.
    fn ends(&self, source: &Source, conf: &AptConf) -> Option<i64> {
        let options = &source.options;
        let setting = |name: &str| {
            let of_label = self.label.as_ref().and_then(|label| conf.number(&format!("{name}::{label}")));
            of_label.or_else(|| conf.number(name))
        };
        let least = options.valid_until_min.or_else(|| setting("Acquire::Min-ValidTime")).unwrap_or(0);
        let most = options.valid_until_max.or_else(|| setting("Acquire::Max-ValidTime")).unwrap_or(0);
        let mut until = self.valid_until;
        if least != 0 {
            until = until.map(|u| u.max(self.date.saturating_add(least)));
        }
        if most != 0 {
            let last = self.date.saturating_add(most);
            until = Some(until.map_or(last, |u| u.min(last)));
        }
        until
    }

    /// What pins may ask of the packages of one component.
    pub fn facts(&self, source: &Source, component: &str) -> ArchiveFacts {
        let word = |value: &Option<String>| value.clone().unwrap_or_default();
        ArchiveFacts {
            archive: word(&self.suite),
            codename: word(&self.codename),
            origin: word(&self.origin),
            label: word(&self.label),
            version: word(&self.version),
            component: component.to_owned(),
            host: source.uri.host().to_owned(),
            automatic: self.automatic,
        }
    }

    /// Size and digest of a listed file, by its path below the suite's directory.
    pub fn file(&self, path: &str) -> Option<(u64, Digest)> {
        self.files.get(path).copied()
    }
}

/// Whether a Release that calls itself `name` is what `wanted` asks for; `stable/updates` asks for `stable`.
fn same_suite(name: &str, wanted: &str) -> bool {
    name == wanted || wanted.strip_suffix("/updates").is_some_and(|w| w == name) || wanted.trim_end_matches('/') == name
}

/// The lines of `SHA256`: digest, size, path.
fn table(stanza: &Stanza<'_>, source: &Source) -> Result<BTreeMap<String, (u64, Digest)>, ReleaseError> {
    let archive = || source.to_string();
    let malformed = |what: String| ReleaseError::Malformed { archive: archive(), what };
    let mut files = BTreeMap::new();
    for line in deb822::lines(stanza.get("SHA256").unwrap_or_default()).filter(|line| !line.is_empty()) {
        let text = std::str::from_utf8(line).map_err(|_| malformed("a line of SHA256 is not UTF-8".into()))?;
        let mut words = text.split_ascii_whitespace();
        let (Some(hex), Some(size), Some(path), None) = (words.next(), words.next(), words.next(), words.next()) else {
            return Err(malformed(format!("a malformed line of SHA256: {text:?}")));
        };
        let digest = Digest::from_hex(&hex.to_ascii_lowercase());
        let (Ok(digest), Ok(size)) = (digest, size.parse::<u64>()) else {
            return Err(malformed(format!("a malformed line of SHA256: {text:?}")));
        };
        // Of a file that stands twice with different digests neither line can be believed.
        if files.insert(path.to_owned(), (size, digest)).is_some_and(|known| known != (size, digest)) {
            return Err(malformed(format!("{path} is listed twice")));
        }
        if files.len() > MAX_FILES {
            return Err(malformed("it lists too many files".into()));
        }
    }
    if files.is_empty() { Err(ReleaseError::WeakDigests { archive: archive() }) } else { Ok(files) }
}

#[cfg(test)]
mod tests;
