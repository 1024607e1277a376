//! One `OpenPGP` certificate: which of its keys may sign, now, by what the certificate says of itself.
//!
//! Invariant: nothing in a certificate counts unless its primary key signed it with an acceptable digest. `pgp` does the
//! mathematics only; expiry, revocation, flags and bindings are decided here.

use pgp::composed::SignedPublicKey;
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::types::{Fingerprint, KeyDetails, Tag};

use super::policy::Policy;

/// Why a key's good signature is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Past its end.
    #[error("the key has expired")]
    Expired,
    /// Withdrawn by its owner.
    #[error("the key was revoked")]
    Revoked,
    /// No valid signature of the certificate over itself, or a subkey that is not bound to it in both directions.
    #[error("the key is not bound to its certificate")]
    Unbound,
    /// For other uses.
    #[error("the key may not sign data")]
    NotForSigning,
    /// Kind or size refused by the policy.
    #[error("keys of this kind or size are not trusted any more")]
    Weak,
    /// Younger than the signature that is said to be its own.
    #[error("the key is younger than its signature")]
    Younger,
}

/// Asks about the keys of one certificate.
pub(super) struct Certificate<'a> {
    pub(super) key: &'a SignedPublicKey,
    pub(super) policy: Policy,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// A key of a certificate: the primary one, or the subkey at this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Component {
    Primary,
    Subkey(usize),
}

