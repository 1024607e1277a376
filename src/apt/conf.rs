//! The base's apt configuration: `/etc/apt/apt.conf.d/*`, then `/etc/apt/apt.conf`, in the grammar of apt.conf(5).
//!
//! Invariant: only the base's files count, neither this machine's nor the environment. Defaults that are compiled into
//! apt are not here: a key that no file sets has none, and the asker names the default.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Class, Fault, Side};

use super::conf_syntax::{self, Event};
use super::files::{Files, parts};

/// The longest configuration file: real ones have a few kilobytes.
pub(super) const MAX_FILE: usize = 1 << 20;
/// The most settings of all files together.
const MAX_ITEMS: usize = 20_000;

/// The settings, by name. Names are looked up without regard to case, as apt does.
#[derive(Clone, Debug, Default)]
pub struct AptConf {
    items: BTreeMap<String, Item>,
    made: usize,
}

#[derive(Clone, Debug)]
struct Item {
    /// Place among all items, by first mention: the order of a list.
    place: usize,
    value: String,
}

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfError {
    /// The file breaks the grammar, as apt itself would report.
    #[error("{file}:{line}: {what}")]
    Syntax {
        /// Path in the base.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// Larger than any real configuration.
    #[error("{file}: too large for an apt configuration")]
    TooLarge {
        /// Path in the base.
        file: String,
    },
}

impl Fault for ConfError {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Source
    }
}

impl AptConf {
    /// Reads the base's configuration in apt's order. A base without any file has an empty one.
    pub fn read(files: &(impl Files + ?Sized)) -> Result<Self, ConfError> {
        let mut conf = Self::default();
        let mut paths = parts(files, "/etc/apt/apt.conf.d", &["conf"], true);
        paths.push("/etc/apt/apt.conf".into());
        for path in paths {
            if let Some(bytes) = files.read(&path) {
                conf.add(&path, &bytes)?;
            }
        }
        Ok(conf)
    }

    /// Adds the settings of one file; they override earlier ones. `file` is for messages.
    pub fn add(&mut self, file: &str, bytes: &Arc<[u8]>) -> Result<(), ConfError> {
        let too_large = || ConfError::TooLarge { file: file.into() };
        if bytes.len() > MAX_FILE {
            return Err(too_large());
        }
        let text = String::from_utf8_lossy(bytes);
        for event in conf_syntax::parse(&text) {
            match event.map_err(|(line, what)| ConfError::Syntax { file: file.into(), line, what })? {
                Event::Set { name, value } => self.set(&name, value),
                Event::Clear { name } => self.clear(&name),
            }
            if self.items.len() > MAX_ITEMS {
                return Err(too_large());
            }
        }
        Ok(())
    }

    /// Sets a name, as `-o NAME=VALUE` does; a name that ends in `::` gains an element.
    pub fn set(&mut self, name: &str, value: String) {
        let mut key = name.to_ascii_lowercase();
        self.made += 1;
        if key.ends_with("::") {
            // An element of a list has no name of its own; a control character cannot occur in a written one.
            key = format!("{key}\u{1}{:08}", self.made);
        }
        let place = self.made;
        self.items.entry(key).and_modify(|item| item.value.clone_from(&value)).or_insert(Item { place, value });
    }

    fn clear(&mut self, name: &str) {
        let key = name.to_ascii_lowercase();
        let below = format!("{key}::");
        self.items.retain(|k, _| *k != key && !k.starts_with(&below));
    }

    /// The value of `name` where it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.items.get(&name.to_ascii_lowercase()).map(|item| item.value.as_str()).filter(|v| !v.is_empty())
    }

    /// The value as apt reads a truth value (`yes`, `true`, `with`, `on`, `enable` or a number); else `default`.
    pub fn bool(&self, name: &str, default: bool) -> bool {
        self.get(name).and_then(truth).unwrap_or(default)
    }

    /// The value as a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.trim().parse().ok()
    }

    /// The elements of a list in order: the parts of its own value between commas, else the values of what is below it.
    pub fn list(&self, name: &str) -> Vec<&str> {
        if let Some(value) = self.get(name) {
            return value.split(',').map(str::trim).filter(|v| !v.is_empty()).collect();
        }
        let below = format!("{}::", name.to_ascii_lowercase());
        let mut found: Vec<&Item> = self
            .items
            .range(below.clone()..)
            .take_while(|(key, _)| key.starts_with(&below))
            .filter(|(key, _)| !key.get(below.len()..).unwrap_or_default().contains("::"))
            .map(|(_, item)| item)
            .collect();
        found.sort_by_key(|item| item.place);
        found.into_iter().map(|item| item.value.as_str()).collect()
    }
}

