//! Recipes + rootfs + archives -> lock: the only way to the archives.
//!
//! Invariant: from a lock's `inputs` on, nothing is asked of an archive but bytes by their digest.

mod lock;

pub use lock::{
    Action, ArchiveIndex, Call, Inputs, LinkedLayer, Lock, LockError, LockedPackage, PlatformLock, RecipeInput, Results,
};
