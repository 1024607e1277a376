//! Where the bytes of a blob come from: a source, the store, memory. Each can be opened again for a retry.
//!
//! Invariant: what is handed out is checked against the descriptor before its end is told.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::Events;
use crate::error::{Error, IoFault, Result};
use crate::oci::Descriptor;
use crate::store::Store;
use crate::transport::{Body, BoxFuture, Source, Supply, verified};

/// A blob of a source.
#[derive(Clone, Debug)]
pub struct FromSource {
    /// Where.
    pub source: Arc<dyn Source>,
    /// Which one.
    pub descriptor: Descriptor,
}

impl Supply for FromSource {
    fn open(&self) -> BoxFuture<'_, Result<Body>> {
        Box::pin(async move {
            let body = self.source.open(&self.descriptor, 0..self.descriptor.size).await?;
            Ok(verified(body, &self.descriptor))
        })
    }
}

/// A blob of the store.
#[derive(Clone, Debug)]
pub struct FromStore {
    /// The store.
    pub store: Store,
    /// Which one.
    pub descriptor: Descriptor,
}

impl Supply for FromStore {
    fn open(&self) -> BoxFuture<'_, Result<Body>> {
        Box::pin(async move {
            let reader = self.store.open_blob(&self.descriptor.digest, self.descriptor.size)?;
            Ok(Body::from_read(Some(self.descriptor.size), reader, unreadable))
        })
    }
}

fn unreadable(cause: io::Error) -> Error {
    match crate::stream::VerifyError::inside(&cause) {
        Some(damage) => damage.clone().into(),
        None => IoFault::new("a blob of the store", cause).into(),
    }
}

/// Bytes at hand.
#[derive(Clone, Debug)]
pub struct Held(pub Bytes);

impl Supply for Held {
    fn open(&self) -> BoxFuture<'_, Result<Body>> {
        Box::pin(async move { Ok(Body::held(self.0.clone())) })
    }
}

/// A supply whose bytes are told while they pass.
pub(super) struct Counted {
    pub(super) inner: Arc<dyn Supply>,
    pub(super) descriptor: Descriptor,
    pub(super) events: Arc<dyn Events>,
}

impl Supply for Counted {
    fn open(&self) -> BoxFuture<'_, Result<Body>> {
        Box::pin(async move {
            self.events.started(&self.descriptor);
            let body = self.inner.open().await?;
            let (events, descriptor) = (Arc::clone(&self.events), self.descriptor.clone());
            let told = body.into_stream().inspect(move |item| {
                if let Ok(piece) = item {
                    events.moved(&descriptor, piece.len() as u64);
                }
            });
            Ok(Body::new(Some(self.descriptor.size), told))
        })
    }
}
