//! The Debian archive: configuration, sources, signatures, indexes and packages of a base, as apt and dpkg read them.
//!
//! Invariant: nothing is fetched, run or written here; bytes and the time come in as values. What an archive says counts
//! only after its signature and digests were checked.

mod conf;
mod conf_syntax;
mod files;

pub use conf::{AptConf, ConfError};
pub use files::Files;
