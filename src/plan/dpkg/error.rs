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
    /// A package that dpkg left half done, in the base.
    #[error("package {package} is '{status}' in the base, so nothing can be installed on top of it")]
    Unfinished {
        /// Name.
        package: String,
        /// Its `Status`.
        status: String,
        /// Whether `dpkg --configure` is all that it waits for.
        waits: bool,
    },
    /// A run of dpkg that was broken off, in the base.
    #[error("dpkg was interrupted in the base: /var/lib/dpkg/updates/{0} was not merged into its status")]
    Interrupted(String),
    /// A script does something that is not covered.
    #[error("package {package} {version}: its {script} does something that plywood does not cover: {}line {}: `{}`: {}", .uncovered.file.as_ref().map(|file| format!("{file} ")).unwrap_or_default(), .uncovered.line, .uncovered.command, .uncovered.reason)]
    Uncovered {
        /// Name.
        package: String,
        /// Version.
        version: String,
        /// `postinst`
        script: String,
        /// Where and why.
        uncovered: Uncovered,
        /// Why dpkg cannot do it later, in the container; nothing if it can.
        obstacle: Option<String>,
    },
    /// A package that would wait for triggers which are left to the container.
    #[error("the triggers of {handler} cannot be left to the container ({reason}): {package} waits for them, and {why}")]
    Waits {
        /// Who waits.
        package: String,
        /// Whose handler is not covered.
        handler: String,
        /// What is not covered.
        reason: String,
        /// Who needs it.
        why: String,
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
        /// Why dpkg cannot do it later, in the container; nothing if it can.
        obstacle: Option<String>,
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
            Self::Uncovered { .. } | Self::Waits { .. } | Self::Essential(_) => Class::Refused,
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoDatabase => Some("use a Debian or Ubuntu base, or --profile none without --apt".into()),
            Self::Unfinished { waits: true, .. } => {
                Some("--scripts=defer leaves it so; or make the base anew after `dpkg --configure -a` in it".into())
            }
            Self::Unfinished { .. } | Self::Interrupted(_) => {
                Some("make the base anew after `dpkg --configure -a && apt-get install -f` in it".into())
            }
            Self::Uncovered { package, obstacle, .. } | Self::ScriptFailed { package, obstacle, .. } => {
                let ways = format!("cover it with a recipe (--layers-dir), or leave out what needs {package}");
                Some(match obstacle {
                    None => format!("--scripts=defer leaves {package} to dpkg in the container; or {ways}"),
                    Some(why) => format!("--scripts=defer cannot help, since {why}: {ways}"),
                })
            }
            Self::Waits { handler, .. } => {
                Some(format!("cover the triggers of {handler} with a recipe (--layers-dir), or leave out what wakes them"))
            }
            Self::Conffile { .. } => Some(
                "DPkg::Options { \"--force-confold\"; }; in the base's apt.conf.d keeps its file, \"--force-confnew\" takes the new one"
                    .into(),
            ),
            Self::Essential(_) => Some("ask for packages that do not conflict with it".into()),
            _ => None,
        }
    }
}
