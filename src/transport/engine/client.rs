//! The connection to an engine, what kind of engine it is, and small questions.
//!
//! Invariant: paths have no version, so that the engine answers as its own newest API; answers are bounded in size.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::EngineError;
use super::error::{causes, clean};
use crate::oci::{Digest, Reference};

/// The largest answer to a question: a list of all images of a big host is some megabytes.
const ANSWER_LIMIT: usize = 32 * 1024 * 1024;
/// Small questions that hang are given up after this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// A place where an engine may listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// A Unix socket.
    Socket(PathBuf),
    /// `tcp://HOST:PORT`, without TLS.
    Tcp(String),
}

impl std::fmt::Display for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(host) => write!(f, "tcp://{host}"),
        }
    }
}

/// How an engine stores images, which decides what may be left out of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// dockerd with a graph driver: layers by diff ID, image ID = config digest.
    GraphDriver,
    /// dockerd with the containerd store: blobs by digest, image ID = manifest or index digest.
    Containerd,
    /// Podman.
    Podman,
}

/// An engine that answered.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) place: String,
    client: reqwest::Client,
    base: String,
    /// How it stores images.
    pub kind: Kind,
    /// `OS/ARCHITECTURE` in Go's words, as the engine says.
    pub platform: String,
}

impl Engine {
    /// The first of `candidates` that answers.
    pub async fn connect(candidates: &[Connection]) -> Result<Self, EngineError> {
        let mut tried = Vec::new();
        let mut denied = false;
        for candidate in candidates {
            if let Connection::Socket(path) = candidate {
                match std::fs::metadata(path) {
                    Err(e) => {
                        denied |= e.kind() == std::io::ErrorKind::PermissionDenied;
                        tried.push(format!("{candidate} ({})", reason(&e)));
                        continue;
                    }
                    Ok(m) if !std::os::unix::fs::FileTypeExt::is_socket(&m.file_type()) => {
                        tried.push(format!("{candidate} (not a socket)"));
                        continue;
                    }
                    Ok(_) => {}
                }
            }
            match Self::at(candidate).await {
                Ok(engine) => return Ok(engine),
                Err(error) => {
                    let text = match error {
                        EngineError::Broken { cause, .. } => cause,
                        other => other.to_string(),
                    };
                    denied |= text.contains("ermission denied");
                    tried.push(format!("{candidate} ({text})"));
                }
            }
        }
        let tried = if tried.is_empty() { "nothing".into() } else { tried.join(", ") };
        Err(EngineError::NoEngine { tried, denied })
    }

    async fn at(candidate: &Connection) -> Result<Self, EngineError> {
        let place = candidate.to_string();
        // No proxy: the engine is local or named. The library reads no environment.
        let broken = |cause: String| EngineError::Broken { place: place.clone(), cause };
        let tls = crate::http::trust_nobody().map_err(|e| broken(e.to_string()))?;
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(Duration::from_secs(5));
        let (builder, base) = match candidate {
            Connection::Socket(path) => (builder.unix_socket(path.clone()), "http://engine".to_owned()),
            Connection::Tcp(host) => (builder, format!("http://{host}")),
        };
        let client = builder.build().map_err(|e| broken(causes(&e)))?;
        let mut engine = Self { place, client, base, kind: Kind::GraphDriver, platform: String::new() };
        let version = engine.ask("/version").await?;
        let text = |key: &str| version.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if text("ApiVersion").is_empty() {
            return Err(EngineError::Protocol { place: engine.place, cause: "its version has no ApiVersion".into() });
        }
        engine.platform = format!("{}/{}", text("Os"), text("Arch"));
        engine.kind = engine.kind_of(&version).await?;
        Ok(engine)
    }

