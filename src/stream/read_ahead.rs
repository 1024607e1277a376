//! Reads and decompresses the sources on a thread of its own, ahead of the linker.
//!
//! Invariant: sources come whole, in order, each up to its true end, or with the error that ended it. At most
//! [`AHEAD`] pieces wait. The thread ends with its work or when the other end is dropped.

use std::io::{self, Read};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{During as _, Error};
use crate::oci::Digest;

/// Bytes handed over at a time.
const PIECE: usize = 256 * 1024;
/// Pieces that may wait.
const AHEAD: usize = 8;

/// Opens the uncompressed data tar of an archive.
pub type Open<'a> = dyn Fn(&Digest) -> Result<Box<dyn Read + Send>, Error> + Sync + 'a;

/// What comes from the reading thread.
enum Item {
    Piece(Vec<u8>),
    End,
    Failed(io::Error),
}

/// The linker's end.
#[derive(Debug)]
pub(super) struct ReadAhead {
    items: Receiver<Item>,
    /// Takes used pieces back.
    used: Sender<Vec<u8>>,
}

impl ReadAhead {
    /// Starts to read `sources` in `scope`.
    pub(super) fn start<'scope>(
        scope: &'scope thread::Scope<'scope, '_>,
        sources: Vec<Digest>,
        open: &'scope Open<'_>,
    ) -> io::Result<Self> {
        let (sender, items) = bounded(AHEAD);
        let (used, spare) = bounded(AHEAD);
        let run = move || {
            for digest in sources {
                let last = match read_source(&digest, open, &sender, &spare) {
                    Ok(true) => Item::End,
                    Ok(false) => return,
                    Err(error) => Item::Failed(error),
                };
                let failed = matches!(last, Item::Failed(_));
                if sender.send(last).is_err() || failed {
                    return;
                }
            }
        };
        thread::Builder::new().name("sources".into()).spawn_scoped(scope, run)?;
        Ok(Self { items, used })
    }
    /// The next source. The one before must have been read to its end.
    pub(super) fn source(&self) -> SourceReader<'_> {
        SourceReader { from: self, piece: Vec::new(), at: 0, ended: false }
    }
}

/// Sends one source piece by piece; `false` if nobody listens any more.
fn read_source(digest: &Digest, open: &Open<'_>, to: &Sender<Item>, spare: &Receiver<Vec<u8>>) -> io::Result<bool> {
    let mut source = open(digest).during(|| format!("opening {digest}")).map_err(io::Error::other)?;
    loop {
        let mut piece = spare.try_recv().unwrap_or_default();
        piece.clear();
        (&mut source).take(PIECE as u64).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(true);
        }
        if to.send(Item::Piece(piece)).is_err() {
            return Ok(false);
        }
    }
}

/// The bytes of one source.
#[derive(Debug)]
pub(super) struct SourceReader<'a> {
    from: &'a ReadAhead,
    piece: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            if self.ended {
                return Ok(0);
            }
            // If the pool is full, the piece is simply freed.
            let _ = self.from.used.try_send(std::mem::take(&mut self.piece));
            self.at = 0;
            match self.from.items.recv() {
                Ok(Item::Piece(piece)) => self.piece = piece,
                Ok(Item::End) => self.ended = true,
                Ok(Item::Failed(error)) => return Err(error),
                Err(_) => return Err(io::Error::other("the reading thread ended early")),
            }
        }
        let n = (&self.piece[self.at..]).read(buffer)?;
        self.at += n;
        Ok(n)
    }
}
