//! Plain lines for logs: one for each blob that was moved, when it is there.
//!
//! Invariant: blobs that were there already are not told; a log of nothing new is short.

use crate::cli::plain::bytes;
use crate::deliver::How;
use crate::oci::Descriptor;

/// The line about a blob that is at its place now.
pub(super) fn finished(blob: &Descriptor, how: How) -> Option<String> {
    let how = match how {
        How::Sent => "sent",
        How::Mounted => "mounted",
        How::Foreign => "left out",
        How::Fetched => "fetched",
        How::Present => return None,
    };
    Some(format!("{how} {} ({})", blob.digest.short(), bytes(blob.size)))
}
