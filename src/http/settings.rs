//! What a client is told: proxies, CAs, time limits, allowances. Values only; the environment is read elsewhere.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Login, Secret};

/// All that decides how requests are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// Explicit proxies; none are found by themselves.
    pub proxies: Proxies,
    /// Who may sign a server's certificate.
    pub authorities: Authorities,
    /// For a connection, TLS included.
    pub connect_timeout: Duration,
    /// Between two pieces of an answer, before the first, and between two pieces of an upload that the other side takes.
    pub read_timeout: Duration,
    /// For a whole document (manifest, token, error text), against servers that drip.
    pub document_timeout: Duration,
    /// Hosts (with port where one is meant) with internal addresses that foreign servers and bases may name.
    pub allow_private: Vec<String>,
    /// How often and how long is tried again.
    pub retry: Retry,
    /// Logins for archives and other places that ask for none by themselves; the first that fits is sent.
    pub logins: Vec<Login>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_agent: concat!("plywood/", env!("CARGO_PKG_VERSION")).into(),
            proxies: Proxies::default(),
            authorities: Authorities { system: true, ..Authorities::default() },
            connect_timeout: Duration::from_secs(20),
            read_timeout: Duration::from_secs(60),
            document_timeout: Duration::from_secs(120),
            allow_private: Vec::new(),
            retry: Retry::default(),
            logins: Vec::new(),
        }
    }
}

/// Addresses of proxies; loopback hosts never go through one.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// For `http:` addresses; may hold user and password.
    pub http: Option<Secret>,
    /// For `https:` addresses.
    pub https: Option<Secret>,
    /// Hosts, domains and networks without proxy, between commas, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
}

/// Certificate authorities.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    /// Whether the system's are trusted; where it has none, Mozilla's list that is compiled in.
    pub system: bool,
    /// A file that replaces the system's (`SSL_CERT_FILE`).
    pub file: Option<PathBuf>,
    /// A folder that replaces the system's (`SSL_CERT_DIR`).
    pub folder: Option<PathBuf>,
    /// More of them, each some PEM text.
    pub extra: Vec<Vec<u8>>,
}

/// TLS of one host: its own CAs and our certificate for it (`certs.d`).
#[derive(Clone, Default)]
pub struct HostTls {
    /// More CAs, each some PEM text.
    pub authorities: Vec<Vec<u8>>,
    /// Certificate chain and private key in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for HostTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostTls").field("authorities", &self.authorities.len()).field("identity", &self.identity.is_some()).finish()
    }
}

/// How often and how long a call is tried again.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Attempts in all, the first one counted.
    pub attempts: u32,
    /// Before the second attempt; doubled for each further one.
    pub first_delay: Duration,
    /// The longest delay, `Retry-After` included.
    pub longest_delay: Duration,
    /// No attempt starts later than this after the first.
    pub total: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_delay: Duration::from_millis(250),
            longest_delay: Duration::from_secs(60),
            total: Duration::from_secs(300),
        }
    }
}

/// What went over the wire, counted while it goes.
#[derive(Debug, Default)]
pub struct Traffic {
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Traffic {
    /// Requests made, attempts and redirects counted.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
    /// Bytes of bodies sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
    /// Bytes of bodies received.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
    pub(super) fn add_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }
    pub(super) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
    pub(super) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
