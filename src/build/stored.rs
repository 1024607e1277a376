//! Results of earlier builds, in the store: what is ours lies there, base layers are fetched from the base's own place.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{IoFault, Result};
use crate::image::BASE_NAME;
use crate::oci::{Descriptor, Digest, Document, Reference, Repository};
use crate::store::{Ref, Store};
use crate::transport::{Body, BoxFuture, Root, Selector, Source};

use super::{BuildError, Services};

/// One image of the store.
#[derive(Debug)]
pub struct StoreSource {
    store: Arc<Store>,
    reference: Ref,
    /// Where the base's layers are, if the image names a base in a registry.
    base: Option<Arc<dyn Source>>,
}

impl StoreSource {
    /// The image that the store has under `name`.
    pub fn open(services: &Services, name: &str) -> Result<Self> {
        let familiar = name.parse::<Reference>().map(|r| r.familiar());
        let found = match services.store.reference(name)? {
            Some(found) => Some(found),
            None => familiar.ok().map(|name| services.store.reference(&name)).transpose()?.flatten(),
        };
        let reference = found.ok_or_else(|| BuildError::NotStored(name.into()))?;
        let mut source = Self { store: services.store.clone(), reference, base: None };
        if let Some(name) = source.base_name()? {
            source.base = Some(Arc::new(services.registry.repository(name.repository)?));
        }
        Ok(source)
    }

    /// The digest that the name has.
    pub fn digest(&self) -> Digest {
        self.reference.descriptor.digest
    }

    fn held(&self, descriptor: &Descriptor) -> Result<Option<Bytes>> {
        if !self.store.has(&descriptor.digest, descriptor.size)? {
            return Ok(None);
        }
        Ok(Some(self.store.read(&descriptor.digest, descriptor.size)?.into()))
    }

    /// The base that annotations (OCI) or labels (schema 2) name.
    fn base_name(&self) -> Result<Option<Reference>> {
        let Some(raw) = self.held(&self.reference.descriptor)? else { return Ok(None) };
        let name = match Document::parse(raw, Some(&self.reference.descriptor.media_type))? {
            Document::Manifest(manifest) => {
                if let Some(name) = manifest.annotations.get(BASE_NAME) {
                    Some(name.clone())
                } else {
                    let config = self.held(&manifest.config)?.map(crate::oci::Config::parse).transpose()?;
                    config.and_then(|c| c.labels.get(BASE_NAME).cloned())
                }
            }
            Document::Index(index) => {
                let first = index.images().next().cloned();
                let raw = first.as_ref().map(|d| self.held(d)).transpose()?.flatten();
                let manifest = raw.map(|raw| crate::oci::Manifest::parse(raw, None)).transpose()?;
                manifest.and_then(|m| m.annotations.get(BASE_NAME).cloned())
            }
        };
        Ok(name.and_then(|name| origin(&name)))
    }
}

/// The image of a registry that a name says. Only canonical names are taken: `oci:latest` is no image of the Hub.
fn origin(name: &str) -> Option<Reference> {
    name.parse().ok().filter(|reference: &Reference| reference.to_string() == name)
}

impl Source for StoreSource {
    fn place(&self) -> String {
        format!("store:{}", self.reference.name)
    }
    fn repository(&self) -> Option<&Repository> {
        self.base.as_ref().and_then(|base| base.repository())
    }
    fn look_up<'a>(&'a self, _: &'a Selector) -> BoxFuture<'a, Result<Descriptor>> {
        Box::pin(async { Ok(self.reference.descriptor.clone()) })
    }
    fn resolve<'a>(&'a self, _: &'a Selector) -> BoxFuture<'a, Result<Root>> {
        Box::pin(async {
            let descriptor = self.reference.descriptor.clone();
            let raw = self.document(&descriptor).await?;
            Ok(Root { descriptor, raw })
        })
    }
    fn document<'a>(&'a self, descriptor: &'a Descriptor) -> BoxFuture<'a, Result<Bytes>> {
        Box::pin(async move { self.held(descriptor)?.ok_or_else(|| BuildError::NotStored(descriptor.digest.to_string()).into()) })
    }
    fn open<'a>(&'a self, descriptor: &'a Descriptor, range: Range<u64>) -> BoxFuture<'a, Result<Body>> {
        Box::pin(async move {
            if self.store.has(&descriptor.digest, descriptor.size)? {
                let reader = self.store.open_blob(&descriptor.digest, descriptor.size)?;
                let failed = |e| crate::error::Error::from(IoFault::new("a blob of the store", e));
                if range == (0..descriptor.size) {
                    return Ok(Body::from_read(Some(descriptor.size), reader, failed));
                }
                let length = range.end.saturating_sub(range.start);
                let mut file = reader.into_inner();
                file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
                return Ok(Body::from_read(Some(length), file.take(length), failed));
            }
            match &self.base {
                Some(base) => base.open(descriptor, range).await,
                None => Err(BuildError::NotStored(descriptor.digest.to_string()).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_canonical_name_says_where_a_base_lies() {
        for name in ["docker.io/library/debian:12", "localhost:5000/a/b:c"] {
            assert_eq!(origin(name).map(|r| r.to_string()).as_deref(), Some(name));
        }
        for name in ["oci:latest", "docker-archive:latest", "debian:12", "scratch", ""] {
            assert_eq!(origin(name), None, "{name}");
        }
    }
}
