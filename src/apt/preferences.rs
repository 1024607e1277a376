//! Pins: how much the base's owner wants a version (`apt_preferences(5)`), as apt's policy engine computes it.
//!
//! Invariant: pure; a number for a version and the archives that have it. Which version wins is the selection's matter.

mod pin;

use crate::error::{Class, Fault, Side};

use super::conf::AptConf;
use super::deb822;
use super::files::{Files, parts};
use pin::{Pattern, Pin};

/// The longest preferences file.
const MAX_FILE: usize = 1 << 20;
/// The most records of all files together; each may be asked for each package.
const MAX_RECORDS: usize = 10_000;

/// What a pin may ask of one index file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveFacts {
    /// `Suite` of the Release file (`a=`).
    pub archive: String,
    /// `Codename` (`n=`).
    pub codename: String,
    /// `Origin` (`o=`).
    pub origin: String,
    /// `Label` (`l=`).
    pub label: String,
    /// `Version` (`v=`).
    pub version: String,
    /// Component (`c=`).
    pub component: String,
    /// Host of the URI, for `Pin: origin`; empty for the installed state.
    pub host: String,
    /// `NotAutomatic` and `ButAutomaticUpgrades` of the Release file.
    pub automatic: Automatic,
}

/// Whether an archive's versions are taken without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Automatic {
    /// The ordinary case.
    #[default]
    Always,
    /// `NotAutomatic: yes` and `ButAutomaticUpgrades: yes` (backports): only for packages that came from there.
    Upgrades,
    /// `NotAutomatic: yes` (experimental).
    Never,
}

impl ArchiveFacts {
    /// The facts of the installed state, which pins see as an archive named `now`.
    pub fn installed() -> Self {
        Self { archive: "now".into(), ..Self::default() }
    }

    /// The priority without any pin.
    fn default_priority(&self) -> i32 {
        match self.automatic {
            Automatic::Always if self.archive == "now" && self.host.is_empty() => 100,
            Automatic::Always => 500,
            Automatic::Upgrades => 100,
            Automatic::Never => 1,
        }
    }
}

/// The base's pins.
#[derive(Clone, Debug, Default)]
pub struct Preferences {
    /// For some packages: the first that matches a version decides.
    specific: Vec<Specific>,
    /// For all packages: the first that matches an archive decides. The default release stands first.
    general: Vec<(Pin, i32)>,
}

#[derive(Clone, Debug)]
struct Specific {
    names: Vec<Name>,
    pin: Pin,
    priority: i32,
}

#[derive(Clone, Debug)]
struct Name {
    pattern: Pattern,
    source: bool,
}

/// Why preferences cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PreferencesError {
    /// A record that apt refuses as well.
    #[error("{file}: {what}")]
    Malformed {
        /// Path in the base.
        file: String,
        /// What is wrong.
        what: String,
    },
}

impl Fault for PreferencesError {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Source
    }
}

impl Preferences {
    /// Reads `APT::Default-Release`, `/etc/apt/preferences` and `/etc/apt/preferences.d/*`, in apt's order. `native` is the
    /// base's architecture: names for another one pin nothing here.
    pub fn read(files: &(impl Files + ?Sized), conf: &AptConf, native: &str) -> Result<Self, PreferencesError> {
        let mut preferences = Self::default();
        if let Some(release) = conf.get("APT::Default-Release") {
            let pin = Pin::release(release).map_err(|what| malformed("APT::Default-Release", what))?;
            preferences.general.push((pin, 990));
        }
        let mut paths = parts(files, "/etc/apt/preferences.d", &["pref"], true);
        paths.insert(0, "/etc/apt/preferences".into());
        for path in paths {
            if let Some(bytes) = files.read(&path) {
                preferences.add(&path, &bytes, native)?;
            }
        }
        Ok(preferences)
    }

