//! `/var/lib/dpkg/status`: the stanza of every package that dpkg knows.
//!
//! Invariant: stanzas stand sorted by name and architecture; one that is not replaced keeps its bytes.

use std::collections::BTreeMap;

use super::super::error::{Result, SystemError};
use super::super::view::MAX_DOCUMENT;
use super::control::Stanza;

const PATH: &str = "/var/lib/dpkg/status";

/// The `Status` of a package that is wholly there.
const INSTALLED: &str = "install ok installed";

/// What a stanza stands for: name, then architecture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageKey {
    /// Package name.
    pub name: String,
    /// Architecture, `all` included.
    pub architecture: String,
}

/// The state of an installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// `install ok installed`.
    Installed,
    /// `install ok unpacked`, with the version last configured, if there was one.
    Unpacked {
        /// `Config-Version`.
        configured: Option<String>,
    },
    /// `deinstall ok config-files`.
    ConfigFiles,
}

/// A conffile in a stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conffile {
    /// Absolute path.
    pub path: String,
    /// Hexadecimal MD5 of the shipped file, or `newconffile`.
    pub hash: String,
    /// No longer shipped.
    pub obsolete: bool,
    /// To be removed when the package is upgraded to a version that says so.
    pub remove_on_upgrade: bool,
}

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusFile {
    stanzas: BTreeMap<PackageKey, Vec<u8>>,
}

impl StatusFile {
    /// Reads the file.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_DOCUMENT {
            return Err(SystemError::malformed(PATH, "too large"));
        }
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            return Err(SystemError::malformed(PATH, "it ends within a line, so it was cut"));
        }
        let mut stanzas = BTreeMap::new();
        for raw in paragraphs(bytes) {
            let stanza = Stanza::parse(PATH, raw)?;
            let key = key(&stanza)?;
            check_fields(&stanza, &key)?;
            let PackageKey { name, architecture } = key.clone();
            if stanzas.insert(key, raw.to_vec()).is_some() {
                return Err(SystemError::malformed(PATH, format!("package {name} ({architecture}) has two stanzas")));
            }
        }
        Ok(Self { stanzas })
    }
    /// The packages, sorted.
    pub fn packages(&self) -> impl Iterator<Item = &PackageKey> {
        self.stanzas.keys()
    }
    /// The stanza of a package.
    pub fn get(&self, key: &PackageKey) -> Result<Option<Stanza>> {
        self.stanzas.get(key).map(|raw| Stanza::parse(PATH, raw)).transpose()
    }
    /// All stanzas of a name, whatever the architecture.
    pub fn named(&self, name: &str) -> Result<Vec<Stanza>> {
        self.stanzas.iter().filter(|(key, _)| key.name == name).map(|(_, raw)| Stanza::parse(PATH, raw)).collect()
    }
    /// Puts a package in, made from the control file of its archive.
    pub fn insert(&mut self, control: &[u8], state: &State, conffiles: &[Conffile]) -> Result<PackageKey> {
        let mut stanza = Stanza::parse("control", control)?;
        stanza.set("Conffiles", print_conffiles(conffiles));
        set_state(&mut stanza, state);
        let key = key(&stanza)?;
        self.stanzas.insert(key.clone(), stanza.print()?);
        Ok(key)
    }
    /// Puts a package into another state.
    pub fn set_state(&mut self, key: &PackageKey, state: &State) -> Result<()> {
        let Some(mut stanza) = self.get(key)? else {
            return Err(SystemError::refused("dpkg", format!("package {} is not installed", key.name)));
        };
        set_state(&mut stanza, state);
        self.stanzas.insert(key.clone(), stanza.print()?);
        Ok(())
    }
    /// Notes triggers that have not run: those that the package has to run, and the packages whose handlers it waits for. One
    /// that is unpacked stays so.
    pub fn set_triggers(&mut self, key: &PackageKey, pending: &[String], awaited: &[String]) -> Result<()> {
        let Some(mut stanza) = self.get(key)? else { return Ok(()) };
        if stanza.text("Status") == INSTALLED {
            let state = if awaited.is_empty() { "triggers-pending" } else { "triggers-awaited" };
            stanza.set("Status", format!("install ok {state}"));
        }
        stanza.set("Triggers-Pending", pending.join(" "));
        stanza.set("Triggers-Awaited", awaited.join(" "));
        self.stanzas.insert(key.clone(), stanza.print()?);
        Ok(())
    }
    /// Takes a package out; whether it was there.
    pub fn remove(&mut self, key: &PackageKey) -> bool {
        self.stanzas.remove(key).is_some()
    }
    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.stanzas.values().map(|raw| raw.len() + 1).sum());
        for raw in self.stanzas.values() {
            out.extend_from_slice(raw);
            out.push(b'\n');
        }
        out
    }
}

