//! The keys that a source accepts: `Signed-By` of the source, else the base's trusted set.
//!
//! Invariant: a keyring holds only keys that the base has. A file that cannot be read as a keyring is a warning, as in
//! apt, and then brings no key: whether a signature can still be checked shows when one is.

use pgp::composed::{Deserializable as _, SignedPublicKey};

use super::super::files::{Files, parts};
use super::super::sources::{KeyName, SignedBy};
use super::armour;
use super::policy::Policy;

/// The longest keyring file; Debian's whole archive keyring has 60 KB.
const MAX_FILE: usize = 4 << 20;
/// The most certificates of a keyring; each may cost some signature checks.
const MAX_KEYS: usize = 1000;

/// The keys of one source.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    pub(super) keys: Vec<SignedPublicKey>,
    /// Only these, where the source names fingerprints: upper-case digits, and whether subkeys are excluded.
    pub(super) only: Vec<(String, bool)>,
    warnings: Vec<KeyWarning>,
}

/// A file or text that brought no key, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyWarning {
    /// The keyring's path in the base, or `Signed-By`.
    pub object: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Keyring {
    /// The keys that a source with this `Signed-By` accepts in this base.
    pub fn of(signed_by: &SignedBy, files: &(impl Files + ?Sized), policy: Policy) -> Self {
        let mut ring = Self::default();
        match signed_by {
            SignedBy::Inline(text) => ring.add_text("Signed-By", text.as_bytes()),
            SignedBy::TrustedSet => ring.add_trusted(files, policy),
            SignedBy::Keys(names) => {
                let mut from_files = false;
                for name in names {
                    match name {
                        KeyName::File(path) => {
                            from_files = true;
                            ring.add_file(files, path);
                        }
                        KeyName::Fingerprint { hex, exact } => ring.only.push((hex.clone(), *exact)),
                    }
                }
                if !from_files {
                    ring.add_trusted(files, policy);
                }
            }
        }
        ring
    }

    /// What brought no key.
    pub fn warnings(&self) -> &[KeyWarning] {
        &self.warnings
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn add_trusted(&mut self, files: &(impl Files + ?Sized), policy: Policy) {
        // The single file is deprecated and read by apt 2 only.
        if policy == Policy::Gpgv && files.read("/etc/apt/trusted.gpg").is_some() {
            self.add_file(files, "/etc/apt/trusted.gpg");
        }
        for path in parts(files, "/etc/apt/trusted.gpg.d", &["gpg", "asc"], false) {
            self.add_file(files, &path);
        }
    }

    /// The extension decides between text and packets, as in apt.
    fn add_file(&mut self, files: &(impl Files + ?Sized), path: &str) {
        match files.read(path) {
            None => self.warn(path, "the base has no such keyring"),
            Some(bytes) if bytes.len() > MAX_FILE => self.warn(path, "too large for a keyring"),
            Some(bytes) if path.rsplit_once('.').is_some_and(|(_, kind)| kind == "asc") => self.add_text(path, &bytes),
            Some(bytes) if bytes.get(8..12) == Some(b"KBXf") => {
                self.warn(path, "a keybox of GnuPG is no keyring for apt (unsupported filetype)");
            }
            Some(bytes) if !matches!(bytes.first(), Some(0x98 | 0x99 | 0xc6)) => {
                self.warn(path, "not a binary OpenPGP keyring (unsupported filetype)");
            }
            Some(bytes) => self.add_packets(path, &bytes),
        }
    }

    /// One or more armoured blocks; text around them is passed over.
    fn add_text(&mut self, object: &str, text: &[u8]) {
        let mut rest = text;
        let mut blocks = 0;
        while let Some((line, after)) = armour::line(rest) {
            if line != b"-----BEGIN PGP PUBLIC KEY BLOCK-----" {
                rest = after;
                continue;
            }
            match armour::read(rest, "PUBLIC KEY BLOCK") {
                Ok((packets, after)) => {
                    blocks += 1;
                    self.add_packets(object, &packets);
                    rest = after;
                }
                Err(error) => return self.warn(object, &error.to_string()),
            }
        }
        if blocks == 0 {
            self.warn(object, "no armoured public key");
        }
    }

    fn add_packets(&mut self, object: &str, packets: &[u8]) {
        let keys = match SignedPublicKey::from_bytes_many(packets) {
            Ok(keys) => keys,
            Err(error) => return self.warn(object, &format!("not an OpenPGP keyring: {error}")),
        };
        for key in keys {
            match key {
                Ok(_) if self.keys.len() >= MAX_KEYS => return self.warn(object, "too many keys"),
                Ok(key) => self.keys.push(key),
                // What stands after a damaged packet cannot be trusted to be what it seems.
                Err(error) => return self.warn(object, &format!("a damaged key: {error}")),
            }
        }
    }

    fn warn(&mut self, object: &str, reason: &str) {
        self.warnings.push(KeyWarning { object: object.to_owned(), reason: reason.to_owned() });
    }
}
