//! One tar that skopeo, podman, docker and containerd read: an OCI layout with Docker's `manifest.json` beside it.
//!
//! Invariant: the bytes are a function of the bundle and of what is left out: fixed order, time 0, root, no folder entries.
//! Blobs are checked while they pass; a wrong one ends the stream with an error before the tar is complete.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::error::{IoFault, Result};
use crate::oci::{Digest, Reference};
use crate::transport::layout::{IMAGE_NAME, REF_NAME};
use crate::transport::{Body, Bundle, verified};

/// A tar's unit, in bytes.
const BLOCK: u64 = 512;

/// The tar of `bundle` without the blobs `left_out`. Needs a tokio runtime.
pub fn tar_stream(bundle: &Bundle, left_out: &BTreeSet<Digest>) -> Result<Body> {
    let mut small = vec![
        ("oci-layout".to_owned(), Bytes::from_static(br#"{"imageLayoutVersion":"1.0.0"}"#)),
        ("index.json".to_owned(), index_json(bundle).to_string().into()),
        ("manifest.json".to_owned(), manifest_json(bundle)?.to_string().into()),
    ];
    let mut seen = BTreeSet::new();
    for document in bundle.documents.iter().chain([&bundle.root]) {
        if seen.insert(document.descriptor.digest) {
            small.push((path(&document.descriptor.digest), document.raw.clone()));
        }
    }
    let blobs: Vec<_> =
        bundle.blobs.iter().filter(|b| !left_out.contains(&b.descriptor.digest) && seen.insert(b.descriptor.digest)).collect();
    let sizes = small.iter().map(|(_, bytes)| bytes.len() as u64).chain(blobs.iter().map(|b| b.descriptor.size));
    let total = sizes.map(|size| BLOCK + size.next_multiple_of(BLOCK)).sum::<u64>() + 2 * BLOCK;
    let blobs: Vec<_> = blobs.into_iter().cloned().collect();
    let (sender, receiver) = mpsc::channel::<Result<Bytes>>(4);
    tokio::spawn(async move {
        let pieces = Pieces { sender: &sender };
        let all = async {
            for (name, bytes) in small {
                pieces.header(&name, bytes.len() as u64).await?;
                pieces.send(bytes.clone()).await?;
                pieces.padding(bytes.len() as u64).await?;
            }
            for blob in blobs {
                pieces.header(&path(&blob.descriptor.digest), blob.descriptor.size).await?;
                let mut body = verified(blob.supply.open().await?, &blob.descriptor);
                while let Some(piece) = body.next().await {
                    pieces.send(piece?).await?;
                }
                pieces.padding(blob.descriptor.size).await?;
            }
            pieces.send(Bytes::from_static(&[0; 2 * BLOCK as usize])).await
        };
        if let Err(error) = all.await {
            // Where nobody listens any more there is nobody to tell.
            let _ = sender.send(Err(error)).await;
        }
    });
    let stream = futures_util::stream::unfold(receiver, |mut r| async move { r.recv().await.map(|item| (item, r)) });
    Ok(Body::new(Some(total), stream))
}

struct Pieces<'a> {
    sender: &'a mpsc::Sender<Result<Bytes>>,
}

impl Pieces<'_> {
    async fn send(&self, bytes: Bytes) -> Result<()> {
        let gone = |_| IoFault::new("the image's tar", std::io::ErrorKind::BrokenPipe.into()).into();
        self.sender.send(Ok(bytes)).await.map_err(gone)
    }
    async fn header(&self, name: &str, size: u64) -> Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).map_err(|e| IoFault::new(name, e))?;
        header.set_size(size);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        self.send(Bytes::copy_from_slice(header.as_bytes())).await
    }
    async fn padding(&self, size: u64) -> Result<()> {
        match (size.next_multiple_of(BLOCK) - size) as usize {
            0 => Ok(()),
            n => self.send(Bytes::from(vec![0; n])).await,
        }
    }
}

fn path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// One entry per name, so that each name can be found; readers that want only one take `manifest.json`.
fn index_json(bundle: &Bundle) -> Value {
    let root = &bundle.root.descriptor;
    let plain = json!({"mediaType": root.media_type, "digest": root.digest, "size": root.size});
    let entry = |name: &Reference| {
        let mut entry = plain.clone();
        entry["annotations"] = json!({ IMAGE_NAME: tagged(name), REF_NAME: name.tag_or_latest() });
        entry
    };
    let manifests = if bundle.names.is_empty() { vec![plain.clone()] } else { bundle.names.iter().map(entry).collect() };
    json!({"schemaVersion": 2, "manifests": manifests})
}

fn manifest_json(bundle: &Bundle) -> Result<Value> {
    let image = bundle.first_image()?;
    // Docker takes short names too, but Podman would put those under `localhost/`.
    let names: Vec<String> = bundle.names.iter().map(tagged).collect();
    let layers: Vec<String> = image.layers.iter().map(|l| path(&l.digest)).collect();
    Ok(json!([{"Config": path(&image.config.digest), "RepoTags": names, "Layers": layers}]))
}

/// The canonical name with a tag and without a digest, which archives cannot hold.
fn tagged(name: &Reference) -> String {
    format!("{}:{}", name.repository, name.tag_or_latest())
}
