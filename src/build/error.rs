//! What the driver itself refuses.

use crate::error::{Class, Fault, Side};

/// A refusal or failure of the driver.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Words that do not fit together.
    #[error("{0}")]
    Words(String),
    /// A named file that is absent.
    #[error("{path}: {cause}")]
    Absent {
        /// As named.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file of this machine that cannot go into an image.
    #[error("{path}: {reason}")]
    File {
        /// As named.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The base has triggers that nothing here would run.
    #[error("the base has {0} ONBUILD trigger(s), which `docker build` would run and plywood cannot")]
    OnBuild(usize),
    /// The profile would clear the command that starts an agent server.
    #[error("the base starts an OpenHands agent server, and profile {0} would clear its Entrypoint")]
    AgentServer(String),
    /// A layer whose type nobody here can read.
    #[error("layer {digest} has media type {media_type:?}, which cannot be read, and a recipe needs to know what is in the base")]
    LayerType {
        /// Which layer.
        digest: crate::oci::Digest,
        /// Its type.
        media_type: String,
    },
    /// A layer that is not what the config says.
    #[error("layer {digest} unpacks to {found}, the config says {wanted}")]
    DiffId {
        /// Which layer.
        digest: crate::oci::Digest,
        /// What it is.
        found: crate::oci::DiffId,
        /// What the config says.
        wanted: crate::oci::DiffId,
    },
    /// An installer or conda package that cannot be had.
    #[error("{what} cannot be had: {location}: {reason}")]
    Fetch {
        /// `the installer`
        what: String,
        /// URL, without secrets.
        location: String,
        /// Why not.
        reason: String,
        /// Of what kind.
        class: Class,
    },
    /// A name that the store does not have.
    #[error("the store has no image {0:?}")]
    NotStored(String),
    /// Documents of ours that the spec's types do not read: a defect, or a base with values that they refuse.
    #[error("the {what} of the image cannot be read back: {reason}")]
    Unreadable {
        /// Which document.
        what: String,
        /// Why.
        reason: String,
    },
    /// A worker ended without a result.
    #[error("a worker thread ended without a result")]
    Worker,
}

impl Fault for BuildError {
    fn class(&self) -> Class {
        match self {
            Self::Words(_) | Self::Absent { .. } => Class::Usage,
            Self::File { .. } | Self::LayerType { .. } | Self::DiffId { .. } | Self::Unreadable { .. } => Class::Input,
            Self::OnBuild(_) | Self::AgentServer(_) => Class::Refused,
            Self::Fetch { class, .. } => *class,
            Self::NotStored(_) => Class::NotFound,
            Self::Worker => Class::Local,
        }
    }
    fn side(&self) -> Side {
        match self {
            Self::Words(_) | Self::Absent { .. } | Self::File { .. } | Self::AgentServer(_) => Side::Recipe,
            Self::Worker => Side::Local,
            _ => Side::Source,
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::OnBuild(_) => Some("--ignore-onbuild".into()),
            Self::AgentServer(_) => Some("--profile none".into()),
            Self::Fetch { what, .. } if what == "the installer" => {
                Some("--miniforge-installer FILE, or --without miniforge".into())
            }
            Self::Fetch { .. } => Some("`packages = \"FOLDER\"` in [conda], or --conda-mirror FROM=TO".into()),
            _ => None,
        }
    }
}
