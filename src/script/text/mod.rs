//! Text tools as GNU's and mawk's have them, as far as scripts use them; in the C locale.
//!
//! Invariant: output has the base's provenance if any input that was read has it.

mod awk;
mod awk_program;
mod columns;
mod compare;
mod digest;
mod grep;
mod lines;
pub(super) mod regular;
mod sed;
mod sed_script;
mod sort;
mod translate;

use super::call::{Call, Table};
use super::uncovered::Uncovered;
use super::value::{ExitStatus, Value};

/// What exists if its file does.
pub(super) const PROGRAMS: &[Table] = &[
    awk::PROGRAMS,
    columns::PROGRAMS,
    compare::PROGRAMS,
    digest::PROGRAMS,
    grep::PROGRAMS,
    lines::PROGRAMS,
    sed::PROGRAMS,
    sort::PROGRAMS,
    translate::PROGRAMS,
];

/// The contents of operands (`-` or none: standard input), each with its name; and 1 if one could not be read, which was
/// told.
fn inputs(call: &mut Call<'_>, operands: &[Value]) -> Result<(Vec<(Value, Value)>, ExitStatus), Uncovered> {
    let mut contents = Vec::new();
    let mut status = ExitStatus::SUCCESS;
    let standard = [Value::from("-")];
    for name in if operands.is_empty() { &standard } else { operands } {
        match input(call, name)? {
            Some(value) => contents.push((name.clone(), value)),
            None => status = ExitStatus::FAILURE,
        }
    }
    Ok((contents, status))
}

/// The content of one operand; nothing if it could not be read, which was told.
pub(super) fn input(call: &mut Call<'_>, name: &Value) -> Result<Option<Value>, Uncovered> {
    let value = match &name.bytes[..] {
        b"-" | b"/dev/stdin" => call.stdin.rest(),
        b"/dev/null" => Value::default(),
        _ => match call.root.read(&call.path(name)) {
            Ok((bytes, base)) => Value::with(&bytes[..], base),
            Err(error) => {
                call.failed(&name.bytes, &error)?;
                return Ok(None);
            }
        },
    };
    call.spend(value.bytes.len())?;
    Ok(Some(value))
}

/// How many newlines a text has.
pub(super) fn newlines(text: &[u8]) -> usize {
    text.split(|b| *b == b'\n').count() - 1
}

/// The lines of a text without their newlines; a last one without newline counts.
pub(super) fn split_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|b| *b == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}
