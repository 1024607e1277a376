//! Images in one tar: `oci-archive:FILE` and `docker-archive:FILE` as sources, and one tar that every reader takes as target.
//!
//! Invariant: members are read by offset and never unpacked; the tar that we write is a function of its image and names.

mod docker;
mod members;
mod tar_stream;
mod target;

pub use docker::DockerArchive;
pub use members::Members;
pub use tar_stream::tar_stream;
pub use target::{Output, TarTarget};

use crate::error::{Class, Fault, Side};

/// Why an archive cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// There is no such file.
    #[error("{place}: there is no such file")]
    Absent {
        /// The place.
        place: String,
    },
    /// The tar lies in a compressed file, where members have no offset.
    #[error("{place} is compressed with {how}")]
    Compressed {
        /// The place.
        place: String,
        /// The compression.
        how: &'static str,
    },
    /// A member that an image needs is absent, no plain file, or there twice.
    #[error("{place}: member {member:?} {cause}")]
    Member {
        /// The place.
        place: String,
        /// The member's name, capped.
        member: String,
        /// What is wrong.
        cause: &'static str,
    },
    /// `manifest.json` does not fit what is in the archive.
    #[error("{place}: {cause}")]
    Content {
        /// The place.
        place: String,
        /// What is wrong.
        cause: String,
    },
    /// No image has this name.
    #[error("{place} has no image {name:?}; it has {available}")]
    NotFound {
        /// The place.
        place: String,
        /// The name asked for.
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
    /// The output is there already.
    #[error("{place} exists")]
    Exists {
        /// The file.
        place: String,
    },
    /// The writer was used already.
    #[error("{place} was written already")]
    Used {
        /// The place.
        place: String,
    },
}

impl Fault for ArchiveError {
    fn class(&self) -> Class {
        match self {
            Self::Absent { .. } | Self::Several { .. } | Self::Used { .. } => Class::Usage,
            Self::NotFound { .. } => Class::NotFound,
            Self::Exists { .. } => Class::Refused,
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        if matches!(self, Self::Exists { .. } | Self::Used { .. }) { Side::Target } else { Side::Source }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Compressed { how, .. } => Some(format!("decompress it first ({how} -d)")),
            Self::Exists { .. } => Some("remove it or write to another file".into()),
            _ => None,
        }
    }
}
