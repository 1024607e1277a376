//! Logins as Docker and Podman keep them: `auths`, `credHelpers`, `credsStore`, namespaced keys.
//!
//! Invariant: within a file a helper of the host outranks the store, which outranks `auths`; the first file that has an entry wins;
//! a helper that fails is an error, never a reason to look elsewhere.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::error::{Class, Fault, IoFault, Side};
use crate::http::Secret;
use crate::oci::Repository;

use super::connection::basic;
use super::helper::{self, HelperSettings};

/// Under which Docker keeps the login of Docker Hub.
pub(super) const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";
/// The largest credential file that is read.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Who we are for a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// Nobody.
    Anonymous,
    /// User and password.
    Password {
        /// User.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A refresh token for the token server (`identitytoken`).
    IdentityToken(Secret),
    /// A token for the registry itself (`registrytoken`).
    RegistryToken(Secret),
}

impl Login {
    /// The value of `Authorization` for a registry that asks for Basic.
    pub(super) fn basic(&self) -> Option<Secret> {
        match self {
            Self::Password { user, password } => Some(basic(user, password)),
            _ => None,
        }
    }
}

/// Why no login can be told.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file is there but cannot be read.
    #[error(transparent)]
    File(#[from] IoFault),
    /// A file that is no JSON of the known form. Its text is not shown.
    #[error("credential file {file}: {why}")]
    Form {
        /// The file.
        file: String,
        /// What is wrong and where.
        why: String,
    },
    /// A helper that is named, but failed or is not there.
    #[error("credential helper docker-credential-{name}: {why}")]
    Helper {
        /// Its name as configured.
        name: String,
        /// What went wrong.
        why: String,
    },
}

impl Fault for CredentialsError {
    fn class(&self) -> Class {
        match self {
            Self::File(e) => e.class(),
            Self::Form { .. } => Class::Input,
            Self::Helper { .. } => Class::Authentication,
        }
    }
    fn side(&self) -> Side {
        Side::Local
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Helper { name, .. } => {
                Some(format!("install docker-credential-{name}, or remove it from credHelpers or credsStore of the Docker config"))
            }
            _ => None,
        }
    }
}

/// A credential file's name and content.
type Document = (String, Map<String, Value>);

/// Where logins are looked for, in order.
#[derive(Clone, Debug)]
pub struct Credentials {
    only: Option<Login>,
    text: Option<Secret>,
    files: Vec<PathBuf>,
    helpers: HelperSettings,
}

impl Credentials {
    /// `text` is the value of `DOCKER_AUTH_CONFIG` and comes first; then `files` in order.
    pub fn new(text: Option<Secret>, files: Vec<PathBuf>, helpers: HelperSettings) -> Self {
        Self { only: None, text, files, helpers }
    }
    /// No login anywhere.
    pub fn none() -> Self {
        Self::only(Login::Anonymous)
    }
    /// One login for every registry that it is used with.
    pub fn only(login: Login) -> Self {
        Self { only: Some(login), text: None, files: Vec::new(), helpers: HelperSettings::default() }
    }

    /// The login for a repository.
    pub async fn find(&self, repository: &Repository) -> Result<Login, CredentialsError> {
        if let Some(login) = &self.only {
            return Ok(login.clone());
        }
        for document in self.documents() {
            let (name, document) = document?;
            if let Some(login) = self.find_in(&name, &document, repository).await? {
                return Ok(login);
            }
        }
        Ok(Login::Anonymous)
    }

    /// Which entry a repository's login would come from; equal for repositories with the same login. Never fails: what cannot be
    /// read is told by [`Self::find`].
    pub(super) fn key_for(&self, repository: &Repository) -> String {
        let documents: Vec<Document> = self.documents().filter_map(Result::ok).collect();
        let keys = keys_of(repository);
        let known = |key: &&String| documents.iter().any(|(_, d)| entry(table(d, "auths"), key).is_some());
        keys.iter().find(known).cloned().unwrap_or_else(|| repository.registry.clone())
    }

    /// One after the other: a file behind the one that has the entry is not read.
    fn documents(&self) -> impl Iterator<Item = Result<Document, CredentialsError>> {
        let text = self.text.iter().map(|text| {
            let name = "DOCKER_AUTH_CONFIG";
            Ok((name.to_owned(), parse(name, text.reveal().as_bytes())?))
        });
        let files = self.files.iter().filter_map(|file| match read(file) {
            Ok(None) => None,
            Ok(Some(document)) => Some(Ok((file.display().to_string(), document))),
            Err(e) => Some(Err(e)),
        });
        text.chain(files)
    }

