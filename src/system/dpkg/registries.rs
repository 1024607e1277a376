//! dpkg's small registries: diversions, statoverride, triggers.
//!
//! Invariant: diversions and statoverride are written whole, in the order of dpkg's hash of the path; triggers in the order
//! of registration.

use super::super::error::{Result, SystemError};

/// The size of dpkg's hash of file names.
const BINS: u32 = 262_139;

/// One diversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diversion {
    /// The path that is diverted.
    pub from: String,
    /// Where others' files of that path go.
    pub to: String,
    /// The package that keeps the path; `None` is local.
    pub package: Option<String>,
}

/// `/var/lib/dpkg/diversions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diversions(pub Vec<Diversion>);

impl Diversions {
    /// Reads the file.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let text = utf8("/var/lib/dpkg/diversions", bytes)?;
        let lines: Vec<&str> = text.lines().collect();
        if !lines.len().is_multiple_of(3) {
            return Err(SystemError::malformed("/var/lib/dpkg/diversions", "not three lines for each diversion"));
        }
        let one = |l: &[&str]| Diversion { from: l[0].into(), to: l[1].into(), package: (l[2] != ":").then(|| l[2].into()) };
        Ok(Self(lines.chunks_exact(3).map(one).collect()))
    }
    /// The diversion of a path.
    pub fn of(&self, from: &str) -> Option<&Diversion> {
        self.0.iter().find(|d| d.from == from)
    }
    /// The lines of `dpkg-divert --list`.
    pub fn lines(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|d| {
            let line = match &d.package {
                Some(package) => format!("diversion of {} to {} by {package}\n", d.from, d.to),
                None => format!("local diversion of {} to {}\n", d.from, d.to),
            };
            (d.from.as_str(), line)
        })
    }
    /// `dpkg-divert --add`; whether something changed. A clash with another one is refused.
    pub fn add(&mut self, new: Diversion) -> Result<bool> {
        check("dpkg-divert", [&new.from, &new.to])?;
        let touches = |d: &&Diversion| [&new.from, &new.to].iter().any(|path| **path == d.from || **path == d.to);
        match self.0.iter().find(touches) {
            Some(same) if *same == new => Ok(false),
            Some(other) => Err(SystemError::refused(
                "dpkg-divert",
                format!("'diversion of {} to {}' clashes with 'diversion of {} to {}'", new.from, new.to, other.from, other.to),
            )),
            None => {
                self.0.push(new);
                Ok(true)
            }
        }
    }
    /// `dpkg-divert --remove`; gives what was removed.
    pub fn remove(&mut self, from: &str) -> Option<Diversion> {
        self.0.iter().position(|d| d.from == from).map(|at| self.0.remove(at))
    }
    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut sorted: Vec<&Diversion> = self.0.iter().collect();
        sorted.sort_by_key(|d| bin(&d.from));
        let line = |d: &Diversion| format!("{}\n{}\n{}\n", d.from, d.to, d.package.as_deref().unwrap_or(":"));
        sorted.into_iter().map(line).collect::<String>().into_bytes()
    }
}

/// One override of mode and owner, by names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// User name, or `#UID`.
    pub user: String,
    /// Group name, or `#GID`.
    pub group: String,
    /// Permission bits.
    pub mode: u32,
    /// Path.
    pub path: String,
}

/// `/var/lib/dpkg/statoverride`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(pub Vec<Override>);

