//! The client: settings in, answers out; redirects and retries are its own, not those of the library below.
//!
//! Invariant: every hop is checked before it is asked; `Authorization` and cookies go to the request's own origin only.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, COOKIE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Url};
use tokio::time::Instant;

use super::address::{CheckingResolver, is_internal};
use super::error::HttpError;
use super::patience::Patience;
use super::request::{Head, Payload, Request};
use super::response::Response;
use super::retry::{Attempts, is_passing, retry_after};
use super::settings::{Settings, Traffic};
use super::url::{Origin, Redacted, check, host_and_port, next_hop};
use super::{Broken, Secret, tls};

/// Redirects that are followed for one request.
const MOST_REDIRECTS: u32 = 10;

/// A connection pool with its rules. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    settings: Arc<Settings>,
    pools: Arc<Mutex<HashMap<Pool, reqwest::Client>>>,
    traffic: Arc<Traffic>,
    /// Until when an origin asked to be left alone; all requests to it wait, not only the one that was told.
    pauses: Arc<Mutex<HashMap<Origin, Instant>>>,
}

impl std::fmt::Debug for Client {
    /// Without the pools, whose own form could show a proxy's password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("settings", &self.settings).field("traffic", &self.traffic).finish_non_exhaustive()
    }
}

/// Which of the clients below serves a hop; each is built when it is first needed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pool {
    tls: bool,
    /// Whether names are checked for internal addresses.
    checked: bool,
    /// The host, where it has its own TLS.
    host: Option<String>,
}

