//! Standard output: data only, buffered, every failure told.
//!
//! Invariant: nothing is written after the first failure, and a command ends well only if all of it was written.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

use crate::error::{Error, IoFault, Result};

/// What errors call it; `TarTarget` writers of the driver use the same word.
pub(super) const STDOUT: &str = "standard output";

/// Standard output of one command.
#[derive(Debug)]
pub(super) struct Output(BufWriter<Stdout>);

impl Output {
    pub(super) fn new() -> Self {
        Self(BufWriter::new(io::stdout()))
    }
    /// One line; foreign texts in it were made plain before.
    pub(super) fn line(&mut self, text: impl Display) -> Result<()> {
        writeln!(self.0, "{text}").map_err(failed)
    }
    /// Bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).map_err(failed)
    }
    /// One JSON document.
    pub(super) fn json(&mut self, document: &impl Serialize) -> Result<()> {
        serde_json::to_writer_pretty(&mut self.0, document).map_err(|e| failed(e.into()))?;
        self.line("")
    }
    /// Writes what is still held back.
    pub(super) fn finish(mut self) -> Result<()> {
        self.0.flush().map_err(failed)
    }
}

/// A failure to write to stdout.
pub(super) fn failed(cause: io::Error) -> Error {
    IoFault::new(STDOUT, cause).into()
}
