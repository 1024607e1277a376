//! What can be wrong with an image as a whole.
//!
//! Invariant: every message names the object; none quotes an environment value or label.

use crate::error::{Class, Fault, Side};
use crate::oci::Digest;

/// Why an image cannot be assembled, or is damaged.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// More layers than an engine takes.
    #[error("the image would have {layers} layers, engines take at most {}", super::LAYER_LIMIT)]
    LayerLimit {
        /// Layers in all.
        layers: usize,
    },
    /// The base runs elsewhere than it was asked for.
    #[error("the base is for {found}, not for {wanted}")]
    Platform {
        /// What its config says.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// A base's config holds another type where an object or a list belongs.
    #[error("the base's config: {field} is not {expected}")]
    Shape {
        /// The key.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A document that a source handed out is not the one asked for.
    #[error("document {wanted} is damaged: its bytes have the digest {found}")]
    Document {
        /// The digest asked for.
        wanted: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
}

impl Fault for ImageError {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn hint(&self) -> Option<String> {
        matches!(self, Self::LayerLimit { .. }).then(|| "--fold puts all layers of plywood into one".into())
    }
}
