//! Registries that speak the OCI distribution API: an own thin client on [`crate::http`].
//!
//! Invariant: a credential of a registry goes to that registry and to the token server that it names by the rules of `token`,
//! nowhere else; documents are believed by their computed digest only; no ping is made where no challenge is known to be needed.

mod blob;
mod certificates;
mod challenge;
mod connection;
mod credentials;
mod error;
mod helper;
mod login;
mod manifest;
mod place;
mod tags;
mod token;
mod upload;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Side;
use crate::http;
use crate::oci::{Repository, registry_host};

use connection::Connection;

pub use credentials::{Credentials, CredentialsError, Login, key_of};
pub use error::RegistryError;
pub use helper::HelperSettings;
pub use login::Account;
pub use place::RegistryPlace;

/// What is told about registries beside the HTTP settings.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Registries (host, or host and port) that are asked over plain HTTP; loopback hosts always are, unless they have certificates.
    pub insecure: BTreeSet<String>,
    /// Folders with `HOST[:PORT]/*.crt` (CAs) and `*.cert` with `*.key` (our certificate), as Docker's and Podman's `certs.d`.
    pub certificates: Vec<PathBuf>,
}

/// All registries: connections, tokens and credentials of one run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Registry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: http::Client,
    credentials: Credentials,
    settings: Settings,
    connections: Mutex<HashMap<String, Arc<Connection>>>,
    mounted: Arc<AtomicU64>,
}

/// What a run has moved so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Moved {
    /// Requests, attempts and redirects counted.
    pub requests: u64,
    /// Bytes of bodies sent.
    pub sent: u64,
    /// Bytes of bodies received.
    pub received: u64,
    /// Bytes of blobs that registries took from another repository of theirs.
    pub mounted: u64,
}

impl Registry {
    /// Nothing is opened or read yet. Requests are counted apart from `client`'s.
    pub fn new(client: &http::Client, credentials: Credentials, settings: Settings) -> Self {
        let shared = Shared {
            client: client.counted_apart(),
            credentials,
            settings,
            connections: Mutex::default(),
            mounted: Arc::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// One repository, as a place to read from and to write to.
    pub fn repository(&self, repository: Repository) -> Result<RegistryPlace, RegistryError> {
        let connection = self.connection(&repository)?;
        Ok(RegistryPlace::new(repository, connection, self.shared.mounted.clone()))
    }

    /// What has been moved so far.
    pub fn moved(&self) -> Moved {
        let traffic = self.shared.client.traffic();
        let mounted = self.shared.mounted.load(Ordering::Relaxed);
        Moved { requests: traffic.requests(), sent: traffic.sent(), received: traffic.received(), mounted }
    }

    /// Tries `login` against a registry; fails with the class of authentication if it is not taken.
    pub async fn check(&self, registry: &str, login: Login) -> Result<(), RegistryError> {
        let repository = Repository { registry: registry_host(registry)?, path: "library/any".into() };
        let credentials = Credentials::only(login);
        self.open(&repository, credentials)?.check_login().await
    }

    fn connection(&self, repository: &Repository) -> Result<Arc<Connection>, RegistryError> {
        // Namespaced credentials may differ between repositories of one host.
        let key = format!("{}\n{}", repository.api_host(), self.shared.credentials.key_for(repository));
        let mut connections = self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connections.get(&key) {
            return Ok(connection.clone());
        }
        let connection = Arc::new(self.open(repository, self.shared.credentials.clone())?);
        connections.insert(key, connection.clone());
        Ok(connection)
    }

    fn open(&self, repository: &Repository, credentials: Credentials) -> Result<Connection, RegistryError> {
        let host = repository.api_host();
        let settings = &self.shared.settings;
        let tls = certificates::read(&settings.certificates, host)?;
        let name = host_without_port(host);
        let listed = [repository.registry.as_str(), host, name].iter().any(|h| settings.insecure.contains(*h));
        // Who brings a CA means TLS, also on loopback.
        let trusted = !self.shared.client.settings().authorities.extra.is_empty();
        let plain = listed || (tls.is_none() && !trusted && is_loopback(name));
        let base = format!("{}://{host}/v2/", if plain { "http" } else { "https" });
        let address =
            |_| RegistryError::Protocol { registry: host.to_owned(), side: Side::Source, why: "its name makes no address".into() };
        let base: http::Url = base.parse().map_err(address)?;
        Ok(Connection::new(self.shared.client.clone(), repository.clone(), base, tls.map(Arc::new), credentials))
    }
}

/// The host without port and brackets.
fn host_without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or(host),
    }
}

fn is_loopback(name: &str) -> bool {
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|a| a.is_loopback())
}
