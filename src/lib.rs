//! plywood: assembles OCI images without a daemon.
//!
//! The way of the data: a reference is resolved to a base; the base is probed for its rootfs; recipes and rootfs are pinned to a
//! lock; archives are read for their contents; all of it is planned as layer specs; specs are linked to layers; base and layers
//! are assembled to an image; the image is delivered. `docs/` has the models.

pub mod apt;
pub mod build;
pub mod cli;
pub mod conda;
pub mod deliver;
pub mod error;
pub mod http;
pub mod image;
pub mod layer;
pub mod oci;
pub mod pin;
pub mod plan;
pub mod recipe;
pub mod rootfs;
pub mod script;
pub mod store;
pub mod stream;
pub mod system;
pub mod transport;

pub use error::{Class, Error, Fault, Result, Side};
