//! All that is known of this machine: environment, clock, terminal, folders. Read once, here and nowhere else.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::args::Global;

/// The surroundings of one run.
#[derive(Debug, Clone)]
pub(super) struct Host {
    /// Environment variables that this program knows.
    env: BTreeMap<&'static str, String>,
    /// Now.
    pub(super) now: SystemTime,
    /// Whether stderr is a terminal.
    pub(super) stderr_is_terminal: bool,
    /// Whether stdout is a terminal.
    pub(super) stdout_is_terminal: bool,
    /// The user's number.
    pub(super) uid: u32,
    /// Options of every command.
    pub(super) global: Global,
}

/// Every environment variable that is read.
const VARIABLES: &[&str] = &[
    "PLYWOOD_STORE",
    "HOME",
    "PATH",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "DOCKER_CONFIG",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "CONTAINER_HOST",
    "REGISTRY_AUTH_FILE",
    "SSL_CERT_FILE",
    "SOURCE_DATE_EPOCH",
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

impl Host {
    pub(super) fn read(global: Global) -> Self {
        let env = VARIABLES.iter().filter_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()).map(|v| (*name, v)));
        Self {
            env: env.collect(),
            now: SystemTime::now(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            uid: rustix::process::getuid().as_raw(),
            global,
        }
    }

    /// A variable that is set and not empty.
    pub(super) fn var(&self, name: &'static str) -> Option<&str> {
        debug_assert!(VARIABLES.contains(&name), "{name} is not in the table");
        self.env.get(name).map(String::as_str)
    }

    /// The first of several that is set.
    fn first(&self, names: &[&'static str]) -> Option<String> {
        names.iter().find_map(|n| self.var(n)).map(str::to_owned)
    }

    fn home(&self) -> Option<PathBuf> {
        self.var("HOME").map(PathBuf::from)
    }

    /// The store's folder: `--store`, `PLYWOOD_STORE`, else `plywood` below the XDG cache folder.
    pub(super) fn store(&self) -> anyhow::Result<PathBuf> {
        if let Some(folder) = self.global.store.clone().or_else(|| self.var("PLYWOOD_STORE").map(PathBuf::from)) {
            return Ok(folder);
        }
        let cache = self.var("XDG_CACHE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
        let cache = cache.or_else(|| self.home().map(|h| h.join(".cache")));
        cache.map(|c| c.join("plywood")).ok_or_else(|| super::usage("there is no HOME to keep a store in", "set PLYWOOD_STORE to a folder"))
    }

    /// Seconds since 1970 that go into what is made, where the user gives them.
    pub(super) fn epoch(&self) -> anyhow::Result<Option<i64>> {
        self.var("SOURCE_DATE_EPOCH")
            .map(|text| {
                text.parse::<i64>().ok().filter(|n| (0..=253_402_300_799).contains(n)).ok_or_else(|| {
                    super::usage(&format!("SOURCE_DATE_EPOCH is {text:?}, not a number of seconds since 1970"), "unset SOURCE_DATE_EPOCH")
                })
            })
            .transpose()
    }

    /// Docker's folder of client configuration.
    pub(super) fn docker_config(&self) -> Option<PathBuf> {
        self.var("DOCKER_CONFIG").map(PathBuf::from).or_else(|| self.home().map(|h| h.join(".docker")))
    }

    /// Files with credentials, in the order in which Podman and Docker look.
    pub(super) fn credential_files(&self) -> Vec<PathBuf> {
        let below = |folder: Option<&str>, rest: &str| folder.map(|f| Path::new(f).join(rest));
        let config_home = self.var("XDG_CONFIG_HOME").map(str::to_owned).or_else(|| self.var("HOME").map(|h| format!("{h}/.config")));
        [
            self.var("REGISTRY_AUTH_FILE").map(PathBuf::from),
            below(self.var("XDG_RUNTIME_DIR"), "containers/auth.json"),
            below(config_home.as_deref(), "containers/auth.json"),
            self.docker_config().map(|d| d.join("config.json")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Folders that hold `HOST[:PORT]/*.crt`.
    pub(super) fn certificate_folders(&self) -> Vec<PathBuf> {
        let own = self.var("HOME").map(|h| Path::new(h).join(".config/containers/certs.d"));
        own.into_iter().chain(["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from)).collect()
    }

    /// Proxies as (http, https, no_proxy). `HTTP_PROXY` in upper case counts only where no CGI server can have made it.
    pub(super) fn proxies(&self) -> (Option<String>, Option<String>, Option<String>) {
        (
            self.first(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            self.first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            self.first(&["no_proxy", "NO_PROXY"]),
        )
    }
}
