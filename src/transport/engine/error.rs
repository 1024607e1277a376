//! What an engine answers instead of what was asked for.
//!
//! Invariant: an engine's own words are shown cleaned of control characters and cut.

use crate::error::{Class, Fault, Side};

/// The longest text of an engine that is shown.
const LONGEST_TEXT: usize = 500;

/// Why an engine did not do it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No engine answered at any of the places.
    #[error("no container engine answers; tried {tried}")]
    NoEngine {
        /// Each place with its reason.
        tried: String,
        /// Whether one of the sockets exists but may not be used.
        denied: bool,
    },
    /// The connection failed in the middle.
    #[error("engine {place}: {cause}")]
    Broken {
        /// The place.
        place: String,
        /// What happened.
        cause: String,
    },
    /// A status that says no.
    #[error("engine {place} said {status} to {what}: {text}")]
    Status {
        /// The place.
        place: String,
        /// What was asked.
        what: String,
        /// The status.
        status: u16,
        /// Its own words.
        text: String,
    },
    /// The engine has no such image.
    #[error("engine {place} has no image {name}")]
    NotFound {
        /// The place.
        place: String,
        /// The name.
        name: String,
    },
    /// An error inside a stream that began with success.
    #[error("engine {place} could not load the image: {text}")]
    Load {
        /// The place.
        place: String,
        /// Its own words.
        text: String,
    },
    /// The stream of a load ended without its last line, or is no stream of messages.
    #[error("engine {place} gave no clear answer to the load: {cause}")]
    Unclear {
        /// The place.
        place: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A name is another image than the one that was loaded.
    #[error("engine {place} has {name} as {found}, not as the image that was loaded")]
    Other {
        /// The place.
        place: String,
        /// The name.
        name: String,
        /// The engine's ID of it.
        found: String,
    },
    /// An answer that is not the API's.
    #[error("engine {place} does not speak the Docker Engine API: {cause}")]
    Protocol {
        /// The place.
        place: String,
        /// What is wrong.
        cause: String,
    },
}

impl Fault for EngineError {
    fn class(&self) -> Class {
        match self {
            Self::NotFound { .. } => Class::NotFound,
            Self::Status { status: 401 | 403, .. } => Class::Authentication,
            _ => Class::Remote,
        }
    }
    fn side(&self) -> Side {
        if matches!(self, Self::NotFound { .. }) { Side::Source } else { Side::Target }
    }
    fn retryable(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoEngine { denied: true, .. } => Some("add your user to the socket's group, or use a rootless engine".into()),
            Self::NoEngine { .. } => Some("start Docker or Podman, or set DOCKER_HOST to its socket".into()),
            _ => None,
        }
    }
}

/// A foreign text, fit for a terminal.
pub(super) fn clean(text: &str) -> String {
    let plain = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(LONGEST_TEXT).collect()
}

/// An error with all its causes, which reqwest keeps apart.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    clean(&text)
}