    fn add(&mut self, file: &str, bytes: &[u8], native: &str) -> Result<(), PreferencesError> {
        if bytes.len() > MAX_FILE {
            return Err(malformed(file, "too large for preferences".into()));
        }
        for stanza in deb822::stanzas(bytes) {
            let text = |name: &str| stanza.text_of(name).unwrap_or_default();
            let packages = text("Package");
            if packages.is_empty() {
                return Err(malformed(file, "a record has no Package".into()));
            }
            // apt warns of a kind of pin that it does not know, and goes on.
            let Some(pin) = Pin::parse(text("Pin")).map_err(|what| malformed(file, what))? else { continue };
            let priority = priority(text("Pin-Priority"))
                .ok_or_else(|| malformed(file, format!("no priority, zero, or one out of range, for {packages}")))?;
            if packages == "*" {
                self.general.push((pin, priority));
            } else {
                let names = packages.split_ascii_whitespace().filter_map(|word| name(word, native).transpose());
                let names = names.collect::<Result<_, _>>().map_err(|what| malformed(file, what))?;
                self.specific.push(Specific { names, pin, priority });
            }
            if self.specific.len() + self.general.len() > MAX_RECORDS {
                return Err(malformed(file, "too many records".into()));
            }
        }
        Ok(())
    }

    /// The priority of a version that one archive has. `source` is the name of its source package.
    pub fn priority(&self, name: &str, source: &str, version: &str, archive: &ArchiveFacts) -> i32 {
        self.priority_in(name, source, version, &[archive])
    }

    /// The priority of a version that stands in all of `archives` (the installed state among them, if it is installed).
    pub fn priority_in(&self, name: &str, source: &str, version: &str, archives: &[&ArchiveFacts]) -> i32 {
        let named = |n: &Name| n.pattern.matches(if n.source { source } else { name });
        let found = self.specific.iter().find(|s| {
            s.names.iter().any(named) && (s.pin.matches_version(version) || archives.iter().any(|a| s.pin.matches_archive(a)))
        });
        let general = archives.iter().map(|archive| self.general_priority(archive)).max();
        match found {
            // A version that only forbidden archives have stays forbidden.
            Some(_) if general == Some(NEVER) => NEVER,
            Some(specific) => specific.priority,
            None => general.unwrap_or(0),
        }
    }

    /// The priority of an archive by the first general pin, else by what it says of itself.
    fn general_priority(&self, archive: &ArchiveFacts) -> i32 {
        let pinned = self.general.iter().find(|(pin, _)| pin.matches_archive(archive));
        pinned.map_or_else(|| archive.default_priority(), |(_, priority)| *priority)
    }
}

/// `Pin-Priority: never`.
const NEVER: i32 = i16::MIN as i32;

fn priority(text: &str) -> Option<i32> {
    if text == "never" {
        return Some(NEVER);
    }
    text.parse::<i16>().ok().map(i32::from).filter(|p| *p != 0 && *p != NEVER)
}

/// `NAME`, `src:NAME`, `NAME:ARCH`, as name, glob or `/regex/`; nothing if it is for another architecture.
fn name(word: &str, native: &str) -> Result<Option<Name>, String> {
    let (source, word) = word.strip_prefix("src:").map_or((false, word), |name| (true, name));
    let (word, architecture) = match word.rsplit_once(':') {
        Some((name, architecture)) if !word.starts_with('/') => (name, Some(architecture)),
        _ => (word, None),
    };
    if architecture.is_some_and(|a| a != native && a != "any" && a != "native") {
        return Ok(None);
    }
    Ok(Some(Name { pattern: Pattern::new(word)?, source }))
}

fn malformed(file: &str, what: String) -> PreferencesError {
    PreferencesError::Malformed { file: file.to_owned(), what }
}

#[cfg(test)]
mod tests {
    use super::super::files::tests::Made;
    use super::*;

    fn preferences(text: &str, conf: &str) -> Result<Preferences, PreferencesError> {
        let made = Made::default().with("/etc/apt/preferences.d/x.pref", text).with("/etc/apt/apt.conf", conf);
        Preferences::read(&made, &AptConf::read(&made).expect("a configuration"), "amd64")
    }

    fn archive(suite: &str, codename: &str) -> ArchiveFacts {
        ArchiveFacts {
            archive: suite.into(),
            codename: codename.into(),
            origin: "Debian".into(),
            label: "Debian".into(),
            version: "12.9".into(),
            component: "main".into(),
            host: "archive.test".into(),
            ..ArchiveFacts::default()
        }
    }

    fn record(package: &str, pin: &str, priority: i32) -> String {
        format!("Explanation: why\nPackage: {package}\nPin: {pin}\nPin-Priority: {priority}\n\n")
    }

