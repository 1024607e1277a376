//! What is in an image: a catalogue per layer, merged by the overlay rules; files asked of it.
//!
//! Invariant: nothing is unpacked; a catalogue holds every entry's metadata and the bytes of the few files that matter.

mod elf;
mod tree;

pub use elf::ElfNote;
pub use tree::{Node, RootFs};
