//! What the dynamic loader's cache needs to know of a shared object, read while it streams by (System V ABI, ELF).

use serde::{Deserialize, Serialize};

/// The few facts of an ELF shared object that `ldconfig` reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfNote {
    /// `DT_SONAME`, where there is one.
    pub soname: Option<Vec<u8>>,
    /// `EI_CLASS`: 32 or 64.
    pub bits: u8,
    /// `e_machine`.
    pub machine: u16,
    /// `e_flags` (ABI of arm and riscv).
    pub flags: u32,
}
