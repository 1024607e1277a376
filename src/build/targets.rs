//! Deliver: one job, several destinations, names grouped by repository; then the store's own name for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::deliver::{self, Blob, FromSource, FromStore, Held, Job, Limits, Receipt, Role};
use crate::error::{During as _, Result};
use crate::image::{Assembled, Base};
use crate::oci::{Descriptor, Digest, Manifest, Reference, Repository};
use crate::store::Ref;
use crate::transport::archive::TarTarget;
use crate::transport::engine::Engine;
use crate::transport::layout::LayoutTarget;
use crate::transport::{Root, Source, StreamTarget, Supply, Target};

use super::{Destination, Services, homes};

/// One finished image, ready to deliver.
pub(super) struct Finished {
    pub(super) assembled: Assembled,
    pub(super) base: Base,
    pub(super) source: Arc<dyn Source>,
    pub(super) own: Vec<Digest>,
}

impl Finished {
    /// Its manifest and the blobs that belong to it.
    fn blobs(&self, services: &Services) -> Result<Vec<Blob>> {
        let manifest = Manifest::parse(self.assembled.manifest.raw.clone(), None)?;
        let mounts: Vec<Repository> = self.source.repository().cloned().into_iter().collect();
        let supply = |descriptor: &Descriptor| -> Arc<dyn Supply> {
            if self.own.contains(&descriptor.digest) {
                return Arc::new(FromStore { store: (*services.store).clone(), descriptor: descriptor.clone() });
            }
            Arc::new(FromSource { source: self.source.clone(), descriptor: descriptor.clone() })
        };
        let mut blobs = Job::blobs_of(&manifest, &mounts, supply);
        for blob in &mut blobs {
            if blob.role == Role::Config {
                blob.supply = Arc::new(Held(self.assembled.config.1.clone()));
            }
            if self.own.contains(&blob.descriptor.digest) {
                blob.mounts = homes::of(&blob.descriptor.digest, &services.store)?;
            }
        }
        Ok(blobs)
    }
}

/// Puts the images of one or several platforms into one job. `index` is their index, where there are several.
pub(super) fn job(images: &[Finished], index: Option<Root>, services: &Services) -> Result<Job> {
    let mut blobs: Vec<Blob> = Vec::new();
    for image in images {
        for blob in image.blobs(services)? {
            if !blobs.iter().any(|b| b.descriptor.digest == blob.descriptor.digest) {
                blobs.push(blob);
            }
        }
    }
    let manifests: Vec<Root> = images.iter().map(|i| i.assembled.manifest.clone()).collect();
    let base = match images {
        [only] => Some(only.base.manifest.clone()),
        _ => None,
    };
    Ok(match (index, manifests.as_slice()) {
        (Some(root), _) => Job { root, documents: manifests, blobs, base },
        (None, [only]) => Job { root: only.clone(), documents: Vec::new(), blobs, base },
        (None, _) => return Err(super::BuildError::Words("several platforms need an index".into()).into()),
    })
}

/// Fails before any work where a destination would refuse it. A registry is asked only if `sends` (else nothing may be needed).
pub(super) async fn check(destinations: &[Destination], services: &Services, sends: bool) -> Result<()> {
    for destination in destinations {
        match destination {
            Destination::Push(names) if sends => {
                for repository in by_repository(names).keys() {
                    let target = services.registry.repository(repository.clone())?;
                    target.check_rights().await.during(|| format!("asking whether {repository} may be pushed to"))?;
                }
            }
            Destination::Tar(path) => TarTarget::file(path).check_rights().await?,
            Destination::Layout(folder, _) => LayoutTarget::new(folder).check_rights().await?,
            // Whoever is asked for the second time has answered before.
            Destination::Load(_) if !sends => drop(Engine::connect(&services.engines).await?),
            Destination::Push(_) | Destination::Load(_) | Destination::Stdout => {}
        }
    }
    Ok(())
}

