//! Foreign names as file names: percent-encoded, never longer than a file system takes.
//!
//! Invariant: two names never share a file name; no file name is `.`, `..`, hidden or has a slash.

use crate::oci::Digest;

/// Longer encodings end in a digest instead; 255 bytes is what file systems take.
const LONGEST: usize = 200;

/// The file name of any text. `~` stands only before the digest of a name that is too long.
pub(super) fn encode(name: &str) -> String {
    use std::fmt::Write as _;
    let mut file = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => file.push(char::from(byte)),
            b'.' if at > 0 => file.push('.'),
            _ => {
                let _ = write!(file, "%{byte:02X}");
            }
        }
    }
    if file.len() > LONGEST || file.is_empty() {
        let kept = file.len().min(LONGEST / 2);
        return format!("{}~{}", &file[..kept], Digest::of(name.as_bytes()).hex());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_safe_and_distinct_file_names() {
        for (name, file) in [
            ("debian", "debian"),
            ("host:5000/a/b:1.2@sha256:aa", "host%3A5000%2Fa%2Fb%3A1.2%40sha256%3Aaa"),
            (".", "%2E"),
            ("..", "%2E."),
            ("a%2Fb", "a%252Fb"),
            ("~x", "%7Ex"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(encode(name), file);
        }
        let long = "n/".repeat(300);
        let other = format!("{long}x");
        assert!(encode(&long).len() <= 255 && encode(&long) != encode(&other));
        assert!(!encode("").is_empty());
    }
}
