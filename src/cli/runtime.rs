//! The workers of commands that wait for a network or engine, and how a signal ends them.
//!
//! Invariant: they are started only where needed; after a signal the work is dropped, so that its temporary files go, and the
//! program ends within a second.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::error::{IoFault, Result};

use super::failure::CliError;

/// Threads for sockets; hashing, compression and files have their own.
const WORKERS: usize = 2;
/// What threads that are in the middle of something get to end.
const GRACE: Duration = Duration::from_millis(300);

/// Runs `work` to its end, or to SIGINT or SIGTERM.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let started = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    let runtime = started.map_err(|e| IoFault::new("starting worker threads", e))?;
    let result = runtime.block_on(async {
        let listen = |kind| signal(kind).map_err(|e| IoFault::new("listening to signals", e));
        let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        tokio::select! {
            result = work => result,
            _ = interrupt.recv() => Err(CliError::Signal(2).into()),
            _ = terminate.recv() => Err(CliError::Signal(15).into()),
        }
    });
    runtime.shutdown_timeout(GRACE);
    result
}
