//! One conda package for one prefix: what it brings, what it says of itself, what its files become there.
//!
//! Invariant: a function of the archive's bytes and the prefix; every file was read to its end and is what its list says.

mod container;
mod info;
mod patch;
mod read;
mod shebang;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::layer::Contents;
use crate::oci::Digest;
use crate::stream::EntryPath;

pub use container::{WHOLE, as_tar, data, info_tar};
pub use info::{Listed, PathKind};
pub use patch::{Change, FileMode, Patched};
pub use read::read;
pub(super) use shebang::of_python;

/// A package, linked into one prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Entries of the tar that [`data`] opens.
    pub contents: Arc<Contents>,
    /// What is linked, in the package's order.
    pub listed: Vec<Listed>,
    /// Digests of the listed files after patching, by shipped path; of hard links too.
    pub digests: BTreeMap<EntryPath, Digest>,
    /// What changes in which file, by shipped path.
    pub patched: BTreeMap<EntryPath, Patched>,
    /// `info/index.json`, with `info/repodata_record.json` below `record` where a package has one.
    index: String,
    record: Option<String>,
    link: Option<String>,
}

impl Package {
    /// `info/index.json`.
    pub fn index(&self) -> Map<String, Value> {
        serde_json::from_str(&self.index).unwrap_or_default()
    }
    /// `info/repodata_record.json`, which a few tools put into a package.
    pub fn record(&self) -> Option<Map<String, Value>> {
        serde_json::from_str(self.record.as_ref()?).ok()
    }
    /// `info/link.json`.
    pub fn link(&self) -> Map<String, Value> {
        self.link.as_ref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// Raised by every change to what a package holds, or how it is written.
const FORMAT: [u8; 8] = *b"plycon\x00\x01";

impl Package {
    /// As bytes, for the store's memo.
    pub fn to_memo(&self) -> Vec<u8> {
        let mut bytes = FORMAT.to_vec();
        bytes.extend(postcard::to_stdvec(self).unwrap_or_default());
        bytes
    }
    /// What was written; another format or damaged bytes are nothing.
    pub fn from_memo(memo: &[u8]) -> Option<Self> {
        let (package, rest) = postcard::take_from_bytes(memo.strip_prefix(&FORMAT)?).ok()?;
        rest.is_empty().then_some(package)
    }
}

#[cfg(test)]
pub(crate) mod tests;
