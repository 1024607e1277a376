//! One HTTP for registries, archives and installers: proxies, own CAs, address check, redirects, retries, resume, redaction.
//!
//! Invariant: a credential goes to the origin that it was given for and to no other; no address of this machine's network is
//! asked for on the word of a foreign server; waiting and retrying are bounded. Nothing here knows what is fetched.

mod address;
mod body;
mod client;
mod download;
mod error;
mod login;
mod patience;
mod request;
mod response;
mod retry;
mod secret;
mod settings;
mod tls;
mod url;

pub use self::url::{Origin, Redacted};
pub use address::is_internal;
pub use body::{Body, BodyReader};
pub use client::Client;
pub use download::{Download, Opening, Span, resuming};
pub use error::{Broken, HttpError};
pub use login::{Login, LoginError};
pub use request::{Payload, Request};
pub use response::Response;
pub use retry::Attempts;
pub use secret::Secret;
pub use settings::{Authorities, HostTls, Proxies, Retry, Settings, Traffic};
pub(crate) use tls::trust_nobody;

pub use reqwest::header;
pub use reqwest::{Method, StatusCode, Url};
