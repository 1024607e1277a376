//! Constructor installers (Miniforge), conda packages and environments: read, verified and linked, never run.
//!
//! Invariant: an installer is bytes; its shell text is searched for facts, not evaluated. A package becomes entries and edits of
//! the linker. Nothing here knows a base.

mod entry_points;
mod environment;
mod error;
mod installer;
pub mod list;
mod package;
mod record;
mod section;
mod zip;

pub use entry_points::EntryPoint;
pub use environment::{Environment, Linked, Prefix};
pub use error::CondaError;
#[cfg(test)]
pub(crate) use installer::tests::sample;
pub use installer::{Header, Installer, InstallerError, Member, SmallFile, platform_of};
pub use list::Wanted;
#[cfg(test)]
pub(crate) use package::tests::{Part, conda, info};
pub use package::{Change, FileMode, Listed, Package, Patched, PathKind, WHOLE, as_tar, data, info_tar, read};
pub use record::printed;
pub use section::Section;
#[cfg(test)]
pub(crate) use section::held;
