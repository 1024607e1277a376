//! Layouts, archives, engines and the delivery to them, judged by skopeo and umoci, and by a scripted engine.
//!
//! Needs skopeo and umoci on the PATH; no network, no root.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test's failure is its message")]

mod archive;
mod engine;
mod layout;
mod sample;
