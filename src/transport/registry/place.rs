//! One repository of a registry as [`Source`] and [`Target`].
//!
//! Invariant: reading asks for the right to pull only; what fails here names the side on which it failed.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::error::{Result, Side};
use crate::http::{Body, Url};
use crate::oci::{Descriptor, Digest, Repository};
use crate::transport::{BoxFuture, Root, Selector, Source, Supply, Target};

use super::RegistryError;
use super::connection::{Connection, Scopes};

/// A repository.
#[derive(Clone, Debug)]
pub struct RegistryPlace {
    pub(super) repository: Repository,
    pub(super) connection: Arc<Connection>,
    pub(super) mounted: Arc<AtomicU64>,
    /// Upload sessions that were opened instead of a mount.
    pub(super) sessions: Arc<Mutex<HashMap<Digest, Url>>>,
}

impl RegistryPlace {
    pub(super) fn new(repository: Repository, connection: Arc<Connection>, mounted: Arc<AtomicU64>) -> Self {
        Self { repository, connection, mounted, sessions: Arc::default() }
    }
    pub(super) fn pull_scopes(&self) -> Scopes {
        vec![format!("repository:{}:pull", self.repository.path)]
    }
    pub(super) fn push_scopes(&self) -> Scopes {
        vec![format!("repository:{}:pull,push", self.repository.path)]
    }
}

/// What a selector is in an address.
fn written(which: &Selector) -> String {
    match which {
        Selector::Name(tag) => tag.clone(),
        Selector::Digest(digest) => digest.to_string(),
        Selector::Only => "latest".into(),
    }
}

/// A tag is checked before it becomes part of an address.
fn checked<'a>(repository: &Repository, tag: &'a str) -> Result<&'a str> {
    if tag.parse::<Digest>().is_err() {
        repository.with_tag(tag)?;
    }
    Ok(tag)
}

impl Source for RegistryPlace {
    fn place(&self) -> String {
        self.repository.familiar()
    }
    fn repository(&self) -> Option<&Repository> {
        Some(&self.repository)
    }
    fn look_up<'a>(&'a self, which: &'a Selector) -> BoxFuture<'a, Result<Descriptor>> {
        Box::pin(async move { Ok(self.head(checked(&self.repository, &written(which))?, &self.pull_scopes()).await?) })
    }
    fn resolve<'a>(&'a self, which: &'a Selector) -> BoxFuture<'a, Result<Root>> {
        Box::pin(async move { Ok(self.get(checked(&self.repository, &written(which))?, None, &self.pull_scopes()).await?) })
    }
    fn document<'a>(&'a self, descriptor: &'a Descriptor) -> BoxFuture<'a, Result<Bytes>> {
        Box::pin(async move { Ok(self.get(&descriptor.digest.to_string(), Some(descriptor), &self.pull_scopes()).await?.raw) })
    }
    fn open<'a>(&'a self, descriptor: &'a Descriptor, range: Range<u64>) -> BoxFuture<'a, Result<Body>> {
        Box::pin(self.open_blob(descriptor, range))
    }
}

impl Target for RegistryPlace {
    fn place(&self) -> String {
        self.repository.familiar()
    }
    fn repository(&self) -> Option<&Repository> {
        Some(&self.repository)
    }
    fn published<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Descriptor>>> {
        Box::pin(async move {
            match self.head(checked(&self.repository, name)?, &self.push_scopes()).await {
                Ok(descriptor) => Ok(Some(descriptor)),
                Err(RegistryError::Absent { .. }) => Ok(None),
                Err(e) => Err(e.on(Side::Target).into()),
            }
        })
    }
    fn check_rights(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { Ok(self.try_push().await.map_err(|e| e.on(Side::Target))?) })
    }
    fn has<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(self.has_blob(blob).await.map_err(|e| e.on(Side::Target))?) })
    }
    fn mount<'a>(&'a self, blob: &'a Descriptor, from: &'a Repository) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(self.mount_blob(blob, from).await.map_err(|e| e.on(Side::Target))?) })
    }
    fn put<'a>(&'a self, blob: &'a Descriptor, supply: &'a dyn Supply) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.put_blob(blob, supply))
    }
    fn put_document<'a>(&'a self, root: &'a Root) -> BoxFuture<'a, Result<()>> {
        Box::pin(
            async move { Ok(self.put_manifest(&root.descriptor.digest.to_string(), root).await.map_err(|e| e.on(Side::Target))?) },
        )
    }
    fn publish<'a>(&'a self, root: &'a Root, names: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for name in names {
                self.put_manifest(checked(&self.repository, name)?, root).await.map_err(|e| e.on(Side::Target))?;
            }
            Ok(())
        })
    }
}
