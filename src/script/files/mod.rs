//! File tools as GNU coreutils and findutils have them, over the virtual root.
//!
//! Invariant: numbers that were found in the base's accounts mark what they are given to; copies keep the provenance of
//! what they copy.

mod accounts;
mod copy;
mod find;
mod find_print;
mod make;
mod mode;
mod own;
mod path;
mod remove;
mod show;
mod xargs;

use super::call::{Call, Table};
use super::uncovered::Uncovered;
use super::value::{ExitStatus, Value};
use crate::layer::root::RootError;

/// What exists if its file does.
pub(super) const PROGRAMS: &[Table] = &[
    accounts::PROGRAMS,
    copy::PROGRAMS,
    find::PROGRAMS,
    make::PROGRAMS,
    own::PROGRAMS,
    path::PROGRAMS,
    remove::PROGRAMS,
    show::PROGRAMS,
    xargs::PROGRAMS,
];

/// Tells the failure of an operation on one operand; the status so far otherwise.
fn note<T>(
    call: &mut Call<'_>,
    status: &mut ExitStatus,
    operand: &Value,
    result: Result<T, RootError>,
) -> Result<Option<T>, Uncovered> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            *status = call.failed(&operand.bytes, &error)?;
            Ok(None)
        }
    }
}

/// The last component of a path, slashes at its end left out; `/` for the root.
fn base_name(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|b| *b != b'/').map_or(path.len().min(1), |at| at + 1);
    let path = &path[..end];
    if path == b"/" { path } else { path.rsplit(|b| *b == b'/').next().unwrap_or(path) }
}

/// A path in a directory.
fn inside(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.ends_with(b"/") { [directory, name].concat() } else { [directory, b"/", name].concat() }
}

/// A path below the working directory as a relative operand spells it.
fn spelled(call: &Call<'_>, path: &[u8], operand: &Value) -> Vec<u8> {
    let relative = path.strip_prefix(call.cwd).map(|rest| rest.strip_prefix(b"/").unwrap_or(rest));
    relative.filter(|_| !operand.bytes.starts_with(b"/")).unwrap_or(path).to_vec()
}
