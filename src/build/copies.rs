//! Plain copies of archives that were decompressed to be read: the linker need not decompress them again.
//!
//! Invariant: a copy is whole, or there is none. It lies in a file without a name, in bounded room, and what stands in its way
//! (a full disk, no room left) costs the copy and never the build.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::Store;

/// What all copies of a build take on disk: the packages of most requests, and nothing that a build machine would miss.
const ROOM: u64 = 256 << 20;

/// The room that copies share.
#[derive(Clone, Debug)]
pub(super) struct Copies {
    left: Arc<AtomicU64>,
}

impl Default for Copies {
    fn default() -> Self {
        Self { left: Arc::new(AtomicU64::new(ROOM)) }
    }
}

/// One copy while it is written. Writing never fails.
#[derive(Debug)]
pub(super) struct Copying {
    copies: Copies,
    file: Option<File>,
    length: u64,
}

/// A whole copy. The room that it took is used up, since copies live as long as their build.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    file: Arc<File>,
    length: u64,
}

impl Copies {
    /// Starts a copy.
    pub(super) fn start(&self, store: &Store) -> Copying {
        Copying { copies: self.clone(), file: store.scratch().ok(), length: 0 }
    }
    fn take(&self, bytes: u64) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

impl Copying {
    /// The copy, if all that was written is in it. Whoever calls says that this was everything.
    pub(super) fn finish(mut self) -> Option<Copy> {
        let file = self.file.take()?;
        Some(Copy { file: Arc::new(file), length: self.length })
    }
    fn give_up(&mut self) {
        if self.file.take().is_some() {
            self.copies.left.fetch_add(self.length, Ordering::Relaxed);
        }
    }
}

impl Write for Copying {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len() as u64;
        if let Some(file) = &mut self.file {
            if !self.copies.take(count) {
                self.give_up();
            } else if file.write_all(bytes).is_ok() {
                self.length += count;
            } else {
                self.copies.left.fetch_add(count, Ordering::Relaxed);
                self.give_up();
            }
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Copying {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl Copy {
    /// Reads the copy from its beginning; several may read it at once.
    pub(super) fn reader(&self) -> impl Read + Send + 'static {
        Reader { copy: self.clone(), at: 0 }
    }
}

struct Reader {
    copy: Copy,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.copy.length - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let room = buffer.get_mut(..left).unwrap_or_default();
        let n = self.copy.file.read_at(room, self.at)?;
        if n == 0 && left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_read_by_many_and_one_without_room_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        let copies = Copies { left: Arc::new(AtomicU64::new(10)) };
        let copy = |text: &[u8]| {
            let mut copying = copies.start(&store);
            text.chunks(4).for_each(|piece| copying.write_all(piece).expect("never fails"));
            copying.finish()
        };
        assert!(copy(b"eleven byte").is_none());
        drop(copies.start(&store));
        let found = copy(b"ten  bytes").expect("room for it");
        for _ in 0..2 {
            let mut text = Vec::new();
            found.reader().read_to_end(&mut text).expect("read");
            assert_eq!(text, b"ten  bytes");
        }
        assert!(copy(b"x").is_none());
        assert_eq!(copy(b"").map(|c| c.length), Some(0));
    }
}
