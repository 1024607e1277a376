//! The cleartext signature framework (RFC 9580, 7), in the smallest grammar that archives use.
//!
//! Invariant: one message and nothing beside it; `Hash` is the only header; what is hashed and what is handed on are made
//! from the same lines. So no two readers can see two texts in one file, which all known attacks on `InRelease` need.

use super::armour::{self, ArmourError};

/// The longest line: `GnuPG` cuts lines near 20 000 bytes, so a longer one would be read in two ways.
const MAX_LINE: usize = 16 * 1024;

/// A signed text, taken apart and not yet verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClearSigned {
    /// The text as it is hashed: lines without blanks at their ends, joined by CR and LF, no line end after the last.
    pub(super) hashed: Vec<u8>,
    /// The same text with a LF after each line.
    pub(super) text: Vec<u8>,
    /// The packets of the signature block.
    pub(super) packets: Vec<u8>,
}

/// Why a file is no clear-signed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ClearError {
    /// It starts with something else.
    #[error("there is text before the signed message, or no signed message")]
    Before,
    /// It goes on after the signature.
    #[error("there is text after the signature")]
    After,
    /// A header that is not `Hash`.
    #[error("the signed message has a header other than `Hash`")]
    Header,
    /// A line that starts with a dash and is not escaped: part of another message.
    #[error("a line of the signed text starts with an unescaped dash")]
    Dash,
    /// A control character, a NUL or a lone carriage return.
    #[error("the signed text has a control character")]
    Control,
    /// Longer than [`MAX_LINE`].
    #[error("a line of the signed text is too long")]
    LongLine,
    /// No signature block.
    #[error("the signed message ends before its signature")]
    Unsigned,
    /// A damaged signature block.
    #[error("the signature block is damaged: {0}")]
    Armour(#[from] ArmourError),
}

/// Takes a clear-signed file apart.
pub(super) fn split(file: &[u8]) -> Result<ClearSigned, ClearError> {
    let (first, mut rest) = armour::line(file.trim_ascii_start()).ok_or(ClearError::Before)?;
    if first != b"-----BEGIN PGP SIGNED MESSAGE-----" {
        return Err(ClearError::Before);
    }
    loop {
        let (header, after) = armour::line(rest).ok_or(ClearError::Unsigned)?;
        rest = after;
        if header.is_empty() {
            break;
        }
        let names = header.strip_prefix(b"Hash: ").ok_or(ClearError::Header)?;
        if !names.iter().all(|b| b.is_ascii_alphanumeric() || b"-, ".contains(b)) {
            return Err(ClearError::Header);
        }
    }
    let mut hashed = Vec::with_capacity(rest.len());
    let mut text = Vec::with_capacity(rest.len());
    loop {
        if rest.starts_with(b"-----BEGIN PGP SIGNATURE-----") {
            break;
        }
        let (line, after) = text_line(rest)?;
        if !text.is_empty() {
            hashed.extend_from_slice(b"\r\n");
        }
        hashed.extend_from_slice(line);
        text.extend_from_slice(line);
        text.push(b'\n');
        rest = after;
    }
    let (packets, after) = armour::read(rest, "SIGNATURE")?;
    if !after.trim_ascii().is_empty() {
        return Err(ClearError::After);
    }
    Ok(ClearSigned { hashed, text, packets })
}

/// The next line of the text, unescaped, without blanks at its end; and the rest.
fn text_line(rest: &[u8]) -> Result<(&[u8], &[u8]), ClearError> {
    let end = memchr::memchr(b'\n', rest).ok_or(ClearError::Unsigned)?;
    if end > MAX_LINE {
        return Err(ClearError::LongLine);
    }
    let (line, after) = rest.split_at_checked(end).ok_or(ClearError::Unsigned)?;
    let line = match line.strip_prefix(b"- ") {
        Some(unescaped) => unescaped,
        None if line.starts_with(b"-") => return Err(ClearError::Dash),
        None => line,
    };
    let trimmed = line.len() - line.iter().rev().take_while(|b| b" \t\r".contains(b)).count();
    let line = line.get(..trimmed).unwrap_or_default();
    if line.iter().any(|b| (*b < b' ' && *b != b'\t') || *b == 0x7f) {
        return Err(ClearError::Control);
    }
    Ok((line, after.get(1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "-----BEGIN PGP SIGNATURE-----\n\nAQID\n-----END PGP SIGNATURE-----\n";

    fn message(body: &str) -> String {
        format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256, SHA512\n\n{body}{TAIL}")
    }

    #[test]
    fn the_text_is_unescaped_and_trimmed_as_it_was_hashed() {
        let signed = split(message("A: b \t\n- -x\n\n- plain\r\n  c\n").as_bytes()).expect("a message");
        assert_eq!(signed.text, b"A: b\n-x\n\nplain\n  c\n");
        assert_eq!(signed.hashed, b"A: b\r\n-x\r\n\r\nplain\r\n  c");
        assert_eq!(signed.packets, [1, 2, 3]);
        let windows = message("A: b\n").replace('\n', "\r\n");
        assert_eq!(split(windows.as_bytes()).expect("a message").text, b"A: b\n");
        assert!(split(format!("\n \n{}\n\n", message("A: b\n")).as_bytes()).is_ok());
    }

    #[test]
    fn a_leading_empty_line_is_part_of_the_text() {
        assert_eq!(split(message("\nA: b\n").as_bytes()).expect("a message").hashed, b"\r\nA: b");
    }

    #[test]
    fn whatever_could_be_read_in_two_ways_is_refused() {
        let good = message("A: b\n");
        let long = message(&format!("{}\n", "x".repeat(MAX_LINE + 1)));
        for (file, error) in [
            (format!("A: evil\n{good}"), ClearError::Before),
            (format!("{good}A: evil\n"), ClearError::After),
            (format!("{good}{good}"), ClearError::After),
            (message(&format!("A: b\n{good}")), ClearError::Dash),
            (message("-A: b\n"), ClearError::Dash),
            (message("A: b\n-----BEGIN PGP MESSAGE-----\n"), ClearError::Dash),
            (good.replace("Hash:", "Comment:"), ClearError::Header),
            (good.replace("Hash: SHA256", "Hash: \u{1b}[2J"), ClearError::Header),
            (good.replace("SHA512\n\n", "SHA512\n"), ClearError::Header),
            (message("A: b\0\n"), ClearError::Control),
            (message("A: b\rC: d\n"), ClearError::Control),
            (message("A: b\u{c}\n"), ClearError::Control),
            (long, ClearError::LongLine),
            (good.replace(TAIL, ""), ClearError::Unsigned),
            (good.replace("AQID", "A?ID"), ClearError::Armour(ArmourError::Base64)),
            (good.replace("-----END PGP SIGNATURE-----\n", ""), ClearError::Armour(ArmourError::Frame)),
            (String::new(), ClearError::Before),
        ] {
            assert_eq!(split(file.as_bytes()).expect_err(&file), error, "{file:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_survives_escaping_or_is_refused(lines in proptest::collection::vec("[ -~]{0,40}", 1..20)) {
            let (mut body, mut expected) = (String::new(), String::new());
            for line in &lines {
                body += if line.starts_with('-') { "- " } else { "" };
                body += line;
                body += "\n";
                expected += line.trim_end_matches(' ');
                expected += "\n";
            }
            let signed = split(message(&body).as_bytes());
            proptest::prop_assert_eq!(signed.map(|s| s.text), Ok(expected.into_bytes()));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = split(&bytes);
        }
    }
}
