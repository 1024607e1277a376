//! Which digests and keys count: the rules of gpgv as apt 2.6 drives it, and of sqv as apt 3.0 drives it.
//!
//! Invariant: a table, no mathematics. The time is a value: rules that end at a date are asked for that date.

use pgp::crypto::ecc_curve::ECCCurve;
use pgp::crypto::hash::HashAlgorithm;
use pgp::ser::Serialize as _;
use pgp::types::{EcdsaPublicParams, PublicParams, RsaPublicParams};

/// The verifier that the base's apt uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// gpgv, up to apt 2.8.
    Gpgv,
    /// sqv with apt's own Sequoia policy, from apt 3.0 on.
    Sqv,
}

/// Midnight UTC of the days at which Sequoia's rules of apt 3.0 end, in seconds since 1970.
mod day {
    pub(super) const Y2024_02_01: i64 = 1_706_745_600;
    pub(super) const Y2026_02_01: i64 = 1_769_904_000;
    pub(super) const Y2028_02_01: i64 = 1_832_976_000;
    pub(super) const Y2030_02_01: i64 = 1_896_134_400;
}

impl Policy {
    /// The policy of a base whose dpkg status has this version of apt.
    pub fn of_apt(version: &str) -> Self {
        let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
        let major = upstream.split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse::<u32>().ok());
        if major.is_some_and(|major| major >= 3) { Self::Sqv } else { Self::Gpgv }
    }

    /// Whether a signature over data may use this digest.
    pub(super) fn data_digest(self, digest: HashAlgorithm, now: i64) -> bool {
        match digest {
            HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512 => true,
            HashAlgorithm::Sha224 => self == Self::Gpgv || now < day::Y2026_02_01,
            _ => false,
        }
    }

    /// Whether a key's signature over itself may use this digest: a forger would need a second preimage, not a collision.
    pub(super) fn self_digest(self, digest: HashAlgorithm, now: i64) -> bool {
        match digest {
            HashAlgorithm::Sha1 => self == Self::Gpgv || now < day::Y2026_02_01,
            HashAlgorithm::Ripemd160 => self == Self::Gpgv,
            other => self.data_digest(other, now),
        }
    }

    /// Whether a key of this kind and size counts.
    pub(super) fn key(self, params: &PublicParams, now: i64) -> bool {
        let Self::Sqv = self else {
            return !matches!(params, PublicParams::Unknown { .. });
        };
        match params {
            PublicParams::RSA(rsa) => match modulus_bits(rsa) {
                0..2048 => false,
                2048..3072 => now < day::Y2030_02_01,
                _ => true,
            },
            PublicParams::DSA(_) => now < day::Y2024_02_01,
            PublicParams::ECDSA(ecdsa) => match curve(ecdsa) {
                Some(ECCCurve::P256 | ECCCurve::P384 | ECCCurve::P521) => true,
                Some(ECCCurve::BrainpoolP256r1 | ECCCurve::BrainpoolP384r1 | ECCCurve::BrainpoolP512r1) => now < day::Y2028_02_01,
                _ => false,
            },
            PublicParams::EdDSALegacy(_) | PublicParams::Ed25519(_) | PublicParams::Ed448(_) => true,
            _ => false,
        }
    }

    /// How far in the future a signature may have been made, in seconds: Sequoia's tolerance; gpgv does not look.
    pub(super) fn future(self) -> i64 {
        match self {
            Self::Gpgv => i64::MAX,
            Self::Sqv => 30 * 60,
        }
    }
}

fn curve(params: &EcdsaPublicParams) -> Option<ECCCurve> {
    Some(match params {
        EcdsaPublicParams::P256 { .. } => ECCCurve::P256,
        EcdsaPublicParams::P384 { .. } => ECCCurve::P384,
        EcdsaPublicParams::P521 { .. } => ECCCurve::P521,
        EcdsaPublicParams::Unsupported { curve, .. } => curve.clone(),
        EcdsaPublicParams::Secp256k1 { .. } => return None,
    })
}

/// The length of the modulus: an `OpenPGP` number starts with its length in bits.
fn modulus_bits(params: &RsaPublicParams) -> u16 {
    match params.to_bytes().as_deref() {
        Ok([high, low, ..]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_apt_decides() {
        for (version, policy) in [
            ("2.6.1", Policy::Gpgv),
            ("2.8.3", Policy::Gpgv),
            ("3.0.3", Policy::Sqv),
            ("1:10.0~x", Policy::Sqv),
            ("", Policy::Gpgv),
        ] {
            assert_eq!(Policy::of_apt(version), policy, "{version}");
        }
    }

    #[test]
    fn weak_digests_never_vouch_for_data() {
        for policy in [Policy::Gpgv, Policy::Sqv] {
            for weak in [HashAlgorithm::Md5, HashAlgorithm::Sha1, HashAlgorithm::Ripemd160] {
                assert!(!policy.data_digest(weak, 0), "{policy:?} {weak:?}");
            }
            assert!(policy.data_digest(HashAlgorithm::Sha512, i64::MAX));
            assert!(!policy.self_digest(HashAlgorithm::Md5, 0));
        }
        assert!(Policy::Sqv.self_digest(HashAlgorithm::Sha1, day::Y2026_02_01 - 1));
        assert!(!Policy::Sqv.self_digest(HashAlgorithm::Sha1, day::Y2026_02_01));
        assert!(Policy::Gpgv.self_digest(HashAlgorithm::Sha1, i64::MAX));
    }
}
