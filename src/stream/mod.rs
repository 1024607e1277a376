//! Bytes on the move: verified readers, tar in (hostile input in mind), canonical tar out, compression.
//!
//! Invariant: blocking code over `Read` and `Write`, memory bounded whatever the stream holds.

mod decompress;
mod entry;
mod pax;
mod tar_error;
mod tar_header;
mod tar_reader;

pub use decompress::{decompress, detect};
pub use entry::{Entry, EntryPath, Kind, Owner, PathError};
pub use tar_error::TarError;
pub use tar_reader::{EntryBody, Limits, TarReader};
