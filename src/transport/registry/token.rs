//! Bearer tokens (distribution's token specification): who may be asked for one, how, and what it answers.
//!
//! Invariant: a login is sent to a token server over https if the registry is asked over https; an internal address that the
//! registry names is not asked, unless it is the registry's very host and port or allowed by name.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::time::Instant;

use crate::error::Side;
use crate::http::header::{CONTENT_TYPE, HeaderValue};
use crate::http::{Method, Origin, Payload, Request, Response, Secret, Url};

use super::challenge::Challenge;
use super::connection::{Connection, basic};
use super::error::{RegistryError, reason};
use super::{Login, error};

/// The largest answer of a token server; tokens with many scopes have some ten kilobytes.
const TOKEN_BODY: u64 = 1024 * 1024;
/// A token that says nothing lives as long as the specification says; one that says less lives this long too.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
/// What it is called towards token servers that ask (the `client_id` of OAuth).
const CLIENT: &str = "plywood";

/// A token and until when it is used.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) secret: Secret,
    pub(super) until: Instant,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<serde_json::Number>,
}

/// The token server of a challenge, if it may be asked.
fn server(connection: &Connection, challenge: &Challenge) -> Result<Url, RegistryError> {
    let refused = |why: String| RegistryError::Challenge { registry: connection.host(), side: Side::Source, why };
    let realm = challenge.parameter("realm").ok_or_else(|| refused("it names no token server".into()))?;
    let url: Url = realm.parse().map_err(|_| refused("the address of its token server is none".into()))?;
    let origin = Origin::of(&url);
    match url.scheme() {
        "https" => {}
        "http" if connection.base().scheme() == "http" => {}
        _ => return Err(refused(format!("its token server {} is not asked over https", error::clean(&origin.to_string())))),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("the address of its token server holds a user name".into()));
    }
    Ok(url)
}

/// Asks the challenge's token server for a token with `scopes`.
pub(super) async fn fetch(
    connection: &Connection,
    challenge: &Challenge,
    scopes: &[String],
    login: &Login,
) -> Result<Token, RegistryError> {
    let mut url = server(connection, challenge)?;
    let service = challenge.parameter("service");
    let origin = Origin::of(&url).to_string();
    let request = if let Login::IdentityToken(secret) = login {
        let mut fields = vec![("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", secret.reveal())];
        fields.extend(service.map(|s| ("service", s)));
        let scope = scopes.join(" ");
        if !scope.is_empty() {
            fields.push(("scope", &scope));
        }
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        Request::new(Method::POST, url).header(CONTENT_TYPE, form).payload(Payload::Held(encode(&fields).into()))
    } else {
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(service.map(|s| ("service", s)));
            query.extend_pairs(scopes.iter().map(|s| ("scope", s)));
        }
        let authorization = match login {
            Login::Password { user, password } => Some(basic(user, password)),
            _ => None,
        };
        Request::get(url).authorization(authorization)
    };
    let start = Instant::now();
    let response = connection.send_to_token_server(request).await?;
    read(connection, response, origin, start).await
}

fn encode(fields: &[(&str, &str)]) -> String {
    let pair = |(k, v): &(&str, &str)| format!("{k}={}", utf8_percent_encode(v, NON_ALPHANUMERIC));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

async fn read(connection: &Connection, response: Response, server: String, start: Instant) -> Result<Token, RegistryError> {
    let (registry, status) = (connection.host(), response.status());
    let failed = |why: &str, text: String| RegistryError::Token {
        registry: registry.clone(),
        side: Side::Source,
        server: server.clone(),
        why: why.to_owned(),
        text,
        status: status.as_u16(),
    };
    if !status.is_success() {
        let body = response.beginning(TOKEN_BODY as usize).await;
        return Err(failed(&format!("said {}", status.as_u16()), reason(&body, "")));
    }
    let body = response.document(TOKEN_BODY).await.map_err(|cause| connection.failed(cause))?;
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|_| failed("answered with something else than a token", String::new()))?;
    // Equal by the specification; where they differ, Docker takes this one.
    let secret = answer.access_token.filter(|t| !t.is_empty()).or(answer.token).unwrap_or_default();
    if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(failed("answered without a token that can be used", String::new()));
    }
    let life = answer.expires_in.and_then(|n| n.as_f64()).unwrap_or_default().clamp(0.0, 86_400.0);
    let until = start + Duration::from_secs_f64(life).max(SHORTEST_LIFE);
    Ok(Token { secret: Secret::new(secret), until })
}
