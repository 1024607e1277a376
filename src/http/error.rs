//! What can go wrong between a request and the last byte of its answer.
//!
//! Invariant: addresses are shown redacted; a cause never holds a header.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use reqwest::Url;

use super::address::Internal;
use super::url::host_and_port;
use crate::error::{Class, Fault, Side};

/// In which way a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// No connection: unknown name, refused, no route.
    Unreachable,
    /// The certificate is not trusted, or no common protocol.
    Untrusted,
    /// Nothing came for too long.
    Silent,
    /// It broke while in use.
    Lost,
}

/// A failure of HTTP itself; an answer with a bad status is no failure here.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// An address that is never asked.
    #[error("{url}: {why}")]
    Address {
        /// The address, redacted.
        url: String,
        /// Why not.
        why: &'static str,
    },
    /// A redirect that is not followed.
    #[error("{url} answered with a redirect that is not followed: {why}")]
    Redirect {
        /// Who redirected, redacted.
        url: String,
        /// Why it is not followed.
        why: &'static str,
    },
    /// A foreign server points into this network.
    #[error("{host} has the internal address {address}, and only a foreign server or the base image named it")]
    Internal {
        /// The host as it was named.
        host: String,
        /// The address.
        address: String,
    },
    /// The connection failed.
    #[error("{}", broken(*.how, host, cause, *.attempts))]
    Connection {
        /// In which way.
        how: Broken,
        /// Host and port.
        host: String,
        /// What the system said.
        cause: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// An answer that says in its header that its bytes are not the stored ones.
    #[error("{url} came with Content-Encoding {encoding:?}, but stored bytes were asked for")]
    Encoded {
        /// Which.
        url: String,
        /// The header's value.
        encoding: String,
    },
    /// A size that is not the announced one.
    #[error("{url} has {actual} bytes, {expected} were announced")]
    Size {
        /// Which.
        url: String,
        /// The announced size.
        expected: u64,
        /// The size that the answer gives.
        actual: u64,
    },
    /// A document, token or file that is larger than what is read.
    #[error("{url} is larger than {limit} bytes")]
    TooLarge {
        /// Which.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A 206 answer with another range than the one asked for.
    #[error("{url} answered a request for bytes from {at} on with {range:?}")]
    Range {
        /// Which.
        url: String,
        /// The first byte that was asked for.
        at: u64,
        /// The header's value.
        range: String,
    },
    /// A status that is no file.
    #[error("{url} answered {status} ({attempts} attempts)")]
    Status {
        /// Which.
        url: String,
        /// The status.
        status: u16,
        /// How often it was asked.
        attempts: u32,
    },
    /// Settings that make no client: a CA file, a proxy, a header.
    #[error("{what}: {why}")]
    Settings {
        /// Which setting.
        what: String,
        /// What is wrong.
        why: String,
    },
}

fn broken(how: Broken, host: &str, cause: &str, attempts: u32) -> String {
    let told = match how {
        Broken::Unreachable => format!("cannot connect to {host}: {cause}"),
        Broken::Untrusted => format!("cannot trust {host}: {cause}"),
        Broken::Silent => format!("{host} did not answer in time: {cause}"),
        Broken::Lost => format!("the connection to {host} broke: {cause}"),
    };
    if attempts > 1 { format!("{told} ({attempts} attempts)") } else { told }
}

impl HttpError {
    /// The error of a request to `url`, as told by the library below.
    pub(super) fn of(error: &reqwest::Error, url: &Url, attempts: u32) -> Self {
        let host = host_and_port(url);
        let mut cause = String::new();
        let mut untrusted = false;
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(this) = next {
            if let Some(internal) = this.downcast_ref::<Internal>() {
                return Self::Internal { host, address: internal.address.to_string() };
            }
            untrusted |= this.is::<rustls::Error>();
            if !this.is::<reqwest::Error>() {
                cause = this.to_string();
            }
            // An `io::Error` hides the error that it carries from `source`.
            next = match this.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => this.source(),
            };
        }
        let how = if untrusted {
            Broken::Untrusted
        } else if error.is_timeout() {
            Broken::Silent
        } else if error.is_connect() {
            Broken::Unreachable
        } else {
            Broken::Lost
        };
        let cause = if cause.is_empty() { "no cause was given".to_owned() } else { cause };
        Self::Connection { how, host, cause, attempts }
    }

    /// Nothing came for `limit`.
    pub(super) fn silent(url: &Url, limit: Duration, attempts: u32) -> Self {
        let cause = format!("nothing complete within {} s", limit.as_secs());
        Self::Connection { how: Broken::Silent, host: host_and_port(url), cause, attempts }
    }
}

impl Fault for HttpError {
    fn class(&self) -> Class {
        match self {
            Self::Encoded { .. } | Self::Size { .. } | Self::TooLarge { .. } | Self::Range { .. } => Class::Input,
            Self::Status { status: 401 | 403, .. } => Class::Authentication,
            Self::Settings { .. } => Class::Usage,
            _ => Class::Remote,
        }
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn retryable(&self) -> bool {
        match self {
            Self::Connection { how, .. } => *how != Broken::Untrusted,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..),
            _ => false,
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Connection { how: Broken::Untrusted, .. } => Some("name the server's CA with --cacert FILE".into()),
            Self::Internal { host, .. } => Some(format!("if {host} is meant, say so with --allow-private {host}")),
            _ => None,
        }
    }
}
