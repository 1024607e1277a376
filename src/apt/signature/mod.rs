//! Whether an archive's Release file was signed by a key that the base trusts for that source.
//!
//! Invariant: [`VerifiedText`] can be made here only, and holds exactly the bytes that a good signature covers. Nothing
//! else of a signed file may be parsed. `pgp` does the mathematics, the rules are apt's (see [`Policy`]).

mod armour;
mod certificate;
mod clear;
mod keys;
mod policy;

use std::time::SystemTime;

use pgp::packet::{Packet, PacketParser, Signature, SignatureType};

pub use certificate::Unusable;
pub use keys::{KeyWarning, Keyring};
pub use policy::Policy;

use crate::error::{Class, Fault, Side};
use certificate::{Certificate, Component};

/// The longest Release file. The largest known (Debian unstable's) has 0.2 MB; apt itself stops at 10 MB.
pub const MAX_RELEASE: usize = 10 << 20;
/// The longest detached signature.
pub const MAX_SIGNATURE: usize = 1 << 20;
/// The most signatures of one file; archives have up to five while keys are exchanged.
const MAX_SIGNATURES: usize = 64;

/// The text of a Release file that a trusted key has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedText {
    text: Vec<u8>,
    signers: Vec<String>,
}

impl VerifiedText {
    /// The bytes that the signature covers; of a clear-signed file with a LF after each line.
    pub fn text(&self) -> &[u8] {
        &self.text
    }
    /// Fingerprints of the keys whose signatures are good, in upper-case hexadecimal. Empty if taken as trusted.
    pub fn signers(&self) -> &[String] {
        &self.signers
    }
    /// Takes a file, clear-signed or plain, without asking who signed it: only for a source that the base's owner marked
    /// `Trusted: yes`. A frame must be well formed all the same.
    pub fn trusted_by_source(file: &[u8]) -> Result<Self, SignatureError> {
        if file.len() > MAX_RELEASE {
            return Err(SignatureError::TooLarge);
        }
        let text = if file.trim_ascii_start().starts_with(b"-----") {
            clear::split(file).map_err(|e| SignatureError::Malformed(e.to_string()))?.text
        } else {
            file.to_vec()
        };
        Ok(Self { text, signers: Vec::new() })
    }
}

/// Why a Release file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The file is no well-formed signed message.
    #[error("the signed file is malformed: {0}")]
    Malformed(String),
    /// Longer than any real one.
    #[error("the signed file or its signature is too large")]
    TooLarge,
    /// A key that is trusted here did not make this signature: the file was changed, or damaged on its way.
    #[error("bad signature: key {key} did not sign this text")]
    Bad {
        /// Fingerprint.
        key: String,
    },
    /// None of the signatures is by a key that the source accepts.
    #[error("not signed by a key that the source accepts (signed by {})", .by.join(", "))]
    UnknownKeys {
        /// Key IDs or fingerprints that the signatures name.
        by: Vec<String>,
    },
    /// Good signatures, but none that counts.
    #[error("no signature counts: {}", .reasons.join("; "))]
    Worthless {
        /// One reason per signature.
        reasons: Vec<String>,
    },
    /// The base has no key for the source.
    #[error("the base has no key for this source")]
    NoKeys,
}

impl Fault for SignatureError {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKeys { .. } | Self::NoKeys => {
                Some("the keyring that `Signed-By` names must be in the base and hold the archive's key".into())
            }
            Self::Worthless { .. } => Some("a newer base image has the archive's present keys".into()),
            _ => None,
        }
    }
}

/// Verifies a clear-signed file (`InRelease`).
pub fn verify_inrelease(file: &[u8], keyring: &Keyring, policy: Policy, now: SystemTime) -> Result<VerifiedText, SignatureError> {
    if file.len() > MAX_RELEASE {
        return Err(SignatureError::TooLarge);
    }
    let message = clear::split(file).map_err(|e| SignatureError::Malformed(e.to_string()))?;
    let signatures = signatures(&message.packets)?;
    let signers = Check { keyring, policy, now: seconds(now), kinds: &[SignatureType::Text] }.run(&signatures, &message.hashed)?;
    Ok(VerifiedText { text: message.text, signers })
}

/// Verifies a file (`Release`) with its detached signature (`Release.gpg`), armoured or not.
pub fn verify_detached(
    file: &[u8],
    signature: &[u8],
    keyring: &Keyring,
    policy: Policy,
    now: SystemTime,
) -> Result<VerifiedText, SignatureError> {
    if file.len() > MAX_RELEASE || signature.len() > MAX_SIGNATURE {
        return Err(SignatureError::TooLarge);
    }
    let malformed = |what: &str| SignatureError::Malformed(what.to_owned());
    let trimmed = signature.trim_ascii_start();
    let packets = if trimmed.starts_with(b"-----") {
        let (packets, rest) = armour::read(trimmed, "SIGNATURE").map_err(|e| malformed(&e.to_string()))?;
        if !rest.trim_ascii().is_empty() {
            return Err(malformed("there is text after the detached signature"));
        }
        packets
    } else {
        signature.to_vec()
    };
    let signatures = self::signatures(&packets)?;
    let kinds = &[SignatureType::Binary, SignatureType::Text];
    let signers = Check { keyring, policy, now: seconds(now), kinds }.run(&signatures, file)?;
    Ok(VerifiedText { text: file.to_vec(), signers })
}

