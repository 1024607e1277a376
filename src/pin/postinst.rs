//! Whether a package file has a postinst: dpkg cuts a cycle of dependencies at a package that has none.
//!
//! Invariant: read from the package file itself, remembered by its digest. It is asked only where an order depends on it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::apt::deb;
use crate::error::Result;
use crate::oci::Digest;
use crate::store::Store;

const KIND: &str = "postinst";
const NAME: &str = "postinst";

/// What is known, and what was asked for in vain.
#[derive(Debug)]
pub(super) struct Postinsts<'a> {
    store: &'a Store,
    known: RefCell<BTreeMap<Digest, Option<bool>>>,
}

impl<'a> Postinsts<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, known: RefCell::default() }
    }

    /// Whether the package file has one; taken as yes while it is not known.
    pub(super) fn has(&self, digest: Digest) -> bool {
        let read = || self.store.memo(KIND, &digest.hex()).ok().flatten().map(|memo| memo == [1]);
        self.known.borrow_mut().entry(digest).or_insert_with(read).unwrap_or(true)
    }

    /// The package files that had to be guessed.
    pub(super) fn guessed(&self) -> Vec<Digest> {
        self.known.borrow().iter().filter(|(_, known)| known.is_none()).map(|(digest, _)| *digest).collect()
    }
}

/// Reads a package file that the store has, and remembers.
pub(super) fn learn(store: &Store, digest: Digest, size: u64) -> Result<()> {
    let contents = deb::read(store.open_blob(&digest, size)?, Some(digest))?;
    let has = contents.control.iter().any(|file| file.name == NAME);
    store.set_memo(KIND, &digest.hex(), &[u8::from(has)], &[])?;
    Ok(())
}
