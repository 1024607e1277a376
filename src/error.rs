//! How every failure of this library is told: which object, on which side, why, whether a retry can help, and what to do.
//!
//! Each module has its own `thiserror` enum that implements [`Fault`]. Where modules meet, [`Error`] carries any fault
//! together with the steps that led to it. Nothing here prints; nothing here knows a terminal.

use std::fmt;

/// What kind of failure it is. The number is the exit status of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The words of the command line, or a named file that is absent.
    Usage = 2,
    /// Bad input or integrity: content of a file, digest, signature, unmet dependency, layer limit.
    Input = 3,
    /// Authentication or authorisation: 401 and 403.
    Authentication = 4,
    /// An image, tag, platform or package that does not exist.
    NotFound = 5,
    /// Network, registry or engine.
    Remote = 6,
    /// Local input and output: disk, permissions.
    Local = 7,
    /// Refused by policy: a taken UID, ONBUILD, an uncovered script, an output that exists.
    Refused = 8,
}

/// On which side of the work the failure happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Where an image, archive or package is read from.
    Source,
    /// Where an image is written to.
    Target,
    /// This machine: store, files, memory.
    Local,
    /// The project, a recipe or the command line.
    Recipe,
}

/// A failure that knows its class, its side, whether a retry can help and what the user may do.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// The kind of failure; decides the exit status.
    fn class(&self) -> Class;
    /// The side on which it happened.
    fn side(&self) -> Side;
    /// Whether the same call may succeed later with the same input.
    fn retryable(&self) -> bool {
        false
    }
    /// One line that can be pasted or followed, where there is one.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Any [`Fault`], with the steps that were being done when it happened, outermost last added.
pub struct Error {
    fault: Box<dyn Fault>,
    steps: Vec<String>,
}

/// The result of the library's upper modules.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The kind of failure; decides the exit status.
    pub fn class(&self) -> Class {
        self.fault.class()
    }
    /// The side on which it happened.
    pub fn side(&self) -> Side {
        self.fault.side()
    }
    /// Whether the same call may succeed later with the same input.
    pub fn retryable(&self) -> bool {
        self.fault.retryable()
    }
    /// One line that can be pasted or followed, where there is one.
    pub fn hint(&self) -> Option<String> {
        self.fault.hint()
    }
    /// The fault itself.
    pub fn fault(&self) -> &dyn Fault {
        &*self.fault
    }
    /// What was being done, outermost first.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().rev().map(String::as_str)
    }
    /// Adds what was being done: lower case, a present participle, the object (`reading layer sha256:…`).
    #[must_use]
    pub fn during(mut self, step: impl Into<String>) -> Self {
        self.steps.push(step.into());
        self
    }
}

impl<F: Fault> From<F> for Error {
    fn from(fault: F) -> Self {
        Self { fault: Box::new(fault), steps: Vec::new() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in self.steps() {
            write!(f, "{step}: ")?;
        }
        write!(f, "{}", self.fault)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("steps", &self.steps).field("fault", &self.fault).finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.source()
    }
}

/// Adds a step to a failed result, as [`Error::during`] does.
pub trait During<T> {
    /// Adds what was being done; the text is made only on failure.
    fn during<S: Into<String>>(self, step: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<Error>> During<T> for std::result::Result<T, E> {
    fn during<S: Into<String>>(self, step: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|e| e.into().during(step()))
    }
}

/// A local input/output failure with the object it concerns; the only way an `io::Error` leaves a module.
#[derive(Debug, thiserror::Error)]
#[error("{object}: {cause}")]
pub struct IoFault {
    /// What was being read or written, as a user knows it (path, blob digest).
    pub object: String,
    /// What the system said.
    #[source]
    pub cause: std::io::Error,
}

impl IoFault {
    /// A local failure on `object`.
    pub fn new(object: impl Into<String>, cause: std::io::Error) -> Self {
        Self { object: object.into(), cause }
    }
}

impl Fault for IoFault {
    fn class(&self) -> Class {
        Class::Local
    }
    fn side(&self) -> Side {
        Side::Local
    }
    fn hint(&self) -> Option<String> {
        match self.cause.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Some("free some space, or set PLYWOOD_STORE to a folder on another disk".into())
            }
            _ => None,
        }
    }
}
