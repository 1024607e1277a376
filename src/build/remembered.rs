//! A source whose documents are kept in the store, so that a known digest is never asked for again.
//!
//! Invariant: only manifests, indexes and configs are kept; layers of a base never are.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Result;
use crate::oci::{Descriptor, Digest, MediaType, Repository};
use crate::store::Store;
use crate::transport::{Body, BoxFuture, Root, Selector, Source};

/// A source behind the store's memory.
#[derive(Debug, Clone)]
pub struct Remembered {
    source: Arc<dyn Source>,
    store: Arc<Store>,
}

impl Remembered {
    /// Remembers what `source` hands out.
    pub fn new(source: Arc<dyn Source>, store: Arc<Store>) -> Self {
        Self { source, store }
    }

    fn kept(&self, digest: &Digest, size: u64) -> Option<Bytes> {
        let bytes = self.store.has(digest, size).ok().filter(|has| *has).and_then(|_| self.store.read(digest, size).ok())?;
        Some(bytes.into())
    }
}

impl Source for Remembered {
    fn place(&self) -> String {
        self.source.place()
    }
    fn repository(&self) -> Option<&Repository> {
        self.source.repository()
    }
    fn look_up<'a>(&'a self, which: &'a Selector) -> BoxFuture<'a, Result<Descriptor>> {
        self.source.look_up(which)
    }
    fn resolve<'a>(&'a self, which: &'a Selector) -> BoxFuture<'a, Result<Root>> {
        Box::pin(async move {
            let descriptor = self.source.look_up(which).await?;
            if let Some(raw) = self.kept(&descriptor.digest, descriptor.size) {
                return Ok(Root { descriptor, raw });
            }
            // By digest, so that a tag that moves in between changes nothing.
            let root = self.source.resolve(&Selector::Digest(descriptor.digest)).await?;
            self.store.put(&root.raw)?;
            Ok(root)
        })
    }
    fn document<'a>(&'a self, descriptor: &'a Descriptor) -> BoxFuture<'a, Result<Bytes>> {
        Box::pin(async move {
            if let Some(raw) = self.kept(&descriptor.digest, descriptor.size) {
                return Ok(raw);
            }
            let raw = self.source.document(descriptor).await?;
            self.store.put(&raw)?;
            Ok(raw)
        })
    }
    fn open<'a>(&'a self, descriptor: &'a Descriptor, range: Range<u64>) -> BoxFuture<'a, Result<Body>> {
        Box::pin(async move {
            let whole = range == (0..descriptor.size) && is_config(&descriptor.media_type) && descriptor.size <= CONFIG;
            if !whole {
                return self.source.open(descriptor, range).await;
            }
            if let Some(raw) = self.kept(&descriptor.digest, descriptor.size) {
                return Ok(Body::held(raw));
            }
            let mut body = self.source.open(descriptor, range).await?;
            let mut bytes = Vec::new();
            while let Some(piece) = body.next().await {
                bytes.extend_from_slice(&piece?);
                if bytes.len() as u64 > descriptor.size {
                    break;
                }
            }
            if Digest::of(&bytes) == descriptor.digest {
                self.store.put(&bytes)?;
            }
            Ok(Body::held(bytes))
        })
    }
}

/// Larger configs are not worth keeping.
const CONFIG: u64 = 4 << 20;

fn is_config(media_type: &MediaType) -> bool {
    media_type.is_config()
}
