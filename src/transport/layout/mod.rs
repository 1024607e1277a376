//! `oci:DIR[:TAG]`: images in a folder (image-spec, image-layout.md), as source and as target.
//!
//! Invariant: a file under a digest name has that digest or counts as absent; `index.json` is replaced whole, under a lock
//! beside it, after everything that it names is on the disk; what others wrote into it stays.

mod files;
mod listing;
mod source;
mod target;

pub use files::{Files, Folder, Span};
pub use source::LayoutSource;
pub use target::LayoutTarget;

use crate::error::{Class, Fault, Side};
use crate::oci::Digest;

pub(crate) use listing::{IMAGE_NAME, Listing, REF_NAME};
pub(crate) use source::unreadable;

/// Why a layout or an archive of one cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file that every layout has is absent.
    #[error("{place} is not an OCI layout: it has no {missing}")]
    NoLayout {
        /// The place.
        place: String,
        /// The file.
        missing: &'static str,
    },
    /// Another version of the layout than 1.
    #[error("{place} has the layout version {version:?}, only 1 is known")]
    Version {
        /// The place.
        place: String,
        /// What it says.
        version: String,
    },
    /// No image has this name.
    #[error("{place} has no image {name:?}; it has {available}")]
    NotFound {
        /// The place.
        place: String,
        /// The name or digest asked for.
        name: String,
        /// The names that are there, capped.
        available: String,
    },
    /// Several images, and no word which one is meant.
    #[error("{place} has several images; say which: {available}")]
    Several {
        /// The place.
        place: String,
        /// Their names, capped.
        available: String,
    },
    /// A listed blob is not there.
    #[error("{place} has no blob {digest}")]
    NoBlob {
        /// The place.
        place: String,
        /// The blob.
        digest: Digest,
    },
    /// A link, folder, pipe or device where a file belongs.
    #[error("{path} is not a plain file")]
    NotAFile {
        /// Its path.
        path: String,
    },
    /// A tag that names something else already.
    #[error("{place} has a tag {tag:?} already, for {found}")]
    TagTaken {
        /// The place.
        place: String,
        /// The tag; empty for an image without one.
        tag: String,
        /// What it names.
        found: Digest,
    },
    /// A folder with other things in it.
    #[error("{place} is not empty and not an OCI layout")]
    Occupied {
        /// The place.
        place: String,
    },
    /// Other programs changed the index again and again.
    #[error("{place}: index.json changes all the time, although it is locked")]
    Contended {
        /// The place.
        place: String,
    },
}

impl Fault for LayoutError {
    fn class(&self) -> Class {
        match self {
            Self::NotFound { .. } => Class::NotFound,
            Self::Several { .. } => Class::Usage,
            Self::TagTaken { .. } | Self::Occupied { .. } => Class::Refused,
            Self::Contended { .. } => Class::Local,
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        match self {
            Self::TagTaken { .. } | Self::Occupied { .. } | Self::Contended { .. } => Side::Target,
            _ => Side::Source,
        }
    }
    fn hint(&self) -> Option<String> {
        matches!(self, Self::TagTaken { .. }).then(|| "write to another tag or folder".into())
    }
}
