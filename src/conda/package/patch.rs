//! Prefix replacement of one file, found while its bytes go by once: the changes, and the digest of the result.
//!
//! Invariant: memory is bounded by a piece and a placeholder. In a binary file a string keeps its length: what gets shorter is
//! padded with NULs at the string's end, so that all else stays where it was (as libmamba and conda do).

use std::io::{self, Read};

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

use super::shebang;
use crate::oci::{Digest, Hasher};

/// Bytes looked at at a time.
const PIECE: usize = 128 << 10;
/// The longest first line in which a too long interpreter is looked for.
const FIRST_LINE: u64 = 1 << 20;

/// How a placeholder is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileMode {
    /// Wherever it stands; the file's length changes.
    Text,
    /// In NUL-terminated strings; lengths stay.
    Binary,
}

/// Offset in the shipped file, length of the old bytes, new bytes.
pub type Change = (u64, u64, Vec<u8>);

/// What becomes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patched {
    /// At ascending offsets.
    pub changes: Vec<Change>,
    /// Of the bytes after them.
    pub digest: Digest,
    /// Bytes after them.
    pub size: u64,
}

/// Why a file cannot be patched.
#[derive(Debug, thiserror::Error)]
pub(super) enum PatchError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("the prefix is longer than the placeholder of {0} bytes, which a binary has no room for")]
    TooLong(usize),
    #[error("it has more than {0} places to patch")]
    TooMany(usize),
}

/// Replaces `placeholder` by `prefix` in `body`, at not more than `most` places.
pub(super) fn patch(
    body: impl Read,
    placeholder: &[u8],
    mode: FileMode,
    prefix: &[u8],
    most: usize,
) -> Result<Patched, PatchError> {
    let mut scan = Scan {
        finder: Finder::new(placeholder),
        placeholder: placeholder.len(),
        prefix,
        mode,
        most,
        held: Vec::new(),
        at: 0,
        open: 0,
        changes: Vec::new(),
        out: Hasher::new(),
    };
    let mut body = body;
    if mode == FileMode::Text {
        scan.first_line(&mut body)?;
    }
    loop {
        let before = scan.held.len();
        (&mut body).take(PIECE as u64).read_to_end(&mut scan.held)?;
        let last = scan.held.len() == before;
        scan.step(last)?;
        if last {
            break;
        }
    }
    let size = scan.out.size();
    Ok(Patched { changes: scan.changes, digest: scan.out.finish(), size })
}

struct Scan<'a> {
    finder: Finder<'a>,
    placeholder: usize,
    prefix: &'a [u8],
    mode: FileMode,
    most: usize,
    /// Bytes that may still be part of a placeholder, and those behind them.
    held: Vec<u8>,
    /// Offset of the first held byte.
    at: u64,
    /// Placeholders in the string that is not at its end yet.
    open: usize,
    changes: Vec<Change>,
    out: Hasher,
}