    async fn find_in(
        &self,
        name: &str,
        document: &Map<String, Value>,
        repository: &Repository,
    ) -> Result<Option<Login>, CredentialsError> {
        let keys = keys_of(repository);
        let server = if repository.registry == "docker.io" { DOCKER_HUB_KEY } else { &repository.registry };
        if let Some(helper) = keys.iter().find_map(|key| entry(table(document, "credHelpers"), key)) {
            let helper = helper.as_str().unwrap_or_default();
            return Ok(Some(helper::get(&self.helpers, helper, server).await?.unwrap_or(Login::Anonymous)));
        }
        if let Some(store) = document.get("credsStore").and_then(Value::as_str).filter(|s| !s.is_empty()) {
            return helper::get(&self.helpers, store, server).await;
        }
        for key in &keys {
            if let Some(found) = entry(table(document, "auths"), key) {
                let wrong = || CredentialsError::Form { file: name.to_owned(), why: format!("the entry for {key} cannot be read") };
                if let Some(login) = login_of(found).map_err(|()| wrong())? {
                    return Ok(Some(login));
                }
            }
        }
        Ok(None)
    }
}

/// The key of a registry's login as `login` writes it.
pub fn key_of(registry: &str) -> &str {
    if registry == "docker.io" { DOCKER_HUB_KEY } else { registry }
}

/// Names under which a repository's login may stand, longest first.
fn keys_of(repository: &Repository) -> Vec<String> {
    let full = repository.to_string();
    let mut keys = vec![full.clone()];
    keys.extend(full.rmatch_indices('/').filter_map(|(at, _)| full.get(..at)).map(str::to_owned));
    if repository.registry == "docker.io" {
        keys.extend(["index.docker.io".to_owned(), "registry-1.docker.io".to_owned()]);
    }
    keys
}

fn table<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    document.get(name).and_then(Value::as_object)
}

/// The entry of a table whose key means `key`: as it is, or as an address with scheme and `/v1/`, as old versions of Docker wrote it.
fn entry<'a>(table: Option<&'a Map<String, Value>>, key: &str) -> Option<&'a Value> {
    let table = table?;
    let means = |written: &str| {
        let bare = written.strip_prefix("https://").or_else(|| written.strip_prefix("http://"));
        let Some(bare) = bare else { return written.eq_ignore_ascii_case(key) };
        let bare = bare.trim_end_matches('/');
        let bare = bare.strip_suffix("/v1").or_else(|| bare.strip_suffix("/v2")).unwrap_or(bare);
        bare.eq_ignore_ascii_case(key)
    };
    table.get(key).or_else(|| table.iter().find(|(written, _)| means(written)).map(|(_, v)| v))
}

/// What an entry of `auths` says; nothing for an empty one.
fn login_of(entry: &Value) -> Result<Option<Login>, ()> {
    let word = |key: &str| entry.get(key).and_then(Value::as_str).filter(|w| !w.is_empty());
    if let Some(token) = word("identitytoken") {
        return Ok(Some(Login::IdentityToken(Secret::new(token))));
    }
    if let Some(token) = word("registrytoken") {
        return Ok(Some(Login::RegistryToken(Secret::new(token))));
    }
    if let Some(auth) = word("auth") {
        let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(auth.trim().trim_end_matches('=')).map_err(|_| ())?;
        let text = String::from_utf8(bytes).map_err(|_| ())?;
        let (user, password) = text.split_once(':').ok_or(())?;
        return Ok(Some(named(user, password.trim_end_matches('\0'))));
    }
    Ok(word("username").zip(word("password")).map(|(user, password)| named(user, password)))
}

/// User and password, where the user `<token>` says that the password is an identity token.
pub(super) fn named(user: &str, password: &str) -> Login {
    if user == "<token>" {
        return Login::IdentityToken(Secret::new(password));
    }
    Login::Password { user: user.to_owned(), password: Secret::new(password) }
}

