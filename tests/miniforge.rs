//! A conda prefix out of constructor's installers and out of explicit locks, through the program, on real software.
//!
//! Invariant: the lab's packages, installers and linker are made without the program's code; an answer that both got wrong in the same
//! way would still stand against py-rattler.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

#[path = "support/conda/mod.rs"]
mod conda;

#[allow(dead_code, reason = "the tests of the program use the rest")]
#[path = "miniforge/lab.rs"]
mod lab;
#[path = "miniforge/oracle.rs"]
mod oracle;
#[path = "miniforge/writer.rs"]
mod writer;