    #[test]
    fn without_pins_the_archive_decides() {
        let none = Preferences::default();
        let backports = ArchiveFacts { automatic: Automatic::Upgrades, ..archive("b", "b") };
        let experimental = ArchiveFacts { automatic: Automatic::Never, ..archive("e", "e") };
        for (facts, priority) in
            [(archive("oldstable", "bookworm"), 500), (backports, 100), (experimental, 1), (ArchiveFacts::installed(), 100)]
        {
            assert_eq!(none.priority("p", "p", "1", &facts), priority, "{facts:?}");
        }
        let default = preferences("", "APT::Default-Release \"bookworm\";").expect("preferences");
        assert_eq!(default.priority("p", "p", "1", &archive("oldstable", "bookworm")), 990);
        assert_eq!(default.priority("p", "p", "1", &archive("stable", "trixie")), 500);
    }

    #[test]
    fn each_form_of_pin_matches_what_it_says() {
        let facts = archive("oldstable", "bookworm");
        for (pin, matches) in [
            ("release a=oldstable", true),
            ("release a=stable", false),
            ("release n=bookworm, o=Debian, l=Debian, c=main, v=12*", true),
            ("release n=bookworm, c=contrib", false),
            ("release bookworm", true),
            ("release oldstable", true),
            ("release 12.9", true),
            ("release 13", false),
            ("release *", true),
            ("release n=/^book/", true),
            ("release o=deb*", true),
            ("release b=amd64", false),
            ("origin archive.test", true),
            ("origin \"archive.test\"", true),
            ("origin *.test", true),
            ("origin other.test", false),
            ("version 1.2*", true),
            ("version 1.2-3", true),
            ("version 1.2", false),
            ("version /^1\\.2-[0-9]$/", true),
        ] {
            let preferences = preferences(&record("p", pin, 700), "").expect(pin);
            assert_eq!(preferences.priority("p", "s", "1.2-3", &facts) == 700, matches, "{pin}");
        }
    }

    #[test]
    fn names_may_be_globs_regular_expressions_sources_and_lists() {
        for (package, matches) in [
            ("libfoo1", true),
            ("LibFoo?", true),
            ("lib*", true),
            ("/^libf/", true),
            ("src:foo", true),
            ("src:lib*", false),
            ("bar libfoo1", true),
            ("libfoo", false),
            ("libfoo1:amd64", true),
            ("libfoo1:i386", false),
            ("lib[a-f]oo1", true),
            ("lib[!a-f]oo1", false),
        ] {
            let preferences = preferences(&record(package, "release a=s", -1), "").expect(package);
            assert_eq!(preferences.priority("libfoo1", "foo", "1", &archive("s", "c")) == -1, matches, "{package}");
        }
    }

    #[test]
    fn specific_pins_beat_general_ones_and_the_first_of_either_counts() {
        let text = [
            record("*", "release a=s", 600),
            record("*", "release a=s", 900),
            record("p", "release a=s", 200),
            record("p", "version 1*", 300),
        ]
        .concat();
        let preferences = preferences(&text, "").expect("preferences");
        assert_eq!(preferences.priority("q", "q", "1", &archive("s", "c")), 600);
        assert_eq!(preferences.priority("p", "p", "1", &archive("s", "c")), 200);
        assert_eq!(preferences.priority("p", "p", "1", &archive("t", "c")), 300);
        let both = [&archive("t", "c"), &archive("s", "c")];
        assert_eq!(preferences.priority_in("p", "p", "2", &both), 200);
        assert_eq!(preferences.priority_in("q", "q", "2", &both), 600);
    }

    #[test]
    fn what_apt_refuses_is_refused() {
        for bad in [
            "Pin: release a=s\nPin-Priority: 1\n",
            "Package: p\nPin: release a=s\n",
            "Package: p\nPin: release a=s\nPin-Priority: 0\n",
            "Package: p\nPin: release a=s\nPin-Priority: 99999\n",
            "Package: /[/\nPin: release a=s\nPin-Priority: 5\n",
        ] {
            assert!(preferences(bad, "").is_err(), "{bad}");
        }
        let unknown = preferences("Package: p\nPin: mood good\nPin-Priority: 5\n", "").expect("only a warning");
        assert_eq!(unknown.priority("p", "p", "1", &archive("s", "c")), 500);
    }
}
