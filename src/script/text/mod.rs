//! x
use super::call::Table;
pub(super) const TABLES: &[Table] = &[];