fn by_repository(names: &[Reference]) -> BTreeMap<Repository, Vec<String>> {
    let mut grouped: BTreeMap<Repository, Vec<String>> = BTreeMap::new();
    for name in names {
        grouped.entry(name.repository.clone()).or_default().push(name.tag.clone().unwrap_or_else(|| "latest".into()));
    }
    grouped
}

/// Delivers to every destination and gives the receipts.
pub(super) async fn deliver_all(
    job: &Job,
    images: &[Finished],
    names: &[Reference],
    destinations: &[Destination],
    services: &Services,
) -> Result<Vec<Receipt>> {
    let mut receipts = Vec::new();
    for destination in destinations {
        match destination {
            Destination::Push(names) => {
                for (repository, tags) in by_repository(names) {
                    let target = services.registry.repository(repository.clone())?;
                    let step = || format!("pushing to {repository}");
                    let receipt = deliver::copy(job, &tags, &target, &services.events, Limits::default()).await.during(step)?;
                    if !receipt.unchanged {
                        for image in images {
                            homes::note(&image.own, &repository, &services.store)?;
                        }
                    }
                    receipts.push(receipt);
                }
            }
            Destination::Layout(folder, tag) => {
                let target = LayoutTarget::new(folder);
                let tags = [tag.clone()];
                let step = || format!("writing oci:{}", folder.display());
                receipts.push(deliver::copy(job, &tags, &target, &services.events, Limits::default()).await.during(step)?);
            }
            Destination::Tar(path) => receipts.push(stream(job, names, &TarTarget::file(path), services).await?),
            Destination::Stdout => {
                let target = TarTarget::writer("standard output", std::io::stdout());
                receipts.push(stream(job, names, &target, services).await?);
            }
            Destination::Load(names) => {
                let engine = Engine::connect(&services.engines).await?;
                receipts.push(stream(job, names, &engine, services).await?);
            }
        }
    }
    Ok(receipts)
}

async fn stream(job: &Job, names: &[Reference], target: &dyn StreamTarget, services: &Services) -> Result<Receipt> {
    deliver::load(job, names, target, &services.events).await.during(|| format!("writing {}", target.place()))
}

/// Keeps the documents in the store.
pub(super) fn keep(images: &[Finished], root: &Root, services: &Services) -> Result<()> {
    let store = &services.store;
    for image in images {
        store.put(&image.assembled.config.1)?;
        store.put(&image.assembled.manifest.raw)?;
    }
    store.put(&root.raw)?;
    Ok(())
}

/// Gives the image its names in the store, after every destination has it: a name never says more than happened. Base layers
/// are not kept, so it is partial.
pub(super) fn name(images: &[Finished], root: &Root, names: &[String], services: &Services) -> Result<()> {
    let store = &services.store;
    for name in names {
        let known = store.reference(name)?;
        if known.is_some_and(|k| k.descriptor.digest == root.descriptor.digest) {
            continue;
        }
        let platform = match images {
            [only] => Some(only.base.platform.clone()),
            _ => None,
        };
        store.set_reference(&Ref { name: name.clone(), descriptor: root.descriptor.clone(), platform, partial: true })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::build::bench;
    use crate::transport::engine::Connection;

    #[tokio::test]
    async fn an_engine_that_does_not_answer_is_told_before_any_work() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("engine.sock");
        let services = bench::services(folder.path(), vec![Connection::Socket(socket.clone())]);
        let load = [Destination::Load(vec!["name".parse().expect("a name")])];
        let error = check(&load, &services, false).await.expect_err("no engine");
        assert!(error.to_string().contains("engine.sock"), "{error}");
        check(&[Destination::Stdout], &services, false).await.expect("no engine is needed");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let engine = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.read(&mut [0; 4096]).expect("a question");
            let body = r#"{"ApiVersion":"1.45","Os":"linux","Arch":"amd64","Components":[{"Name":"Podman Engine"}]}"#;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).expect("written");
        });
        check(&load, &services, false).await.expect("an engine");
        engine.join().expect("one question");
    }
}
