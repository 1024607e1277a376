//! A writer that hashes and counts what passes.
//!
//! Invariant: only bytes that the inner writer took are counted.

use std::io::{self, Write};

use crate::oci::{Digest, Hasher};

/// Writes to `W` and computes digest and size of what was written.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> HashingWriter<W> {
    /// Nothing written yet.
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::new() }
    }
    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.hasher.size()
    }
    /// The inner writer, and digest and size in bytes of all that it took. Nothing is flushed.
    pub fn finish(self) -> (W, Digest, u64) {
        let size = self.hasher.size();
        (self.inner, self.hasher.finish(), size)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_write_counts_only_what_was_taken() {
        let mut room = [0; 4];
        let mut writer = HashingWriter::new(&mut room[..]);
        assert!(writer.write_all(b"too long").is_err());
        let (_, digest, size) = writer.finish();
        assert_eq!((digest, size), (Digest::of(b"too "), 4));
    }
}
