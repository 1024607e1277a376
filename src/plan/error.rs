//! What can stop a plan, besides dpkg's steps.

use crate::error::{Class, Fault, Side};

/// A failure of planning.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The UID belongs to somebody.
    #[error(
        "UID {uid} belongs to `{owner}` in this base, so user `{user}` cannot have it; take another UID, or let --uid-taken reuse, rename or replace that account"
    )]
    UidTaken {
        /// The number.
        uid: u32,
        /// Who has it.
        owner: String,
        /// Who wants it.
        user: String,
        /// The next free one, where `--user-id` can ask for it.
        free: Option<u32>,
    },
    /// The name is there with another UID.
    #[error("user `{name}` exists in this base with UID {has}, not {wanted}")]
    OtherUid {
        /// Login name.
        name: String,
        /// Its UID.
        has: u32,
        /// The wanted one.
        wanted: u32,
        /// Whether `--user-id` can ask for another one.
        is_parameter: bool,
    },
    /// A group that is not there.
    #[error("user `{user}` needs group `{group}`, which this image does not have")]
    NoGroup {
        /// Login name.
        user: String,
        /// The group.
        group: String,
    },
    /// An owner that is not there.
    #[error("{path}: there is no {what} `{name}` in this image")]
    NoOwner {
        /// The file.
        path: String,
        /// `user` or `group`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A path that cannot be written.
    #[error("{label}: {path}: {reason}")]
    Path {
        /// Who wants it.
        label: String,
        /// The path.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Another libc than conda's packages are made for.
    #[error("{label}: the base has musl and no {loader}, so no program of conda would run in it")]
    Libc {
        /// Who wants the prefix.
        label: String,
        /// What is missing.
        loader: &'static str,
    },
    /// Two recipes bring one path.
    #[error("{first} and {second} both bring {path}")]
    Conflict {
        /// Who was first.
        first: String,
        /// Who came later.
        second: String,
        /// The path.
        path: String,
    },
}

impl Fault for PlanError {
    fn class(&self) -> Class {
        match self {
            Self::UidTaken { .. } | Self::OtherUid { .. } | Self::Libc { .. } => Class::Refused,
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        Side::Recipe
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::UidTaken { free: Some(free), .. } => Some(format!("--user-id {free}")),
            Self::UidTaken { free: None, .. } => Some("--uid-taken reuse".into()),
            Self::OtherUid { has, is_parameter: true, .. } => Some(format!("--user-id {has}")),
            Self::Libc { .. } => Some("a base with glibc, or --without miniforge".into()),
            Self::Conflict { .. } => Some("leave one of them out with --without".into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_only_hinted_at_where_it_does_something() {
        for (is_parameter, hint) in [(true, Some("--user-id 7")), (false, None)] {
            let error = PlanError::OtherUid { name: "worker".into(), has: 7, wanted: 8, is_parameter };
            assert_eq!(error.hint().as_deref(), hint);
        }
    }
}
