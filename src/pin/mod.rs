//! Recipes + rootfs + archives -> lock: the only way to the archives.
//!
//! [`choose`] asks the archives that a base names, verifies what they say, and lets apt's selection decide; [`fetch`] brings the
//! chosen package files into the store.
//!
//! Invariant: from a lock's `inputs` on, nothing is asked of an archive but bytes by their digest.

mod ask;
mod choose;
mod decide;
mod error;
mod fetch;
mod index;
mod local;
mod lock;
mod postinst;
mod release;
mod share;
mod transfer;

pub use ask::{Asked, Chosen, LocalPackage, NamedSource, SolverRequest};
pub use choose::choose;
pub use error::PinError;
pub use fetch::fetch;
pub use lock::{
    Action, ArchiveIndex, Call, Inputs, LinkedLayer, Lock, LockError, LockedConda, LockedFile, LockedPackage, PlatformLock,
    RecipeInput, Results,
};
