//! Built-ins of the shell that do not change it, and the small programs that answer fixed questions.
//!
//! Invariant: answers are those of a container that is being built: user 0, no terminal, no other process.

mod expression;
mod getopt;
mod print;
mod question;
mod run_parts;
mod test;

use super::call::Table;

/// What exists without a file.
pub(super) const BUILTINS: &[Table] = &[print::BUILTINS, test::BUILTINS, question::BUILTINS];
/// What exists if its file does.
pub(super) const PROGRAMS: &[Table] =
    &[print::PROGRAMS, test::PROGRAMS, question::PROGRAMS, expression::PROGRAMS, getopt::PROGRAMS, run_parts::PROGRAMS];
