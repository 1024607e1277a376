//! A stream of bytes, for async code and, through a bounded channel, for blocking code.
//!
//! Invariant: at most four pieces are held ahead of the reader.

use std::io::{self, Read};
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::error::{Error, Result};

/// The next bytes of a blob, a request or a response.
pub struct Body {
    /// How many bytes will come, where that is known.
    pub size: Option<u64>,
    stream: Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>,
}

impl Body {
    /// A body over any stream.
    pub fn new(size: Option<u64>, stream: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        Self { size, stream: Box::pin(stream) }
    }
    /// A body of bytes at hand.
    pub fn held(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::new(Some(bytes.len() as u64), futures_util::stream::once(async { Ok(bytes) }))
    }
    /// A body over a blocking reader, read on a worker thread in pieces of 256 KiB, at most four ahead. Needs a tokio runtime.
    pub fn from_read(size: Option<u64>, mut reader: impl Read + Send + 'static, failed: fn(io::Error) -> Error) -> Self {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes>>(4);
        tokio::task::spawn_blocking(move || {
            loop {
                let mut piece = vec![0; 256 * 1024];
                let item = match reader.read(&mut piece) {
                    Ok(0) => return,
                    Ok(n) => {
                        piece.truncate(n);
                        Ok(Bytes::from(piece))
                    }
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                    Err(e) => Err(failed(e)),
                };
                let ended = item.is_err();
                if sender.blocking_send(item).is_err() || ended {
                    return;
                }
            }
        });
        Self::new(size, futures_util::stream::unfold(receiver, |mut r| async move { r.recv().await.map(|item| (item, r)) }))
    }
    /// The next piece; nothing at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        self.stream.next().await
    }
    /// The stream itself.
    pub fn into_stream(self) -> Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>> {
        self.stream
    }
    /// For blocking code: a reader that is fed by a task on `runtime`, at most four pieces ahead. An [`Error`] of the stream
    /// arrives inside the `io::Error`. Dropping the reader ends the task. Must not be read on a runtime thread.
    pub fn into_read(mut self, runtime: &tokio::runtime::Handle) -> BodyReader {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes>>(4);
        runtime.spawn(async move {
            while let Some(item) = self.next().await {
                let ended = item.is_err();
                if sender.send(item).await.is_err() || ended {
                    return;
                }
            }
        });
        BodyReader { receiver, piece: Bytes::new() }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("size", &self.size).finish_non_exhaustive()
    }
}

/// The blocking end of [`Body::into_read`].
#[derive(Debug)]
pub struct BodyReader {
    receiver: tokio::sync::mpsc::Receiver<Result<Bytes>>,
    piece: Bytes,
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                None => return Ok(0),
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
        let n = buffer.len().min(self.piece.len());
        buffer[..n].copy_from_slice(&self.piece.split_to(n));
        Ok(n)
    }
}
