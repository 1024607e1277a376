//! The Release file of one archive: remembered while it is young, else asked for; never used before its signature holds.
//!
//! Invariant: what comes out was verified now, with the keys of this base, remembered or not. An older file never
//! replaces a newer one of the same suite.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::apt::AptConf;
use crate::apt::release::{FetchPlan, Release, plan_fetch};
use crate::apt::signature::{self, Keyring, MAX_RELEASE, MAX_SIGNATURE, Policy};
use crate::apt::sources::{Source, UriError};
use crate::error::{Class, Error, Result};
use crate::http::Url;
use crate::oci::Digest;
use crate::store::Sighting;

use super::PinError;
use super::transfer::{Access, canonical};

/// Remembered Release files by digest.
const KIND: &str = "release";

/// By which rules and at which time archives are judged.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    pub(super) conf: AptConf,
    pub(super) policy: Policy,
    pub(super) now: SystemTime,
    pub(super) allow_expired: bool,
    pub(super) refresh: bool,
    pub(super) max_age: Duration,
}

/// A verified Release.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) release: Release,
    /// Of the `InRelease` or `Release` file.
    pub(super) digest: Digest,
    pub(super) plan: FetchPlan,
    pub(super) warnings: Vec<String>,
    /// An earlier state in place of the one that the archive has now.
    pub(super) is_fallback: bool,
}

/// The files as they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Signed {
    Inside(Vec<u8>),
    Detached { release: Vec<u8>, signature: Vec<u8> },
}

impl Signed {
    fn digest(&self) -> Digest {
        match self {
            Self::Inside(file) | Self::Detached { release: file, .. } => Digest::of(file),
        }
    }
}

/// One archive that is being asked.
pub(super) struct Asking<'a> {
    pub(super) source: &'a Source,
    pub(super) keyring: &'a Keyring,
    pub(super) architecture: &'a str,
    pub(super) access: &'a Access,
    pub(super) trust: &'a Trust,
}

impl Asking<'_> {
    /// The Release to use.
    pub(super) async fn release(&self) -> Result<Found> {
        let (held, young) = match self.kept()? {
            None => (None, false),
            Some((signed, checked)) => (Some(self.judge(&signed)), self.is_young(checked)),
        };
        let held = match held {
            Some(Ok(found)) if young && !self.trust.refresh => return Ok(found),
            held if self.access.offline => {
                let object = format!("the index of {}", self.source);
                return held.unwrap_or_else(|| Err(PinError::Offline { object }.into()));
            }
            held => held.and_then(Result::ok),
        };
        let asked = match self.ask().await {
            Ok(signed) => self.judge(&signed).map(|found| (signed, found)),
            Err(error) => Err(error),
        };
        match (asked, held) {
            (Ok((_, new)), Some(held)) if held.release.date > new.release.date => {
                Ok(held.fallback(format!("{} gave an older state than before; the newer one is used", self.source)))
            }
            (Ok((signed, new)), _) => self.remember(&signed).map(|()| new),
            (Err(error), Some(held)) if error.class() == Class::Remote => {
                Ok(held.fallback(format!("{} cannot be asked, its last known state is used: {error}", self.source)))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The name under which a sighting is kept.
    fn name(&self) -> String {
        format!("InRelease {} {}", canonical(self.source.uri.url()), self.source.suite)
    }

    /// What the store remembers, and when it was checked.
    fn kept(&self) -> Result<Option<(Signed, SystemTime)>> {
        let store = &self.access.store;
        let Some(sighting) = store.seen(&self.name())? else { return Ok(None) };
        let memo = store.memo(KIND, &sighting.digest.hex())?;
        let signed = memo.and_then(|memo| postcard::from_bytes::<Signed>(&memo).ok());
        Ok(signed.filter(|signed| signed.digest() == sighting.digest).map(|signed| (signed, sighting.checked)))
    }

    fn remember(&self, signed: &Signed) -> Result<()> {
        let digest = signed.digest();
        let memo = postcard::to_stdvec(signed).unwrap_or_default();
        self.access.store.set_memo(KIND, &digest.hex(), &memo, &[])?;
        self.access.store.set_seen(&self.name(), &Sighting { digest, checked: self.trust.now })?;
        Ok(())
    }

    /// Whether a check is recent; one in the future tells of a wrong clock and is none.
    fn is_young(&self, checked: SystemTime) -> bool {
        self.trust.now.duration_since(checked).is_ok_and(|age| age < self.trust.max_age)
    }

    async fn ask(&self) -> Result<Signed> {
        let inrelease = self.source.options.inrelease_path.as_deref().unwrap_or("InRelease");
        let get = |name: &str| Ok::<_, Error>(self.url(name)?);
        if let Some(file) = self.access.document(&get(inrelease)?, MAX_RELEASE).await? {
            return Ok(Signed::Inside(file));
        }
        let url = get("Release")?;
        let Some(release) = self.access.document(&url, MAX_RELEASE).await? else {
            let object = format!("the Release file of {}", self.source);
            return Err(PinError::Gone { object, url: canonical(&url).to_string() }.into());
        };
        match self.access.document(&get("Release.gpg")?, MAX_SIGNATURE).await? {
            Some(signature) => Ok(Signed::Detached { release, signature }),
            None => Err(self.untrusted(PinError::Unsigned { archive: self.source.to_string() }.into())),
        }
    }

    fn url(&self, name: &str) -> Result<Url, UriFault> {
        let directory = self.source.release_directory();
        let path = format!("{}{name}", directory.trim_start_matches("./"));
        self.source.uri.join(&path).map_err(|cause| UriFault { archive: self.source.to_string(), cause })
    }

    /// Signature, then date and validity, then which index files are needed.
    fn judge(&self, signed: &Signed) -> Result<Found> {
        let (keyring, policy, now) = (self.keyring, self.trust.policy, self.trust.now);
        let text = match signed {
            Signed::Inside(file) => signature::verify_inrelease(file, keyring, policy, now),
            Signed::Detached { release, signature } => signature::verify_detached(release, signature, keyring, policy, now),
        };
        let text = text.map_err(|error| self.untrusted(error.into()))?;
        let release = Release::parse(&text, self.source)?;
        let mut warnings = release.check(self.source, &self.trust.conf, now, self.trust.allow_expired)?;
        let mut plan = plan_fetch(self.source, &release, self.architecture)?;
        warnings.append(&mut plan.warnings);
        Ok(Found { release, digest: signed.digest(), plan, warnings, is_fallback: false })
    }

    /// An archive without a good signature; one that the base trusts blindly is refused by policy.
    fn untrusted(&self, error: Error) -> Error {
        if self.source.options.trusted != Some(true) {
            return error.during(format!("checking the signature of {}", self.source));
        }
        let (archive, file, reason) = (self.source.to_string(), self.source.file.to_string(), error.to_string());
        PinError::TrustedUnsigned { archive, file, line: self.source.line, reason }.into()
    }
}

impl Found {
    fn fallback(mut self, warning: String) -> Self {
        self.warnings.push(warning);
        self.is_fallback = true;
        self
    }
}

/// A suite that makes no address.
#[derive(Debug, thiserror::Error)]
#[error("archive {archive}: {cause}")]
struct UriFault {
    archive: String,
    cause: UriError,
}

impl crate::error::Fault for UriFault {
    fn class(&self) -> Class {
        Class::Input
    }
    fn side(&self) -> crate::error::Side {
        crate::error::Side::Source
    }
}
