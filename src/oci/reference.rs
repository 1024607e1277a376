//! Names of images as Docker's users write them: `debian`, `host:5000/a/b:tag@sha256:…`
//! (distribution's reference grammar; familiar names are completed with `docker.io` and `library/`).
//!
//! Invariant: a value is canonical and safe to put into a URL path: host, path and tag match the grammar.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Digest;

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
