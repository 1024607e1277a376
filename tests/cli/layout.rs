//! A small image made by hand: a layout with two layers, in a few lines and with no code of the program.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Bytes that no rule keeps in a catalogue, so that `cat` has to stream them.
pub(crate) const LARGE: usize = 200_000;

/// A blob's digest, size and bytes.
pub(crate) struct Blob {
    pub(crate) digest: String,
    bytes: Vec<u8>,
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        Self { digest: sha256(&bytes), bytes }
    }
    fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// The image's blobs by what they are.
pub(crate) struct Sample {
    pub(crate) layers: Vec<Blob>,
    pub(crate) config: Blob,
    pub(crate) manifest: Blob,
}

/// A file, directory (trailing slash) or link (`-> target`).
fn tar(entries: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes, mode) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_mode(*mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_700_000_000);
        if let Some((path, target)) = path.split_once(" -> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, path, target).unwrap();
            continue;
        }
        header.set_entry_type(if path.ends_with('/') { tar::EntryType::Directory } else { tar::EntryType::Regular });
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, path, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Text that does not compress to nothing.
pub(crate) fn large() -> Vec<u8> {
    (0..LARGE as u64).map(|n| (n.wrapping_mul(6_364_136_223_846_793_005) >> 33) as u8).collect()
}

pub(crate) fn sample() -> Sample {
    let large = large();
    let tars = [
        tar(&[
            ("etc/", b"", 0o755),
            ("etc/os-release", b"ID=debian\n", 0o644),
            ("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644),
            ("etc/old", b"old\n", 0o644),
            ("usr/", b"", 0o755),
            ("usr/share/", b"", 0o755),
            ("usr/share/large", &large, 0o644),
            ("usr/share/link -> large", b"", 0o777),
        ]),
        tar(&[("etc/", b"", 0o755), ("etc/.wh.old", b"", 0o644), ("etc/new\u{1b}[31m", b"new\n", 0o600)]),
    ];
    let layers: Vec<Blob> = tars.iter().map(|t| Blob::new(gzip(t))).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Env": ["PATH=/bin", "X=a\u{1b}b"], "Cmd": ["sh"], "Labels": { "k": "v" } },
        "rootfs": { "type": "layers", "diff_ids": tars.iter().map(|t| sha256(t)).collect::<Vec<_>>() },
    });
    let config = Blob::new(config.to_string().into_bytes());
    let layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": layers.iter().map(|l| l.descriptor(layer_type)).collect::<Vec<_>>(),
    });
    Sample { layers, config, manifest: Blob::new(manifest.to_string().into_bytes()) }
}

impl Sample {
    /// Every blob with what it is.
    pub(crate) fn blobs(&self) -> Vec<(&'static str, &Blob)> {
        let layers = self.layers.iter().map(|l| ("layer", l));
        layers.chain([("config", &self.config), ("manifest", &self.manifest)]).collect()
    }
    /// Writes it as a layout with the tag `v1`.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        for (_, blob) in self.blobs() {
            std::fs::write(file(folder, blob), &blob.bytes).unwrap();
        }
        let mut entry = self.manifest.descriptor("application/vnd.oci.image.manifest.v1+json");
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "v1" });
        std::fs::write(folder.join("index.json"), json!({ "schemaVersion": 2, "manifests": [entry] }).to_string()).unwrap();
    }
}

pub(crate) fn file(folder: &Path, blob: &Blob) -> std::path::PathBuf {
    folder.join("blobs/sha256").join(blob.digest.trim_start_matches("sha256:"))
}
