//! Contents of a package as bytes, for the store's memo.
//!
//! Invariant: what was written is read back equal; another format or damaged bytes are no contents, never an error.

use crate::layer::Contents;

/// Raised by every change to what contents hold or how they are written, the rule of what is kept included.
const FORMAT: [u8; 8] = *b"plydeb\x00\x03";

/// The contents as bytes.
pub fn to_memo(contents: &Contents) -> Vec<u8> {
    let mut bytes = FORMAT.to_vec();
    // Fails only where a type refuses to be serialised, and none of these does; a memo without a body is no contents.
    bytes.extend(postcard::to_stdvec(contents).unwrap_or_default());
    bytes
}

/// The contents that were written.
pub fn from_memo(memo: &[u8]) -> Option<Contents> {
    let (contents, rest) = postcard::take_from_bytes(memo.strip_prefix(&FORMAT)?).ok()?;
    rest.is_empty().then_some(contents)
}
