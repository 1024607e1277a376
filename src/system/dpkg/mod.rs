//! dpkg's database below `/var/lib/dpkg`: status, lists, sums, diversions, overrides, triggers, and its path filter.
//!
//! Invariant: the same bytes that dpkg would write for the same state.

mod control;
mod filter;
pub mod info;
mod registries;
pub mod relations;
mod status;

pub use control::Stanza;
pub use filter::PathFilter;
pub use registries::{Diversion, Diversions, Interest, Override, Overrides, TriggerLines, interests};
pub use status::{Conffile, PackageKey, State, StatusFile, conffiles, paragraphs};
