//! Conda's world, made by hand: packages, constructor's installers of both dialects, and real software to put into them.
//!
//! Invariant: nothing here uses the program's own code, so that a mistake there cannot hide here; same words, same bytes.

#![allow(dead_code, reason = "each test target uses its own part of the lab")]

pub(crate) mod installer;
pub(crate) mod package;
pub(crate) mod parts;
pub(crate) mod tarball;
pub(crate) mod zip;

/// Hexadecimal digits.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// MD5, as conda's lists state it.
pub(crate) fn md5(bytes: &[u8]) -> String {
    use md5::Digest as _;
    hex(md5::Md5::digest(bytes))
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(sha2::Sha256::digest(bytes))
}
