//! x
use super::call::Table;
pub(super) const PROGRAMS: &[Table] = &[];
