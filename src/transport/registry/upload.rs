//! Blobs to write: mount, upload session, one PUT with the whole blob.
//!
//! Invariant: the registry checks the digest before the blob can be seen; a retry is a new session from the first byte; an upload
//! address on another origin gets no credential.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;

use crate::error::{Error, Result, Side};
use crate::http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use crate::http::{Attempts, Body, HttpError, Method, Payload, Request, Response, StatusCode, Url};
use crate::oci::{Descriptor, Repository};
use crate::transport::Supply;

use super::{RegistryError, RegistryPlace};

/// How a registry answered the wish to upload.
enum Begun {
    /// It took the blob from another repository.
    Mounted,
    /// Here the bytes go.
    Session(Url),
}

impl RegistryPlace {
    async fn begin(&self, query: &[(&str, &str)], scopes: &[String]) -> Result<Begun, RegistryError> {
        let mut url = self.connection.address(&format!("{}/blobs/uploads/", self.repository.path))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let response = self.connection.send(Request::new(Method::POST, url), scopes).await?;
        match response.status() {
            StatusCode::CREATED if !query.is_empty() => Ok(Begun::Mounted),
            StatusCode::ACCEPTED | StatusCode::CREATED => self.session(&response).map(Begun::Session),
            _ => Err(self.refused(response, &format!("an upload to {}", self.repository.familiar())).await),
        }
    }

    /// The upload address of an answer, absolute and without fragment.
    fn session(&self, response: &Response) -> Result<Url, RegistryError> {
        let wrong =
            |why: &str| RegistryError::Protocol { registry: self.connection.host(), side: Side::Target, why: why.to_owned() };
        let location = response.headers().get(LOCATION).ok_or_else(|| wrong("it began an upload without telling its address"))?;
        let text = location.to_str().map_err(|_| wrong("the address of an upload is not plain text"))?;
        let mut url = response.url().join(text).map_err(|_| wrong("the address of an upload is none"))?;
        // Registries behind a TLS proxy often do not know that they are.
        if url.scheme() == "http" && response.url().scheme() == "https" {
            if url.host_str() != response.url().host_str() || url.set_scheme("https").is_err() {
                return Err(wrong("the address of an upload leads from https to http"));
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("the address of an upload holds a user name"));
        }
        url.set_fragment(None);
        Ok(url)
    }

    /// Sends to an upload address: with our credential at home, without it elsewhere.
    async fn send_to_session(&self, request: Request, url: &Url) -> Result<Response, RegistryError> {
        if self.connection.is_home(url) {
            self.connection.send(request, &self.push_scopes()).await
        } else {
            self.connection.send_abroad(request).await
        }
    }

    /// Asks for the right to push by beginning an upload, which is given up again.
    pub(super) async fn try_push(&self) -> Result<(), RegistryError> {
        if let Begun::Session(url) = self.begin(&[], &self.push_scopes()).await? {
            // Not every registry can cancel; it forgets the session by itself.
            let _ = self.send_to_session(Request::new(Method::DELETE, url.clone()), &url).await;
        }
        Ok(())
    }

    /// Takes a blob from another repository of this registry; a session that is offered instead is kept for the upload.
    pub(super) async fn mount_blob(&self, blob: &Descriptor, from: &Repository) -> Result<bool, RegistryError> {
        if from.registry != self.repository.registry || *from == self.repository {
            return Ok(false);
        }
        let digest = blob.digest.to_string();
        let mut scopes = self.push_scopes();
        scopes.push(format!("repository:{}:pull", from.path));
        scopes.sort();
        match self.begin(&[("mount", &digest), ("from", &from.path)], &scopes).await {
            Ok(Begun::Mounted) => {
                self.mounted.fetch_add(blob.size, Ordering::Relaxed);
                Ok(true)
            }
            Ok(Begun::Session(url)) => {
                self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(blob.digest, url);
                Ok(false)
            }
            // Not being able to mount is no failure: the upload that follows tells if writing is not possible at all.
            Err(RegistryError::Status { status: 400..=499, .. } | RegistryError::Absent { .. } | RegistryError::Token { .. }) => {
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// Uploads a blob.
    pub(super) async fn put_blob(&self, blob: &Descriptor, supply: &dyn Supply) -> Result<()> {
        let kept = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&blob.digest);
        let mut session = kept;
        let mut attempts = Attempts::new(&self.connection.client().settings().retry);
        loop {
            let url = match session.take() {
                Some(url) => url,
                None => match self.begin(&[], &self.push_scopes()).await.map_err(|e| e.on(Side::Target))? {
                    Begun::Session(url) => url,
                    Begun::Mounted => return Ok(()),
                },
            };
            let failure = match self.upload(blob, supply, url).await? {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if !may_pass(&failure) || !attempts.wait(None).await {
                return Err(failure.attempted(attempts.made()).on(Side::Target).into());
            }
        }
    }

    /// One upload of the whole blob. The outer error is the supply's: what cannot be read is not sent again.
    async fn upload(&self, blob: &Descriptor, supply: &dyn Supply, mut url: Url) -> Result<Result<(), RegistryError>> {
        url.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
        let (body, fault) = tapped(blob.size, supply.open().await?);
        let octets = HeaderValue::from_static("application/octet-stream");
        let request = Request::new(Method::PUT, url.clone()).header(CONTENT_TYPE, octets).payload(Payload::Stream(body));
        let answer = self.send_to_session(request, &url).await;
        if let Some(fault) = fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(fault);
        }
        Ok(match answer {
            Err(e) => Err(e),
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => {
                let status = response.status().as_u16();
                let told = self.refused(response, &format!("the upload of blob {}", blob.digest)).await;
                Err(match told {
                    RegistryError::Absent { registry, side, what, text } => {
                        RegistryError::Status { registry, side, what, status, text, attempts: 1, logged_in: true }
                    }
                    other => other,
                })
            }
        })
    }
}

/// Whether a new session may do better: the token had expired, the session was lost, the server was busy, the line broke.
fn may_pass(failure: &RegistryError) -> bool {
    match failure {
        RegistryError::Status { status, .. } => matches!(status, 401 | 404 | 408 | 416 | 429 | 500 | 502 | 503 | 504),
        RegistryError::Http { cause: HttpError::Connection { .. }, .. } => failure_is_retryable(failure),
        _ => false,
    }
}

fn failure_is_retryable(failure: &RegistryError) -> bool {
    crate::error::Fault::retryable(failure)
}

/// A body whose own error is kept apart, since it would come back as a broken connection.
fn tapped(size: u64, body: Body) -> (Body, Arc<Mutex<Option<Error>>>) {
    let fault: Arc<Mutex<Option<Error>>> = Arc::default();
    let slot = fault.clone();
    let stream = body.into_stream().map(move |item| {
        item.map_err(|error| {
            let stopped = crate::error::IoFault::new("the source of the upload", std::io::Error::other("it failed"));
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            stopped.into()
        })
    });
    (Body::new(Some(size), stream), fault)
}
