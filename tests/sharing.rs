//! What two bases share, and what holds for all of our layers (`docs/layers.md`), through the binary.
//!
//! Invariant: bases and archive are made here and served on loopback; each row of the table differs from the plain base in one
//! thing. Needs gpg and umoci (`tests/setup`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/archive.rs"]
#[allow(dead_code, reason = "faults and the log are other tests'")]
mod archive;
#[path = "support/deb.rs"]
mod deb;
#[path = "support/elf.rs"]
mod elf;
#[path = "sharing/real.rs"]
mod real;
#[path = "support/repository.rs"]
mod repository;
mod support;
#[path = "support/tree.rs"]
mod tree;

#[path = "sharing/bases.rs"]
mod bases;
#[path = "sharing/defer.rs"]
mod defer;
#[path = "sharing/diverted.rs"]
mod diverted;
#[path = "sharing/image.rs"]
mod image;
#[path = "sharing/lab.rs"]
mod lab;
#[path = "sharing/memory.rs"]
mod memory;
#[path = "sharing/own.rs"]
mod own;
#[path = "sharing/packages.rs"]
mod packages;
#[path = "sharing/table.rs"]
mod table;
