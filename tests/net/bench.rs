//! What the tests of this target share: clients with short patience, places, bytes.
//!
//! Invariant: settings are values; no environment of the machine reaches a client.

use std::time::Duration;

use plywood::error::Error;
use plywood::http::{Authorities, Body, Client, Retry, Settings};
use plywood::oci::{Descriptor, Digest, MediaType};
use plywood::transport::registry::{Credentials, Login, Registry, RegistryPlace};
use plywood::transport::{BoxFuture, Supply};

use crate::registry::ScriptedRegistry;

/// Settings that wait milliseconds where the real ones wait seconds.
pub(crate) fn impatient() -> Settings {
    let retry = Retry {
        attempts: 4,
        first_delay: Duration::from_millis(2),
        longest_delay: Duration::from_millis(300),
        total: Duration::from_secs(10),
    };
    Settings {
        retry,
        authorities: Authorities::default(),
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(800),
        document_timeout: Duration::from_millis(1500),
        ..Settings::default()
    }
}

pub(crate) fn registry(credentials: Credentials) -> Registry {
    Registry::new(&Client::new(impatient()), credentials, plywood::transport::registry::Settings::default())
}

/// A repository of the scripted registry, with nobody's or somebody's login.
pub(crate) fn place(server: &ScriptedRegistry, path: &str, login: Login) -> RegistryPlace {
    at(&registry(Credentials::only(login)), server, path)
}

pub(crate) fn at(registry: &Registry, server: &ScriptedRegistry, path: &str) -> RegistryPlace {
    registry.repository(format!("{}/{path}", server.host()).parse().unwrap()).unwrap()
}

pub(crate) fn password(user: &str, password: &str) -> Login {
    Login::Password { user: user.into(), password: plywood::http::Secret::new(password) }
}

/// Bytes that do not repeat.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..size).map(|_| next()).collect()
}

pub(crate) async fn read(mut body: Body) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    while let Some(piece) = body.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

/// A manifest of an image with these blobs as layers, the first of them as config.
pub(crate) fn manifest_of(blobs: &[&Descriptor]) -> Vec<u8> {
    let entry = |d: &&Descriptor, kind: &str| format!(r#"{{"mediaType":"{kind}","digest":"{}","size":{}}}"#, d.digest, d.size);
    let config = entry(&blobs[0], MediaType::OCI_CONFIG);
    let layers: Vec<String> = blobs[1..].iter().map(|d| entry(d, MediaType::OCI_LAYER)).collect();
    let kind = MediaType::OCI_MANIFEST;
    format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{config},"layers":[{}]}}"#, layers.join(",")).into_bytes()
}

/// Bytes at hand, as often as wanted.
pub(crate) struct Held(pub(crate) Vec<u8>);

impl Supply for Held {
    fn open(&self) -> BoxFuture<'_, plywood::Result<Body>> {
        let half = self.0.len() / 2;
        let pieces: Vec<_> = [&self.0[..half], &self.0[half..]].into_iter().map(|p| Ok(p.to_vec().into())).collect();
        let size = self.0.len() as u64;
        Box::pin(async move { Ok(Body::new(Some(size), futures_util::stream::iter(pieces))) })
    }
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::of(bytes)
}