/// A credential file; nothing if it is not there.
pub(super) fn read(file: &Path) -> Result<Option<Map<String, Value>>, CredentialsError> {
    use std::io::Read as _;
    let shown = file.display().to_string();
    let opened = match std::fs::File::open(file) {
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(None),
        other => other.map_err(|e| IoFault::new(&shown, e))?,
    };
    let mut bytes = Vec::new();
    opened.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|e| IoFault::new(&shown, e))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(CredentialsError::Form { file: shown, why: format!("it is larger than {LARGEST_FILE} bytes") });
    }
    parse(&shown, &bytes).map(Some)
}

fn parse(name: &str, bytes: &[u8]) -> Result<Map<String, Value>, CredentialsError> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    // The parser's own message may quote a value.
    serde_json::from_slice(bytes).map_err(|e| CredentialsError::Form {
        file: name.to_owned(),
        why: format!("no JSON object (line {}, column {})", e.line(), e.column()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn find(text: &str, repository: &str) -> Result<Login, CredentialsError> {
        let credentials = Credentials::new(Some(Secret::new(text)), Vec::new(), HelperSettings::default());
        credentials.find(&repository.parse().expect("a repository")).await
    }

    fn password(user: &str, password: &str) -> Login {
        Login::Password { user: user.into(), password: Secret::new(password) }
    }

    #[tokio::test]
    async fn the_longest_key_wins_and_spellings_of_a_host_are_one() {
        let text = r#"{"auths":{
            "h.example":{"auth":"YTox"}, "h.example/org":{"auth":"Yjoy"}, "h.example/org/app":{"username":"c","password":"3"},
            "https://index.docker.io/v1/":{"auth":"ZDo0Cg=="}, "https://old.example/v2/":{"auth":"ZTo1OjY"},
            "id.example":{"identitytoken":"t"}, "reg.example":{"registrytoken":"r"}, "empty.example":{}, "tok.example":{"auth":"PHRva2VuPjp0"}}}"#;
        for (repository, login) in [
            ("h.example/x", password("a", "1")),
            ("h.example/org/x", password("b", "2")),
            ("h.example/org/app", password("c", "3")),
            ("h.example/organ", password("a", "1")),
            ("debian", password("d", "4\n")),
            ("old.example/x", password("e", "5:6")),
            ("id.example/x", Login::IdentityToken(Secret::new("t"))),
            ("tok.example/x", Login::IdentityToken(Secret::new("t"))),
            ("reg.example/x", Login::RegistryToken(Secret::new("r"))),
            ("empty.example/x", Login::Anonymous),
            ("h.example:5000/x", Login::Anonymous),
            ("sub.h.example/x", Login::Anonymous),
        ] {
            assert_eq!(find(text, repository).await.expect(repository), login, "{repository}");
        }
    }

    #[tokio::test]
    async fn the_first_file_that_has_an_entry_wins_and_a_missing_file_is_no_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (folder.path().join("auth.json"), folder.path().join("config.json"));
        std::fs::write(&first, r#"{"auths":{"a.example":{"auth":"YTox"}}}"#).expect("written");
        std::fs::write(&second, r#"{"auths":{"a.example":{"auth":"Yjoy"},"b.example":{"auth":"Yjoy"}}}"#).expect("written");
        let third = folder.path().join("broken.json");
        std::fs::write(&third, "{").expect("written");
        let files = vec![folder.path().join("none"), first, second, third];
        let credentials = Credentials::new(None, files, HelperSettings::default());
        let find = async |name: &str| credentials.find(&name.parse().expect("a repository")).await;
        assert_eq!(find("a.example/x").await.expect("a"), password("a", "1"));
        assert_eq!(find("b.example/x").await.expect("b"), password("b", "2"));
        assert!(find("c.example/x").await.is_err(), "a broken file is an error for what no file before it has");
        let unreadable = Credentials::new(None, vec![folder.path().to_owned()], HelperSettings::default());
        assert!(unreadable.find(&"a.example/x".parse().expect("a repository")).await.is_err());
    }

    #[tokio::test]
    async fn a_bad_file_is_an_error_that_shows_no_secret() {
        for text in [r#"{"auths":{"h.example":{"auth":"c2VjcmV0"}}}"#, r#"["c2VjcmV0"]"#, r#"{"auths":"c2VjcmV0""#] {
            let told = find(text, "h.example/x").await.expect_err(text);
            assert!(!format!("{told} {told:?}").contains("c2VjcmV0"), "{told:?}");
        }
        assert_eq!(format!("{:?}", Secret::new("hidden")), "Secret(…)");
    }
}
