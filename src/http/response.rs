//! An answer whose body is still on its way.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName};
use reqwest::{StatusCode, Url};

use super::error::HttpError;
use super::settings::Traffic;
use super::url::Redacted;

/// Status, headers, and the body piece by piece.
#[derive(Debug)]
pub struct Response {
    pub(super) inner: reqwest::Response,
    pub(super) url: Url,
    pub(super) attempts: u32,
    pub(super) traffic: Arc<Traffic>,
    pub(super) read_timeout: Duration,
    pub(super) document_timeout: Duration,
}

impl Response {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }
    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }
    /// A header's value, where it is there and plain text.
    pub fn text_header(&self, name: impl Into<HeaderName>) -> Option<&str> {
        self.headers().get(name.into()).and_then(|v| v.to_str().ok())
    }
    /// `Content-Length` as it was sent.
    pub fn content_length(&self) -> Option<u64> {
        self.text_header(reqwest::header::CONTENT_LENGTH)?.parse().ok()
    }
    /// Who answered in the end, after redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }
    /// How often it was asked.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
    /// Fails where the bytes are not the stored ones.
    pub fn check_encoding(&self) -> Result<(), HttpError> {
        match self.headers().get(CONTENT_ENCODING) {
            None => Ok(()),
            Some(value) if value.as_bytes().eq_ignore_ascii_case(b"identity") || value.is_empty() => Ok(()),
            Some(value) => {
                let encoding = String::from_utf8_lossy(value.as_bytes()).chars().take(40).collect();
                Err(HttpError::Encoded { url: Redacted(&self.url).to_string(), encoding })
            }
        }
    }
    /// The next piece of the body; nothing at its end.
    pub async fn next(&mut self) -> Option<Result<Bytes, HttpError>> {
        match tokio::time::timeout(self.read_timeout, self.inner.chunk()).await {
            Ok(Ok(None)) => None,
            Ok(Ok(Some(piece))) => {
                self.traffic.add_received(piece.len());
                Some(Ok(piece))
            }
            Ok(Err(e)) => Some(Err(HttpError::of(&e, &self.url, self.attempts))),
            Err(_) => Some(Err(HttpError::silent(&self.url, self.read_timeout, self.attempts))),
        }
    }
    /// The whole body of a document, of at most `limit` bytes, within the time for documents.
    pub async fn document(mut self, limit: u64) -> Result<Bytes, HttpError> {
        let (url, allowed, attempts) = (self.url.clone(), self.document_timeout, self.attempts);
        let too_large = || HttpError::TooLarge { url: Redacted(&url).to_string(), limit };
        if self.content_length().is_some_and(|n| n > limit) {
            return Err(too_large());
        }
        let reading = async {
            let mut all = Vec::new();
            while let Some(piece) = self.next().await {
                all.extend_from_slice(&piece?);
                if all.len() as u64 > limit {
                    return Err(too_large());
                }
            }
            Ok(Bytes::from(all))
        };
        tokio::time::timeout(allowed, reading).await.unwrap_or_else(|_| Err(HttpError::silent(&url, allowed, attempts)))
    }
    /// At most the first `limit` bytes of the body, whatever happens to the rest: for an error's text.
    pub async fn beginning(mut self, limit: usize) -> Vec<u8> {
        let allowed = self.document_timeout;
        let mut all = Vec::new();
        let reading = async {
            while let Some(Ok(piece)) = self.next().await {
                let room = limit.saturating_sub(all.len());
                all.extend_from_slice(piece.get(..room).unwrap_or(&piece));
                if all.len() >= limit {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(allowed, reading).await;
        all
    }
}
