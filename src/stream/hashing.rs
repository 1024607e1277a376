//! A writer and readers that do something with what passes: hash it, copy it.
//!
//! Invariant: only bytes that the inner writer took, or the inner reader gave, are counted or copied.

use std::io::{self, Read, Write};

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

/// Reads from `R` and computes the digest of what was read.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> HashingReader<R> {
    /// Nothing read yet.
    pub fn new(inner: R) -> Self {
        Self { inner, hasher: Hasher::new() }
    }
    /// Reads the rest; the digest of all.
    pub fn finish(mut self) -> io::Result<Digest> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.hasher.finish())
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..n).unwrap_or_default());
        Ok(n)
    }
}

/// Reads from `R` and writes what was read to `W`.
#[derive(Debug)]
pub struct CopyingReader<R, W> {
    inner: R,
    copy: W,
}

impl<R: Read, W: Write> CopyingReader<R, W> {
    /// Nothing read yet.
    pub fn new(inner: R, copy: W) -> Self {
        Self { inner, copy }
    }
}

impl<R: Read, W: Write> Read for CopyingReader<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.copy.write_all(buffer.get(..n).unwrap_or_default())?;
        Ok(n)
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

    #[test]
    fn a_reader_hashes_all_whether_asked_for_or_not() {
        let mut reader = HashingReader::new(b"all of it".as_slice());
        assert_eq!(reader.read(&mut [0; 3]).expect("a slice"), 3);
        assert_eq!(reader.finish().expect("a slice"), Digest::of(b"all of it"));
    }
}