impl Client {
    /// A client; nothing is read or opened yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings), pools: Arc::default(), traffic: Arc::default(), pauses: Arc::default() }
    }
    /// The same connections, with a count of its own.
    #[must_use]
    pub fn counted_apart(&self) -> Self {
        Self { traffic: Arc::default(), ..self.clone() }
    }
    /// What went over the wire.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }
    /// What it was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends a request, follows redirects, and tries again where that is safe. An answer with a bad status is an answer.
    pub async fn send(&self, mut request: Request) -> Result<Response, HttpError> {
        let mut attempts = Attempts::new(&self.settings.retry);
        loop {
            let again = request.again();
            let idempotent = request.is_idempotent();
            let origin = Origin::of(request.url());
            self.wait_out(&origin).await;
            let result = self.follow(request, attempts.made()).await;
            let (safe, wish) = match &result {
                Ok(r) if is_passing(r.status()) => (idempotent || r.status().as_u16() == 429, retry_after(r.headers())),
                // Without a connection, nothing was done yet.
                Err(HttpError::Connection { how: Broken::Unreachable, .. }) => (true, None),
                Err(HttpError::Connection { how: Broken::Silent | Broken::Lost, .. }) => (idempotent, None),
                _ => return result,
            };
            if let Some(wish) = wish {
                let until = Instant::now() + wish.min(self.settings.retry.longest_delay);
                self.pauses.lock().unwrap_or_else(PoisonError::into_inner).insert(origin, until);
            }
            let Some(next) = again.filter(|_| safe) else { return result };
            if !attempts.wait(wish).await {
                return result;
            }
            request = next;
        }
    }

    async fn wait_out(&self, origin: &Origin) {
        let until = self.pauses.lock().unwrap_or_else(PoisonError::into_inner).get(origin).copied();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    async fn follow(&self, request: Request, attempts: u32) -> Result<Response, HttpError> {
        let Request { head, mut payload } = request;
        let first = head.url.clone();
        let origin = Origin::of(&first);
        let mut url = first.clone();
        for _ in 0..=MOST_REDIRECTS {
            let sent = std::mem::replace(&mut payload, Payload::None);
            let at_home = Origin::of(&url) == origin;
            let inner = self.hop(&head, &url, sent, at_home, attempts).await?;
            let follows = matches!(head.method, Method::GET | Method::HEAD);
            let location = inner.headers().get(LOCATION).filter(|_| matches!(inner.status().as_u16(), 301 | 302 | 303 | 307 | 308));
            match location {
                Some(location) if follows => url = next_hop(&url, location)?,
                _ => {
                    let Settings { read_timeout, document_timeout, .. } = *self.settings;
                    let traffic = self.traffic.clone();
                    return Ok(Response { inner, url, attempts, traffic, read_timeout, document_timeout });
                }
            }
        }
        Err(HttpError::Redirect { url: Redacted(&first).to_string(), why: "there are more than ten of them" })
    }

    async fn hop(
        &self,
        head: &Head,
        url: &Url,
        payload: Payload,
        at_home: bool,
        attempts: u32,
    ) -> Result<reqwest::Response, HttpError> {
        check(url)?;
        let trusted = head.named.covers(url) || self.is_allowed(url);
        if let Some(address) = literal(url).filter(|a| !trusted && is_internal(*a)) {
            return Err(HttpError::Internal { host: host_and_port(url), address: address.to_string() });
        }
        let host_tls = head.host_tls.as_deref().filter(|_| at_home && url.scheme() == "https");
        let pool = Pool { tls: self.needs_tls(url), checked: !trusted, host: host_tls.map(|_| host_and_port(url)) };
        let client = self.pool(&pool, host_tls)?;
        let mut headers = head.headers.clone();
        if !at_home {
            headers.remove(AUTHORIZATION);
            headers.remove(COOKIE);
        }
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let own = head.authorization.as_ref().filter(|_| at_home);
        if let Some(secret) = own.or_else(|| self.settings.logins.iter().find_map(|login| login.fits(url))) {
            headers.insert(AUTHORIZATION, sensitive(secret)?);
        }
        let builder = client.request(head.method.clone(), url.clone());
        let patience = Patience::new(self.settings.read_timeout);
        let builder = self.with_payload(builder, &mut headers, payload, &patience);
        self.traffic.add_request();
        let answer = patience.wait(builder.headers(headers).send()).await;
        let answer = answer.ok_or_else(|| HttpError::silent(url, self.settings.read_timeout, attempts))?;
        answer.map_err(|e| HttpError::of(&e, url, attempts))
    }

    fn with_payload(
        &self,
        builder: reqwest::RequestBuilder,
        headers: &mut HeaderMap,
        payload: Payload,
        patience: &Patience,
    ) -> reqwest::RequestBuilder {
        match payload {
            Payload::None => builder,
            Payload::Held(bytes) => {
                self.traffic.add_sent(bytes.len());
                builder.body(bytes)
            }
            Payload::Stream(body) => {
                if let Some(size) = body.size {
                    headers.insert(CONTENT_LENGTH, size.into());
                }
                let traffic = self.traffic.clone();
                let counted = body.into_stream().inspect(move |piece| {
                    if let Ok(piece) = piece {
                        traffic.add_sent(piece.len());
                    }
                });
                builder.body(reqwest::Body::wrap_stream(patience.clone().watching(counted)))
            }
        }
    }

    /// Whether `url`'s host is on the list of internal hosts that foreign servers may name.
    fn is_allowed(&self, url: &Url) -> bool {
        let (host, with_port) = (url.host_str().unwrap_or_default(), host_and_port(url));
        self.settings.allow_private.iter().any(|a| a.eq_ignore_ascii_case(host) || a.eq_ignore_ascii_case(&with_port))
    }

    fn needs_tls(&self, url: &Url) -> bool {
        let proxied = self.settings.proxies.http.as_ref().is_some_and(|p| p.reveal().starts_with("https:"));
        url.scheme() == "https" || proxied
    }

    fn pool(&self, pool: &Pool, host_tls: Option<&super::HostTls>) -> Result<reqwest::Client, HttpError> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = pools.get(pool) {
            return Ok(client.clone());
        }
        let client = self.build(pool, host_tls)?;
        pools.insert(pool.clone(), client.clone());
        Ok(client)
    }

    fn build(&self, pool: &Pool, host_tls: Option<&super::HostTls>) -> Result<reqwest::Client, HttpError> {
        let settings = &self.settings;
        let config = if pool.tls { tls::trust(&settings.authorities, host_tls)? } else { tls::trust_nobody()? };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .user_agent(settings.user_agent.clone())
            .connect_timeout(settings.connect_timeout)
            .http2_adaptive_window(true);
        let mut proxy_hosts = Vec::new();
        for (of, secret) in [("http", &settings.proxies.http), ("https", &settings.proxies.https)] {
            let Some(secret) = secret else { continue };
            let (proxy, host) = proxy(of, secret, settings.proxies.no_proxy.as_deref())?;
            builder = builder.proxy(proxy);
            proxy_hosts.push(host);
        }
        if pool.checked {
            builder = builder.dns_resolver(CheckingResolver { allowed: proxy_hosts });
        }
        let failed = |e: reqwest::Error| HttpError::Settings { what: "HTTP client".into(), why: e.without_url().to_string() };
        builder.build().map_err(failed)
    }
}

/// The proxy for `http` or `https` addresses, and its host.
fn proxy(of: &str, secret: &Secret, no_proxy: Option<&str>) -> Result<(reqwest::Proxy, String), HttpError> {
    let wrong = || HttpError::Settings { what: format!("proxy for {of}"), why: "it is not an http or https address".into() };
    let text = secret.reveal();
    let url: Url = if text.contains("://") { text.parse() } else { format!("http://{text}").parse() }.map_err(|_| wrong())?;
    check(&url).map_err(|_| wrong())?;
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    let made = if of == "http" { reqwest::Proxy::http(url) } else { reqwest::Proxy::https(url) };
    let without = format!("localhost,127.0.0.0/8,::1,{}", no_proxy.unwrap_or_default());
    Ok((made.map_err(|_| wrong())?.no_proxy(reqwest::NoProxy::from_string(&without)), host))
}

/// The address, where the host is one.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

fn sensitive(secret: &Secret) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(secret.reveal()).map_err(|_| HttpError::Settings {
        what: "credential".into(),
        why: "it holds characters that no header can hold".into(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}
