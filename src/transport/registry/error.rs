//! What registries answer instead of what was asked for, told with host, object and cause.
//!
//! Invariant: a registry's own text is shown cleaned of control characters and cut; no secret is in any message.

use crate::error::{Class, Fault, Side};
use crate::http::{HttpError, Response};
use crate::oci::Digest;

use super::CredentialsError;

/// The longest text of a registry that is shown.
const LONGEST_TEXT: usize = 300;
/// Bytes of an error's body that are read; registries send a line or a page.
const ERROR_BODY: usize = 1024 * 1024;

/// Why a registry did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// HTTP itself failed.
    #[error("registry {registry}: {cause}")]
    Http {
        /// Host and port.
        registry: String,
        /// Whether it was read or written.
        side: Side,
        /// What happened.
        #[source]
        cause: HttpError,
    },
    /// An answer that says no.
    #[error("registry {registry} said {status} to {what}{text}{}", times(*.attempts))]
    Status {
        /// Host and port.
        registry: String,
        /// Whether it was read or written.
        side: Side,
        /// What was asked: verb and object.
        what: String,
        /// The status.
        status: u16,
        /// The registry's reason with a leading `: `, or nothing.
        text: String,
        /// How often it was asked.
        attempts: u32,
        /// Whether a login was sent along.
        logged_in: bool,
    },
    /// The repository, tag or digest does not exist.
    #[error("{what} does not exist in registry {registry}{text}")]
    Absent {
        /// Host and port.
        registry: String,
        /// Whether it was read or written.
        side: Side,
        /// The image.
        what: String,
        /// The registry's reason with a leading `: `, or nothing.
        text: String,
    },
    /// A blob that a manifest names is gone.
    #[error("registry {registry} has lost blob {digest}, which an image of it names")]
    Lost {
        /// Host and port.
        registry: String,
        /// The blob.
        digest: Digest,
    },
    /// The challenge, or the token server that it names, is not acceptable.
    #[error("registry {registry} asks for a login in a way that is not followed: {why}")]
    Challenge {
        /// Host and port.
        registry: String,
        /// Whether it was read or written.
        side: Side,
        /// Why not.
        why: String,
    },
    /// The token server said no or something else than a token.
    #[error("the token server {server} of registry {registry} {why}{text}")]
    Token {
        /// Host and port.
        registry: String,
        /// Whether it was read or written.
        side: Side,
        /// Scheme, host and port.
        server: String,
        /// What it did.
        why: String,
        /// Its own words with a leading `: `, or nothing.
        text: String,
        /// Its status, 200 for an answer that is no token.
        status: u16,
    },
    /// Bytes with another digest than the one asked for.
    #[error("registry {registry} gave {what} with digest {actual}, expected was {expected}")]
    Digest {
        /// Host and port.
        registry: String,
        /// Whether it was read or written.
        side: Side,
        /// The object.
        what: String,
        /// What was asked for.
        expected: Digest,
        /// What came, as text since it may be the registry's own words.
        actual: String,
    },
    /// A document whose size, media type or form is not what it should be.
    #[error("registry {registry} gave {what} that cannot be used: {why}")]
    Document {
        /// Host and port.
        registry: String,
        /// The object.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// A manifest was refused since blobs are not there.
    #[error("registry {registry} lacks {} of the blobs that the manifest names ({})", .blobs.len(), listed(.blobs))]
    MissingBlobs {
        /// Host and port.
        registry: String,
        /// Those that it named; none if it named none.
        blobs: Vec<Digest>,
    },
    /// An answer that does not follow the distribution API.
    #[error("registry {registry} does not speak the distribution API: {why}")]
    Protocol {
        /// Host and port.
        registry: String,
        /// Whether it was read or written.
        side: Side,
        /// What is wrong.
        why: String,
    },
    /// Credential files and helpers.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// What is no registry's name.
    #[error(transparent)]
    Name(#[from] crate::oci::ReferenceError),
    /// A certificate file in `certs.d`.
    #[error(transparent)]
    Local(#[from] crate::error::IoFault),
}

fn times(attempts: u32) -> String {
    if attempts > 1 { format!(" ({attempts} attempts)") } else { String::new() }
}

fn listed(blobs: &[Digest]) -> String {
    let mut names: Vec<String> = blobs.iter().take(5).map(ToString::to_string).collect();
    if blobs.len() > 5 {
        names.push("…".into());
    }
    if names.is_empty() { "it does not say which".into() } else { names.join(", ") }
}

impl RegistryError {
    /// The same failure, told of the other side: requests are made without knowing what they are for.
    pub(super) fn on(mut self, to: Side) -> Self {
        match &mut self {
            Self::Http { side, .. }
            | Self::Status { side, .. }
            | Self::Absent { side, .. }
            | Self::Challenge { side, .. }
            | Self::Token { side, .. }
            | Self::Digest { side, .. }
            | Self::Protocol { side, .. } => *side = to,
            _ => {}
        }
        self
    }
    /// The same failure after `made` attempts in all.
    pub(super) fn attempted(mut self, made: u32) -> Self {
        match &mut self {
            Self::Status { attempts, .. } | Self::Http { cause: HttpError::Connection { attempts, .. }, .. } => *attempts = made,
            _ => {}
        }
        self
    }
    /// What the status of an answer tells. Reads the body for the registry's reason.
    pub(super) async fn of(response: Response, registry: &str, side: Side, what: String, logged_in: bool) -> Self {
        let (status, attempts) = (response.status().as_u16(), response.attempts());
        let kind = response.text_header(crate::http::header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        let text = reason(&response.beginning(ERROR_BODY).await, &kind);
        let registry = registry.to_owned();
        if status == 404 {
            return Self::Absent { registry, side, what, text };
        }
        Self::Status { registry, side, what, status, text, attempts, logged_in }
    }
}

/// A registry's reason with a leading `: `: code and message of its JSON errors, or the beginning of a plain text.
pub(super) fn reason(body: &[u8], kind: &str) -> String {
    if let Ok(document) = serde_json::from_slice::<serde_json::Value>(body) {
        let word = |v: &serde_json::Value, key: &str| v.get(key).and_then(|w| w.as_str()).unwrap_or_default().to_owned();
        let errors = document.get("errors").and_then(|e| e.as_array()).map_or(&[][..], Vec::as_slice);
        let mut told: Vec<String> = errors
            .iter()
            .take(3)
            .map(|e| [word(e, "code"), word(e, "message")].into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" "))
            .collect();
        told.extend(["error_description", "details", "message", "error"].map(|key| word(&document, key)));
        return told.into_iter().find(|t| !t.is_empty()).map(|t| format!(": {}", clean(&t))).unwrap_or_default();
    }
    let text = String::from_utf8_lossy(body);
    if kind.contains("html") || text.trim_start().starts_with('<') {
        return ": (an HTML page)".into();
    }
    let text = clean(&text);
    if text.is_empty() { text } else { format!(": {text}") }
}

/// A foreign text on one line, without control characters, cut.
pub(super) fn clean(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_TEXT).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Codes and digests of an answer's JSON errors.
pub(super) fn unknown_blobs(body: &[u8]) -> Option<Vec<Digest>> {
    let document: serde_json::Value = serde_json::from_slice(body).ok()?;
    let errors = document.get("errors")?.as_array()?;
    let unknown =
        |e: &&serde_json::Value| matches!(e.get("code").and_then(|c| c.as_str()), Some("MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN"));
    let mut found = errors.iter().filter(unknown).peekable();
    found.peek()?;
    // Docker's registry gives the digest itself, others an object with it.
    let digest = |e: &serde_json::Value| {
        let detail = e.get("detail")?;
        detail.as_str().or_else(|| detail.get("digest").or_else(|| detail.get("Digest"))?.as_str())?.parse().ok()
    };
    Some(found.filter_map(digest).collect())
}

impl Fault for RegistryError {
    fn class(&self) -> Class {
        match self {
            Self::Http { cause, .. } => cause.class(),
            Self::Status { status: 401 | 403, .. } | Self::Token { status: 401 | 403, .. } | Self::Challenge { .. } => {
                Class::Authentication
            }
            Self::Absent { .. } => Class::NotFound,
            Self::Digest { .. } | Self::Document { .. } => Class::Input,
            Self::Credentials(e) => e.class(),
            Self::Local(e) => e.class(),
            Self::Name(e) => e.class(),
            _ => Class::Remote,
        }
    }
    fn side(&self) -> Side {
        match self {
            Self::Http { side, .. }
            | Self::Status { side, .. }
            | Self::Absent { side, .. }
            | Self::Challenge { side, .. }
            | Self::Token { side, .. }
            | Self::Digest { side, .. }
            | Self::Protocol { side, .. } => *side,
            Self::Lost { .. } | Self::Document { .. } => Side::Source,
            Self::MissingBlobs { .. } => Side::Target,
            Self::Credentials(_) | Self::Local(_) | Self::Name(_) => Side::Local,
        }
    }
    fn retryable(&self) -> bool {
        match self {
            Self::Http { cause, .. } => cause.retryable(),
            Self::Status { status, .. } | Self::Token { status, .. } => matches!(status, 408 | 429 | 500..),
            Self::MissingBlobs { .. } => true,
            _ => false,
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Http { cause, .. } => cause.hint(),
            Self::Status { status: 401, registry, .. }
            | Self::Status { status: 403, registry, logged_in: false, .. }
            | Self::Token { status: 401 | 403, registry, .. } => Some(format!("plywood login {}", shown_host(registry))),
            Self::Status { status: 403, .. } => {
                Some("the login is taken, but it may not do this here; ask for the right to this repository".into())
            }
            Self::Status { status: 413, .. } => Some("the registry or a proxy before it limits the size of an upload".into()),
            Self::Credentials(e) => e.hint(),
            Self::Name(e) => e.hint(),
            _ => None,
        }
    }
}

/// The registry as the user names it.
fn shown_host(registry: &str) -> &str {
    if registry == "registry-1.docker.io" { "docker.io" } else { registry }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_reason_is_one_clean_short_line() {
        for (body, kind, told) in [
            (r#"{"errors":[{"code":"DENIED","message":"no\u001b[31m way"}]}"#, "application/json", ": DENIED no [31m way"),
            (r#"{"details":"incorrect username or password"}"#, "", ": incorrect username or password"),
            ("<html><h1>502</h1>", "", ": (an HTML page)"),
            ("busy\r\n\x1b[2J", "text/plain", ": busy [2J"),
            ("", "", ""),
            ("{}", "", ""),
        ] {
            assert_eq!(reason(body.as_bytes(), kind), told);
        }
        assert!(reason("x ".repeat(10_000).as_bytes(), "").len() <= LONGEST_TEXT + 2);
    }

    #[test]
    fn missing_blobs_are_read_from_the_refusal_of_a_manifest() {
        let digest = Digest::of(b"x");
        for detail in [format!("\"{digest}\""), format!(r#"{{"digest":"{digest}"}}"#)] {
            let body = format!(
                r#"{{"errors":[{{"code":"MANIFEST_BLOB_UNKNOWN","detail":{detail}}},{{"code":"MANIFEST_BLOB_UNKNOWN"}}]}}"#
            );
            assert_eq!(unknown_blobs(body.as_bytes()), Some(vec![digest]));
        }
        assert_eq!(unknown_blobs(br#"{"errors":[{"code":"MANIFEST_INVALID"}]}"#), None);
    }
}
