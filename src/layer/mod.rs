//! Layers as descriptions: contents of archives, the virtual root, edits, spec, key; and `link`, which makes the bytes.
//!
//! Invariant: a layer is a function of its spec; nothing else reaches the linker (no clock, locale, umask, host, base).

mod contents;
mod key;
mod link;
pub mod root;
mod spec;

pub use contents::{Contents, ControlFile};
pub use key::Key;
pub use link::{LinkError, Linked, Open, SpecError, link};
pub use root::VirtualRoot;
pub use spec::{Edit, LayerSpec, Made};
