//! The spec's nouns: digest, reference, descriptor, manifest, index, config, platform.
//!
//! Invariant: values of these types are well formed; what a document says beyond them stays in its raw bytes.
//! No input or output here.

mod civil;
mod config;
mod descriptor;
mod digest;
mod index;
pub mod json;
mod manifest;
mod media_type;
mod platform;
mod reference;

pub use civil::Civil;
pub use config::Config;
pub use descriptor::Descriptor;
pub use digest::{ChainId, DiffId, Digest, DigestError, Hasher};
pub use index::Index;
pub use json::{DOCUMENT_LIMIT, DocumentError};
pub use manifest::{Document, Manifest};
pub use media_type::{Compression, Family, MediaType};
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError, Repository, registry_host};
