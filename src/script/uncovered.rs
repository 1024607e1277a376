//! The one way in which evaluation stops: what the interpreter does not cover, and the limits of a hostile script.
//!
//! Invariant: nothing uncovered is skipped; the line is the script's own.

use crate::error::{Class, Fault, Side};

/// Steps that one script may take: far more than the longest script of Debian takes (an upgrade of the certificate bundle looks each
/// of 150 names up in a list of them), and some seconds at most.
pub(super) const MAX_STEPS: u64 = 1_000_000;
/// Bytes of a work unit: reading or copying so much costs one step, so that time is bounded too.
pub(super) const BYTES_PER_STEP: u64 = 256;
/// What parsing text costs beside its length, in bytes: a thread with its stack, and the grammar.
pub(super) const PARSING: usize = 64 << 10;
/// Largest value, stream or file that a script may make, in bytes.
pub(super) const MAX_VALUE: usize = 16 << 20;
/// Deepest nesting of functions, sourced files, called scripts, substitutions and compound commands.
pub(super) const MAX_DEPTH: u32 = 200;
/// Stack of the thread that evaluates: [`MAX_DEPTH`] levels of the largest frames, with room.
pub(super) const STACK: usize = 128 << 20;

/// Why a script could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}line {line}: {command}: {reason}", file.as_ref().map(|f| format!("{f} ")).unwrap_or_default())]
pub struct Uncovered {
    /// The file that was sourced or called, where it is not the script itself.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: u32,
    /// The command with its arguments, cut to a readable length.
    pub command: String,
    /// What is not covered.
    pub reason: String,
}

impl Uncovered {
    /// At a line, with what was being done.
    pub fn new(line: u32, command: impl Into<String>, reason: impl Into<String>) -> Self {
        let command: String = command.into();
        Self { file: None, line, command: shown(&command), reason: reason.into() }
    }
}

impl Fault for Uncovered {
    fn class(&self) -> Class {
        Class::Refused
    }
    fn side(&self) -> Side {
        Side::Source
    }
}

/// At most 200 characters, without control characters.
fn shown(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What is left of the limits of one evaluation.
#[derive(Debug)]
pub struct Fuel {
    left: u64,
}

impl Default for Fuel {
    fn default() -> Self {
        Self { left: MAX_STEPS }
    }
}

impl Fuel {
    /// Takes one step and as many as `bytes` cost; false when the limit is reached.
    #[must_use]
    pub fn spend(&mut self, bytes: usize) -> bool {
        let cost = 1 + bytes as u64 / BYTES_PER_STEP;
        let enough = self.left >= cost;
        self.left = self.left.saturating_sub(cost);
        enough
    }
}
