//! Names of images as Docker's users write them: `debian`, `host:5000/a/b:tag@sha256:…`
//! (distribution's reference grammar; familiar names are completed with `docker.io` and `library/`).
//!
//! Invariant: a value is canonical and safe to put into a URL path: host, path and tag match the grammar.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Digest, DigestError};
use crate::error::{Class, Fault, Side};

/// A registry host (with port) and a repository path in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Repository {
    /// Lower-case host name, IPv4 or bracketed IPv6 address, with `:port` where one is written. Docker Hub is `docker.io`.
    pub registry: String,
    /// Path without leading slash: `library/debian`.
    pub path: String,
}

/// An image's name: repository and tag or digest or both. With both, the digest decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// Where.
    pub repository: Repository,
    /// The tag as written; nothing means `latest` where there is no digest either.
    pub tag: Option<String>,
    /// The digest as written.
    pub digest: Option<Digest>,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl fmt::Display for Reference {
    /// The canonical form: `docker.io/library/debian:12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        match (&self.tag, &self.digest) {
            (None, None) => write!(f, ":latest"),
            (tag, digest) => {
                tag.as_ref().map_or(Ok(()), |t| write!(f, ":{t}"))?;
                digest.as_ref().map_or(Ok(()), |d| write!(f, "@{d}"))
            }
        }
    }
}

/// The registry that is meant when none is written.
const DOCKER_HUB: &str = "docker.io";
/// The longest repository name, registry included, that Docker takes.
const LONGEST_NAME: usize = 255;
/// The longest tag (distribution-spec, "Pulling manifests").
const LONGEST_TAG: usize = 128;

/// Why a text is no name of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing, or only a tag or digest.
    #[error("{0:?} names no image")]
    Empty(String),
    /// Capital letters where the grammar has none.
    #[error("{text:?} is not the name of an image: a repository name has no capital letters")]
    Capitals {
        /// The text.
        text: String,
        /// The same in lower case.
        lower: String,
    },
    /// `user:password@host`; the text is not shown, since it may hold a password.
    #[error("the name of an image holds no user or password (there is something before an `@` that no digest follows)")]
    UserInfo,
    /// 64 hex digits, which Docker keeps for image IDs.
    #[error("{0:?} looks like an image ID, not like the name of an image")]
    ImageId(String),
    /// More than 255 characters.
    #[error("the name of an image has at most {LONGEST_NAME} characters, this one has {0}")]
    TooLong(usize),
    /// The registry's host or port.
    #[error("{0:?} is not a registry host (a name, an IPv4 or bracketed IPv6 address, and a port up to 65535)")]
    Host(String),
    /// The repository's path.
    #[error(
        "{0:?} is not a repository name (lower-case letters and digits in components between slashes, single separators `.`, `_`, `__`, `-` inside)"
    )]
    Path(String),
    /// The tag.
    #[error("{0:?} is not a tag (letters, digits, `_`, `.`, `-`; at most {LONGEST_TAG}; no `.` or `-` first)")]
    Tag(String),
    /// The digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A tag or digest where a repository alone is asked for.
    #[error("{0:?} has a tag or digest, but names a repository here")]
    NotARepository(String),
}

impl Fault for ReferenceError {
    fn class(&self) -> Class {
        Class::Usage
    }
    fn side(&self) -> Side {
        Side::Recipe
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Capitals { lower, .. } => Some(format!("did you mean {lower}?")),
            Self::UserInfo => Some("use `plywood login HOST`".into()),
            _ => None,
        }
    }
}

/// At most 80 characters of a foreign text, for a message that is printed with escapes.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

impl Repository {
    /// The host (with port) that answers the distribution API: Docker Hub's is not the one in its names.
    pub fn api_host(&self) -> &str {
        if self.registry == DOCKER_HUB { "registry-1.docker.io" } else { &self.registry }
    }
    /// The short form that Docker shows: `debian` for `docker.io/library/debian`.
    pub fn familiar(&self) -> String {
        if self.registry != DOCKER_HUB {
            return self.to_string();
        }
        let short = match self.path.strip_prefix("library/") {
            Some(name) if !name.contains('/') => name,
            _ => &self.path,
        };
        match short.parse::<Self>() {
            Ok(read) if read == *self => short.to_owned(),
            _ => self.to_string(),
        }
    }
    /// This repository's image `tag`.
    pub fn with_tag(&self, tag: &str) -> Result<Reference, ReferenceError> {
        check_tag(tag)?;
        Ok(Reference { repository: self.clone(), tag: Some(tag.to_owned()), digest: None })
    }
    /// This repository's image `digest`.
    pub fn with_digest(&self, digest: Digest) -> Reference {
        Reference { repository: self.clone(), tag: None, digest: Some(digest) }
    }
}

