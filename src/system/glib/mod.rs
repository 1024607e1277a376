//! What `GLib`'s programs write, where the order of its hash tables, or its own file formats, shows in the bytes.
//!
//! Invariant: the table's layout is a function of the keys and of the order in which they came, as `GLib` 2.58 and later have it.

mod gvdb;
mod hash_table;
pub mod schemas;
mod text;
mod variant;

pub use hash_table::{HashTable, hash};