/// The conffiles of a stanza.
pub fn conffiles(stanza: &Stanza) -> Vec<Conffile> {
    let text = String::from_utf8_lossy(stanza.get("Conffiles").unwrap_or_default()).into_owned();
    let line = |line: &str| {
        let mut words: Vec<&str> = line.trim().split(' ').collect();
        let mut flag = |name: &str| words.pop_if(|last| *last == name).is_some();
        let (remove_on_upgrade, obsolete) = (flag("remove-on-upgrade"), flag("obsolete"));
        let hash = words.pop()?.to_owned();
        let path = words.join(" ");
        (!path.is_empty()).then_some(Conffile { path, hash, obsolete, remove_on_upgrade })
    };
    text.lines().filter_map(line).collect()
}

fn print_conffiles(conffiles: &[Conffile]) -> Vec<u8> {
    let line = |c: &Conffile| {
        let flags = [(c.obsolete, " obsolete"), (c.remove_on_upgrade, " remove-on-upgrade")];
        let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, text)| *text).collect();
        format!("\n {} {}{flags}", c.path, c.hash)
    };
    conffiles.iter().map(line).collect::<String>().into_bytes()
}

fn set_state(stanza: &mut Stanza, state: &State) {
    let (status, configured) = match state {
        State::Installed => (INSTALLED, None),
        State::Unpacked { configured } => ("install ok unpacked", configured.clone()),
        State::ConfigFiles => ("deinstall ok config-files", Some(stanza.text("Version").to_owned())),
    };
    stanza.set("Status", status);
    stanza.set("Config-Version", configured.unwrap_or_default());
    stanza.set("Triggers-Pending", "");
    stanza.set("Triggers-Awaited", "");
}

/// What a stanza of a package that is there in any way must say (dpkg, `parsedb`).
fn check_fields(stanza: &Stanza, key: &PackageKey) -> Result<()> {
    let status = stanza.text("Status");
    let state = status.rsplit(' ').next().unwrap_or_default();
    if status.split(' ').count() != 3 {
        return Err(SystemError::malformed(PATH, format!("package {}: its Status is '{}'", key.name, status.escape_debug())));
    }
    let asked = if state == "not-installed" { &[][..] } else { &["Version", "Architecture"] };
    match asked.iter().find(|field| stanza.text(field).is_empty()) {
        Some(field) => Err(SystemError::malformed(PATH, format!("package {} is {state} and has no {field}", key.name))),
        None => Ok(()),
    }
}

fn key(stanza: &Stanza) -> Result<PackageKey> {
    let (name, architecture) = (stanza.text("Package").to_owned(), stanza.text("Architecture").to_owned());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(SystemError::malformed(PATH, format!("'{}' is no package name", name.escape_debug())));
    }
    Ok(PackageKey { name, architecture })
}

