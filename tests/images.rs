//! Images and places, through the binary: copying, reading, building without packages, and every refusal on the way.
//!
//! Invariant: what the program wrote is judged by others: skopeo, umoci, podman, docker and code of the lab that shares nothing with it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

#[path = "images/build.rs"]
mod build;
#[path = "images/copy.rs"]
mod copy;
#[path = "images/kept.rs"]
mod kept;
#[path = "images/refusals.rs"]
mod refusals;
#[path = "images/repeat.rs"]
mod repeat;
