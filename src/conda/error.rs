//! What can be wrong with a conda package or environment. Messages name the package and, where there is one, the path.

use crate::error::{Class, Fault, Side};
use crate::stream::TarError;

/// A package or list that cannot be linked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CondaError {
    /// The bytes cannot be had.
    #[error("conda package {package}: {cause}")]
    Read {
        /// Its file name.
        package: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// One of its tars.
    #[error("conda package {package}: {cause}")]
    Tar {
        /// Its file name.
        package: String,
        /// Where and why.
        #[source]
        cause: TarError,
    },
    /// It is not what a package must be.
    #[error("conda package {package}: {problem}")]
    Package {
        /// Its file name.
        package: String,
        /// What is wrong.
        problem: String,
    },
    /// One of its paths.
    #[error("conda package {package}: {path}: {problem}")]
    Path {
        /// Its file name.
        package: String,
        /// As shipped.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// Programs that an installation would run.
    #[error("the environment has scripts that an installation would run, and nothing is run here: {}", .0.join(", "))]
    Scripts(Vec<String>),
    /// A list of packages that cannot be read.
    #[error("{file}:{line}: {problem}")]
    List {
        /// What the list is called.
        file: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// Packages that do not make an environment.
    #[error("{0}")]
    Environment(String),
}

impl CondaError {
    /// Something wrong with a package as a whole.
    pub(crate) fn package(package: &str, problem: impl Into<String>) -> Self {
        Self::Package { package: package.into(), problem: problem.into() }
    }
    /// Something wrong with one of its paths.
    pub(crate) fn path(package: &str, path: impl std::fmt::Display, problem: impl Into<String>) -> Self {
        Self::Path { package: package.into(), path: path.to_string().chars().take(300).collect(), problem: problem.into() }
    }
}

impl Fault for CondaError {
    fn class(&self) -> Class {
        match self {
            Self::Tar { cause, .. } => cause.class(),
            Self::Scripts(_) => Class::Refused,
            _ => Class::Input,
        }
    }
    fn side(&self) -> Side {
        Side::Source
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Scripts(_) => Some("leave those packages out, or bring a ready tree with [[file]] or [[tar]]".into()),
            _ => None,
        }
    }
}
