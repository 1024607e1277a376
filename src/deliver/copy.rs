//! The copy itself: has it? mount it? send it.
//!
//! Invariant: the cheapest question first; each blob is asked for, mounted and sent at most once, and once more where the
//! place says afterwards that it lacks it.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::Semaphore;

use super::supply::Counted;
use super::{Blob, Events, How, Job, Receipt, Role};
use crate::error::{Error, IoFault, Result};
use crate::oci::{Digest, Reference};
use crate::transport::registry::RegistryError;
use crate::transport::{Bundle, BundleBlob, Root, StreamTarget, Supply, Target};

/// How much happens at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Questions and mounts.
    pub small: usize,
    /// Transfers of bytes.
    pub large: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { small: 16, large: 4 }
    }
}

/// Copies `job` to `target` and gives it `names` there (tags of a registry, ref names of a layout).
pub async fn copy(job: &Job, names: &[String], target: &dyn Target, events: &Arc<dyn Events>, limits: Limits) -> Result<Receipt> {
    let mut receipt = Receipt::new(target.place(), &job.root.descriptor, names.to_vec());
    let mut published = 0;
    for name in names {
        match target.published(name).await? {
            Some(there) if there.digest == job.root.descriptor.digest => published += 1,
            Some(other) => target.can_move(name, &other)?,
            None => {}
        }
    }
    let named = !names.is_empty() && published == names.len();
    if named && !target.is_local() {
        receipt.unchanged = true;
        return Ok(receipt);
    }
    let by_digest = job.root.descriptor.digest.to_string();
    let whole = !target.is_local() && (published > 0 || target.published(&by_digest).await?.is_some());
    if !whole {
        let copying = Copying { target, events, large: Semaphore::new(limits.large.max(1)), small: limits.small.max(1) };
        copying.blobs(job, &mut receipt).await?;
        let mut written = 0;
        for document in job.documents.iter().chain([&job.root]) {
            // What has a name was written before; a local place may have lost it.
            if published > 0 && target.has(&document.descriptor).await? {
                continue;
            }
            written += 1;
            copying.document(document, job, &mut receipt).await?;
        }
        receipt.unchanged = named && written == 0 && receipt.sent_bytes == 0;
    }
    if !named {
        target.publish(&job.root, names).await?;
    }
    Ok(receipt)
}

struct Copying<'a> {
    target: &'a dyn Target,
    events: &'a Arc<dyn Events>,
    large: Semaphore,
    small: usize,
}

