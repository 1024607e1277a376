//! Bytes on the move: verified readers, tar in (hostile input in mind), canonical tar out, compression.
//!
//! Invariant: blocking code over `Read` and `Write`, memory bounded whatever the stream holds.

mod entry;

pub use entry::{Entry, EntryPath, Kind, Owner, PathError};