/// The paragraphs of deb822 text: runs of lines that are not empty, each with its last newline.
pub fn paragraphs(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        while let Some(after) = rest.strip_prefix(b"\n") {
            rest = after;
        }
        if rest.is_empty() {
            return None;
        }
        let end = rest.windows(2).position(|pair| pair == b"\n\n").map_or(rest.len(), |at| at + 1);
        let (paragraph, after) = rest.split_at(end);
        rest = after;
        Some(paragraph)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nConffiles:\n /etc/a b 11 obsolete\n /etc/c newconffile remove-on-upgrade\nDescription: A\n\nPackage: c\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nDescription: C\n\n";

    #[test]
    fn a_package_is_printed_in_dpkgs_order_between_its_neighbours() {
        let mut file = StatusFile::parse(BASE.as_bytes()).expect("the base");
        assert_eq!(file.bytes(), BASE.as_bytes());
        let control = "package: b\nVersion:  2 \nArchitecture: amd64\nHomepage: http://b\nDepends: a(>>1),c\nDescription: B\n long\n .\n  more \nmulti-arch: same\nX-Own: 1\nSize: 5\n";
        let conffile = Conffile { path: "/etc/b".into(), hash: "00".into(), obsolete: false, remove_on_upgrade: false };
        let key = file.insert(control.as_bytes(), &State::Installed, &[conffile]).expect("put in");
        let printed = "Package: b\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 2\nDepends: a (>> 1), c\nConffiles:\n /etc/b 00\nDescription: B\n long\n .\n  more\nHomepage: http://b\nX-Own: 1\n\n";
        let text = String::from_utf8(file.bytes()).expect("text");
        assert_eq!(text, BASE.replace("Package: c", &format!("{printed}Package: c")));
        for (pending, awaited, told) in [
            (vec!["ldconfig".to_owned()], vec![], "Status: install ok triggers-pending\n"),
            (vec![], vec!["a".to_owned()], "Status: install ok triggers-awaited\n"),
        ] {
            file.set_state(&key, &State::Installed).expect("set");
            file.set_triggers(&key, &pending, &awaited).expect("set");
            assert!(String::from_utf8_lossy(&file.bytes()).contains(told), "{told}");
        }
        file.set_state(&key, &State::Installed).expect("set");
        assert_eq!(String::from_utf8_lossy(&file.bytes()), text);
        assert!(file.remove(&key) && !file.remove(&key));
        assert_eq!(file.bytes(), BASE.as_bytes());
    }

    #[test]
    fn conffile_lines_are_read_with_their_flags() {
        let file = StatusFile::parse(BASE.as_bytes()).expect("the base");
        let read = conffiles(&file.named("a").expect("stanzas")[0]);
        assert_eq!((read[0].path.as_str(), read[0].hash.as_str(), read[0].obsolete), ("/etc/a b", "11", true));
        assert!(read[1].remove_on_upgrade && !read[1].obsolete);
        assert_eq!(print_conffiles(&read), b"\n /etc/a b 11 obsolete\n /etc/c newconffile remove-on-upgrade");
    }

    #[test]
    fn what_is_no_stanza_is_refused() {
        for bad in ["no colon\n", " continuation\n", "Package: a\nPackage: b\n", "Package: ../a\nArchitecture: x\n", "Version: 1\n"]
        {
            assert!(StatusFile::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_file_that_was_cut_or_says_a_package_twice_is_refused_and_an_odd_one_is_not() {
        let cut = |at: &str| BASE.split_inclusive(at).next().expect("a part").to_owned();
        for (bad, told) in [
            (cut("Version: "), "it ends within a line"),
            (cut("Architecture: all\n"), "package a is installed and has no Version"),
            (format!("{BASE}{BASE}"), "package a (all) has two stanzas"),
            (BASE.replace("install ok installed", "installed"), "package a: its Status is 'installed'"),
        ] {
            let said = StatusFile::parse(bad.as_bytes()).expect_err(told).to_string();
            assert!(said.contains(told), "{said}");
        }
        let two_architectures = BASE.replacen("Package: c", "Package: a", 1);
        let absent = "Package: b\nStatus: purge ok not-installed\nArchitecture: all\n\n";
        for good in [two_architectures, format!("\n\n{BASE}"), format!("{BASE}{absent}")] {
            StatusFile::parse(good.as_bytes()).expect("it is read");
        }
        assert_eq!(StatusFile::parse(b"").expect("empty").bytes(), b"");
    }
}
