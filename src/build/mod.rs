//! The driver: resolve, probe, pin, plan, link, assemble, deliver. It has no rule of its own.
//!
//! Invariant: before deliver nothing is written outside the store; every step takes what the one before gave, by value.

mod accounts;
mod archives;
mod assemble;
#[cfg(test)]
mod bench;
mod choice;
mod conda;
mod copies;
mod driver;
mod error;
mod held;
mod homes;
mod layers;
mod local_packages;
mod location;
mod outcome;
mod plans;
mod prepare;
mod probe;
mod remembered;
mod request;
mod services;
mod sources;
mod stored;
mod targets;
mod trees;

pub use driver::{build, plan};
pub use error::BuildError;
pub use layers::{LinkedPly, linked_plies};
pub use location::Location;
pub use outcome::{BuiltImage, BuiltIndex, BuiltLayer, Handling, Outcome, PlannedImage, PlannedPackage};
pub use probe::{catalogue, rootfs};
pub use remembered::Remembered;
pub use request::{Destination, LockUse, Request};
pub use services::{Opened, Services};
pub use stored::StoreSource;
