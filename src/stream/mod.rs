//! Bytes on the move: verified readers, tar in (hostile input in mind), canonical tar out, compression.
//!
//! Invariant: blocking code over `Read` and `Write`, memory bounded whatever the stream holds.

mod decompress;
mod entry;
mod gzip_writer;
mod hashing;
mod pax;
mod read_ahead;
mod tar_error;
mod tar_header;
mod tar_reader;
mod tar_writer;
mod verified;

pub use decompress::{decompress, detect};
pub use entry::{Entry, EntryPath, Kind, Owner, PathError};
pub use gzip_writer::{ENCODER, GzipWriter, MEMBER_SIZE};
pub use hashing::{CopyingReader, HashingReader, HashingWriter};
pub use read_ahead::{ReadAhead, SourceReader};
pub use tar_error::TarError;
pub use tar_reader::{EntryBody, Limits, TarReader};
pub use tar_writer::{TarWriteError, TarWriter, WHITEOUT_PREFIX};
pub use verified::{Verified, VerifyError};
