//! plywood: assembles OCI images without a daemon.
pub mod deliver;
pub mod error;
pub mod http;
pub mod image;
pub mod layer;
pub mod oci;
pub mod rootfs;
pub mod store;
pub mod stream;
pub mod transport;
pub use error::{Class, Error, Fault, Result, Side};