impl Certificate<'_> {
    /// The keys that the signature names as its issuer.
    pub(super) fn issuers(&self, signature: &Signature) -> Vec<Component> {
        let ids = signature.issuer_key_id();
        let fingerprints = signature.issuer_fingerprint();
        let named = |key: &dyn KeyDetails| {
            ids.iter().any(|id| **id == key.legacy_key_id()) || fingerprints.iter().any(|f| **f == key.fingerprint())
        };
        let mut found = Vec::new();
        if named(&self.key.primary_key) {
            found.push(Component::Primary);
        }
        let subkeys = self.key.public_subkeys.iter().enumerate();
        found.extend(subkeys.filter(|(_, subkey)| named(&subkey.key)).map(|(at, _)| Component::Subkey(at)));
        found
    }

    /// The fingerprint of a key.
    pub(super) fn fingerprint(&self, component: Component) -> Fingerprint {
        match component {
            Component::Primary => self.key.primary_key.fingerprint(),
            Component::Subkey(at) => {
                self.key.public_subkeys.get(at).map_or_else(|| self.key.fingerprint(), |s| s.key.fingerprint())
            }
        }
    }

    /// Whether the mathematics of a signature over `data` is right.
    pub(super) fn verify(&self, component: Component, signature: &Signature, data: &[u8]) -> pgp::errors::Result<()> {
        match component {
            Component::Primary => signature.verify(&self.key.primary_key, data),
            Component::Subkey(at) => match self.key.public_subkeys.get(at) {
                Some(subkey) => signature.verify(&subkey.key, data),
                None => Err("no such subkey".to_owned().into()),
            },
        }
    }

    /// Whether the key may sign data, at `now` and when the signature was `made`.
    pub(super) fn may_sign(&self, component: Component, made: i64) -> Result<(), Unusable> {
        let own = self.own_signature().ok_or(Unusable::Unbound)?;
        let primary = &self.key.primary_key;
        let revocations = self.key.details.revocation_signatures.iter();
        if revocations.into_iter().any(|s| self.acceptable(s) && s.verify_key(primary).is_ok()) {
            return Err(Unusable::Revoked);
        }
        self.alive(seconds(primary), own)?;
        let Component::Subkey(at) = component else {
            if has_flags(own) && !own.key_flags().sign() {
                return Err(Unusable::NotForSigning);
            }
            return self.fits(primary, made);
        };
        let subkey = self.key.public_subkeys.get(at).ok_or(Unusable::Unbound)?;
        let bound = |s: &&Signature| self.acceptable(s) && s.verify_subkey_binding(primary, &subkey.key).is_ok();
        let of = |kind| subkey.signatures.iter().filter(move |s| s.typ() == Some(kind));
        if of(SignatureType::SubkeyRevocation).any(|s| bound(&s)) {
            return Err(Unusable::Revoked);
        }
        let binding = of(SignatureType::SubkeyBinding).filter(bound).filter(|s| self.made(s)).max_by_key(|s| made_at(s));
        let binding = binding.ok_or(Unusable::Unbound)?;
        self.alive(seconds(&subkey.key), binding)?;
        if !binding.key_flags().sign() {
            return Err(Unusable::NotForSigning);
        }
        let back = binding.embedded_signature().filter(|s| self.acceptable(s)).ok_or(Unusable::Unbound)?;
        back.verify_primary_key_binding(&subkey.key, primary).map_err(|_| Unusable::Unbound)?;
        if !self.policy.key(primary.public_params(), self.now) {
            return Err(Unusable::Weak);
        }
        self.fits(&subkey.key, made)
    }

    /// The newest valid signature of the primary key over itself: a direct one before one over a user ID.
    fn own_signature(&self) -> Option<&Signature> {
        let primary = &self.key.primary_key;
        let usable = |s: &&Signature| self.acceptable(s) && self.made(s);
        let details = &self.key.details;
        let direct = details.direct_signatures.iter().filter(|s| s.typ() == Some(SignatureType::Key));
        let direct = direct.filter(usable).filter(|s| s.verify_key(primary).is_ok()).max_by_key(|s| made_at(s));
        // A direct signature without flags and expiry (`GnuPG` makes them to name a revoker) leaves these to the user IDs.
        if let Some(direct) = direct.filter(|s| has_flags(s) || s.key_expiration_time().is_some()) {
            return Some(direct);
        }
        let mut newest = None;
        for user in &details.users {
            let valid = |s: &&Signature| usable(s) && s.verify_certification(primary, Tag::UserId, &user.id).is_ok();
            let last = user.signatures.iter().filter(|s| issued_by(s, primary)).filter(valid).max_by_key(|s| made_at(s));
            // A user ID whose last word is a revocation says nothing.
            newest = newer(newest, last.filter(|s| s.typ() != Some(SignatureType::CertRevocation)));
        }
        newest.or(direct)
    }

    fn acceptable(&self, signature: &Signature) -> bool {
        signature.hash_alg().is_some_and(|digest| self.policy.self_digest(digest, self.now))
    }

    /// Whether a signature of the certificate was made already and has not ended.
    fn made(&self, signature: &Signature) -> bool {
        let Some(made) = signature.created().map(|t| i64::from(t.as_secs())) else { return false };
        let ends = signature.signature_expiration_time().map(|d| i64::from(d.as_secs())).filter(|d| *d != 0);
        made <= self.now && ends.is_none_or(|d| self.now < made + d)
    }

    fn alive(&self, made: i64, own: &Signature) -> Result<(), Unusable> {
        let lasts = own.key_expiration_time().map(|d| i64::from(d.as_secs())).filter(|d| *d != 0);
        if lasts.is_some_and(|d| self.now >= made + d) { Err(Unusable::Expired) } else { Ok(()) }
    }

    fn fits(&self, key: &impl KeyDetails, made: i64) -> Result<(), Unusable> {
        if !self.policy.key(key.public_params(), self.now) {
            return Err(Unusable::Weak);
        }
        if made < seconds(key) { Err(Unusable::Younger) } else { Ok(()) }
    }
}

/// Whether the signature names the key as its issuer, which spares the mathematics for other people's signatures.
fn issued_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    signature.issuer_key_id().iter().any(|id| **id == key.legacy_key_id())
        || signature.issuer_fingerprint().iter().any(|f| **f == key.fingerprint())
}

fn seconds(key: &impl KeyDetails) -> i64 {
    i64::from(key.created_at().as_secs())
}

fn made_at(signature: &Signature) -> u32 {
    signature.created().map_or(0, pgp::types::Timestamp::as_secs)
}

/// Whether the signed part has key flags at all.
fn has_flags(signature: &Signature) -> bool {
    signature.config().is_some_and(|c| c.hashed_subpackets().any(|p| matches!(p.data, SubpacketData::KeyFlags(_))))
}

/// The one of two that was made later.
fn newer<'a>(one: Option<&'a Signature>, other: Option<&'a Signature>) -> Option<&'a Signature> {
    one.into_iter().chain(other).max_by_key(|s| made_at(s))
}