impl Reference {
    /// The short form that Docker shows, with tag and digest as written.
    pub fn familiar(&self) -> String {
        use fmt::Write as _;
        let mut text = self.repository.familiar();
        if let Some(tag) = &self.tag {
            let _ = write!(text, ":{tag}");
        }
        if let Some(digest) = &self.digest {
            let _ = write!(text, "@{digest}");
        }
        text
    }
    /// The same repository with another tag and no digest.
    pub fn with_tag(&self, tag: &str) -> Result<Self, ReferenceError> {
        self.repository.with_tag(tag)
    }
    /// The same name with a digest.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }
    /// The tag that is meant: `latest` where none is written.
    pub fn tag_or_latest(&self) -> &str {
        self.tag.as_deref().unwrap_or("latest")
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (named, digest) = match text.split_once('@') {
            None => (text, None),
            Some((_, after)) if after.contains(['/', '@']) || !after.contains(':') => return Err(ReferenceError::UserInfo),
            Some((before, after)) => (before, Some(after.parse::<Digest>()?)),
        };
        let (name, tag) = match named.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') && !tag.ends_with(']') => (name, Some(tag)),
            _ => (named, None),
        };
        if let Some(tag) = tag {
            check_tag(tag)?;
        }
        if name.is_empty() {
            return Err(ReferenceError::Empty(shown(text)));
        }
        let repository = parse_repository(name)?;
        Ok(Self { repository, tag: tag.map(str::to_owned), digest })
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference: Reference = text.parse()?;
        if reference.tag.is_some() || reference.digest.is_some() {
            return Err(ReferenceError::NotARepository(shown(text)));
        }
        Ok(reference.repository)
    }
}

/// The registry that a user names alone (`plywood login HOST`), as it stands in a [`Repository`]: in lower case, without scheme and path.
pub fn registry_host(text: &str) -> Result<String, ReferenceError> {
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text).trim_end_matches('/');
    let bare = bare.strip_suffix("/v1").or_else(|| bare.strip_suffix("/v2")).unwrap_or(bare);
    if bare.contains('@') {
        return Err(ReferenceError::UserInfo);
    }
    let host = check_host(bare)?;
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" => Ok(DOCKER_HUB.to_owned()),
        // Without one of these it would be the first part of a name on Docker Hub.
        host if host == "localhost" || host.contains(['.', ':']) => Ok(host.to_owned()),
        _ => Err(ReferenceError::Host(shown(text))),
    }
}

fn parse_repository(name: &str) -> Result<Repository, ReferenceError> {
    if name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(ReferenceError::ImageId(shown(name)));
    }
    let (host, path) = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':', '[']) || first.eq_ignore_ascii_case("localhost") => (first, rest),
        _ => (DOCKER_HUB, name),
    };
    let registry = match check_host(host)?.as_str() {
        "index.docker.io" => DOCKER_HUB.to_owned(),
        host => host.to_owned(),
    };
    check_path(path)?;
    let path = if registry == DOCKER_HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
    let length = registry.len() + 1 + path.len();
    if length > LONGEST_NAME {
        return Err(ReferenceError::TooLong(length));
    }
    Ok(Repository { registry, path })
}

/// The host in lower case, if it is one; all spellings of an address but the usual one are refused, so that no two texts mean one host.
fn check_host(host: &str) -> Result<String, ReferenceError> {
    let wrong = || ReferenceError::Host(shown(host));
    let (name, port) = if let Some((address, after)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| wrong())?;
        let port = if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or_else(wrong)?) };
        (format!("[{address}]"), port)
    } else {
        let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
        (check_host_name(name).ok_or_else(wrong)?, port)
    };
    let Some(port) = port else { return Ok(name) };
    let plain = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(number) if plain && number > 0 => Ok(format!("{name}:{number}")),
        _ => Err(wrong()),
    }
}

fn check_host_name(name: &str) -> Option<String> {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let last = name.rsplit('.').next()?;
    // A URL parser reads `127.1`, `0x7f000001` and the like as addresses.
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.get(..2).is_some_and(|p| p.eq_ignore_ascii_case("0x"));
    let usual = if numeric { name.parse::<Ipv4Addr>().is_ok() } else { name.split('.').all(label) };
    usual.then(|| name.to_ascii_lowercase())
}

fn check_path(path: &str) -> Result<(), ReferenceError> {
    if path.split('/').all(is_path_component) {
        return Ok(());
    }
    let lower = path.to_ascii_lowercase();
    if lower != path && lower.split('/').all(is_path_component) {
        return Err(ReferenceError::Capitals { text: shown(path), lower });
    }
    Err(ReferenceError::Path(shown(path)))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(component: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends = bytes.first().copied().is_some_and(plain) && bytes.last().copied().is_some_and(plain);
    let separator = |s: &str| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-');
    ends && component.split(|c: char| c.is_ascii() && plain(c as u8)).all(separator)
}

fn check_tag(tag: &str) -> Result<(), ReferenceError> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let rest = |b: u8| word(b) || matches!(b, b'.' | b'-');
    let good = tag.len() <= LONGEST_TAG && tag.bytes().next().is_some_and(word) && tag.bytes().all(rest);
    if good { Ok(()) } else { Err(ReferenceError::Tag(shown(tag))) }
}

#[cfg(test)]
mod tests;
