//! Why one of the modelled commands could not do its work.
//!
//! Invariant: what the real command would refuse is told apart ([`SystemError::is_refusal`]) from what this library cannot
//! know: a script may live with the first (`|| true`), never with the second.

use crate::error::{Class, Fault, Side};

/// A failure of this module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SystemError {
    /// The real command would print this and exit with a status other than 0.
    #[error("{command}: {message}")]
    Refused {
        /// The command's name.
        command: &'static str,
        /// What it would say.
        message: String,
    },
    /// A user ID that is wanted for somebody else.
    #[error("UID {uid} is not unique: {owner} has it")]
    UidTaken {
        /// The number.
        uid: u32,
        /// The account that has it.
        owner: String,
    },
    /// A file whose bytes are needed, and not at hand.
    #[error("the content of {path} is needed and was not kept")]
    Unread {
        /// Absolute path.
        path: String,
    },
    /// A document of the base or of a package that cannot be read as what it should be.
    #[error("{document}: {cause}")]
    Malformed {
        /// Absolute path, or name of the document.
        document: String,
        /// What is wrong.
        cause: String,
    },
    /// Words that the model of the command does not cover.
    #[error("{command}: {cause} is not covered")]
    Uncovered {
        /// The command's name.
        command: &'static str,
        /// Option or circumstance.
        cause: String,
    },
}

/// The result of this module's functions.
pub type Result<T, E = SystemError> = std::result::Result<T, E>;

impl SystemError {
    /// Whether the real command would have failed, too, on the same files.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::UidTaken { .. })
    }
    /// What the real command refuses.
    pub(crate) fn refused(command: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { command, message: message.into() }
    }
    /// What the model does not cover.
    pub(crate) fn uncovered(command: &'static str, cause: impl Into<String>) -> Self {
        Self::Uncovered { command, cause: cause.into() }
    }
    /// A document that is not what it should be.
    pub(crate) fn malformed(document: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::Malformed { document: document.into(), cause: cause.into() }
    }
}

impl Fault for SystemError {
    fn class(&self) -> Class {
        match self {
            Self::Malformed { .. } => Class::Input,
            _ => Class::Refused,
        }
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::UidTaken { .. } => Some("--uid-taken reuse, or --user-id with a number of your own".into()),
            _ => None,
        }
    }
}
