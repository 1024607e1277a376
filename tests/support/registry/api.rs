//! The distribution API and the token server of the scripted registry.
//!
//! Invariant: blobs are stored only under the digest of their bytes, manifests only when all that they name is there.

use std::net::SocketAddr;

use base64::Engine as _;
use plywood::oci::Digest;
use serde_json::Value;

use super::answer::Answer;
use super::wire::Asked;
use super::{Access, State};

pub(super) fn answer(asked: &Asked, state: &mut State, address: SocketAddr) -> Answer {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    if let Some(bytes) = state.files.get(path) {
        return Answer::bytes(asked, bytes);
    }
    if path == "/token" {
        return token(asked, query, state);
    }
    let Some(rest) = path.strip_prefix("/v2/") else { return Answer::new(404) };
    if let Some(refusal) = refusal(asked, rest, state, address) {
        return refusal;
    }
    if rest.is_empty() {
        return Answer::new(200);
    }
    if let Some((repository, name)) = rest.split_once("/manifests/") {
        return manifest(asked, repository, name, state);
    }
    match rest.split_once("/blobs/") {
        Some((repository, "uploads/")) => begin(repository, query, state),
        Some((repository, name)) => match name.strip_prefix("uploads/") {
            Some(session) => upload(asked, repository, session, query, state),
            None => blob(asked, repository, name, state),
        },
        None => Answer::error(404, "NAME_UNKNOWN", ""),
    }
}