/// The signatures of a block; one of an unknown kind is left out, anything but a signature is refused.
fn signatures(packets: &[u8]) -> Result<Vec<Signature>, SignatureError> {
    let malformed = |what: String| SignatureError::Malformed(what);
    let mut found = Vec::new();
    for packet in PacketParser::new(packets) {
        match packet {
            Ok(Packet::Signature(signature)) => found.push(signature),
            Ok(_) => return Err(malformed("the signature block holds something else than signatures".into())),
            Err(pgp::errors::Error::Unsupported { .. }) => {}
            Err(error) => return Err(malformed(format!("a damaged signature: {error}"))),
        }
        if found.len() > MAX_SIGNATURES {
            return Err(malformed("too many signatures".into()));
        }
    }
    if found.is_empty() { Err(malformed("no signature that this program understands".into())) } else { Ok(found) }
}

/// One verification of one text.
struct Check<'a> {
    keyring: &'a Keyring,
    policy: Policy,
    now: i64,
    kinds: &'a [SignatureType],
}

/// What one signature is worth.
enum Verdict {
    Good(String),
    Worthless(String),
    Unknown(String),
}

impl Check<'_> {
    /// The fingerprints of the keys whose signatures count.
    fn run(&self, signatures: &[Signature], data: &[u8]) -> Result<Vec<String>, SignatureError> {
        if self.keyring.is_empty() {
            return Err(SignatureError::NoKeys);
        }
        let (mut good, mut reasons, mut by) = (Vec::new(), Vec::new(), Vec::new());
        for signature in signatures {
            match self.judge(signature, data)? {
                Verdict::Good(key) => good.push(key),
                Verdict::Worthless(reason) => reasons.push(reason),
                Verdict::Unknown(key) => by.push(key),
            }
        }
        if !good.is_empty() {
            return Ok(good);
        }
        if reasons.is_empty() { Err(SignatureError::UnknownKeys { by }) } else { Err(SignatureError::Worthless { reasons }) }
    }

    fn judge(&self, signature: &Signature, data: &[u8]) -> Result<Verdict, SignatureError> {
        let mut bad = None;
        for key in &self.keyring.keys {
            let certificate = Certificate { key, policy: self.policy, now: self.now };
            for component in certificate.issuers(signature) {
                let name = format!("{:X}", certificate.fingerprint(component));
                match certificate.verify(component, signature, data) {
                    Ok(()) => return Ok(self.worth(&certificate, component, signature, name)),
                    Err(pgp::errors::Error::Unsupported { message, .. }) => {
                        return Ok(Verdict::Worthless(format!("{name}: {message}")));
                    }
                    Err(_) => bad = Some(name),
                }
            }
        }
        match bad {
            Some(key) => Err(SignatureError::Bad { key }),
            None => Ok(Verdict::Unknown(issuer(signature))),
        }
    }

    /// Whether a signature whose mathematics is right counts.
    fn worth(&self, certificate: &Certificate<'_>, component: Component, signature: &Signature, name: String) -> Verdict {
        let worthless = |why: &str| Verdict::Worthless(format!("{name}: {why}"));
        if !self.allows(certificate, component) {
            return Verdict::Unknown(name);
        }
        if !signature.typ().is_some_and(|kind| self.kinds.contains(&kind)) {
            return worthless("not a signature over a document");
        }
        if !signature.hash_alg().is_some_and(|digest| self.policy.data_digest(digest, self.now)) {
            return worthless("the signature uses a digest that is not trusted any more");
        }
        let Some(made) = signature.created().map(|t| i64::from(t.as_secs())) else {
            return worthless("the signature has no date");
        };
        if made.saturating_sub(self.now) > self.policy.future() {
            return worthless("the signature was made in the future");
        }
        let lasts = signature.signature_expiration_time().map(|d| i64::from(d.as_secs())).filter(|d| *d != 0);
        if lasts.is_some_and(|d| self.now >= made + d) {
            return worthless("the signature has expired");
        }
        match certificate.may_sign(component, made) {
            Ok(()) => Verdict::Good(name),
            Err(why) => worthless(&why.to_string()),
        }
    }

    /// Whether the source accepts this key, where it names fingerprints.
    fn allows(&self, certificate: &Certificate<'_>, component: Component) -> bool {
        let names = |hex: &str, c: Component| format!("{:X}", certificate.fingerprint(c)) == *hex;
        let only = &self.keyring.only;
        only.is_empty() || only.iter().any(|(hex, exact)| names(hex, component) || (!exact && names(hex, Component::Primary)))
    }
}

/// The key that a signature says it is by.
fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|f| format!("{f:X}"));
    let id = signature.issuer_key_id().first().map(|id| id.to_string().to_ascii_uppercase());
    fingerprint.or(id).unwrap_or_else(|| "an unnamed key".into())
}

/// Seconds since 1970; a time before that counts as 1970.
pub(super) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
