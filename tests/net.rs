//! The network rooms (`http`, `transport::registry`) against a registry with faults on order and against Debian's own.
//!
//! Invariant: no server but those that the tests start on loopback is asked.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/registry/mod.rs"]
mod registry;

#[path = "net/bench.rs"]
mod bench;
#[path = "net/channel.rs"]
mod channel;
#[path = "net/download.rs"]
mod download;
#[path = "net/login.rs"]
mod login;
#[path = "net/program.rs"]
mod program;
#[path = "net/pull.rs"]
mod pull;
#[path = "net/push.rs"]
mod push;
#[path = "net/real.rs"]
mod real;
#[path = "net/strangers.rs"]
mod strangers;
