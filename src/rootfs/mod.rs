//! What is in an image: a catalogue per layer, merged by the overlay rules; files asked of it.
//!
//! Invariant: nothing is unpacked; a catalogue holds every entry's metadata and the bytes of the few files that matter.

mod accounts_prefix;
mod catalogue;
mod elf;
mod error;
mod keep;
mod ls;
mod memo;
mod merge;
mod os_release;
mod reads;
mod resolve;
mod tree;

pub use accounts_prefix::{AccountFacts, Prefix, read_accounts_prefix};
pub use catalogue::{Catalogue, Record};
pub use elf::{ElfNote, elf_note, is_library_name};
pub use error::RootFsError;
pub use ls::Row;
pub use os_release::OsRelease;
pub use reads::{NameShape, Reads, Watched, collect_names};
pub use resolve::{Found, Resolved};
pub use tree::{Node, RootFs};