impl Scan<'_> {
    /// A script's interpreter that gets too long for the kernel is looked for in PATH instead.
    fn first_line(&mut self, body: &mut impl Read) -> Result<(), PatchError> {
        let mut limited = body.take(FIRST_LINE);
        loop {
            let before = self.held.len();
            (&mut limited).take(4096).read_to_end(&mut self.held)?;
            if self.held.len() == before || self.held.contains(&b'\n') || !self.held.starts_with(b"#!") {
                break;
            }
        }
        if !self.held.starts_with(b"#!") {
            return Ok(());
        }
        let length = memchr::memchr(b'\n', &self.held).unwrap_or(self.held.len());
        let line = self.held.get(..length).unwrap_or_default();
        let replaced = self.replaced(line);
        if let Some(short) = shebang::shortened(&replaced) {
            self.out.update(&short);
            self.changes.push((0, length as u64, short));
            self.held.drain(..length);
            self.at = length as u64;
        }
        Ok(())
    }

    fn replaced(&self, line: &[u8]) -> Vec<u8> {
        let (mut out, mut rest) = (Vec::new(), line);
        while let Some(at) = self.finder.find(rest) {
            out.extend_from_slice(rest.get(..at).unwrap_or_default());
            out.extend_from_slice(self.prefix);
            rest = rest.get(at + self.placeholder..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        out
    }

    /// Finds what can be found in the held bytes; `last`: no more will come.
    fn step(&mut self, last: bool) -> Result<(), PatchError> {
        let held = std::mem::take(&mut self.held);
        let mut done = 0;
        // Where the open string ends, as far as known; looked for once, however many placeholders it has.
        let mut end: Option<Option<usize>> = None;
        loop {
            let rest = held.get(done..).unwrap_or_default();
            let known = if self.open == 0 { None } else { *end.get_or_insert_with(|| memchr::memchr(0, rest).map(|n| done + n)) };
            let within = rest.get(..known.map_or(rest.len(), |n| n - done)).unwrap_or_default();
            if let Some(found) = self.finder.find(within) {
                self.out.update(rest.get(..found).unwrap_or_default());
                self.hit(done + found)?;
                done += found + self.placeholder;
            } else if let Some(n) = known {
                self.out.update(within);
                self.close(self.at + n as u64);
                (done, end) = (n, None);
            } else {
                let kept = if last { 0 } else { rest.len().min(self.placeholder - 1) };
                self.out.update(rest.get(..rest.len() - kept).unwrap_or_default());
                done += rest.len() - kept;
                break;
            }
        }
        self.held = held;
        self.held.drain(..done);
        self.at += done as u64;
        if last {
            self.close(self.at);
        }
        Ok(())
    }

    fn hit(&mut self, place: usize) -> Result<(), PatchError> {
        if self.changes.len() >= self.most {
            return Err(PatchError::TooMany(self.most));
        }
        if self.mode == FileMode::Binary {
            if self.prefix.len() > self.placeholder {
                return Err(PatchError::TooLong(self.placeholder));
            }
            self.open += 1;
        }
        self.out.update(self.prefix);
        self.changes.push((self.at + place as u64, self.placeholder as u64, self.prefix.to_vec()));
        Ok(())
    }

    /// The open string ends here: what its placeholders were longer is padded.
    fn close(&mut self, at: u64) {
        let padding = vec![0; self.open * self.placeholder.saturating_sub(self.prefix.len())];
        self.open = 0;
        if !padding.is_empty() {
            self.out.update(&padding);
            self.changes.push((at, 0, padding));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What libmamba does in memory.
    fn in_memory(content: &[u8], old: &[u8], mode: FileMode, new: &[u8]) -> Vec<u8> {
        let find =
            |bytes: &[u8], from: usize| bytes.get(from..).and_then(|rest| memchr::memmem::find(rest, old)).map(|at| from + at);
        let (mut bytes, mut from) = (content.to_vec(), 0);
        while let Some(at) = find(&bytes, from) {
            let end = at + old.len();
            if mode == FileMode::Text {
                bytes.splice(at..end, new.iter().copied());
            } else {
                let stop = bytes[end..].iter().position(|b| *b == 0).map_or(bytes.len(), |n| end + n);
                let text = [new, &bytes[end..stop], &vec![0; old.len() - new.len()]].concat();
                bytes.splice(at..stop, text);
            }
            from = at + new.len();
        }
        bytes
    }

    fn applied(content: &[u8], changes: &[Change]) -> Vec<u8> {
        let (mut out, mut done) = (Vec::new(), 0);
        for (at, length, new) in changes {
            out.extend_from_slice(&content[done..*at as usize]);
            out.extend_from_slice(new);
            done = (at + length) as usize;
        }
        out.extend_from_slice(&content[done..]);
        out
    }

    /// Hands out a few bytes at a time.
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(3);
            self.0.read(&mut buffer[..most])
        }
    }

    fn check(content: &[u8], old: &[u8], mode: FileMode, new: &[u8]) -> Vec<u8> {
        let patched = patch(Slow(content), old, mode, new, 10_000).expect("patches");
        let bytes = applied(content, &patched.changes);
        assert_eq!((patched.digest, patched.size), (Digest::of(&bytes), bytes.len() as u64));
        bytes
    }

    #[test]
    fn strings_of_a_binary_keep_their_length() {
        for (content, result) in [
            (&b"\x7fELF\0/long/prefix/lib\0tail"[..], &b"\x7fELF\0/p/lib\0\0\0\0\0\0\0\0\0\0\0tail"[..]),
            (b"/long/prefix/a:/long/prefix/b\0x", b"/p/a:/p/b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x"),
            (b"/long/prefix", b"/p\0\0\0\0\0\0\0\0\0\0"),
            (b"no prefix at all, /long/prefi", b"no prefix at all, /long/prefi"),
            (b"", b""),
        ] {
            assert_eq!(check(content, b"/long/prefix", FileMode::Binary, b"/p"), result);
        }
    }

    #[test]
    fn a_text_changes_its_length_and_a_long_interpreter_goes_by_path() {
        let text = b"#!/old/bin/python -E\nx = '/old/lib'\n";
        assert_eq!(check(text, b"/old", FileMode::Text, b"/new/place"), b"#!/new/place/bin/python -E\nx = '/new/place/lib'\n");
        let deep = format!("/{}", "d".repeat(140));
        let told = check(text, b"/old", FileMode::Text, deep.as_bytes());
        assert_eq!(told, format!("#!/usr/bin/env python -E\nx = '{deep}/lib'\n").as_bytes());
        assert_eq!(check(b"#!/old/bin/sh", b"/old", FileMode::Text, deep.as_bytes()), b"#!/usr/bin/env sh");
    }

    #[test]
    fn a_prefix_without_room_and_too_many_places_are_refused() {
        let run = |mode, new: &[u8], most| patch(&b"/old /old"[..], b"/old", mode, new, most).map_err(|e| e.to_string());
        assert!(run(FileMode::Binary, b"/longer", 9).expect_err("no room").contains("longer than the placeholder of 4"));
        assert!(run(FileMode::Binary, b"/same", 9).is_err() && run(FileMode::Binary, b"/new", 9).is_ok());
        assert!(run(FileMode::Text, b"/longer", 2).is_ok());
        assert!(run(FileMode::Text, b"/longer", 1).expect_err("too many").contains("more than 1 places"));
    }

    proptest! {
        #[test]
        fn one_pass_gives_what_replacing_in_memory_gives(
            parts in proptest::collection::vec(prop_oneof![
                Just(b"/aab".to_vec()), Just(b"/aa".to_vec()), Just(vec![0]), Just(b"b".to_vec()), Just(vec![0; 40]),
                proptest::collection::vec(any::<u8>(), 0..20),
            ], 0..60),
            binary in any::<bool>(),
        ) {
            let content = parts.concat();
            prop_assume!(!content.starts_with(b"#!"));
            let mode = if binary { FileMode::Binary } else { FileMode::Text };
            for new in [&b"/aab"[..], b"/x", b""] {
                prop_assert_eq!(check(&content, b"/aab", mode, new), in_memory(&content, b"/aab", mode, new));
            }
        }
    }
}
