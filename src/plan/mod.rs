//! Pure: base, rootfs, lock, contents, recipes -> layer specs, config edits, conflicts, reasons.
//!
//! Invariant: no file, clock or network; equal inputs give equal specs, byte for byte.

pub mod layers;
