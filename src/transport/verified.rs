//! A body that knows which bytes must come, and the fault where others come.
//!
//! Invariant: a verified body ends without an error only after exactly the bytes of its descriptor. What came before is not
//! trusted until then.

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::Body;
use crate::error::{Class, Fault, Result, Side};
use crate::oci::{Descriptor, Digest, Hasher};

/// Some content is not what its descriptor promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("blob {digest} is damaged: {cause}")]
pub struct Damaged {
    /// What was asked for.
    pub digest: Digest,
    /// How it differs.
    pub cause: String,
}

impl Damaged {
    /// Other bytes than asked for.
    pub fn other(wanted: &Descriptor, found: Digest) -> Self {
        Self { digest: wanted.digest, cause: format!("its bytes have the digest {found}") }
    }
    /// Too few or too many bytes.
    pub fn size(wanted: &Descriptor, found: u64) -> Self {
        Self { digest: wanted.digest, cause: format!("it has {found} bytes, not {}", wanted.size) }
    }
}

impl Fault for Damaged {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Source
    }
}

/// `body`, checked against `descriptor`: too long is an error at once, too short or other bytes one at the end.
pub fn verified(body: Body, descriptor: &Descriptor) -> Body {
    struct State {
        stream: std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Bytes>> + Send>>,
        hasher: Option<Hasher>,
        wanted: Descriptor,
    }
    let state = State { stream: body.into_stream(), hasher: Some(Hasher::new()), wanted: descriptor.clone() };
    let stream = futures_util::stream::unfold(state, |mut state| async move {
        let mut hasher = state.hasher.take()?;
        let item = match state.stream.next().await {
            Some(Ok(piece)) => {
                hasher.update(&piece);
                if hasher.size() > state.wanted.size {
                    Err(Damaged::size(&state.wanted, hasher.size()).into())
                } else {
                    state.hasher = Some(hasher);
                    Ok(piece)
                }
            }
            Some(Err(error)) => Err(error),
            None => Err(verdict(hasher, &state.wanted).err()?.into()),
        };
        Some((item, state))
    });
    Body::new(Some(descriptor.size), stream)
}

/// Whether everything that was hashed is what `wanted` promises.
pub(crate) fn verdict(hasher: Hasher, wanted: &Descriptor) -> Result<(), Damaged> {
    if hasher.size() != wanted.size {
        return Err(Damaged::size(wanted, hasher.size()));
    }
    let found = hasher.finish();
    if found == wanted.digest { Ok(()) } else { Err(Damaged::other(wanted, found)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &'static [u8], wanted: &Descriptor) -> Result<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut body = verified(Body::held(bytes), wanted);
            let mut all = Vec::new();
            while let Some(piece) = body.next().await {
                all.extend_from_slice(&piece?);
            }
            Ok(all)
        })
    }

    #[test]
    fn short_long_and_other_bytes_are_refused_and_the_right_ones_pass() {
        let wanted = Descriptor::of("text/plain", b"hello");
        assert_eq!(read(b"hello", &wanted).expect("right"), b"hello");
        for (bytes, word) in [(&b"hell"[..], "4 bytes"), (b"hello!", "6 bytes"), (b"hallo", "digest")] {
            let error = read(bytes, &wanted).expect_err("refused").to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(read(b"", &Descriptor::of("text/plain", b"")).expect("empty").is_empty());
    }
}
