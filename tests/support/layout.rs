//! Small images made by hand, written as an OCI layout without the program's own code, so that a mistake there cannot hide here.
//!
//! Invariant: same words, same bytes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What becomes an entry of a layer.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Path, mode, owner, group
    Directory(&'static str, u32, u64, u64),
    /// Path, mode, content
    File(&'static str, u32, Vec<u8>),
    /// Path, target
    Link(&'static str, &'static str),
}

/// An OCI layout on disk.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// An empty one.
    pub(crate) fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder.join("blobs/sha256")).expect("blobs");
        std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("oci-layout");
        let this = Self { folder: folder.to_owned() };
        if !folder.join("index.json").exists() {
            this.write_index(&json!({"schemaVersion": 2, "manifests": []}));
        }
        this
    }

    fn write_index(&self, index: &Value) {
        std::fs::write(self.folder.join("index.json"), index.to_string()).expect("index.json");
    }

    /// Adds a blob; its descriptor.
    pub(crate) fn put(&self, media_type: &str, bytes: &[u8]) -> Value {
        let hex = hex(bytes);
        std::fs::write(self.folder.join("blobs/sha256").join(&hex), bytes).expect("a blob");
        json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len()})
    }

    /// Adds an image of uncompressed layers; its descriptor, with a platform.
    pub(crate) fn image(&self, architecture: &str, layers: &[Vec<u8>], config: &Value) -> Value {
        let blobs: Vec<Value> = layers.iter().map(|l| self.put("application/vnd.oci.image.layer.v1.tar+gzip", &gzip(l))).collect();
        let ids: Vec<String> = layers.iter().map(|l| format!("sha256:{}", hex(l))).collect();
        let document = json!({
            "created": "2026-01-01T00:00:00Z", "architecture": architecture, "os": "linux", "config": config,
            "rootfs": {"type": "layers", "diff_ids": ids},
            "history": ids.iter().map(|_| json!({"created_by": "the lab"})).collect::<Vec<_>>(),
        });
        let config = self.put("application/vnd.oci.image.config.v1+json", document.to_string().as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": blobs,
        });
        let mut descriptor = self.put("application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes());
        descriptor["platform"] = json!({"architecture": architecture, "os": "linux"});
        descriptor
    }

    /// Adds an index of images; its descriptor.
    pub(crate) fn index(&self, images: &[Value]) -> Value {
        let document = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": images});
        self.put("application/vnd.oci.image.index.v1+json", document.to_string().as_bytes())
    }

    /// Names a root.
    pub(crate) fn tag(&self, name: &str, mut descriptor: Value) {
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        let mut index: Value =
            serde_json::from_slice(&std::fs::read(self.folder.join("index.json")).expect("index.json")).expect("JSON");
        let manifests = index["manifests"].as_array_mut().expect("manifests");
        manifests.retain(|m| m["annotations"]["org.opencontainers.image.ref.name"] != name);
        manifests.push(descriptor);
        self.write_index(&index);
    }

    /// `oci:DIR:TAG`
    pub(crate) fn name(&self, tag: &str) -> String {
        format!("oci:{}:{tag}", self.folder.display())
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A blob's file.
    pub(crate) fn blob(&self, digest: &str) -> PathBuf {
        self.folder.join("blobs").join(digest.replace(':', "/"))
    }

    /// Root document of a tag.
    pub(crate) fn root(&self, tag: &str) -> Value {
        let index: Value =
            serde_json::from_slice(&std::fs::read(self.folder.join("index.json")).expect("index.json")).expect("JSON");
        let entry = index["manifests"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|m| m["annotations"]["org.opencontainers.image.ref.name"] == tag);
        entry.unwrap_or_else(|| panic!("{tag} is not in {index}")).clone()
    }

    /// A JSON blob.
    pub(crate) fn document(&self, digest: &Value) -> Value {
        let file = self.blob(digest.as_str().expect("a digest"));
        serde_json::from_slice(&std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))).expect("JSON")
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A layer's tar.
pub(crate) fn tar(changes: &[Change]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for change in changes {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(1_700_000_000);
        let done = match change {
            Change::Directory(path, mode, uid, gid) => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(*mode);
                header.set_uid(*uid);
                header.set_gid(*gid);
                header.set_size(0);
                builder.append_data(&mut header, format!("{path}/"), std::io::empty())
            }
            Change::File(path, mode, content) => {
                header.set_mode(*mode);
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, content.as_slice())
            }
            Change::Link(path, target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_mode(0o777);
                header.set_size(0);
                builder.append_link(&mut header, path, target)
            }
        };
        done.expect("memory");
    }
    builder.into_inner().expect("memory")
}
