//! A tar in a file that can be read at any place: its members by offset, without reading their bodies.
//!
//! Invariant: the same headers are taken and refused as in a stream; a body that would end behind the file is refused.

use std::io::{Read, Seek};

use super::{TarError, TarReader};
use crate::stream::Entry;

impl<R: Read + Seek> TarReader<R> {
    /// The next entry and the offset of its body, which is passed over by seeking. `length` is the file's length in bytes.
    pub fn next_placed(&mut self, length: u64) -> Result<Option<(Entry, u64)>, TarError> {
        let Some(entry) = self.next_entry()? else { return Ok(None) };
        let at = self.at;
        let over = self.left + self.padding;
        if at.saturating_add(self.left) > length {
            return Err(TarError::Truncated { at: length, path: self.current.clone() });
        }
        let jump = i64::try_from(over).unwrap_or(i64::MAX);
        self.input.seek_relative(jump).map_err(|cause| TarError::Read { at, cause })?;
        self.at += over;
        self.left = 0;
        self.padding = 0;
        Ok(Some((entry, at)))
    }
}
