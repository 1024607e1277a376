//! A request before it is sent.
//!
//! Invariant: the credential is apart from the other headers, since it goes to the request's own origin only.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use super::{Body, HostTls, Secret};

/// What is sent after the headers.
#[derive(Debug)]
pub enum Payload {
    /// Nothing.
    None,
    /// Bytes at hand; can be sent again.
    Held(Bytes),
    /// A stream of known size; is sent once.
    Stream(Body),
}

/// One call.
#[derive(Debug)]
pub struct Request {
    pub(super) head: Head,
    pub(super) payload: Payload,
}

/// All but the payload.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) authorization: Option<Secret>,
    pub(super) named: Named,
    pub(super) host_tls: Option<Arc<HostTls>>,
}

/// The host that the user named; it may be internal, others may not.
#[derive(Clone, Debug)]
pub(super) struct Named {
    host: String,
    port: Option<u16>,
}

impl Named {
    pub(super) fn covers(&self, url: &Url) -> bool {
        url.host_str() == Some(self.host.as_str()) && (self.port.is_none() || self.port == url.port_or_known_default())
    }
}

impl Request {
    /// A request without headers and body for an address that the user named.
    pub fn new(method: Method, url: Url) -> Self {
        let named = Named { host: url.host_str().unwrap_or_default().to_owned(), port: None };
        let head = Head { method, url, headers: HeaderMap::new(), authorization: None, named, host_tls: None };
        Self { head, payload: Payload::None }
    }
    /// GET.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.head.headers.append(name, value);
        self
    }
    /// The whole value of `Authorization`.
    #[must_use]
    pub fn authorization(mut self, value: Option<Secret>) -> Self {
        self.head.authorization = value;
        self
    }
    /// What to send.
    #[must_use]
    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }
    /// The address comes from a server's answer: only the very host and port of `named` may be internal.
    #[must_use]
    pub fn on_the_word_of(mut self, named: &Url) -> Self {
        self.head.named = Named { host: named.host_str().unwrap_or_default().to_owned(), port: named.port_or_known_default() };
        self
    }
    /// The address comes from content that anybody may have written: no internal address is asked at all.
    #[must_use]
    pub fn on_nobodys_word(mut self) -> Self {
        self.head.named = Named { host: String::new(), port: None };
        self
    }
    /// TLS of the request's own origin.
    #[must_use]
    pub fn host_tls(mut self, tls: Option<Arc<HostTls>>) -> Self {
        self.head.host_tls = tls;
        self
    }
    /// Whom it asks.
    pub fn url(&self) -> &Url {
        &self.head.url
    }
    /// Whether it can be sent twice.
    pub fn is_replayable(&self) -> bool {
        !matches!(self.payload, Payload::Stream(_))
    }
    /// The same request again, where its payload allows it.
    pub fn again(&self) -> Option<Self> {
        let payload = match &self.payload {
            Payload::None => Payload::None,
            Payload::Held(bytes) => Payload::Held(bytes.clone()),
            Payload::Stream(_) => return None,
        };
        Some(Self { head: self.head.clone(), payload })
    }
    /// Whether sending it twice does the same as sending it once (RFC 9110, 9.2.2).
    pub(super) fn is_idempotent(&self) -> bool {
        matches!(self.head.method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE) && self.is_replayable()
    }
}