/// A truth value in apt's words; `None` if it is none.
pub(super) fn truth(text: &str) -> Option<bool> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return (number == 0 || number == 1).then_some(number == 1);
    }
    match text.to_ascii_lowercase().as_str() {
        "no" | "false" | "without" | "off" | "disable" => Some(false),
        "yes" | "true" | "with" | "on" | "enable" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::tests::Made;
    use super::*;

    fn conf(text: &str) -> AptConf {
        AptConf::read(&Made::default().with("/etc/apt/apt.conf", text)).expect("a configuration")
    }

    #[test]
    fn the_files_of_official_images_are_understood() {
        let made = Made::default()
            .with(
                "/etc/apt/apt.conf.d/01autoremove",
                "APT\n{\n  NeverAutoRemove\n  {\n\t\"^firmware-linux.*\";\n\t\"^linux-firmware$\";\n  };\n  Never-MarkAuto-Sections { \"metapackages\"; \"tasks\"; };\n};\n",
            )
            .with(
                "/etc/apt/apt.conf.d/docker-clean",
                "# comment; with { signs\nDPkg::Post-Invoke { \"rm -f /x/*.deb || true\"; };\nDir::Cache::pkgcache \"\"; Dir::Cache::srcpkgcache \"\";\n",
            )
            .with("/etc/apt/apt.conf.d/docker-gzip-indexes", "Acquire::GzipIndexes \"true\";\n")
            .with("/etc/apt/apt.conf.d/70debconf", "// Pre-configure\nDPkg::Pre-Install-Pkgs {\"/usr/sbin/dpkg-preconfigure --apt || true\";};\n")
            .with("/etc/apt/apt.conf.d/ignored.bak", "this is { no configuration");
        let conf = AptConf::read(&made).expect("a configuration");
        assert_eq!(conf.list("apt::neverautoremove"), ["^firmware-linux.*", "^linux-firmware$"]);
        assert_eq!(conf.list("DPkg::Post-Invoke"), ["rm -f /x/*.deb || true"]);
        assert_eq!(conf.list("DPkg::Pre-Install-Pkgs"), ["/usr/sbin/dpkg-preconfigure --apt || true"]);
        assert_eq!(conf.get("Dir::Cache::pkgcache"), None);
        assert!(conf.bool("acquire::gzipindexes", false));
        assert!(conf.bool("APT::Install-Recommends", true));
    }

    #[test]
    fn later_files_override_and_clear_what_earlier_ones_set() {
        let made = Made::default()
            .with("/etc/apt/apt.conf.d/10", "APT::Install-Recommends true; A::List { \"x\"; }; A::B 1;")
            .with(
                "/etc/apt/apt.conf.d/20.conf",
                "apt::install-recommends \"no\"; A::List:: \"y\"; /* A::B\n 2; */ A::B::C 3;\n#clear A::B;",
            )
            .with("/etc/apt/apt.conf", "Z \"last\";");
        let conf = AptConf::read(&made).expect("a configuration");
        assert!(!conf.bool("APT::Install-Recommends", true));
        assert_eq!(conf.list("A::List"), ["x", "y"]);
        assert_eq!((conf.get("A::B"), conf.get("A::B::C"), conf.get("Z")), (None, None, Some("last")));
    }

    #[test]
    fn scopes_values_and_comments_follow_the_grammar() {
        for (text, name, value) in [
            ("A { B { C \"v\"; }; };", "A::B::C", Some("v")),
            ("A::B \"x // no comment # here; {}\";", "A::B", Some("x // no comment # here; {}")),
            ("A \"one\" \"two\";", "A", Some("onetwo")),
            ("A plain;", "A", Some("plain")),
            ("A%3a \"v\";", "A:", Some("v")),
            ("A { B 1; C 2 }", "A::C", Some("2")),
            ("A scope { B 1; };", "A::B", Some("1")),
            ("A\n\n\"v\"\n;", "A", Some("v")),
            ("A 1", "A", None),
        ] {
            assert_eq!(conf(text).get(name), value, "{text:?}");
        }
        assert_eq!(conf("A \"en, de,fr\";").list("A"), ["en", "de", "fr"]);
    }

    #[test]
    fn a_broken_file_is_refused_with_its_line() {
        for (text, line) in
            [("A 1;\n{ B 1; };", 2), ("A 1;\n};\nB \"x;\n", 3), ("A \"1\" b c;", 1), ("/* never ends", 1), ("A { #clear B; };", 1)]
        {
            let error = AptConf::read(&Made::default().with("/etc/apt/apt.conf", text)).expect_err(text);
            assert!(error.to_string().starts_with(&format!("/etc/apt/apt.conf:{line}: ")), "{text:?}: {error}");
        }
        let large = vec![b' '; MAX_FILE + 1];
        assert!(AptConf::read(&Made::default().with("/etc/apt/apt.conf", large)).is_err());
        let deep = "a {".repeat(100_000);
        assert!(AptConf::read(&Made::default().with("/etc/apt/apt.conf", deep)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[ -~\n\"{};#/*:%]{0,200}") {
            let _ = AptConf::read(&Made::default().with("/etc/apt/apt.conf", text));
        }
    }
}
