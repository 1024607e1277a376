//! A file's content with bytes in place of others, streamed.
//!
//! Invariant: changes are applied at ascending, non-overlapping offsets inside the file, or not at all; only the new bytes
//! of one change are looked at at a time.

use std::io::{self, Read};

/// Offset in the shipped file, length of the old bytes, new bytes.
pub(super) type Change = (u64, u64, Vec<u8>);

/// The length in bytes after `changes` of a file of `size` bytes; why they do not fit otherwise.
pub(super) fn size_after(size: u64, changes: &[Change]) -> Result<u64, &'static str> {
    let mut end = 0;
    let mut after = size;
    for (at, length, new) in changes {
        if *at < end {
            return Err("the changes overlap, or are not in ascending order");
        }
        end = at.checked_add(*length).filter(|end| *end <= size).ok_or("a change lies past the end of the file")?;
        after = (after - length).checked_add(new.len() as u64).ok_or("the file becomes too large")?;
    }
    Ok(after)
}

/// Reads `R` with changes, which [`size_after`] found to fit.
#[derive(Debug)]
pub(super) struct Replaced<'a, R> {
    inner: R,
    /// Offset in the shipped file.
    at: u64,
    changes: &'a [Change],
    /// New bytes to hand out before anything else.
    new: &'a [u8],
}

impl<'a, R: Read> Replaced<'a, R> {
    pub(super) fn new(inner: R, changes: &'a [Change]) -> Self {
        Self { inner, at: 0, changes, new: &[] }
    }
    /// Drops the old bytes of a change.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.inner).take(length), &mut io::sink())?;
        self.at += skipped;
        if skipped < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl<R: Read> Read for Replaced<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.new.is_empty() {
                return self.new.read(buffer);
            }
            match self.changes.split_first() {
                Some(((at, length, new), rest)) if *at == self.at => {
                    self.skip(*length)?;
                    (self.new, self.changes) = (new, rest);
                }
                next => {
                    let room = next.map_or(u64::MAX, |((at, ..), _)| at - self.at).min(buffer.len() as u64) as usize;
                    let n = self.inner.read(&mut buffer[..room])?;
                    self.at += n as u64;
                    return Ok(n);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replaced(content: &[u8], changes: &[Change]) -> Vec<u8> {
        let mut out = Vec::new();
        Replaced::new(content, changes).read_to_end(&mut out).expect("reads");
        out
    }

    #[test]
    fn bytes_are_replaced_by_more_fewer_or_none() {
        let content = b"0123456789";
        for (changes, result) in [
            (vec![], "0123456789"),
            (vec![(0, 1, b"zero".to_vec())], "zero123456789"),
            (vec![(0, 2, vec![]), (2, 1, b"x".to_vec()), (9, 1, b"nine".to_vec())], "x345678nine"),
            (vec![(10, 0, b"end".to_vec())], "0123456789end"),
            (vec![(3, 0, b"a".to_vec()), (3, 0, b"b".to_vec()), (3, 2, b"c".to_vec())], "012abc56789"),
            (vec![(0, 10, vec![])], ""),
        ] {
            assert_eq!(size_after(10, &changes), Ok(result.len() as u64));
            assert_eq!(replaced(content, &changes), result.as_bytes());
        }
    }

    #[test]
    fn changes_that_do_not_fit_are_refused() {
        for changes in [
            vec![(0, 11, vec![])],
            vec![(11, 0, vec![])],
            vec![(u64::MAX, 2, vec![])],
            vec![(2, 2, vec![]), (3, 1, vec![])],
            vec![(2, 2, vec![]), (0, 1, vec![])],
        ] {
            assert!(size_after(10, &changes).is_err(), "{changes:?}");
        }
    }

    proptest! {
        #[test]
        fn streamed_changes_equal_changes_in_memory(
            content in proptest::collection::vec(any::<u8>(), 0..400),
            steps in proptest::collection::vec((0..60_u64, 0..30_u64, proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
        ) {
            let (mut changes, mut expected, mut end) = (Vec::new(), Vec::new(), 0);
            for (gap, length, new) in steps {
                if end + gap + length > content.len() as u64 {
                    break;
                }
                expected.extend_from_slice(&content[end as usize..(end + gap) as usize]);
                expected.extend_from_slice(&new);
                changes.push((end + gap, length, new));
                end += gap + length;
            }
            expected.extend_from_slice(&content[end as usize..]);
            prop_assert_eq!(size_after(content.len() as u64, &changes), Ok(expected.len() as u64));
            prop_assert_eq!(replaced(&content, &changes), expected);
        }
    }
}