/// All values of a query, decoded.
fn values(query: &str, name: &str) -> Vec<String> {
    let pair = |p: &str| p.split_once('=').filter(|(n, _)| *n == name).map(|(_, v)| v.replace('+', " "));
    let decoded = |v: String| percent_encoding::percent_decode_str(&v).decode_utf8_lossy().into_owned();
    query.split('&').filter_map(pair).map(decoded).collect()
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// The refusal of a request without the right to it.
fn refusal(asked: &Asked, rest: &str, state: &State, address: SocketAddr) -> Option<Answer> {
    let given = asked.header("authorization").unwrap_or_default();
    let challenge = match &state.access {
        Access::Open => return None,
        Access::Basic { user, password } if given == basic(user, password) => return None,
        Access::Basic { .. } => r#"Basic realm="scripted""#.to_owned(),
        Access::Bearer { challenge, .. } => {
            let token = given.strip_prefix("Bearer ").and_then(|t| state.tokens.get(t));
            if token.is_some_and(|scopes| covers(scopes, asked, rest)) {
                return None;
            }
            challenge.clone().unwrap_or_else(|| format!(r#"Bearer realm="http://{address}/token",service="scripted""#))
        }
    };
    Some(Answer::error(401, "UNAUTHORIZED", "").with("WWW-Authenticate", &challenge))
}

fn covers(scopes: &[String], asked: &Asked, rest: &str) -> bool {
    let Some((repository, _)) = rest.split_once("/manifests/").or_else(|| rest.split_once("/blobs/")) else { return true };
    let action = if matches!(asked.method.as_str(), "GET" | "HEAD") { "pull" } else { "push" };
    let prefix = format!("repository:{repository}:");
    scopes.iter().filter_map(|s| s.strip_prefix(&prefix)).any(|actions| actions.split(',').any(|a| a == action))
}

fn token(asked: &Asked, query: &str, state: &mut State) -> Answer {
    let Access::Bearer { user, password, anonymous, .. } = &state.access else { return Answer::new(404) };
    let form = String::from_utf8_lossy(&asked.body).into_owned();
    let known = asked.header("authorization") == Some(&basic(user, password)) || values(&form, "refresh_token").contains(password);
    let query = if asked.method == "POST" { form.as_str() } else { query };
    let scopes: Vec<String> = values(query, "scope").iter().flat_map(|s| s.split(' ')).map(str::to_owned).collect();
    if !known && !(*anonymous && asked.header("authorization").is_none() && scopes.iter().all(|s| s.ends_with(":pull"))) {
        return Answer::error(401, "DENIED", "");
    }
    state.next += 1;
    let token = format!("token-{}", state.next);
    state.tokens.insert(token.clone(), scopes);
    Answer::new(200).body(format!(r#"{{"token":"{token}","expires_in":300}}"#))
}

fn manifest(asked: &Asked, repository: &str, name: &str, state: &mut State) -> Answer {
    if asked.method == "PUT" {
        return put_manifest(asked, repository, name, state);
    }
    let Some((media_type, bytes)) = state.manifests.get(&(repository.to_owned(), name.to_owned())) else {
        return Answer::error(404, "MANIFEST_UNKNOWN", "");
    };
    let digest = Digest::of(bytes).to_string();
    Answer::new(200).with("Content-Type", media_type).with("Docker-Content-Digest", &digest).body(bytes.clone())
}

fn put_manifest(asked: &Asked, repository: &str, name: &str, state: &mut State) -> Answer {
    let Ok(document) = serde_json::from_slice::<Value>(&asked.body) else { return Answer::error(400, "MANIFEST_INVALID", "") };
    let layers = document.get("layers").and_then(Value::as_array).cloned().unwrap_or_default();
    let named = layers.iter().chain(document.get("config")).filter_map(|d| d.get("digest")?.as_str()?.parse::<Digest>().ok());
    for digest in named {
        if !state.blobs.contains_key(&(repository.to_owned(), digest)) {
            return Answer::error(400, "MANIFEST_BLOB_UNKNOWN", &format!(r#"{{"digest":"{digest}"}}"#));
        }
    }
    let digest = Digest::of(&asked.body).to_string();
    let media_type = asked.header("content-type").unwrap_or_default().to_owned();
    for name in [name.to_owned(), digest.clone()] {
        state.manifests.insert((repository.to_owned(), name), (media_type.clone(), asked.body.clone()));
    }
    Answer::new(201).with("Docker-Content-Digest", &digest)
}

fn blob(asked: &Asked, repository: &str, name: &str, state: &State) -> Answer {
    let found = name.parse().ok().and_then(|d| state.blobs.get(&(repository.to_owned(), d)));
    found.map_or_else(|| Answer::error(404, "BLOB_UNKNOWN", ""), |bytes| Answer::bytes(asked, bytes))
}

fn begin(repository: &str, query: &str, state: &mut State) -> Answer {
    let (mount, from) = (values(query, "mount"), values(query, "from"));
    if let (Some(Ok(digest)), Some(from), true) = (mount.first().map(|m| m.parse::<Digest>()), from.first(), state.mounts) {
        if let Some(bytes) = state.blobs.get(&(from.clone(), digest)).cloned() {
            state.blobs.insert((repository.to_owned(), digest), bytes);
            return Answer::new(201).with("Location", &format!("/v2/{repository}/blobs/{digest}"));
        }
    }
    state.next += 1;
    state.sessions.insert(state.next, repository.to_owned());
    // A query of its own, as Docker's registry has.
    Answer::new(202).with("Location", &format!("/v2/{repository}/blobs/uploads/{}?_state=a%3Db", state.next))
}

fn upload(asked: &Asked, repository: &str, session: &str, query: &str, state: &mut State) -> Answer {
    let known = session.parse().ok().filter(|s: &u64| state.sessions.get(s).is_some_and(|r| r == repository));
    let Some(session) = known.filter(|_| query.contains("_state=a%3Db")) else {
        return Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "");
    };
    if asked.method == "DELETE" {
        state.sessions.remove(&session);
        return Answer::new(204);
    }
    let wanted = values(query, "digest").first().and_then(|d| d.parse::<Digest>().ok());
    let actual = Digest::of(&asked.body);
    if wanted != Some(actual) {
        return Answer::error(400, "DIGEST_INVALID", "");
    }
    state.sessions.remove(&session);
    state.blobs.insert((repository.to_owned(), actual), asked.body.clone());
    Answer::new(201).with("Docker-Content-Digest", &actual.to_string())
}
