//! A catalogue as bytes, for the store's memo: a derived document that is never given a digest of its own.
//!
//! Invariant: what was written is read back equal; other formats and damaged bytes are no catalogue, never a wrong one
//! by accident of length, and never a panic. Kept bytes lie in one run behind the records, so that loading copies them once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::oci::Digest;
use crate::stream::{Entry, EntryPath};

use super::catalogue::Record;
use super::{Catalogue, ElfNote};

/// Raised by every change to what a catalogue holds or how it is written, the rule of `keep` included.
const FORMAT: [u8; 8] = *b"plycat\x005";

#[derive(Serialize, Deserialize)]
struct Written {
    entry: Entry,
    /// Length of its bytes in the run.
    kept: Option<u32>,
    digest: Option<Digest>,
    elf: Option<ElfNote>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    records: Vec<Written>,
    whiteouts: Vec<EntryPath>,
    opaque: Vec<EntryPath>,
}

impl Catalogue {
    /// The catalogue as bytes.
    pub fn to_memo(&self) -> Vec<u8> {
        let written = |record: &Record| Written {
            entry: record.entry.clone(),
            kept: record.bytes.as_ref().map(|bytes| bytes.len() as u32),
            digest: record.digest,
            elf: record.elf.clone(),
        };
        let document = Document {
            records: self.records.iter().map(written).collect(),
            whiteouts: self.whiteouts.clone(),
            opaque: self.opaque.clone(),
        };
        // Writing to a vector fails only where a type refuses to be serialised, and none of these does.
        let text = postcard::to_stdvec(&document).unwrap_or_default();
        let mut bytes = FORMAT.to_vec();
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&text);
        for kept in self.records.iter().filter_map(|record| record.bytes.as_ref()) {
            bytes.extend_from_slice(kept);
        }
        bytes
    }

    /// The catalogue that was written; nothing if the bytes are of another format or damaged.
    pub fn from_memo(memo: &[u8]) -> Option<Self> {
        let (length, rest) = memo.strip_prefix(&FORMAT)?.split_first_chunk::<8>()?;
        let (text, mut run) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let document: Document = postcard::from_bytes(text).ok()?;
        let mut records = Vec::with_capacity(document.records.len());
        for Written { entry, kept, digest, elf } in document.records {
            let bytes = match kept {
                None => None,
                Some(length) => {
                    let (bytes, behind) = run.split_at_checked(length as usize)?;
                    run = behind;
                    Some(Arc::from(bytes))
                }
            };
            records.push(Record { entry, bytes, digest, elf });
        }
        run.is_empty().then_some(Self { records, whiteouts: document.whiteouts, opaque: document.opaque })
    }
}
