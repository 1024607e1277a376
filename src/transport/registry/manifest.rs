//! Manifests and indexes: HEAD, GET, PUT.
//!
//! Invariant: a document is what its own digest says; a digest header is believed only where there is no body (HEAD), and what is
//! fetched by it is verified. `Content-Type` and the body's `mediaType` agree.

use bytes::Bytes;
use serde::Deserialize;

use crate::error::Side;
use crate::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use crate::http::{Method, Payload, Request, Response};
use crate::oci::{Descriptor, Digest, MediaType};
use crate::transport::Root;

use super::error::{clean, reason, unknown_blobs};
use super::{RegistryError, RegistryPlace};

/// The largest manifest or index: what registries take (distribution-spec, "Pushing manifests").
const LARGEST_MANIFEST: u64 = 4 * 1024 * 1024;
/// Bytes of the refusal of a manifest that are read; it may list each blob.
const LARGEST_REFUSAL: u64 = 1024 * 1024;

/// The registry's word on which bytes it means.
pub(super) const DIGEST_HEADER: HeaderName = HeaderName::from_static("docker-content-digest");

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
}

impl RegistryPlace {
    fn document_request(&self, method: Method, which: &str) -> Result<Request, RegistryError> {
        let url = self.connection.address(&format!("{}/manifests/{which}", self.repository.path))?;
        let types = [MediaType::OCI_INDEX, MediaType::OCI_MANIFEST, MediaType::DOCKER_INDEX, MediaType::DOCKER_MANIFEST];
        let accept = HeaderValue::from_str(&types.join(", ")).unwrap_or(HeaderValue::from_static("*/*"));
        Ok(Request::new(method, url).header(ACCEPT, accept))
    }

    /// The image as messages name it.
    pub(super) fn named(&self, which: &str) -> String {
        let separator = if which.contains(':') { '@' } else { ':' };
        format!("{}{separator}{which}", self.repository.familiar())
    }

    /// What a tag or digest names now; by HEAD where the registry answers that fully, else by GET.
    pub(super) async fn head(&self, which: &str, scopes: &[String]) -> Result<Descriptor, RegistryError> {
        let response = self.connection.send(self.document_request(Method::HEAD, which)?, scopes).await?;
        if response.status().is_success() {
            let digest = response.text_header(DIGEST_HEADER).and_then(|d| d.parse::<Digest>().ok());
            let media_type = content_type(&response).filter(|t| t.is_manifest() || t.is_index());
            if let (Some(digest), Some(media_type), Some(size)) = (digest, media_type, response.content_length()) {
                return Ok(Descriptor::new(media_type, digest, size));
            }
        } else if matches!(response.status().as_u16(), 401 | 403 | 408 | 429 | 500 | 502 | 503 | 504) {
            return Err(self.refused(response, &format!("a look at {}", self.named(which))).await);
        }
        Ok(self.get(which, None, scopes).await?.descriptor)
    }

    /// The document that a tag or digest names; `expected` is what another document says of it.
    pub(super) async fn get(&self, which: &str, expected: Option<&Descriptor>, scopes: &[String]) -> Result<Root, RegistryError> {
        let what = self.named(which);
        let response = self.connection.send(self.document_request(Method::GET, which)?, scopes).await?;
        if !response.status().is_success() {
            return Err(match self.refused(response, &what).await {
                RegistryError::Status { registry, side, status, text, attempts, logged_in, .. } => RegistryError::Status {
                    registry,
                    side,
                    what: format!("a request for {what}"),
                    status,
                    text,
                    attempts,
                    logged_in,
                },
                other => other,
            });
        }
        response.check_encoding().map_err(|e| self.connection.failed(e))?;
        let stated = content_type(&response);
        let raw = response.document(LARGEST_MANIFEST).await.map_err(|e| self.connection.failed(e))?;
        let actual = Digest::of(&raw);
        let wanted = expected.map(|e| e.digest).or_else(|| which.parse().ok());
        if let Some(wanted) = wanted.filter(|w| *w != actual) {
            return Err(self.wrong_digest(Side::Source, &what, wanted, actual.to_string()));
        }
        let media_type = media_type(&raw, stated, expected).map_err(|why| self.unusable(&what, why))?;
        if let Some(size) = expected.map(|e| e.size).filter(|s| *s != raw.len() as u64) {
            return Err(self.unusable(&what, format!("it has {} bytes, {size} were announced", raw.len())));
        }
        Ok(Root { descriptor: Descriptor::new(media_type, actual, raw.len() as u64), raw })
    }

