//! A conda prefix out of constructor's installers and out of explicit locks, through the program, on real software.
//!
//! Invariant: the lab's packages, installers and linker are made without the program's code; an answer that both got wrong in the same
//! way would still stand against py-rattler.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

#[allow(dead_code, reason = "other targets use the rest")]
#[path = "support/archive.rs"]
mod archive;
#[path = "support/conda/mod.rs"]
mod conda;

#[path = "miniforge/around.rs"]
mod around;
#[path = "miniforge/explicit.rs"]
mod explicit;
#[path = "miniforge/hostile.rs"]
mod hostile;
#[path = "miniforge/lab.rs"]
mod lab;
#[path = "miniforge/oracle.rs"]
mod oracle;
#[path = "miniforge/prefix.rs"]
mod prefix;
#[path = "miniforge/real.rs"]
mod real;
#[path = "miniforge/refusals.rs"]
mod refusals;
#[path = "miniforge/writer.rs"]
mod writer;
