//! All that is known of this machine: environment, clock, terminal, folders. Read once, here and nowhere else.
//!
//! Invariant: a variable that is not in [`VARIABLES`] is not read; files are read only by the method that needs them, so that a
//! build that pushes never looks for an engine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::Result;
use crate::transport::registry::HelperSettings;

use super::args::{Color, Global};
use super::failure::usage_with_hint;

mod engines;
mod network;

/// Every environment variable that is read, and what for.
const VARIABLES: &[(&str, &str)] = &[
    ("PLYWOOD_STORE", "folder of the store"),
    ("SOURCE_DATE_EPOCH", "times in what is made"),
    ("NO_COLOR", "no colours"),
    ("TERM", "`dumb` has neither colours nor progress bars"),
    ("HOME", "default folders"),
    ("PATH", "credential helpers"),
    ("XDG_CACHE_HOME", "default folder of the store"),
    ("XDG_CONFIG_HOME", "Podman's credentials"),
    ("XDG_RUNTIME_DIR", "Podman's credentials; rootless sockets"),
    ("DOCKER_CONFIG", "Docker's credentials and contexts"),
    ("DOCKER_AUTH_CONFIG", "credentials"),
    ("REGISTRY_AUTH_FILE", "credentials"),
    ("DOCKER_HOST", "the engine"),
    ("DOCKER_CONTEXT", "the engine"),
    ("DOCKER_TLS_VERIFY", "the engine"),
    ("CONTAINER_HOST", "the engine, with --load=podman"),
    ("SSL_CERT_FILE", "certificate authorities"),
    ("SSL_CERT_DIR", "certificate authorities"),
    ("http_proxy", "proxy"),
    ("HTTP_PROXY", "proxy, but not where a web server may have set it"),
    ("REQUEST_METHOD", "set by web servers for CGI"),
    ("https_proxy", "proxy"),
    ("HTTPS_PROXY", "proxy"),
    ("all_proxy", "proxy"),
    ("ALL_PROXY", "proxy"),
    ("no_proxy", "hosts without proxy"),
    ("NO_PROXY", "hosts without proxy"),
    ("DBUS_SESSION_BUS_ADDRESS", "handed to credential helpers"),
    ("DISPLAY", "handed to credential helpers"),
    ("GNUPGHOME", "handed to credential helpers"),
    ("PASSWORD_STORE_DIR", "handed to credential helpers"),
    ("AWS_PROFILE", "handed to credential helpers"),
    ("AWS_REGION", "handed to credential helpers"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "handed to credential helpers"),
];

/// Variables that a credential helper gets beside `PATH`.
const FOR_HELPERS: &[&str] = &[
    "HOME",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "GNUPGHOME",
    "PASSWORD_STORE_DIR",
    "AWS_PROFILE",
    "AWS_REGION",
    "GOOGLE_APPLICATION_CREDENTIALS",
];

/// The last second of the year 9999, where four-digit years end.
const LAST_EPOCH: i64 = 253_402_300_799;

/// The surroundings of one run.
#[derive(Clone)]
pub(super) struct Host {
    environment: BTreeMap<&'static str, OsString>,
    /// Now.
    pub(super) now: SystemTime,
    /// Whether stdout is a terminal.
    pub(super) stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    user: u32,
    /// Options of every command.
    pub(super) global: Global,
}

/// The environment may hold secrets.
impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("global", &self.global).finish_non_exhaustive()
    }
}

impl Host {
    /// Looks around.
    pub(super) fn read(global: Global) -> Self {
        let set = |name: &'static str| std::env::var_os(name).filter(|v| !v.is_empty()).map(|v| (name, v));
        Self {
            environment: VARIABLES.iter().filter_map(|(name, _)| set(name)).collect(),
            now: SystemTime::now(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            user: rustix::process::getuid().as_raw(),
            global,
        }
    }

    /// A variable that is set and not empty.
    fn variable(&self, name: &'static str) -> Option<&OsString> {
        debug_assert!(VARIABLES.iter().any(|(known, _)| *known == name), "{name} is not in the table");
        self.environment.get(name)
    }
    /// The same, where it is text.
    fn text(&self, name: &'static str) -> Option<&str> {
        self.variable(name).and_then(|v| v.to_str())
    }
    fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from)
    }
    /// XDG's folders count only where they are absolute.
    fn xdg(&self, name: &'static str, below_home: &str) -> Option<PathBuf> {
        let named = self.path(name).filter(|p| p.is_absolute());
        named.or_else(|| self.path("HOME").map(|home| home.join(below_home)))
    }

    /// The store's folder: `--store`, `PLYWOOD_STORE`, else `plywood` below the XDG cache folder.
    pub(super) fn store(&self) -> Result<PathBuf> {
        let named = self.global.store.clone().or_else(|| self.path("PLYWOOD_STORE"));
        let found = named.or_else(|| self.xdg("XDG_CACHE_HOME", ".cache").map(|cache| cache.join("plywood")));
        found.ok_or_else(|| usage_with_hint("there is no HOME to keep a store in", "set PLYWOOD_STORE to a folder"))
    }

    /// Seconds since 1970 that go into what is made, where the user gives them.
    pub(super) fn epoch(&self) -> Result<Option<i64>> {
        let Some(value) = self.variable("SOURCE_DATE_EPOCH") else { return Ok(None) };
        let number = value.to_str().and_then(|text| text.parse().ok()).filter(|n| (0..=LAST_EPOCH).contains(n));
        let wrong = || {
            let message = format!("SOURCE_DATE_EPOCH is {}, not a number of seconds since 1970", value.display());
            usage_with_hint(message, "unset SOURCE_DATE_EPOCH")
        };
        number.map(Some).ok_or_else(wrong)
    }

    /// Whether stderr has colours.
    pub(super) fn colours(&self) -> bool {
        match self.global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => self.variable("NO_COLOR").is_none() && self.moves(),
        }
    }
    /// Whether stderr can show progress bars.
    pub(super) fn moves(&self) -> bool {
        self.stderr_is_terminal && self.text("TERM").is_some_and(|term| term != "dumb")
    }

    /// Docker's folder of client configuration.
    fn docker_config(&self) -> Option<PathBuf> {
        self.path("DOCKER_CONFIG").or_else(|| self.path("HOME").map(|home| home.join(".docker")))
    }
    /// Docker's `config.json`, where logins are kept.
    pub(super) fn docker_config_file(&self) -> Result<PathBuf> {
        let folder = self.docker_config();
        let absent = || usage_with_hint("there is no HOME to keep a login in", "set DOCKER_CONFIG to a folder");
        folder.map(|d| d.join("config.json")).ok_or_else(absent)
    }

    /// What credential helpers are run with.
    pub(super) fn helpers(&self) -> HelperSettings {
        let handed = |name: &&'static str| self.variable(name).map(|value| (OsString::from(name), value.clone()));
        HelperSettings {
            path: self.variable("PATH").cloned().unwrap_or_default(),
            environment: FOR_HELPERS.iter().filter_map(handed).collect(),
            ..HelperSettings::default()
        }
    }

    /// The folder of sockets and other files of this login.
    fn runtime_folder(&self) -> PathBuf {
        self.path("XDG_RUNTIME_DIR").unwrap_or_else(|| Path::new("/run/user").join(self.user.to_string()))
    }
}

#[cfg(test)]
pub(super) mod tests;