impl Overrides {
    /// Reads the file.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let bad = |line: &str| SystemError::malformed("/var/lib/dpkg/statoverride", format!("'{}'", line.escape_debug()));
        let line = |line: &str| {
            let mut words = line.splitn(4, ' ');
            let (user, group, mode, path) = (words.next()?, words.next()?, words.next()?, words.next()?);
            let mode = u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777)?;
            Some(Override { user: user.into(), group: group.into(), mode, path: path.into() })
        };
        let text = utf8("/var/lib/dpkg/statoverride", bytes)?;
        text.lines().filter(|l| !l.is_empty()).map(|l| line(l).ok_or_else(|| bad(l))).collect::<Result<_>>().map(Self)
    }
    /// The override of a path.
    pub fn of(&self, path: &str) -> Option<&Override> {
        self.0.iter().find(|o| o.path == path)
    }
    /// `dpkg-statoverride --add`; `force` replaces one that is there.
    pub fn add(&mut self, new: Override, force: bool) -> Result<()> {
        check("dpkg-statoverride", [&new.path, &new.user])?;
        if self.of(&new.path).is_some() && !force {
            return Err(SystemError::refused(
                "dpkg-statoverride",
                format!("an override for '{}' already exists; aborting", new.path),
            ));
        }
        self.0.retain(|o| o.path != new.path);
        self.0.push(new);
        Ok(())
    }
    /// `dpkg-statoverride --remove`; whether there was one.
    pub fn remove(&mut self, path: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|o| o.path != path);
        self.0.len() < before
    }
    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut sorted: Vec<&Override> = self.0.iter().collect();
        sorted.sort_by_key(|o| bin(&o.path));
        let line = |o: &Override| format!("{} {} {:o} {}\n", o.user, o.group, o.mode, o.path);
        sorted.into_iter().map(line).collect::<String>().into_bytes()
    }
}

/// An interest that a package's `triggers` file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Trigger name, or an absolute path.
    pub trigger: String,
    /// Whether the activating package waits for it.
    pub awaits: bool,
}

/// The `interest` lines of a package's `triggers` file, and the names that it activates at unpack.
pub fn interests(triggers: &[u8]) -> Result<(Vec<Interest>, Vec<Interest>)> {
    let text = utf8("triggers", triggers)?;
    let (mut interested, mut activates) = (Vec::new(), Vec::new());
    for line in text.lines().map(|l| l.split('#').next().unwrap_or_default().trim()).filter(|l| !l.is_empty()) {
        let bad = || SystemError::malformed("triggers", format!("'{}' is unknown", line.escape_debug()));
        let (word, name) = line.split_once(char::is_whitespace).ok_or_else(bad)?;
        let (verb, how) = word.split_once('-').unwrap_or((word, ""));
        let awaits = match how {
            "" | "await" => true,
            "noawait" => false,
            _ => return Err(bad()),
        };
        let one = Interest { trigger: name.trim().to_owned(), awaits };
        match verb {
            "interest" => interested.push(one),
            "activate" => activates.push(one),
            _ => return Err(bad()),
        }
    }
    Ok((interested, activates))
}

/// `triggers/File` or `triggers/NAME`: lines of one registry without and with a path in front.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriggerLines(Vec<u8>);

impl TriggerLines {
    /// The registry as it is.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }
    /// Registers `package` (with `:ARCH` for `Multi-Arch: same`); its former line of the same trigger goes.
    pub fn register(&mut self, package: &str, interest: &Interest) {
        let suffix = if interest.awaits { "" } else { "/noawait" };
        let path = if interest.trigger.starts_with('/') { format!("{} ", interest.trigger) } else { String::new() };
        self.retain(|line| line != format!("{path}{package}") && line != format!("{path}{package}/noawait"));
        self.0.extend_from_slice(format!("{path}{package}{suffix}\n").as_bytes());
    }
    /// Drops every line of `package`.
    pub fn unregister(&mut self, package: &str) {
        self.retain(|line| {
            let owner = line.rsplit(' ').next().unwrap_or(line);
            owner.strip_suffix("/noawait").unwrap_or(owner) != package
        });
    }
    fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        let lines =
            self.0.split_inclusive(|b| *b == b'\n').filter(|line| keep(String::from_utf8_lossy(line).trim_end_matches('\n')));
        self.0 = lines.flatten().copied().collect();
    }
    /// Pairs of path (empty in `triggers/NAME`) and interested package, with whether the activator waits.
    pub fn entries(&self) -> Vec<(String, String, bool)> {
        let text = String::from_utf8_lossy(&self.0).into_owned();
        let one = |line: &str| {
            let (path, owner) = line.rsplit_once(' ').unwrap_or(("", line));
            let package = owner.strip_suffix("/noawait");
            (path.to_owned(), package.unwrap_or(owner).to_owned(), package.is_none())
        };
        text.lines().filter(|l| !l.is_empty()).map(one).collect()
    }
    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// dpkg's bin for a path: FNV-1a over the path without its leading slash.