    async fn kind_of(&self, version: &Value) -> Result<Kind, EngineError> {
        let components = version.get("Components").and_then(Value::as_array).into_iter().flatten();
        let named = |c: &Value| c.get("Name").and_then(Value::as_str).is_some_and(|n| n.contains("Podman"));
        if components.into_iter().any(named) {
            return Ok(Kind::Podman);
        }
        let info = self.ask("/info").await?;
        let rows = info.get("DriverStatus").and_then(Value::as_array).into_iter().flatten();
        let containerd = |row: &Value| row.get(1).and_then(Value::as_str) == Some("io.containerd.snapshotter.v1");
        Ok(if rows.into_iter().any(containerd) { Kind::Containerd } else { Kind::GraphDriver })
    }

    /// What the engine says of an image; nothing if it has none of this name or ID.
    pub async fn inspect(&self, name: &str, query: &str) -> Result<Option<Value>, EngineError> {
        match self.ask(&format!("/images/{name}/json{query}")).await {
            Ok(value) => Ok(Some(value)),
            Err(EngineError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The digest that the engine has as the image's ID.
    pub(super) async fn image_id(&self, name: &Reference) -> Result<Option<Digest>, EngineError> {
        let Some(image) = self.inspect(&spelled(name), "").await? else { return Ok(None) };
        let id = image.get("Id").and_then(Value::as_str).unwrap_or_default();
        let digest = id.parse().or_else(|_| Digest::from_hex(id));
        digest
            .map(Some)
            .map_err(|_| EngineError::Protocol { place: self.place.clone(), cause: format!("image ID {:?}", clean(id)) })
    }

    /// Gives an image that has the name `from` a further name.
    pub(super) async fn tag(&self, from: &Reference, to: &Reference) -> Result<(), EngineError> {
        let path = format!("/images/{}/tag?repo={}&tag={}", spelled(from), to.repository, to.tag_or_latest());
        let response = self.send(self.client.post(self.url(&path)).timeout(PATIENCE)).await?;
        self.success(response, &format!("tagging {to}")).await.map(|_| ())
    }

    async fn ask(&self, path: &str) -> Result<Value, EngineError> {
        let response = self.send(self.client.get(self.url(path)).timeout(PATIENCE)).await?;
        let mut response = self.success(response, path).await?;
        let bytes = self.bounded(&mut response, ANSWER_LIMIT).await?;
        let cause = |e: serde_json::Error| EngineError::Protocol { place: self.place.clone(), cause: e.to_string() };
        serde_json::from_slice(&bytes).map_err(cause)
    }

    pub(super) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(self.url(path))
    }
    pub(super) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(self.url(path))
    }
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, EngineError> {
        request.send().await.map_err(|e| self.broken(&e))
    }
    pub(super) fn broken(&self, error: &reqwest::Error) -> EngineError {
        EngineError::Broken { place: self.place.clone(), cause: causes(error) }
    }
    /// The response, if its status is a success; else the engine's words.
    pub(super) async fn success(&self, mut response: reqwest::Response, what: &str) -> Result<reqwest::Response, EngineError> {
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let bytes = self.bounded(&mut response, 64 * 1024).await.unwrap_or_default();
        let message = serde_json::from_slice::<Value>(&bytes).ok();
        let message = message.as_ref().and_then(|v| v.get("message").or_else(|| v.get("cause"))).and_then(Value::as_str);
        let text = clean(message.unwrap_or(&String::from_utf8_lossy(&bytes)));
        Err(EngineError::Status { place: self.place.clone(), what: what.to_owned(), status, text })
    }
    async fn bounded(&self, response: &mut reqwest::Response, limit: usize) -> Result<Vec<u8>, EngineError> {
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|e| self.broken(&e))? {
            if bytes.len() + piece.len() > limit {
                return Err(EngineError::Protocol { place: self.place.clone(), cause: "an answer without end".into() });
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

/// A name as engines take it in a path: digest or tag, never both.
pub(super) fn spelled(name: &Reference) -> String {
    match name.digest {
        Some(digest) => format!("{}@{digest}", name.repository),
        None => format!("{}:{}", name.repository, name.tag_or_latest()),
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}
