//! Where an engine may listen: the flag, `DOCKER_HOST`, Docker's current context, the sockets of Docker and Podman.
//!
//! Invariant: what a user names is the only candidate, so that no image goes to another engine; sockets are tried only where
//! nothing is named. Nothing is connected here.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{IoFault, Result};
use crate::oci::Digest;
use crate::transport::engine::Connection;

use super::Host;
use crate::cli::failure::{CliError, usage_with_hint};

/// The largest configuration file that is read.
const LARGEST_FILE: u64 = 1024 * 1024;

impl Host {
    /// Where to look for the engine, in order. `wish` is what `--load=` says: nothing, `docker`, `podman` or an address.
    pub(in crate::cli) fn engines(&self, wish: Option<&str>) -> Result<Vec<Connection>> {
        match wish {
            None => {
                self.named_engine()?.map_or_else(|| Ok([self.docker_sockets(), self.podman_sockets()].concat()), |c| Ok(vec![c]))
            }
            Some("docker") => self.named_engine()?.map_or_else(|| Ok(self.docker_sockets()), |c| Ok(vec![c])),
            Some("podman") => match self.text("CONTAINER_HOST") {
                Some(address) => Ok(vec![self.connection("CONTAINER_HOST", address)?]),
                None => Ok(self.podman_sockets()),
            },
            Some(path) if path.starts_with(['/', '.']) => Ok(vec![Connection::Socket(path.into())]),
            Some(address) if address.contains("://") => Ok(vec![self.connection("--load", address)?]),
            Some(other) => Err(usage_with_hint(
                format!("{other:?} is no engine"),
                "--load, --load=docker, --load=podman or --load=unix:///run/docker.sock",
            )),
        }
    }

    /// `DOCKER_HOST`, or what Docker's current context says.
    fn named_engine(&self) -> Result<Option<Connection>> {
        if let Some(address) = self.text("DOCKER_HOST") {
            return self.connection("DOCKER_HOST", address).map(Some);
        }
        let Some(folder) = self.docker_config() else { return Ok(None) };
        let context = match self.text("DOCKER_CONTEXT") {
            Some(context) => Some(context.to_owned()),
            None => current_context(&folder.join("config.json"))?,
        };
        let Some(context) = context.filter(|name| name != "default") else { return Ok(None) };
        let file = folder.join("contexts/meta").join(Digest::of(context.as_bytes()).hex()).join("meta.json");
        let said_by = format!("Docker's context {context}");
        let Some(meta) = document(&file)? else {
            let why = format!("{said_by} is not there ({})", file.display());
            return Err(usage_with_hint(why, "docker context use default"));
        };
        let address = meta.pointer("/Endpoints/docker/Host").and_then(Value::as_str).unwrap_or_default();
        self.connection(&said_by, address).map(Some)
    }

    fn connection(&self, said_by: &str, address: &str) -> Result<Connection> {
        let refused = |why| CliError::Engine { said_by: said_by.to_owned(), address: address.to_owned(), why }.into();
        match address.split_once("://") {
            Some(("unix", path)) if !path.is_empty() => Ok(Connection::Socket(path.into())),
            Some(("tcp" | "http", _)) if self.variable("DOCKER_TLS_VERIFY").is_some() => {
                Err(refused("it needs TLS (DOCKER_TLS_VERIFY)"))
            }
            Some(("tcp" | "http", host)) if !host.is_empty() => Ok(Connection::Tcp(host.trim_end_matches('/').to_owned())),
            Some(("https", _)) => Err(refused("it needs TLS")),
            Some(("ssh", _)) => Err(refused("it needs ssh")),
            _ => Err(refused("only unix:// and tcp:// are known")),
        }
    }

    fn docker_sockets(&self) -> Vec<Connection> {
        let desktop = self.path("HOME").map(|home| home.join(".docker/run/docker.sock"));
        let rootless = self.runtime_folder().join("docker.sock");
        let all = [Some(PathBuf::from("/var/run/docker.sock")), Some(rootless), desktop];
        all.into_iter().flatten().map(Connection::Socket).collect()
    }

    fn podman_sockets(&self) -> Vec<Connection> {
        let rootless = self.runtime_folder().join("podman/podman.sock");
        [rootless, PathBuf::from("/run/podman/podman.sock")].map(Connection::Socket).to_vec()
    }
}

/// The context that Docker's `config.json` names. A file that cannot be read names none, as for Docker itself.
fn current_context(file: &Path) -> Result<Option<String>> {
    let config = match document(file) {
        Ok(config) => config,
        Err(error) if error.class() == crate::error::Class::Local => None,
        Err(error) => return Err(error),
    };
    let context = config.as_ref().and_then(|c| c.get("currentContext")).and_then(Value::as_str);
    Ok(context.filter(|name| !name.is_empty()).map(str::to_owned))
}

/// A JSON file; nothing where it is absent.
fn document(file: &Path) -> Result<Option<Value>> {
    let place = || file.display().to_string();
    match std::fs::metadata(file) {
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(IoFault::new(place(), e).into()),
        Ok(m) if m.len() > LARGEST_FILE => return Err(CliError::Content { file: place(), why: "it is too large".into() }.into()),
        Ok(_) => {}
    }
    let bytes = std::fs::read(file).map_err(|e| IoFault::new(place(), e))?;
    // The text may hold a login; the parser's message has only line and column.
    let malformed = |e: serde_json::Error| {
        let why = format!("it is no JSON (line {}, column {})", e.line(), e.column());
        CliError::Content { file: place(), why }
    };
    Ok(Some(serde_json::from_slice(&bytes).map_err(malformed)?))
}