impl Copying<'_> {
    async fn blobs(&self, job: &Job, receipt: &mut Receipt) -> Result<()> {
        for role in [Role::Layer, Role::Config] {
            let blobs = job.blobs.iter().enumerate().filter(|(_, blob)| blob.role == role);
            let moves: Vec<_> = blobs.map(|(at, blob)| async move { Ok::<_, Error>((at, self.blob(blob).await?)) }).collect();
            let mut moved: Vec<(usize, How)> = futures_util::stream::iter(moves).buffer_unordered(self.small).try_collect().await?;
            moved.sort_by_key(|(at, _)| *at);
            for (at, how) in moved {
                if let Some(blob) = job.blobs.get(at) {
                    receipt.note(&blob.descriptor, how);
                }
            }
        }
        Ok(())
    }

    async fn blob(&self, blob: &Blob) -> Result<How> {
        let descriptor = &blob.descriptor;
        let how = if descriptor.media_type.is_foreign() {
            self.events.warning(&foreign(&descriptor.digest));
            How::Foreign
        } else if self.target.has(descriptor).await? {
            How::Present
        } else if self.mounted(blob).await? {
            How::Mounted
        } else {
            self.send(blob).await?;
            How::Sent
        };
        self.events.finished(descriptor, how);
        Ok(how)
    }

    async fn mounted(&self, blob: &Blob) -> Result<bool> {
        let Some(own) = self.target.repository() else { return Ok(false) };
        for from in blob.mounts.iter().filter(|from| from.registry == own.registry && *from != own) {
            if self.target.mount(&blob.descriptor, from).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn send(&self, blob: &Blob) -> Result<()> {
        let closed = |_| Error::from(IoFault::new("a delivery", std::io::ErrorKind::Interrupted.into()));
        let _turn = self.large.acquire().await.map_err(closed)?;
        let (inner, descriptor) = (Arc::clone(&blob.supply), blob.descriptor.clone());
        let counted = Counted { inner, descriptor, events: Arc::clone(self.events) };
        self.target.put(&blob.descriptor, &counted).await
    }

    /// Writes a document; where the place lacks blobs that it said it had, sends those and writes it again, once.
    async fn document(&self, document: &Root, job: &Job, receipt: &mut Receipt) -> Result<()> {
        let Err(error) = self.target.put_document(document).await else { return Ok(()) };
        let Some(missing) = missing_blobs(&error) else { return Err(error) };
        let said_present = |blob: &&Blob| {
            let how = receipt.blobs.iter().find(|moved| moved.digest == blob.descriptor.digest).map(|moved| moved.how);
            matches!(how, Some(How::Present | How::Mounted))
        };
        let named = |blob: &&Blob| missing.is_empty() || missing.contains(&blob.descriptor.digest);
        let again: Vec<&Blob> = job.blobs.iter().filter(said_present).filter(named).collect();
        if again.is_empty() {
            return Err(error);
        }
        for blob in again {
            self.send(blob).await?;
            if receipt.blobs.iter().any(|moved| moved.digest == blob.descriptor.digest && moved.how == How::Mounted) {
                receipt.mounted_bytes -= blob.descriptor.size;
            }
            receipt.note(&blob.descriptor, How::Sent);
            self.events.finished(&blob.descriptor, How::Sent);
        }
        self.target.put_document(document).await
    }
}

/// The blobs that a registry lacks, if that is why it refused; none where it names none.
fn missing_blobs(error: &Error) -> Option<Vec<Digest>> {
    let fault: &(dyn std::error::Error + 'static) = error.fault();
    match fault.downcast_ref::<RegistryError>() {
        Some(RegistryError::MissingBlobs { blobs, .. }) => Some(blobs.clone()),
        _ => None,
    }
}

fn foreign(digest: &Digest) -> String {
    format!("layer {digest} is non-distributable and stays where it is: the result needs its original place")
}

/// Copies `job` as one stream into a tar or an engine, under `names`.
pub async fn load(job: &Job, names: &[Reference], target: &dyn StreamTarget, events: &Arc<dyn Events>) -> Result<Receipt> {
    let mut receipt = Receipt::new(target.place(), &job.root.descriptor, names.iter().map(Reference::familiar).collect());
    let (foreign_blobs, own): (Vec<&Blob>, Vec<&Blob>) = job.blobs.iter().partition(|blob| blob.descriptor.media_type.is_foreign());
    for blob in &foreign_blobs {
        events.warning(&foreign(&blob.descriptor.digest));
    }
    let counted = |blob: &&Blob| {
        let (inner, descriptor) = (Arc::clone(&blob.supply), blob.descriptor.clone());
        let supply: Arc<dyn Supply> = Arc::new(Counted { inner, descriptor, events: Arc::clone(events) });
        BundleBlob { descriptor: blob.descriptor.clone(), supply }
    };
    let bundle = Bundle {
        root: job.root.clone(),
        names: names.to_vec(),
        documents: job.documents.clone(),
        blobs: own.iter().map(counted).collect(),
        base: job.base.clone(),
    };
    let loaded = target.load(&bundle).await?;
    for blob in &job.blobs {
        let digest = &blob.descriptor.digest;
        let how = match () {
            () if blob.descriptor.media_type.is_foreign() => How::Foreign,
            () if loaded.left_out.contains(digest) => How::Present,
            () => How::Sent,
        };
        receipt.note(&blob.descriptor, how);
        events.finished(&blob.descriptor, how);
    }
    receipt.unchanged = loaded.bytes == 0;
    receipt.sent_bytes = loaded.bytes;
    Ok(receipt)
}
