//! Constructor installers (Miniforge): read and verified, never run.
//!
//! Invariant: an installer is bytes; its shell text is searched for facts, not evaluated.

mod installer;

#[cfg(test)]
pub(crate) use installer::sample;
pub use installer::{Installer, InstallerError};
