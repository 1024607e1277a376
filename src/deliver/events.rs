//! What happens during a delivery, for whoever shows it.
//!
//! Invariant: events are told, never asked; a listener cannot change a delivery.

use super::How;
use crate::oci::Descriptor;

/// Listens to a delivery. Every method may be called from several threads.
pub trait Events: Send + Sync {
    /// A blob begins to be sent.
    fn started(&self, _blob: &Descriptor) {}
    /// More of its bytes are on the way. After a retry they count again.
    fn moved(&self, _blob: &Descriptor, _bytes: u64) {}
    /// The blob is at the place.
    fn finished(&self, _blob: &Descriptor, _how: How) {}
    /// Something that a user should know although the delivery goes on.
    fn warning(&self, _text: &str) {}
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Events for Silent {}