fn bin(path: &str) -> u32 {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.bytes().fold(2_166_136_261_u32, |h, byte| (h ^ u32::from(byte)).wrapping_mul(16_777_619)) % BINS
}

fn check(command: &'static str, words: [&String; 2]) -> Result<()> {
    let [path, other] = words;
    if !path.starts_with('/') || path.contains(['\n', '\0']) || other.contains(['\n', '\0']) {
        return Err(SystemError::refused(command, "a filename is not absolute or contains newlines"));
    }
    Ok(())
}

fn utf8<'a>(document: &str, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| SystemError::malformed(document, "is no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diversions_clash_or_stay_in_hash_order() {
        let divert = |from: &str, package: Option<&str>| Diversion {
            from: from.into(),
            to: format!("{from}.distrib"),
            package: package.map(Into::into),
        };
        let mut file = Diversions::default();
        for name in ["/bin/sh", "/usr/share/man/man1/sh.1.gz", "/usr/sbin/sshd"] {
            assert_eq!(file.add(divert(name, Some("dash"))), Ok(true));
        }
        assert_eq!(file.add(divert("/bin/sh", Some("dash"))), Ok(false));
        assert!(file.add(divert("/bin/sh", None)).is_err());
        assert!(file.add(divert("/bin/sh.distrib", None)).is_err());
        let again = Diversions::parse(&file.bytes()).expect("read again");
        assert_eq!(again.bytes(), file.bytes());
        assert_eq!(file.remove("/usr/sbin/sshd").map(|d| d.to).as_deref(), Some("/usr/sbin/sshd.distrib"));
        assert!(Diversions::parse(b"/a\n/b\n").is_err());
    }

    #[test]
    fn overrides_hold_names_and_plain_octal() {
        let bytes = b"root crontab 2755 /usr/bin/crontab\n";
        let mut file = Overrides::parse(bytes).expect("read");
        let new = Override { user: "root".into(), group: "_ssh".into(), mode: 0o2755, path: "/usr/bin/ssh-agent".into() };
        file.add(new.clone(), false).expect("added");
        assert!(file.add(new.clone(), false).is_err() && file.add(new, true).is_ok());
        assert!(file.remove("/usr/bin/ssh-agent") && !file.remove("/usr/bin/ssh-agent"));
        assert_eq!(file.bytes(), bytes);
        for bad in ["a b c /x", "a b 77777 /x", "a b 755"] {
            assert!(Overrides::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn triggers_are_registered_once_and_in_order() {
        let (interested, activates) =
            interests(b"# x\ninterest-noawait /usr/share/a # why\ninterest ldconfig\nactivate-noawait b\n").expect("read");
        assert_eq!(activates, [Interest { trigger: "b".into(), awaits: false }]);
        let mut lines = TriggerLines::new("/usr/share/a other\n");
        lines.register("p", &interested[0]);
        lines.register("p", &interested[0]);
        assert_eq!(lines.bytes(), b"/usr/share/a other\n/usr/share/a p/noawait\n");
        assert_eq!(lines.entries()[1], ("/usr/share/a".into(), "p".into(), false));
        lines.unregister("other");
        lines.register("libc-bin", &interested[1]);
        assert_eq!(lines.bytes(), b"/usr/share/a p/noawait\nlibc-bin\n");
        assert!(interests(b"watch /x\n").is_err());
    }
}
