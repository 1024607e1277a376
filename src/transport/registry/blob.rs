//! Blobs to read: GET with ranges and resume, HEAD.
//!
//! Invariant: a redirect to a storage server carries no credential (that is `http`'s promise), and each reopening goes through the
//! registry again, since signed addresses expire.

use std::ops::Range;

use crate::error::Result;
use crate::http::header::RANGE;
use crate::http::{Body, Method, Opening, Request, Span, StatusCode, Url, resuming};
use crate::oci::Descriptor;

use super::{RegistryError, RegistryPlace};

impl RegistryPlace {
    pub(super) fn blob_address(&self, blob: &Descriptor) -> Result<Url, RegistryError> {
        self.connection.address(&format!("{}/blobs/{}", self.repository.path, blob.digest))
    }

    /// Bytes `range` of a blob, as a stream that goes on where it breaks.
    pub(super) async fn open_blob(&self, blob: &Descriptor, range: Range<u64>) -> Result<Body> {
        let span = Span { start: range.start.min(blob.size), end: Some(range.end.min(blob.size)) };
        if span.end.is_some_and(|end| span.start >= end) {
            return Ok(Body::held(Vec::new()));
        }
        let whole = span == Span { start: 0, end: Some(blob.size) };
        let url = self.blob_address(blob)?;
        let (connection, scopes) = (self.connection.clone(), self.pull_scopes());
        let open = move |span: Option<Span>| -> Opening {
            let mut request = Request::get(url.clone());
            if let Some(span) = span {
                request = request.header(RANGE, span.header());
            }
            let (connection, scopes) = (connection.clone(), scopes.clone());
            Box::pin(async move { Ok(connection.send(request, &scopes).await?) })
        };
        let mut first = open((!whole).then_some(span)).await?;
        if first.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            first = open(None).await?;
        }
        if !matches!(first.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return Err(match self.refused(first, &format!("a request for blob {}", blob.digest)).await {
                RegistryError::Absent { registry, .. } => RegistryError::Lost { registry, digest: blob.digest },
                other => other,
            }
            .into());
        }
        resuming(first, span, Some(blob.size), blob.size, &self.connection.client().settings().retry, open)
    }

    /// Whether a blob is there. One with another length counts as absent.
    pub(super) async fn has_blob(&self, blob: &Descriptor) -> Result<bool, RegistryError> {
        let request = Request::new(Method::HEAD, self.blob_address(blob)?);
        let response = self.connection.send(request, &self.push_scopes()).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.content_length().is_none_or(|length| length == blob.size));
        }
        // A storage server that takes no HEAD says nothing about the blob; sending it is always right.
        if matches!(status.as_u16(), 404 | 405 | 501) || !self.connection.is_home(response.url()) {
            return Ok(false);
        }
        Err(self.refused(response, &format!("a look at blob {}", blob.digest)).await)
    }
}
