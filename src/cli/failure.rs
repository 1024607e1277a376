//! What the command line itself refuses, and how every failure is told: one `error:`, its causes, one `hint:`.
//!
//! Invariant: no control byte of a foreign text reaches the terminal; the exit status is the class of the failure, or
//! 128 and the signal's number; a reader that closed our stdout is no failure.

use std::error::Error as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::error::{Class, Error, Fault, IoFault, Side};

use super::output::STDOUT;
use super::plain::plain;

/// A refusal of the command line.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// Words that do not fit.
    #[error("{message}")]
    Words {
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// A named file that is not there.
    #[error("{0}: there is no such file")]
    Absent(String),
    /// A file whose content cannot be what it should be.
    #[error("{file}: {why}")]
    Content {
        /// As named.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// Blobs that are not what their names say.
    #[error("{place} is damaged: {damaged} of {all} parts differ from their digests or are missing")]
    Damaged {
        /// The image or store.
        place: String,
        /// Damaged parts.
        damaged: usize,
        /// All parts.
        all: usize,
    },
    /// A path that an image does not have, or that is no file.
    #[error("{image}: {path}: {why}")]
    NoFile {
        /// The image.
        image: String,
        /// The path as asked for.
        path: String,
        /// Why it cannot be shown.
        why: &'static str,
    },
    /// An engine that cannot be reached by the means of this program.
    #[error("{said_by} names the engine {address}, which plywood cannot reach: {why}")]
    Engine {
        /// Variable, flag or file.
        said_by: String,
        /// The address.
        address: String,
        /// Why not.
        why: &'static str,
    },
    /// A signal ended the run.
    #[error("ended by signal {0}")]
    Signal(u8),
}

impl Fault for CliError {
    fn class(&self) -> Class {
        match self {
            Self::Words { .. } | Self::Absent(_) => Class::Usage,
            Self::Content { .. } | Self::Damaged { .. } => Class::Input,
            Self::NoFile { .. } => Class::NotFound,
            Self::Engine { .. } => Class::Remote,
            Self::Signal(_) => Class::Local,
        }
    }
    fn side(&self) -> Side {
        match self {
            Self::Words { .. } | Self::Absent(_) | Self::Content { .. } => Side::Recipe,
            Self::Damaged { .. } | Self::NoFile { .. } => Side::Source,
            Self::Engine { .. } => Side::Target,
            Self::Signal(_) => Side::Local,
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Words { hint, .. } => hint.clone(),
            Self::Engine { .. } => Some("write a tar with -o FILE.tar and load it there with `docker load -i FILE.tar`".into()),
            _ => None,
        }
    }
}

/// Words that do not fit.
pub(super) fn usage(message: impl Into<String>) -> Error {
    CliError::Words { message: message.into(), hint: None }.into()
}

/// Words that do not fit, and what would.
pub(super) fn usage_with_hint(message: impl Into<String>, hint: impl Into<String>) -> Error {
    CliError::Words { message: message.into(), hint: Some(hint.into()) }.into()
}

/// A failure to read a file that the user named.
pub(super) fn unreadable(path: &std::path::Path, cause: io::Error) -> Error {
    let path = path.display().to_string();
    if cause.kind() == io::ErrorKind::NotFound { CliError::Absent(path).into() } else { IoFault::new(path, cause).into() }
}

/// Prints the failure and gives the exit status.
pub(super) fn tell(error: &Error, colours: bool) -> ExitCode {
    let fault: &(dyn std::error::Error + 'static) = error.fault();
    if reader_is_gone(fault) {
        return ExitCode::SUCCESS;
    }
    // Where stderr is closed too, the exit status is all that can be told.
    let _ = io::stderr().lock().write_all(told(error, colours).as_bytes());
    match fault.downcast_ref() {
        Some(CliError::Signal(number)) => ExitCode::from(128 + number),
        _ => ExitCode::from(error.class() as u8),
    }
}

fn reader_is_gone(fault: &(dyn std::error::Error + 'static)) -> bool {
    fault.downcast_ref::<IoFault>().is_some_and(|io| io.object == STDOUT && io.cause.kind() == io::ErrorKind::BrokenPipe)
}

fn told(error: &Error, colours: bool) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !message.contains(&words) {
            message.push_str(": ");
            message.push_str(&words);
        }
        cause = inner.source();
    }
    let mut text = labelled("error", "31", &message, colours);
    if let Some(hint) = error.hint() {
        text.push_str(&labelled("hint", "36", &hint, colours));
    }
    text
}

/// `label: text`; further lines of ours are indented, so that no text can look like another label.
pub(super) fn labelled(label: &str, colour: &str, text: &str, colours: bool) -> String {
    let lines: Vec<_> = text.lines().map(plain).collect();
    let text = lines.join("\n  ");
    if colours { format!("\x1b[1;{colour}m{label}:\x1b[0m {text}\n") } else { format!("{label}: {text}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::During as _;

    #[test]
    fn an_error_tells_steps_causes_and_hint_and_no_control_bytes() {
        let cause = io::Error::other("no room\x1b[2J");
        let error = Err::<(), _>(IoFault::new("a.tar", cause)).during(|| "writing a.tar").expect_err("fails");
        assert_eq!(told(&error, false), "error: writing a.tar: a.tar: no room\\u{1b}[2J\n");
        let error = usage_with_hint("two\nerror: lines", "try this");
        assert_eq!(told(&error, false), "error: two\n  error: lines\nhint: try this\n");
        assert_eq!(told(&error, true), "\x1b[1;31merror:\x1b[0m two\n  error: lines\n\x1b[1;36mhint:\x1b[0m try this\n");
    }

    #[test]
    fn a_closed_stdout_is_no_failure_and_a_closed_file_is_one() {
        for (object, gone) in [(STDOUT, true), ("a.tar", false)] {
            let error = Error::from(IoFault::new(object, io::ErrorKind::BrokenPipe.into()));
            let fault: &(dyn std::error::Error + 'static) = error.fault();
            assert_eq!(reader_is_gone(fault), gone, "{object}");
        }
    }
}
