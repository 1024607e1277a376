//! A piece of a file that is read by position: a package inside an installer, a member inside a package.
//!
//! Invariant: no byte outside of the piece is ever read, and pieces of one file do not disturb each other.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// `length` bytes from `start` of a file.
#[derive(Clone, Debug)]
pub struct Section {
    file: Arc<File>,
    start: u64,
    length: u64,
    at: u64,
}

impl Section {
    /// The bytes must lie in the file; where they do not, reading ends early.
    pub fn new(file: Arc<File>, start: u64, length: u64) -> Self {
        Self { file, start, length, at: 0 }
    }
    /// Bytes in all.
    pub fn length(&self) -> u64 {
        self.length
    }
    /// A piece of this piece; nothing if it does not lie inside.
    pub fn part(&self, start: u64, length: u64) -> Option<Self> {
        start.checked_add(length).filter(|end| *end <= self.length)?;
        Some(Self::new(self.file.clone(), self.start.checked_add(start)?, length))
    }
    /// Fills `buffer` from `at` of the piece.
    pub fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        if at.checked_add(buffer.len() as u64).is_none_or(|end| end > self.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.read_exact_at(buffer, self.start + at)
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.length.saturating_sub(self.at).min(buffer.len() as u64) as usize;
        let read = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.start + self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// Bytes as a file of their own.
#[cfg(test)]
pub(crate) fn held(bytes: &[u8]) -> Section {
    use std::io::Write as _;
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    Section::new(Arc::new(file), 0, bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_a_part_is_read() {
        let part = held(b"0123456789").part(2, 5).expect("inside");
        let mut text = String::new();
        part.clone().read_to_string(&mut text).expect("reads");
        assert_eq!(text, "23456");
        let mut two = [0; 2];
        part.read_exact_at(&mut two, 3).expect("inside");
        assert_eq!(&two, b"56");
        assert!(part.read_exact_at(&mut two, 4).is_err());
        assert!(part.part(4, 2).is_none() && part.part(u64::MAX, 2).is_none());
        let mut seeking = part;
        seeking.seek(SeekFrom::End(-1)).expect("inside");
        text.clear();
        seeking.read_to_string(&mut text).expect("reads");
        assert_eq!(text, "6");
    }
}
