//! What can stop dpkg's steps.

use crate::error::{Class, Fault, Side};
use crate::script::Uncovered;

/// A failure of a step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DpkgError {
    /// The base has no `/var/lib/dpkg/status`.
    #[error("the base has no dpkg database (/var/lib/dpkg/status), so no Debian package can be added")]
    NoDatabase,
    /// A script does something that is not covered.
    #[error("package {package} {version}: its {script} does something that plywood does not cover: line {}: `{}`: {}", .uncovered.line, .uncovered.command, .uncovered.reason)]
    Uncovered {
        /// Name.
        package: String,
        /// Version.
        version: String,
        /// `postinst`
        script: String,
        /// Where and why.
        uncovered: Uncovered,
    },
    /// A script ended with an error, as it would have in a real install.
    #[error("package {package} {version}: its {script} fails with status {status}: {said}")]
    ScriptFailed {
        /// Name.
        package: String,
        /// Version.
        version: String,
        /// `postinst`
        script: String,
        /// Exit status.
        status: i32,
        /// The last line that it wrote to standard error.
        said: String,
    },
    /// Two packages bring one path.
    #[error("package {package} brings {path}, which is also in package {owner}")]
    Overwrites {
        /// The new one.
        package: String,
        /// Absolute path.
        path: String,
        /// The one that has it.
        owner: String,
    },
    /// A conffile that was changed in the base and by the new version.
    #[error("package {package}: {path} was changed in the base and by the new version")]
    Conffile {
        /// Name.
        package: String,
        /// Absolute path.
        path: String,
    },
    /// A package that must not go.
    #[error("removing {0} is refused: it is essential")]
    Essential(String),
    /// The lock does not fit together.
    #[error("the lock does not fit together: {0}")]
    Lock(String),
}

impl Fault for DpkgError {
    fn class(&self) -> Class {
        match self {
            Self::Uncovered { .. } | Self::Essential(_) => Class::Refused,
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoDatabase => Some("use a Debian or Ubuntu base, or --profile none without --apt".into()),
            Self::Uncovered { package, .. } | Self::ScriptFailed { package, .. } => {
                Some(format!("leave out what needs {package}, or install it with a Dockerfile step on top"))
            }
            Self::Conffile { .. } => {
                Some("set DPkg::Options { \"--force-confold\"; } in the base's apt.conf.d to keep the base's file".into())
            }
            _ => None,
        }
    }
}
