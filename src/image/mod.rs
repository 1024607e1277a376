//! Images as documents: reading a base, adding layers and config changes to it, several platforms in an index, verifying.
//!
//! Invariant: what a base's documents hold beyond our knowledge is kept; a change touches only the keys that it changes;
//! without a change the result is the base's own bytes.

mod append;
mod base;
mod edit;
mod error;
mod index;
mod verify;

pub use append::{Addition, Assembled, Provenance, append};
pub use base::{Base, select};
pub use edit::ConfigEdits;
pub use error::ImageError;
pub use index::index;
pub use verify::{Checked, Report, verify};

/// The most layers that an engine takes: dockerd's `maxLayerDepth`, 127 of the overlay driver less 2.
pub const LAYER_LIMIT: usize = 125;
/// Label that holds the record of what was added to which base.
pub const RECORD_LABEL: &str = "dev.plywood.record";
/// Annotation (OCI) or label (schema 2): the base's reference.
pub const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// Annotation (OCI) or label (schema 2): the digest of the base's manifest.
pub const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
