//! Why a layer has no catalogue, or layers no merged view.
//!
//! Invariant: an engine that unpacks with overlayfs fails on the same layer, or the layer says nothing at all.

use crate::error::{Class, Fault, Side};
use crate::stream::{EntryPath, TarError};

/// Why layers cannot be read as a root file system.
#[derive(Debug, thiserror::Error)]
pub enum RootFsError {
    /// The layer's tar cannot be read.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// A whiteout of nothing, of `.` or of `..` (image-spec, layer.md, "Whiteouts").
    #[error("whiteout {0} names no file")]
    Whiteout(EntryPath),
    /// A hard link whose target is not in the same layer before it, or is a directory.
    #[error("layer {layer}: hard link {path} leads to {target}, which is {what}")]
    HardLink {
        /// Counted from the bottom.
        layer: usize,
        /// The link.
        path: EntryPath,
        /// Its target.
        target: EntryPath,
        /// What is wrong with the target.
        what: &'static str,
    },
    /// More directories that no layer lists than an image needs.
    #[error("layer {layer}: {path} lies in too many directories that no layer lists")]
    Implied {
        /// Counted from the bottom.
        layer: usize,
        /// The entry.
        path: EntryPath,
    },
    /// An entry below something that the same layer made no directory, or below a loop of symbolic links.
    #[error("layer {layer}: {path} cannot be placed, since {parent} is {what}")]
    Parent {
        /// Counted from the bottom.
        layer: usize,
        /// The entry.
        path: EntryPath,
        /// The parent that is in the way.
        parent: EntryPath,
        /// What that is.
        what: &'static str,
    },
}

impl Fault for RootFsError {
    fn class(&self) -> Class {
        match self {
            Self::Tar(error) => error.class(),
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        match self {
            Self::Tar(error) => error.side(),
            _ => Side::Source,
        }
    }
    fn retryable(&self) -> bool {
        matches!(self, Self::Tar(error) if error.retryable())
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Tar(error) => error.hint(),
            _ => None,
        }
    }
}
