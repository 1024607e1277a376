//! The Debian archive as apt and dpkg see it: configuration, sources, signatures, index files, packages, selection and order.
//!
//! Invariant: the answers are those of the real commands for the same inputs; nothing here starts them.
//! It may not read the environment, a clock or the network: bytes, settings and the time come in as values. What an archive
//! says counts only after its signature and digests were checked.

mod conf;
mod conf_syntax;
pub mod configure;
pub mod deb;
pub mod deb822;
mod deep;
pub mod extended_states;
mod files;
pub mod order;
pub mod packages;
pub mod preferences;
pub mod relation;
pub mod release;
pub mod select;
pub mod signature;
pub mod sources;
pub mod status;
pub mod universe;
pub mod version;

pub use conf::{AptConf, ConfError};
pub use files::Files;
