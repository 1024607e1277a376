//! The places and workers that a run has at hand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::deliver::Events;
use crate::error::Result;
use crate::oci::Reference;
use crate::store::Store;
use crate::transport::archive::DockerArchive;
use crate::transport::layout::LayoutSource;
use crate::transport::registry::Registry;
use crate::transport::{Selector, Source};

use super::stored::StoreSource;
use super::{Location, Remembered};

/// What a run has at hand. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The local store.
    pub store: Arc<Store>,
    /// Archives and installers.
    pub http: crate::http::Client,
    /// Registries.
    pub registry: Registry,
    /// Sockets of engines, in the order in which they are tried.
    pub engines: Vec<crate::transport::engine::Connection>,
    /// Who listens.
    pub events: Arc<dyn Events>,
    /// Workers for compression.
    pub threads: usize,
    /// Now: for ages of indexes and their expiry only.
    pub now: SystemTime,
    /// Folder for large temporary files (an engine's saved image).
    pub scratch: PathBuf,
}

/// A source and which of its images is meant.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The place.
    pub source: Arc<dyn Source>,
    /// The image.
    pub selector: Selector,
}

impl Services {
    /// Opens a place for reading.
    pub async fn source(&self, location: &Location) -> Result<Opened> {
        let (source, selector): (Arc<dyn Source>, Selector) = match location {
            Location::Registry(name) => (Arc::new(self.registry.repository(name.repository.clone())?), selector_of(name)),
            Location::Layout(folder, tag) => (Arc::new(LayoutSource::folder(folder)), named(tag.as_ref())),
            Location::OciArchive(file, name) => {
                let members = crate::transport::archive::Members::open(file, location.to_string())?;
                (Arc::new(LayoutSource::new(members)), named(name.as_ref()))
            }
            Location::DockerArchive(file, name) => (Arc::new(DockerArchive::open(file)?), named(name.as_ref())),
            Location::Engine(name) => self.engine_source(name).await?,
            Location::Store(name) => {
                let source = StoreSource::open(self, name)?;
                let digest = source.digest();
                (Arc::new(source), Selector::Digest(digest))
            }
        };
        Ok(Opened { source, selector })
    }

    /// As [`Self::source`], with documents kept in the store.
    pub async fn remembered(&self, location: &Location) -> Result<Opened> {
        let opened = self.source(location).await?;
        let source = Arc::new(Remembered::new(opened.source, self.store.clone()));
        Ok(Opened { source, selector: opened.selector })
    }

    async fn engine_source(&self, name: &Reference) -> Result<(Arc<dyn Source>, Selector)> {
        let engine = crate::transport::engine::Engine::connect(&self.engines).await?;
        let archive = engine.save(name, &self.scratch).await?;
        Ok((Arc::new(archive), Selector::Only))
    }
}

fn named(tag: Option<&String>) -> Selector {
    tag.map_or(Selector::Only, |t| Selector::Name(t.clone()))
}

/// With a digest, the digest decides.
pub(super) fn selector_of(name: &Reference) -> Selector {
    match &name.digest {
        Some(digest) => Selector::Digest(*digest),
        None => Selector::Name(name.tag.clone().unwrap_or_else(|| "latest".into())),
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("store", &self.store.place()).field("engines", &self.engines).finish_non_exhaustive()
    }
}
