//! What a delivery did.
//!
//! Invariant: every blob of the image stands here once, in the image's order.

use serde::Serialize;

use crate::oci::{Descriptor, Digest};

/// How a blob came to be at the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// It was there.
    Present,
    /// The registry took it from another repository of its own.
    Mounted,
    /// Its bytes were sent.
    Sent,
    /// It lies elsewhere by design and was not sent.
    Foreign,
    /// It was fetched into the store (packages; never in a receipt).
    Fetched,
}

/// One blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Which one.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// How.
    pub how: How,
}

/// What a delivery did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The place.
    pub place: String,
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// The names that it has there now.
    pub names: Vec<String>,
    /// Whether the place had all of it under all names already.
    pub unchanged: bool,
    /// Blobs in the image's order. Empty where the place had the image itself, so that no blob was asked for.
    pub blobs: Vec<Moved>,
    /// Bytes of blobs that were sent; of a tar, all its bytes.
    pub sent_bytes: u64,
    /// Bytes of blobs that were mounted.
    pub mounted_bytes: u64,
}

impl Receipt {
    pub(super) fn new(place: String, root: &Descriptor, names: Vec<String>) -> Self {
        Self { place, digest: root.digest, names, unchanged: false, blobs: Vec::new(), sent_bytes: 0, mounted_bytes: 0 }
    }
    pub(super) fn note(&mut self, blob: &Descriptor, how: How) {
        match how {
            How::Sent => self.sent_bytes += blob.size,
            How::Mounted => self.mounted_bytes += blob.size,
            How::Present | How::Foreign | How::Fetched => {}
        }
        match self.blobs.iter_mut().find(|moved| moved.digest == blob.digest) {
            Some(moved) => moved.how = how,
            None => self.blobs.push(Moved { digest: blob.digest, size: blob.size, how }),
        }
    }
}
