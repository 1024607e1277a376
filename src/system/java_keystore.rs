//! Java's keystore of trusted certificates (the JKS format of `sun.security.provider.JavaKeyStore`).
//!
//! Invariant: entries are sorted by alias and dated by the caller, so equal certificates give equal bytes; a store that holds keys, has
//! another format or another password is refused, never replaced.

use std::collections::BTreeMap;

use sha1::{Digest as _, Sha1};

use super::error::{Result, SystemError};

const MAGIC: u32 = 0xfeed_feed;
const TRUSTED: u32 = 2;
/// What stands between password and entries in the digest.
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// Certificates by alias, each with the milliseconds since 1970 of its entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keystore {
    entries: BTreeMap<String, (u64, Vec<u8>)>,
}

impl Keystore {
    /// Reads a store; `path` is for messages.
    pub fn parse(path: &str, bytes: &[u8], password: &str) -> Result<Self> {
        let bad = |what: &str| SystemError::malformed(path, what.to_owned());
        let (body, digest) = bytes.split_at_checked(bytes.len().saturating_sub(20)).ok_or_else(|| bad("it is too short"))?;
        let mut reader = Reader(body);
        if reader.number() != Some(MAGIC) || reader.number() != Some(2) {
            return Err(bad("it is no Java keystore of the format JKS"));
        }
        if seal(body, password) != digest {
            return Err(bad("its password is another"));
        }
        let mut store = Self::default();
        for _ in 0..reader.number().ok_or_else(|| bad("it was cut"))? {
            let mut entry = || {
                let tag = reader.number()?;
                let alias = reader.text()?;
                let time = u64::from(reader.number()?) << 32 | u64::from(reader.number()?);
                let kind = reader.text()?;
                let length = reader.number()? as usize;
                Some((tag, alias, time, kind, reader.take(length)?.to_vec()))
            };
            let (tag, alias, time, kind, der) = entry().ok_or_else(|| bad("it was cut"))?;
            if tag != TRUSTED || kind != "X.509" {
                return Err(bad("it holds more than trusted certificates"));
            }
            store.entries.insert(alias, (time, der));
        }
        Ok(store)
    }
    /// Adds or replaces a certificate; aliases have no upper case.
    pub fn insert(&mut self, alias: &str, der: Vec<u8>, time: u64) {
        self.entries.insert(alias.to_lowercase(), (time, der));
    }
    /// Takes one out.
    pub fn remove(&mut self, alias: &str) {
        self.entries.remove(&alias.to_lowercase());
    }
    /// All aliases, sorted.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
    /// The store's bytes.
    pub fn bytes(&self, password: &str) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for number in [MAGIC, 2, self.entries.len() as u32] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for (alias, (time, der)) in &self.entries {
            out.extend_from_slice(&TRUSTED.to_be_bytes());
            text(&mut out, alias)?;
            out.extend_from_slice(&time.to_be_bytes());
            text(&mut out, "X.509")?;
            out.extend_from_slice(&(der.len() as u32).to_be_bytes());
            out.extend_from_slice(der);
        }
        let seal = seal(&out, password);
        out.extend_from_slice(&seal);
        Ok(out)
    }
}

fn seal(body: &[u8], password: &str) -> Vec<u8> {
    let mut hash = Sha1::new();
    for unit in password.encode_utf16() {
        hash.update(unit.to_be_bytes());
    }
    hash.update(WHITENER);
    hash.update(body);
    hash.finalize().to_vec()
}

/// `DataOutput.writeUTF`, for the characters that it writes as UTF-8 does.
fn text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    let length = u16::try_from(text.len()).ok().filter(|_| text.chars().all(|c| c != '\0' && u32::from(c) < 0x1_0000));
    let Some(length) = length else {
        return Err(SystemError::refused("keystore", format!("'{}' cannot be an alias", text.escape_debug())));
    };
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }
    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }
    fn text(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        String::from_utf8(self.take(usize::from(length))?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_reads_back_sorted_and_sealed() {
        let mut store = Keystore::default();
        store.insert("debian:B.pem", vec![0x30, 1, 2], 1000);
        store.insert("debian:a.pem", vec![0x30], 7);
        let bytes = store.bytes("changeit").expect("made");
        assert_eq!(&bytes[..12], [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 2]);
        assert_eq!(&bytes[16..30], b"\x00\x0cdebian:a.pem");
        assert_eq!(Keystore::parse("/x", &bytes, "changeit").expect("read"), store);
        store.remove("debian:A.pem");
        assert_eq!(store.entries.len(), 1);
    }

    #[test]
    fn what_is_no_such_store_is_refused() {
        let good = Keystore::default().bytes("changeit").expect("made");
        assert!(Keystore::parse("/x", &good, "changeit").is_ok());
        let private = [&good[..8], &[0, 0, 0, 1, 0, 0, 0, 1]].concat();
        let sealed = [&private[..], &seal(&private, "changeit")].concat();
        for (bytes, password, told) in [
            (&good[..], "other", "its password is another"),
            (&good[1..], "changeit", "no Java keystore"),
            (&good[..10], "changeit", "no Java keystore"),
            (&sealed[..], "changeit", "it was cut"),
        ] {
            let said = Keystore::parse("/x", bytes, password).expect_err(told).to_string();
            assert!(said.contains(told), "{said}");
        }
    }
}
