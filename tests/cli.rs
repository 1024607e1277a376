//! The program from outside: help, words, exit status, and every command that needs no registry and no engine.
//!
//! Invariant: each test has its own HOME and store; no network, no root, no other program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "cli/images.rs"]
mod images;
#[path = "cli/layout.rs"]
mod layout;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/store.rs"]
mod store;
#[path = "cli/words.rs"]
mod words;
