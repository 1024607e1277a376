//! A reader that knows which bytes must come: by digest and length.
//!
//! Invariant: the end of the stream is reported only after exactly the expected bytes; short, long or wrong content is an
//! error on the read that finds it, and again on every later read. The bytes handed out before that are *not* trusted:
//! a caller acts on them only after the end.

use std::io::{self, Read};

use crate::error::{Class, Fault, Side};
use crate::oci::{Digest, Hasher};

/// How some content differs from what its digest and size promise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The stream ended too early.
    #[error("{digest} ended after {got} of {size} bytes")]
    Short {
        /// What was asked for.
        digest: Digest,
        /// Bytes that should come.
        size: u64,
        /// Bytes that came.
        got: u64,
    },
    /// More bytes came than there should be.
    #[error("{digest} is longer than its {size} bytes")]
    Long {
        /// What was asked for.
        digest: Digest,
        /// Bytes that should come.
        size: u64,
    },
    /// The right number of bytes, but others.
    #[error("content of {digest} is damaged: it has the digest {got}")]
    Wrong {
        /// What was asked for.
        digest: Digest,
        /// The digest of what came.
        got: Digest,
    },
}

impl VerifyError {
    /// The verdict that travels inside an `io::Error`, if it is one.
    pub fn inside(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl Fault for VerifyError {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Source
    }
}

impl From<VerifyError> for io::Error {
    fn from(error: VerifyError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// How far a [`Verified`] is.
#[derive(Debug)]
enum State {
    /// Bytes are missing, or the end was not seen yet.
    Reading(Hasher),
    /// All bytes came and their digest is right; the end was not seen yet.
    Matched,
    /// The end was seen.
    Complete,
    /// It was refused.
    Failed(VerifyError),
}

/// A reader of exactly the bytes of one digest. See the module's invariant.
#[derive(Debug)]
pub struct Verified<R> {
    inner: R,
    digest: Digest,
    size: u64,
    seen: u64,
    state: State,
}

impl<R: Read> Verified<R> {
    /// Expects the `size` bytes of `digest` from `inner`.
    pub fn new(inner: R, digest: Digest, size: u64) -> Self {
        Self { inner, digest, size, seen: 0, state: State::Reading(Hasher::new()) }
    }
    /// Whether the true end was reached with the right content.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }
    /// The digest that is expected.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
    /// The number of bytes that is expected.
    pub fn size(&self) -> u64 {
        self.size
    }
    /// Reads what is left and gives the inner reader back; fails unless the content is right.
    pub fn finish(mut self) -> io::Result<R> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.inner)
    }
    /// Gives the inner reader up, verified or not.
    pub fn into_inner(self) -> R {
        self.inner
    }

    fn fail<T>(&mut self, error: VerifyError) -> io::Result<T> {
        self.state = State::Failed(error.clone());
        Err(error.into())
    }
    /// All expected bytes came: compares the digest.
    fn judge(&mut self) -> io::Result<()> {
        if let State::Reading(hasher) = &mut self.state {
            let got = std::mem::take(hasher).finish();
            if got != self.digest {
                return self.fail(VerifyError::Wrong { digest: self.digest, got });
            }
            self.state = State::Matched;
        }
        Ok(())
    }
    /// Looks for bytes past the expected ones.
    fn expect_end(&mut self) -> io::Result<usize> {
        if self.inner.read(&mut [0])? > 0 {
            return self.fail(VerifyError::Long { digest: self.digest, size: self.size });
        }
        self.state = State::Complete;
        Ok(0)
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.state {
            State::Failed(error) => return Err(error.clone().into()),
            State::Complete => return Ok(0),
            State::Matched | State::Reading(_) if buffer.is_empty() => return Ok(0),
            State::Matched => return self.expect_end(),
            State::Reading(_) => {}
        }
        let left = self.size - self.seen;
        if left == 0 {
            self.judge()?;
            return self.expect_end();
        }
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.inner.read(&mut buffer[..wanted])?;
        if n == 0 {
            return self.fail(VerifyError::Short { digest: self.digest, size: self.size, got: self.seen });
        }
        if let State::Reading(hasher) = &mut self.state {
            hasher.update(&buffer[..n]);
        }
        self.seen += n as u64;
        if self.seen == self.size {
            self.judge()?;
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8], promised: &[u8], size: u64) -> Result<Vec<u8>, VerifyError> {
        let mut reader = Verified::new(content, Digest::of(promised), size);
        let mut bytes = Vec::new();
        match reader.read_to_end(&mut bytes) {
            Ok(_) => {
                assert!(reader.is_complete());
                Ok(bytes)
            }
            Err(error) => {
                assert!(!reader.is_complete());
                assert!(reader.read(&mut [0; 4]).is_err(), "a failure stays a failure");
                Err(VerifyError::inside(&error).cloned().expect("a verdict"))
            }
        }
    }

    #[test]
    fn only_the_promised_bytes_are_taken() {
        let digest = Digest::of(b"content");
        assert_eq!(read(b"content", b"content", 7), Ok(b"content".to_vec()));
        assert_eq!(read(b"", b"", 0), Ok(Vec::new()));
        assert_eq!(read(b"conten", b"content", 7), Err(VerifyError::Short { digest, size: 7, got: 6 }));
        assert_eq!(read(b"content!", b"content", 7), Err(VerifyError::Long { digest, size: 7 }));
        assert_eq!(read(b"Content", b"content", 7), Err(VerifyError::Wrong { digest, got: Digest::of(b"Content") }));
        assert_eq!(read(b"x", b"", 0), Err(VerifyError::Long { digest: Digest::of(b""), size: 0 }));
        assert_eq!(read(b"", b"x", 0), Err(VerifyError::Wrong { digest: Digest::of(b"x"), got: Digest::of(b"") }));
        assert_eq!(read(b"content", b"content", 6), Err(VerifyError::Wrong { digest, got: Digest::of(b"conten") }));
    }

    #[test]
    fn all_bytes_without_the_end_are_not_complete() {
        let mut reader = Verified::new(&b"content!"[..], Digest::of(b"content"), 7);
        reader.read_exact(&mut [0; 7]).expect("the bytes");
        assert!(!reader.is_complete());
        assert!(reader.finish().is_err());
    }
}