    /// Writes a document under a tag or under its digest.
    pub(super) async fn put_manifest(&self, which: &str, root: &Root) -> Result<(), RegistryError> {
        let what = self.named(which);
        let kind = HeaderValue::from_str(root.descriptor.media_type.as_str())
            .map_err(|_| self.unusable(&what, "its media type makes no header".into()))?;
        let request =
            self.document_request(Method::PUT, which)?.header(CONTENT_TYPE, kind).payload(Payload::Held(root.raw.clone()));
        let response = self.connection.send(request, &self.push_scopes()).await?;
        if response.status().is_success() {
            let told = response.text_header(DIGEST_HEADER).unwrap_or_default().to_owned();
            // A registry may answer with another algorithm; only its SHA-256 can be compared.
            if told.starts_with("sha256:") && told != root.descriptor.digest.to_string() {
                return Err(self.wrong_digest(Side::Target, &what, root.descriptor.digest, clean(&told)));
            }
            return Ok(());
        }
        self.manifest_refused(response, &what).await
    }

    async fn manifest_refused(&self, response: Response, what: &str) -> Result<(), RegistryError> {
        let (status, attempts, registry) = (response.status().as_u16(), response.attempts(), self.connection.host());
        let body = response.document(LARGEST_REFUSAL).await.unwrap_or_default();
        if let Some(blobs) = unknown_blobs(&body).filter(|_| matches!(status, 400 | 404)) {
            return Err(RegistryError::MissingBlobs { registry, blobs });
        }
        let (what, text) = (format!("the manifest of {what}"), reason(&body, ""));
        let logged_in = self.connection.is_logged_in().await;
        if status == 404 {
            return Err(RegistryError::Absent { registry, side: Side::Target, what, text });
        }
        Err(RegistryError::Status { registry, side: Side::Target, what, status, text, attempts, logged_in })
    }

    pub(super) async fn refused(&self, response: Response, what: &str) -> RegistryError {
        let logged_in = self.connection.is_logged_in().await;
        RegistryError::of(response, &self.connection.host(), Side::Source, what.to_owned(), logged_in).await
    }

    fn wrong_digest(&self, side: Side, what: &str, expected: Digest, actual: String) -> RegistryError {
        RegistryError::Digest { registry: self.connection.host(), side, what: what.to_owned(), expected, actual }
    }

    fn unusable(&self, what: &str, why: String) -> RegistryError {
        RegistryError::Document { registry: self.connection.host(), what: what.to_owned(), why }
    }
}

/// `Content-Type` without parameters, where it says more than "some JSON".
fn content_type(response: &Response) -> Option<MediaType> {
    let text = response.text_header(CONTENT_TYPE)?.split(';').next()?.trim();
    let vague = ["", "application/json", "application/octet-stream", "text/plain"];
    (!vague.iter().any(|v| v.eq_ignore_ascii_case(text))).then(|| MediaType::new(text.to_ascii_lowercase()))
}

fn media_type(raw: &Bytes, stated: Option<MediaType>, expected: Option<&Descriptor>) -> Result<MediaType, String> {
    if let Some(html) = stated.as_ref().filter(|t| t.as_str() == "text/html") {
        return Err(format!("it came as {html}"));
    }
    let typed: Typed = serde_json::from_slice(raw)
        .map_err(|e| format!("it is no JSON object of a manifest (line {}, column {})", e.line(), e.column()))?;
    let own = typed.media_type.map(MediaType::new);
    let announced = expected.map(|e| e.media_type.clone());
    let all = [own, stated, announced];
    let mut told = all.iter().flatten();
    let first = told.next().ok_or("neither it nor its Content-Type says what it is")?;
    if let Some(other) = told.find(|t| *t != first) {
        return Err(format!("it is told to be {:?} and {:?} at once", clean(first.as_str()), clean(other.as_str())));
    }
    Ok(first.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_header_and_descriptor_say_one_thing() {
        let (own, other) = (MediaType::OCI_MANIFEST, MediaType::OCI_INDEX);
        let typed = Bytes::from(format!(r#"{{"mediaType":"{own}"}}"#));
        let bare = Bytes::from_static(b"{}");
        let announced = |t: &str| Some(Descriptor::of(t, b""));
        for (raw, stated, expected, good) in [
            (&typed, Some(own), None, true),
            (&typed, None, announced(own), true),
            (&bare, Some(own), None, true),
            (&bare, None, announced(own), true),
            (&typed, Some(other), None, false),
            (&typed, Some(own), announced(other), false),
            (&bare, None, None, false),
            (&bare, Some("text/html"), announced(own), false),
        ] {
            let result = media_type(raw, stated.map(MediaType::from), expected.as_ref());
            assert_eq!(result.is_ok(), good, "{raw:?} {stated:?} {expected:?}");
        }
        let twice = Bytes::from(format!(r#"{{"mediaType":"{own}","mediaType":"{own}"}}"#));
        assert!(media_type(&twice, None, None).is_err());
        assert!(media_type(&Bytes::from_static(b"<html>"), None, announced(own).as_ref()).is_err());
    }
}
