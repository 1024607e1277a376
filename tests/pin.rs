//! Pinning against a small signed archive (`fixtures/archive`) that the tests serve on loopback.
//!
//! Invariant: no server but those that the tests start is asked, and no clock: the archive is judged at fixed times.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/archive.rs"]
mod archive;

#[path = "pin/bench.rs"]
mod bench;
#[path = "pin/choice.rs"]
mod choice;
#[path = "pin/files.rs"]
mod files;
#[path = "pin/local.rs"]
mod local;
#[path = "pin/reach.rs"]
mod reach;
#[path = "pin/trust.rs"]
mod trust;
