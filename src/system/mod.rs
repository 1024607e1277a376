//! What Debian's commands do to files: accounts, dpkg's registries, alternatives, ld.so.cache, debconf, ucf, units, PAM.
//!
//! Invariant: pure functions from bytes, or from a read-only [`View`], to bytes or a list of [`Write`]s. No process is
//! started, no disk, clock or environment is read; the day of shadow and the like come in as values. Hostile documents give
//! an error or stay as they are, never a panic.

pub mod accounts;
pub mod alternatives;
pub mod binfmts;
pub mod ca_certificates;
pub mod capabilities;
pub mod catalogs;
pub mod debconf;
pub mod desktop_database;
pub mod dpkg;
mod error;
pub mod glib;
pub mod info_dir;
pub mod java_keystore;
pub mod ldconfig;
pub mod locale_file;
pub mod mailcap;
pub mod maintscript_helper;
pub mod mime;
pub mod module;
pub mod pam;
pub mod rc;
pub mod shells;
pub mod tmpfiles;
mod tree;
pub mod ucf;
pub mod units;
mod view;
pub mod xml;

pub use error::{Result, SystemError};
pub use tree::{Item, Placed, Tree};
pub use view::{Change, MAX_DOCUMENT, Status, View, Write};
