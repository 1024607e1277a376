//! The lab: real registries, engines, bases and tools around the built program.
//!
//! Invariant: every server listens on loopback or a socket below a temporary folder, and is stopped by its own process id when its
//! owner is dropped or the test process ends, however it ends. A missing tool is a failure that names the Debian package.

#![allow(dead_code, reason = "each test target uses its own part of the lab")]

pub(crate) mod base;
pub(crate) mod docker_registry;
pub(crate) mod engine;
pub(crate) mod layout;
pub(crate) mod program;
pub(crate) mod server;
pub(crate) mod tools;
