//! The ASCII armour of `OpenPGP` (RFC 9580, 6.2): one block of text to the packets in it.
//!
//! Invariant: strict. A block is its two lines, headers, an empty line and base64; anything else is refused, so that no
//! other program can see another block in the same text. The optional CRC is not a protection and is passed over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why a text is no armoured block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ArmourError {
    /// The first or the last line is not there.
    #[error("no armoured block of the expected kind")]
    Frame,
    /// A header line without colon, or none of the lines after it is empty.
    #[error("a malformed armour header")]
    Header,
    /// Not base64.
    #[error("malformed base64")]
    Base64,
}

/// The packets of the one block that starts `text`, and the text after it. `kind` is `SIGNATURE` or `PUBLIC KEY BLOCK`.
pub(super) fn read<'a>(text: &'a [u8], kind: &str) -> Result<(Vec<u8>, &'a [u8]), ArmourError> {
    let begin = format!("-----BEGIN PGP {kind}-----");
    let end = format!("-----END PGP {kind}-----");
    let (first, mut rest) = line(text).ok_or(ArmourError::Frame)?;
    if first != begin.as_bytes() {
        return Err(ArmourError::Frame);
    }
    loop {
        let (header, after) = line(rest).ok_or(ArmourError::Header)?;
        rest = after;
        if header.is_empty() {
            break;
        }
        if !header.contains(&b':') || header.starts_with(b"-") {
            return Err(ArmourError::Header);
        }
    }
    let mut encoded = Vec::with_capacity(rest.len().min(64 * 1024));
    loop {
        let (data, after) = line(rest).ok_or(ArmourError::Frame)?;
        rest = after;
        if data == end.as_bytes() {
            break;
        }
        // `=` and four characters at the start of a line is the CRC; it is the last line of the block.
        if data.first() == Some(&b'=') && data.len() == 5 {
            let (last, after) = line(rest).ok_or(ArmourError::Frame)?;
            rest = after;
            if last != end.as_bytes() {
                return Err(ArmourError::Frame);
            }
            break;
        }
        encoded.extend_from_slice(data);
    }
    let packets = STANDARD.decode(&encoded).map_err(|_| ArmourError::Base64)?;
    Ok((packets, rest))
}

/// The first line, without its end and blanks before that, and the rest.
pub(super) fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    let (line, rest) = text.split_at_checked(end)?;
    Some((line.trim_ascii_end(), rest.get(1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &[u8] = b"-----BEGIN PGP SIGNATURE-----\nVersion: x\n\nAQID\nBA==\n=abcd\n-----END PGP SIGNATURE-----\nrest";

    #[test]
    fn a_block_gives_its_packets_and_what_follows() {
        assert_eq!(read(BLOCK, "SIGNATURE"), Ok((vec![1, 2, 3, 4], &b"rest"[..])));
        let windows = String::from_utf8_lossy(BLOCK).replace('\n', "\r\n");
        assert_eq!(read(windows.as_bytes(), "SIGNATURE").map(|(packets, _)| packets), Ok(vec![1, 2, 3, 4]));
    }

    #[test]
    fn anything_else_than_a_block_is_refused() {
        for (from, to, error) in [
            ("BEGIN PGP SIGNATURE", "BEGIN PGP MESSAGE", ArmourError::Frame),
            ("END PGP SIGNATURE", "END PGP MESSAGE", ArmourError::Base64),
            ("Version: x", "no header", ArmourError::Header),
            ("\n\nAQID", "\nAQID", ArmourError::Header),
            ("AQID", "A?ID", ArmourError::Base64),
            ("=abcd\n", "=abcd\nAQID\n", ArmourError::Frame),
        ] {
            let changed = String::from_utf8_lossy(BLOCK).replace(from, to);
            let got = read(changed.as_bytes(), "SIGNATURE").expect_err(to);
            assert!(got == error || error == ArmourError::Base64 && got == ArmourError::Frame, "{to}: {got:?}");
        }
        assert_eq!(read(b"", "SIGNATURE"), Err(ArmourError::Frame));
        assert_eq!(read(BLOCK, "PUBLIC KEY BLOCK"), Err(ArmourError::Frame));
    }
}
