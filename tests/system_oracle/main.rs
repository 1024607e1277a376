//! The models of `system/` against the real commands of this machine, on small trees in temporary folders.
//!
//! Each test runs a command with its own root option, so that nothing of the host changes, and the model on the same tree
//! in memory; then both trees must be equal. A command that is not installed, or that needs root where there is none, is
//! passed over: Debian's continuous integration has them all.

mod accounts;
mod databases;
mod desktop;
mod lab;
mod links;
mod modules;
