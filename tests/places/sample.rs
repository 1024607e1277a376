//! Small images made in memory, and the tools that judge what was written.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use plywood::deliver::{Blob, Events, Held, Job, Limits, Role, Silent, copy};
use plywood::oci::{Descriptor, DiffId, Digest, Manifest, MediaType};
use plywood::transport::Root;
use plywood::transport::layout::LayoutTarget;

/// An image of one layer with one file, which `text` makes unique.
pub(crate) fn image(text: &str) -> Job {
    image_on(&[text])
}

/// An image with one layer per text.
pub(crate) fn image_on(texts: &[&str]) -> Job {
    let layers: Vec<(Vec<u8>, Vec<u8>)> = texts.iter().map(|text| layer(text)).collect();
    let diff_ids: Vec<DiffId> = layers.iter().map(|(tar, _)| DiffId(Digest::of(tar))).collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": texts.iter().map(|t| serde_json::json!({"created_by": t})).collect::<Vec<_>>(),
    });
    let config = config.to_string().into_bytes();
    let of = |kind: &str, bytes: &[u8]| Descriptor::of(kind, bytes);
    let layer_descriptors: Vec<_> = layers.iter().map(|(_, gz)| of(MediaType::OCI_LAYER_GZIP, gz)).collect();
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": of(MediaType::OCI_CONFIG, &config), "layers": layer_descriptors,
    });
    let raw = bytes::Bytes::from(manifest.to_string());
    let root = Root { descriptor: Descriptor::of(MediaType::OCI_MANIFEST, &raw), raw };
    let blob = |descriptor: Descriptor, role, bytes: Vec<u8>| Blob {
        descriptor,
        role,
        supply: Arc::new(Held(bytes.into())),
        mounts: Vec::new(),
    };
    let mut blobs: Vec<Blob> =
        layer_descriptors.iter().zip(&layers).map(|(d, (_, gz))| blob(d.clone(), Role::Layer, gz.clone())).collect();
    blobs.push(blob(of(MediaType::OCI_CONFIG, &config), Role::Config, config));
    Job { root, documents: Vec::new(), blobs, base: None }
}

fn layer(text: &str) -> (Vec<u8>, Vec<u8>) {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, format!("etc/{text}"), text.as_bytes()).unwrap();
    let tar = builder.into_inner().unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &tar).unwrap();
    (tar, encoder.finish().unwrap())
}

pub(crate) fn manifest(job: &Job) -> Manifest {
    Manifest::parse(job.root.raw.clone(), None).unwrap()
}

pub(crate) fn silent() -> Arc<dyn Events> {
    Arc::new(Silent)
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Writes `job` into the layout at `folder` under `tag`.
pub(crate) async fn write(job: &Job, folder: &Path, tag: &str) -> plywood::Result<plywood::deliver::Receipt> {
    copy(job, &[tag.to_owned()], &LayoutTarget::new(folder), &silent(), Limits::default()).await
}

/// Runs a tool that must succeed; gives its output.
pub(crate) fn run(program: &str, words: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(words).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
