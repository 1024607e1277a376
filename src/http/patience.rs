//! How long a request may be silent: time counts only while the other side has the next step, never as a whole.
//!
//! Invariant: the clock starts anew with each piece of a body that is taken, and stands still while our own supply is slow.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout_at};

/// The clock of one request. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    limit: Duration,
    /// Since when the other side has the next step; nothing while ours has it.
    since: Arc<Mutex<Option<Instant>>>,
}

impl Patience {
    /// The other side has the next step from now on, and `limit` for each.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, since: Arc::new(Mutex::new(Some(Instant::now()))) }
    }
    fn set(&self, since: Option<Instant>) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
    /// When it ends if nothing happens; while ours has the next step, when to look again.
    fn end(&self) -> (Instant, bool) {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        (since.unwrap_or_else(Instant::now) + self.limit, since.is_some())
    }
    /// The stream, telling the clock when a piece is asked for and when it was taken.
    pub(super) fn watching<E>(
        self,
        pieces: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> impl Stream<Item = Result<Bytes, E>> + Send {
        let mut pieces = Box::pin(pieces);
        futures_util::stream::poll_fn(move |context| {
            let polled = pieces.poll_next_unpin(context);
            self.set(matches!(polled, Poll::Ready(_)).then(Instant::now));
            polled
        })
    }
    /// What `work` gives; nothing where the other side was silent for too long.
    pub(super) async fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            let (end, _) = self.end();
            if let Ok(done) = timeout_at(end, work.as_mut()).await {
                return Some(done);
            }
            let (end, theirs) = self.end();
            if theirs && end <= Instant::now() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// Takes ten pieces of a body that come after `supply` each, resting for `rest` after each, and answers after `answer`.
    async fn upload(supply: u64, rest: u64, answer: u64) -> bool {
        let seconds = |n| tokio::time::sleep(Duration::from_secs(n));
        let patience = Patience::new(LIMIT);
        let pieces = futures_util::stream::iter(0..10).then(move |_| async move {
            seconds(supply).await;
            Ok::<_, ()>(Bytes::from_static(b"x"))
        });
        let mut body = Box::pin(patience.clone().watching(pieces));
        let sending = async {
            while body.next().await.is_some() {
                seconds(rest).await;
            }
            seconds(answer).await;
        };
        patience.wait(sending).await.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn only_silence_of_the_other_side_counts() {
        for (supply, rest, answer, good) in [
            (0, 0, 0, true),
            // Ten minutes in all, but never silent for one.
            (0, 50, 50, true),
            // Our own source is slow.
            (100, 1, 1, true),
            (0, 61, 0, false),
            (100, 61, 0, false),
            (0, 1, 61, false),
            (100, 1, 61, false),
        ] {
            assert_eq!(upload(supply, rest, answer).await, good, "{supply} {rest} {answer}");
        }
    }
}
