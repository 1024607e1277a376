//! One registry: its address, its challenge, our login and tokens; sends requests with the right credential.
//!
//! Invariant: a request meets at most one exchange of tokens and is sent at most twice; tokens are kept by scope set and never leave
//! this registry's origin; many requests that need one token make one exchange.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::Side;
use crate::http::{Client, HostTls, HttpError, Origin, Request, Response, Secret, StatusCode, Url};
use crate::oci::Repository;

use super::challenge::{Challenge, challenges};
use super::error::RegistryError;
use super::token::{self, Token};
use super::{Credentials, Login};

/// Sorted scopes of one request: `repository:a/b:pull`.
pub(super) type Scopes = Vec<String>;

#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    repository: Repository,
    base: Url,
    tls: Option<Arc<HostTls>>,
    credentials: Credentials,
    access: Mutex<Access>,
}

#[derive(Debug, Default)]
struct Access {
    login: Option<Login>,
    challenge: Option<Challenge>,
    tokens: BTreeMap<Scopes, Token>,
}

/// `Basic` with user and password.
pub(super) fn basic(user: &str, password: &Secret) -> Secret {
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.reveal()));
    Secret::new(format!("Basic {text}"))
}

impl Connection {
    pub(super) fn new(
        client: Client,
        repository: Repository,
        base: Url,
        tls: Option<Arc<HostTls>>,
        credentials: Credentials,
    ) -> Self {
        Self { client, repository, base, tls, credentials, access: Mutex::default() }
    }
    /// `https://HOST/v2/`
    pub(super) fn base(&self) -> &Url {
        &self.base
    }
    /// Host and port, as messages name it.
    pub(super) fn host(&self) -> String {
        self.repository.api_host().to_owned()
    }
    pub(super) fn client(&self) -> &Client {
        &self.client
    }
    pub(super) fn failed(&self, cause: HttpError) -> RegistryError {
        RegistryError::Http { registry: self.host(), side: Side::Source, cause }
    }
    /// An address below `/v2/`.
    pub(super) fn address(&self, path: &str) -> Result<Url, RegistryError> {
        let wrong =
            |_| RegistryError::Protocol { registry: self.host(), side: Side::Source, why: format!("{path:?} makes no address") };
        self.base.join(path).map_err(wrong)
    }
    /// Whether a login is known and was used.
    pub(super) async fn is_logged_in(&self) -> bool {
        !matches!(self.access.lock().await.login, None | Some(Login::Anonymous))
    }
    /// Whether `url` is this registry itself.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        Origin::of(url) == Origin::of(&self.base)
    }

    /// Sends a request to this registry, logs in if it asks for that, and sends it again. A request with a stream is not sent again:
    /// its 401 comes back, with a fresh token at hand for the next one.
    pub(super) async fn send(&self, request: Request, scopes: &[String]) -> Result<Response, RegistryError> {
        let request = request.host_tls(self.tls.clone());
        let again = request.again();
        let used = self.authorization(scopes).await?;
        let response = self.client.send(request.authorization(used.clone())).await.map_err(|e| self.failed(e))?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_home(response.url()) {
            return Ok(response);
        }
        let Some(fresh) = self.log_in(challenges(response.headers()), scopes, used.as_ref()).await? else { return Ok(response) };
        let Some(again) = again else { return Ok(response) };
        self.client.send(again.authorization(Some(fresh))).await.map_err(|e| self.failed(e))
    }

    /// Sends a request to another server that this registry names (an upload address): no credential, no internal address.
    pub(super) async fn send_abroad(&self, request: Request) -> Result<Response, RegistryError> {
        self.client.send(request.on_the_word_of(&self.base)).await.map_err(|e| self.failed(e))
    }

    pub(super) async fn send_to_token_server(&self, request: Request) -> Result<Response, RegistryError> {
        // Another host than the registry has its own trust.
        let tls = self.tls.clone().filter(|_| self.is_home(request.url()));
        self.client.send(request.on_the_word_of(&self.base).host_tls(tls)).await.map_err(|e| self.failed(e))
    }

    /// What is known to be wanted, without asking anybody.
    async fn authorization(&self, scopes: &[String]) -> Result<Option<Secret>, RegistryError> {
        let mut access = self.access.lock().await;
        let Some(challenge) = access.challenge.clone() else { return Ok(None) };
        if challenge.scheme == "basic" {
            return Ok(access.login.as_ref().and_then(Login::basic));
        }
        if let Some(Login::RegistryToken(secret)) = &access.login {
            return Ok(Some(bearer(secret)));
        }
        if let Some(token) = access.tokens.get(scopes).filter(|t| t.until > Instant::now()) {
            return Ok(Some(bearer(&token.secret)));
        }
        self.exchange(&mut access, &challenge, scopes).await.map(Some)
    }

    /// A credential that answers `offered` and is not `used`; nothing if there is none.
    async fn log_in(
        &self,
        offered: Vec<Challenge>,
        scopes: &[String],
        used: Option<&Secret>,
    ) -> Result<Option<Secret>, RegistryError> {
        let mut access = self.access.lock().await;
        let Some(challenge) = ["bearer", "basic"].iter().find_map(|s| offered.iter().find(|c| c.scheme == *s)).cloned() else {
            return Ok(None);
        };
        if access.login.is_none() {
            access.login = Some(self.credentials.find(&self.repository).await?);
        }
        access.challenge = Some(challenge.clone());
        let ready = match &access.login {
            _ if challenge.scheme == "basic" => access.login.as_ref().and_then(Login::basic),
            Some(Login::RegistryToken(secret)) => Some(bearer(secret)),
            _ => {
                // Somebody else may have renewed it in the meantime.
                let renewed = access.tokens.get(scopes).map(|t| bearer(&t.secret)).filter(|t| used != Some(t));
                let Some(renewed) = renewed else { return self.exchange(&mut access, &challenge, scopes).await.map(Some) };
                Some(renewed)
            }
        };
        Ok(ready.filter(|r| used != Some(r)))
    }

    async fn exchange(&self, access: &mut Access, challenge: &Challenge, scopes: &[String]) -> Result<Secret, RegistryError> {
        access.tokens.remove(scopes);
        let login = access.login.clone().unwrap_or(Login::Anonymous);
        let token = token::fetch(self, challenge, scopes, &login).await?;
        let header = bearer(&token.secret);
        access.tokens.insert(scopes.to_vec(), token);
        Ok(header)
    }

    /// Asks `/v2/` with our login.
    pub(super) async fn check_login(&self) -> Result<(), RegistryError> {
        let response = self.send(Request::get(self.base.clone()), &[]).await?;
        if response.status().is_success() {
            return Ok(());
        }
        let what = "a login".to_owned();
        Err(RegistryError::of(response, &self.host(), Side::Source, what, true).await)
    }
}

fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.reveal()))
}
