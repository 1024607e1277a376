//! One verb: copy a graph of documents and blobs to a place. What is there stays, what can be mounted is mounted, the rest is sent.
//!
//! Invariant: blobs, then configs, then manifests by digest, then the index, then names; a failed or killed run leaves no
//! name on an incomplete image. Nothing is printed here; progress goes to [`Events`].

mod copy;
mod events;
mod job;
mod receipt;
mod supply;

pub use copy::{Limits, copy, load};
pub use events::{Events, Silent};
pub use job::{Blob, Job, Role, gather};
pub use receipt::{How, Moved, Receipt};
pub use supply::{FromSource, FromStore, Held};

#[cfg(test)]
mod tests;
