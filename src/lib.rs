//! plywood: assembles OCI images without a daemon.
pub mod error;
pub mod layer;
pub mod oci;
pub mod rootfs;
pub mod script;
pub mod stream;
pub mod system;
pub mod transport;
pub use error::{Class, Error, Fault, Result, Side};
