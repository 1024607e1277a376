//! What can be wrong between an archive's address and a verified file of it.
//!
//! Invariant: addresses are shown without user, password and query.

use crate::error::{Class, Fault, Side};
use crate::oci::Digest;
use crate::stream::VerifyError;

/// A failure to choose packages or to get their files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// Without dpkg there is nothing to add packages to.
    #[error("the base has no /var/lib/dpkg/status, so packages cannot be added to it")]
    NoDpkg,
    /// The base names no archive.
    #[error("the base names no package archive for {architecture} in /etc/apt")]
    NoSources {
        /// Debian's word.
        architecture: String,
    },
    /// The archive is not signed at all.
    #[error("archive {archive} has neither InRelease nor Release.gpg: it is not signed")]
    Unsigned {
        /// URI and suite.
        archive: String,
    },
    /// `Trusted: yes` where no signature holds.
    #[error("archive {archive} is marked as trusted in {file}:{line}, but no signature of it holds: {reason}")]
    TrustedUnsigned {
        /// URI and suite.
        archive: String,
        /// The file of the base.
        file: String,
        /// The line there.
        line: usize,
        /// What is wrong with the signature.
        reason: String,
    },
    /// A page for people where a file of an archive should be.
    #[error("{url} answered with a web page instead of a file of the archive: a proxy, a paywall or a wrong address")]
    WebPage {
        /// Redacted.
        url: String,
    },
    /// A file that should be there.
    #[error("{object} is not there: {url}")]
    Gone {
        /// `package x 1.2`, `the index of …`.
        object: String,
        /// The last place that was asked, redacted.
        url: String,
    },
    /// Bytes that are not the announced ones.
    #[error("{object} from {url}: {cause}")]
    Content {
        /// What it should be.
        object: String,
        /// Redacted.
        url: String,
        /// How it differs.
        cause: VerifyError,
    },
    /// A compressed file that does not unpack to what was announced.
    #[error("{object}: {reason}")]
    Unpacked {
        /// Which file.
        object: String,
        /// What is wrong.
        reason: String,
    },
    /// Needed, not in the store, and not to be asked for.
    #[error("{object} is not in the store, and nothing may be asked of the network")]
    Offline {
        /// What is needed.
        object: String,
    },
    /// An index that gives no digest for a package.
    #[error("the index gives no usable SHA-256 or path for package {package}")]
    NoDigest {
        /// Name and version.
        package: String,
    },
    /// A lock's location that is no address.
    #[error("{location:?} is no address of a package")]
    Location {
        /// As it stands in the lock.
        location: String,
    },
    /// A mirror's prefix that makes no address.
    #[error("the mirror {to:?} makes no address of {path:?}")]
    Mirror {
        /// The prefix that was given.
        to: String,
        /// What follows it.
        path: String,
    },
    /// dpkg's order still asks for scripts after many rounds.
    #[error("the order of configuration could not be settled: package {digest} is asked for again and again")]
    Unsettled {
        /// The package file.
        digest: Digest,
    },
    /// A worker ended without a result.
    #[error("a worker thread ended without a result")]
    Worker,
}

impl Fault for PinError {
    fn class(&self) -> Class {
        match self {
            Self::TrustedUnsigned { .. } => Class::Refused,
            Self::WebPage { .. } | Self::Gone { .. } | Self::Offline { .. } => Class::Remote,
            Self::Mirror { .. } => Class::Usage,
            Self::Worker => Class::Local,
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        match self {
            Self::Location { .. } | Self::Mirror { .. } => Side::Recipe,
            Self::Worker => Side::Local,
            _ => Side::Source,
        }
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSources { .. } => "a base with /etc/apt/sources.list or sources.list.d is needed".into(),
            Self::TrustedUnsigned { .. } => "sign the archive and name its key with `Signed-By`".into(),
            Self::WebPage { .. } => "--apt-mirror FROM-PREFIX=TO-PREFIX asks another place".into(),
            Self::Gone { .. } => "--refresh reads the archive's present indexes".into(),
            Self::Offline { .. } => "build once without --offline".into(),
            _ => return None,
        })
    }
}
