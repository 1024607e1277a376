//! What the first kilobytes of a layer say about accounts: a sorted layer has all of `etc/` near its start.
//!
//! Invariant: facts are drawn only if `etc/` was seen and passed, and the entries up to there show that the layer is
//! sorted, or if the whole layer was read. That a layer has no `etc/` is never concluded from a part of it: one that
//! begins with `usr/` may be sorted, or not. Facts are of `etc/` alone, unverified until the whole blob is read (rules.md: "A prefix read may feed accounts only"),
//! and never become a catalogue.

use std::io::Read;

use crate::stream::{EntryPath, Kind, Limits, TarError, TarReader};

use super::{Catalogue, RootFs, RootFsError, keep};

/// The directory that holds all that adding an account asks for.
const ETC: &[u8] = b"etc";

/// Places that must be plain files or directories; behind a link they could lie anywhere in the layer.
const PLAIN: [&[u8]; 10] = [
    b"etc",
    b"etc/passwd",
    b"etc/group",
    b"etc/shadow",
    b"etc/gshadow",
    b"etc/subuid",
    b"etc/subgid",
    b"etc/login.defs",
    b"etc/default",
    b"etc/skel",
];

/// How often two entries up to the end of `etc/` must have stood in order where they could have stood the other way. By
/// chance that happens once in 16! layers; a list of a few files that somebody wrote down by hand does not reach it.
const EVIDENCE: u32 = 16;

/// What some bytes from the start of a layer tell.
#[derive(Debug)]
pub enum Prefix {
    /// All that the layer has in `etc/`.
    Facts(AccountFacts),
    /// So far sorted, but `etc/` is not passed: more bytes may tell.
    NeedMore,
    /// Not known to be sorted, or `etc/` has links in decisive places: only the whole layer tells.
    NeedAll,
}

/// One layer's part of `etc/`: what it has there and what it hides of lower layers.
#[derive(Clone, Debug)]
pub struct AccountFacts(Catalogue);

impl AccountFacts {
    /// The view of `etc/` over layers, bottom to top; nothing else is in it.
    pub fn merge<'a>(layers: impl IntoIterator<Item = &'a Self>) -> Result<RootFs, RootFsError> {
        let mut root = RootFs::merge(layers.into_iter().map(|facts| &facts.0))?;
        root.nodes.retain(|path, _| in_etc(path.as_bytes()));
        Ok(root)
    }
    /// The part of `etc/` of a whole layer, so that known and unseen layers can be mixed.
    pub fn of(catalogue: &Catalogue) -> Self {
        Self(catalogue.clone())
    }
}

/// Reads the uncompressed bytes that there are; `whole` says that they are all of the layer. Where they are not, their end
/// is no error: it comes as a truncated stream.
pub fn read_accounts_prefix(input: impl Read, whole: bool) -> Result<Prefix, RootFsError> {
    let mut reader = TarReader::new(input, Limits::default());
    let (mut catalogue, mut room, mut order) = (Catalogue::default(), keep::TOTAL, Order::default());
    loop {
        let step = match reader.next_entry() {
            Ok(None) if whole => break,
            Ok(None) => return Ok(Prefix::NeedMore),
            Ok(Some(entry)) => {
                order.add(&entry.path);
                if !whole && order.is_lost() {
                    return Ok(Prefix::NeedAll);
                }
                if !whole && is_past(order.last.as_bytes()) {
                    if order.evidence < EVIDENCE || !catalogue.records.iter().any(|record| in_etc(record.entry.path.as_bytes())) {
                        return Ok(Prefix::NeedAll);
                    }
                    break;
                }
                catalogue.take(entry, &mut reader, &mut room)
            }
            Err(error) => Err(error.into()),
        };
        match step {
            Err(RootFsError::Tar(error)) if !whole && is_end(&error) => return Ok(Prefix::NeedMore),
            other => other?,
        }
    }
    let linked = |record: &super::Record| {
        let plain = matches!(record.entry.kind, Kind::File { .. } | Kind::Directory);
        !plain && PLAIN.contains(&record.entry.path.as_bytes())
    };
    Ok(if !whole && catalogue.records.iter().any(linked) { Prefix::NeedAll } else { Prefix::Facts(AccountFacts(catalogue)) })
}

fn in_etc(path: &[u8]) -> bool {
    path.strip_prefix(ETC).is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
}

/// Whether a sorted layer has nothing of `etc/` from here on, in either order: `etc-x` stands behind `etc/a` if names are
/// sorted per directory, and before it if whole paths are.
fn is_past(path: &[u8]) -> bool {
    path > b"etc/".as_slice() && !in_etc(path)
}

/// Whether the bytes ended, rather than being wrong.
fn is_end(error: &TarError) -> bool {
    match error {
        TarError::Truncated { .. } => true,
        TarError::Read { cause, .. } => cause.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}

/// The order of entries so far: writers sort names per directory (GNU tar, BuildKit) or whole paths (classic Docker). A
/// whiteout stands where the hidden name would.
#[derive(Default)]
struct Order {
    last: EntryPath,
    by_name_lost: bool,
    by_path_lost: bool,
    /// Steps that were in order and did not lead from a directory into it, before `etc/` was passed.
    evidence: u32,
}

impl Order {
    fn add(&mut self, path: &EntryPath) {
        let shown = match path.file_name().strip_prefix(b".wh.") {
            Some(hidden) if !hidden.starts_with(b".wh.") => path.parent().and_then(|parent| parent.join(hidden).ok()),
            _ => None,
        };
        let path = shown.unwrap_or_else(|| path.clone());
        self.by_name_lost |= self.last.components().gt(path.components());
        self.by_path_lost |= self.last > path;
        if !is_past(path.as_bytes()) && !path.is_below(&self.last) {
            self.evidence += 1;
        }
        self.last = path;
    }
    fn is_lost(&self) -> bool {
        self.by_name_lost && self.by_path_lost
    }
}

#[cfg(test)]
mod tests;
