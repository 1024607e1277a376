//! Logins for places that the user names, in netrc's words as apt's `auth.conf` has them (`apt_auth.conf(5)`).
//!
//! Invariant: a login belongs to one origin and to the paths below its own; without `http://` it goes over https only. No
//! message repeats a line of the file.

use base64::Engine as _;
use reqwest::Url;

use super::Secret;
use super::url::{Origin, check};
use crate::error::{Class, Fault, Side};

/// Who asks, where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    origin: Origin,
    path: String,
    header: Secret,
}

/// Why a file of logins cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct LoginError {
    /// As the user named it.
    file: String,
    /// Counted from 1.
    line: usize,
    /// What is wrong there; never what stands there.
    what: &'static str,
}

impl Fault for LoginError {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Recipe
    }
    fn hint(&self) -> Option<String> {
        Some("each entry is: machine [http://]HOST[:PORT][/PATH] login NAME password WORD".into())
    }
}

/// One entry while it is read.
struct Entry<'t> {
    line: usize,
    machine: &'t str,
    name: Option<&'t str>,
    password: Option<&'t str>,
}

impl Login {
    /// A whole `Authorization` value for an origin.
    pub fn new(origin: Origin, header: Secret) -> Self {
        Self { origin, path: "/".into(), header }
    }

    /// The value of `Authorization` where the login is meant for `url`.
    pub(super) fn fits(&self, url: &Url) -> Option<&Secret> {
        (Origin::of(url) == self.origin && url.path().starts_with(&self.path)).then_some(&self.header)
    }

    /// Reads a file; `file` is what messages call it. Of several entries for one place the first counts.
    pub fn read(file: &str, text: &str) -> Result<Vec<Self>, LoginError> {
        let (mut entries, mut expected): (Vec<Entry<'_>>, Option<(&str, usize)>) = (Vec::new(), None);
        let fail = |line, what| LoginError { file: file.to_owned(), line, what };
        for (line, word) in words(text) {
            match (expected.take(), word, entries.last_mut()) {
                (None, "machine" | "login" | "password", _) => expected = Some((word, line)),
                (None, ..) => return Err(fail(line, "not one of the words `machine`, `login` and `password`")),
                (Some(("machine", _)), machine, _) => entries.push(Entry { line, machine, name: None, password: None }),
                (Some(_), _, None) => return Err(fail(line, "a login before any machine")),
                (Some(("login", _)), name, Some(entry)) => entry.name = Some(name),
                (Some(_), password, Some(entry)) => entry.password = Some(password),
            }
        }
        if let Some((_, line)) = expected {
            return Err(fail(line, "the last word has no value"));
        }
        entries.iter().map(|entry| Self::of(entry).map_err(|what| fail(entry.line, what))).collect()
    }

    fn of(entry: &Entry<'_>) -> Result<Self, &'static str> {
        let (Some(name), Some(password)) = (entry.name, entry.password) else { return Err("a machine without login or password") };
        let address = if entry.machine.contains("://") { entry.machine.to_owned() } else { format!("https://{}", entry.machine) };
        let url: Url = address.parse().map_err(|_| "the machine is no host")?;
        check(&url).map_err(|_| "the machine is no http or https address")?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err("the machine is more than a host and a path");
        }
        let header = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        Ok(Self { origin: Origin::of(&url), path: url.path().to_owned(), header: Secret::new(format!("Basic {header}")) })
    }
}

/// Words with their lines; from a word that begins with `#` on, the line is a comment.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.flat_map(|(at, line)| {
        line.split_ascii_whitespace().take_while(|word| !word.starts_with('#')).map(move |word| (at + 1, word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\nmachine a.test/deb/ login me password one\nmachine a.test login you\n  password two # all the rest\n\
        machine http://b.test:8080 login me password three\n";

    fn sent(text: &str, url: &str) -> Option<String> {
        let logins = Login::read("auth.conf", text).expect("a file of logins");
        let url: Url = url.parse().expect("an address");
        let header = logins.iter().find_map(|login| login.fits(&url))?.reveal().to_owned();
        let bytes = base64::engine::general_purpose::STANDARD.decode(header.strip_prefix("Basic ")?).expect("base64");
        String::from_utf8(bytes).ok()
    }

    #[test]
    fn a_login_goes_to_its_host_below_its_path_and_the_first_counts() {
        for (url, expected) in [
            ("https://a.test/deb/dists/x", Some("me:one")),
            ("https://a.test/debian", Some("you:two")),
            ("https://a.test:8443/deb/", None),
            ("http://a.test/deb/", None),
            ("https://x.a.test/deb/", None),
            ("http://b.test:8080/x", Some("me:three")),
            ("http://b.test/x", None),
            ("https://b.test:8080/x", None),
        ] {
            assert_eq!(sent(FILE, url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_file_that_is_no_list_of_logins_is_refused_without_being_repeated() {
        for (text, place) in [
            ("machine a.test login canary", ":1: a machine without"),
            ("login canary password canary", ":1: a login before"),
            ("machine a.test login canary password", ":1: the last word"),
            ("machine a.test\ncanary canary", ":2: not one of"),
            ("machine ftp://a.test/canary login canary password canary", ":1: the machine is no http"),
            ("machine http://canary:canary@a.test login a password b", ":1: the machine is more"),
        ] {
            let error = Login::read("auth.conf", text).expect_err(text);
            let told = format!("{error} {error:?} {}", error.hint().unwrap_or_default());
            assert!(told.contains(place) && !told.contains("canary"), "{told}");
        }
        assert_eq!(Login::read("auth.conf", "# nobody\n").expect("an empty file"), []);
        assert!(!format!("{:?}", Login::read("auth.conf", FILE)).contains("one\""));
    }
}
