//! Why a tar stream cannot be read.
//!
//! Invariant: each error names the place in the stream, and the entry where one is known; a fault of a reader below that
//! is the library's own keeps its class, side and hint.

use std::io;

use crate::error::{Class, Fault, Side};

use super::{EntryPath, PathError};

/// Why a tar stream cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream below failed, or its compression is damaged.
    #[error("tar stream at byte {at}: {cause}")]
    Read {
        /// Offset in the uncompressed stream.
        at: u64,
        /// What it said.
        #[source]
        cause: io::Error,
    },
    /// The stream ends inside a header, an extension header or a body.
    #[error("tar stream is truncated: it ends at byte {at}{}", of_entry(.path))]
    Truncated {
        /// Offset in the uncompressed stream.
        at: u64,
        /// The entry whose body was being read.
        path: Option<EntryPath>,
    },
    /// A header that is malformed, or that readers understand differently.
    #[error("tar header at byte {at} ({}): {reason}", shown(.name))]
    Header {
        /// Offset of the header.
        at: u64,
        /// The name that it gives, as far as known.
        name: Vec<u8>,
        /// What is wrong.
        reason: &'static str,
    },
    /// A name that is no path inside the root.
    #[error("tar header at byte {at}: {cause}")]
    Path {
        /// Offset of the header.
        at: u64,
        /// Which path and why.
        #[source]
        cause: PathError,
    },
    /// More than [`Limits`] allow.
    #[error("tar stream has more than {limit} {what}")]
    TooMuch {
        /// The limit.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
}

fn of_entry(path: &Option<EntryPath>) -> String {
    path.as_ref().map_or_else(String::new, |path| format!(", inside {path}"))
}

fn shown(name: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&name[..name.len().min(200)]))
}

impl Fault for TarError {
    fn class(&self) -> Class {
        match self {
            Self::Read { cause, .. } => match inner(cause) {
                Some(error) => error.class(),
                None if damaged(cause) => Class::Input,
                None => Class::Local,
            },
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        match self {
            Self::Read { cause, .. } => inner(cause).map_or(Side::Source, crate::Error::side),
            _ => Side::Source,
        }
    }
    fn retryable(&self) -> bool {
        matches!(self, Self::Read { cause, .. } if inner(cause).is_some_and(crate::Error::retryable))
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { cause, .. } => inner(cause).and_then(crate::Error::hint),
            _ => None,
        }
    }
}

/// The library's own error, where a reader below wrapped one.
fn inner(cause: &io::Error) -> Option<&crate::Error> {
    cause.get_ref().and_then(|error| error.downcast_ref())
}

fn damaged(cause: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    matches!(cause.kind(), InvalidData | InvalidInput | UnexpectedEof | Other)
}
