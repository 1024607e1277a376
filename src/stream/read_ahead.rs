//! Reads and decompresses sources on a thread of its own, ahead of whoever hashes and parses them.
//!
//! Invariant: sources come whole, in order, each up to its true end, or with the error that ended it. At most
//! [`AHEAD`] pieces wait. The thread ends with its work or when the other end is dropped.

use std::io::{self, Read};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::Error;

/// Bytes handed over at a time.
const PIECE: usize = 256 * 1024;
/// Pieces that may wait.
const AHEAD: usize = 8;

/// Opens the source of a number, counted from 0. Called once for each, in order, on the reading thread.
type Open<'a> = dyn FnMut(usize) -> Result<Box<dyn Read + Send>, Error> + Send + 'a;

/// What comes from the reading thread.
enum Item {
    Piece(Vec<u8>),
    End,
    Failed(io::Error),
}

/// The end where the sources come out.
#[derive(Debug)]
pub struct ReadAhead {
    items: Receiver<Item>,
    /// Takes used pieces back.
    used: Sender<Vec<u8>>,
}

impl ReadAhead {
    /// Starts to read `count` sources in `scope`.
    pub fn start<'scope>(scope: &'scope thread::Scope<'scope, '_>, count: usize, mut open: Box<Open<'scope>>) -> io::Result<Self> {
        let (sender, items) = bounded(AHEAD);
        let (used, spare) = bounded(AHEAD);
        let run = move || {
            for number in 0..count {
                let last = match open(number).map_err(io::Error::other).and_then(|s| read_source(s, &sender, &spare)) {
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
    pub fn source(&self) -> SourceReader<'_> {
        SourceReader { from: self, piece: Vec::new(), at: 0, ended: false }
    }
}

/// Sends one source piece by piece; `false` if nobody listens any more.
fn read_source(mut source: Box<dyn Read + Send>, to: &Sender<Item>, spare: &Receiver<Vec<u8>>) -> io::Result<bool> {
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
pub struct SourceReader<'a> {
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
