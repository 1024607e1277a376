//! The Debian archive as apt and dpkg see it: index files, versions, relations, selection and order.
//!
//! Invariant: the answers are those of the real commands for the same inputs; nothing here starts them.
//! It may not read the environment, a clock or the network: bytes and settings come in as values.

pub mod configure;
pub mod deb822;
mod deep;
pub mod extended_states;
pub mod order;
pub mod packages;
pub mod relation;
pub mod select;
pub mod universe;
pub mod version;
