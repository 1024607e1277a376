//! A hand-made base image: a tree of files as one layer, written as an OCI layout.
//!
//! Invariant: equal trees give equal bytes; every directory is listed, all times are fixed.

use std::collections::BTreeMap;
use std::path::Path;

use plywood::oci::Digest;

use crate::deb::Deb;

/// Seconds since 1970 of everything in a base.
const MADE: u64 = 1_600_000_000;

/// What stands at a path.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) mode: u32,
    pub(crate) gid: u64,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Directory,
    File(Vec<u8>),
    Link(String),
}

/// Which family of documents an image is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Oci,
    Schema2,
}

/// In which order the layer lists its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Sorted,
    /// `etc/` last, and everything before from the end.
    Turned,
}

/// The image to be.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) path: String,
    pub(crate) family: Family,
    pub(crate) order: Order,
    status: String,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let path = "/usr/sbin:/usr/bin:/sbin:/bin".to_owned();
        Self { nodes: BTreeMap::new(), path, family: Family::Oci, order: Order::Sorted, status: String::new() }
    }
    pub(crate) fn file(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) {
        self.put(path, mode, What::File(bytes.into()));
    }
    pub(crate) fn directory(&mut self, path: &str, mode: u32) {
        self.put(path, mode, What::Directory);
    }
    pub(crate) fn symlink(&mut self, path: &str, target: &str) {
        self.put(path, 0o777, What::Link(target.into()));
    }
    pub(crate) fn append(&mut self, path: &str, line: &str) {
        match self.nodes.get_mut(path).map(|node| &mut node.what) {
            Some(What::File(bytes)) => bytes.extend(line.bytes()),
            _ => self.file(path, 0o644, line),
        }
    }
    /// dpkg's status as it will be.
    #[allow(dead_code, reason = "each test target uses its own part of the support")]
    pub(crate) fn status(&mut self) -> &mut String {
        &mut self.status
    }
    fn put(&mut self, path: &str, mode: u32, what: What) {
        for (at, _) in path.match_indices('/') {
            let above = Node { mode: 0o755, gid: 0, what: What::Directory };
            self.nodes.entry(path[..at].into()).or_insert(above);
        }
        self.nodes.insert(path.into(), Node { mode, gid: 0, what });
    }
    /// The place of a shipped path: through links of the root directory (`lib`).
    fn place(&self, path: &str) -> String {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match self.nodes.get(first).map(|node| &node.what) {
            Some(What::Link(target)) if !rest.is_empty() => format!("{target}/{rest}"),
            _ => path.into(),
        }
    }
    /// Puts a package's files in place and registers it with dpkg.
    pub(crate) fn install(&mut self, package: &Deb) {
        for (header, path, target, bytes) in package.entries() {
            let mode = header.mode().unwrap();
            let place = self.place(path);
            match (header.entry_type(), target) {
                (tar::EntryType::Directory, _) if self.nodes.contains_key(&place) => {}
                (tar::EntryType::Directory, _) => self.directory(&place, mode),
                (_, Some(target)) => self.symlink(&place, target),
                (_, None) => self.file(&place, mode, bytes),
            }
        }
        let (stanza, list, control) = package.installed();
        self.status += &stanza;
        let info = |kind: &str| format!("var/lib/dpkg/info/{}.{kind}", package.name);
        self.file(&info("list"), 0o644, list);
        for (kind, text) in control {
            self.file(&info(kind), if text.starts_with(b"#!") { 0o755 } else { 0o644 }, text.clone());
        }
    }

    fn layer(&self) -> Vec<u8> {
        let mut nodes = self.nodes.clone();
        let status = Node { mode: 0o644, gid: 0, what: What::File(self.status.clone().into_bytes()) };
        nodes.insert("var/lib/dpkg/status".into(), status);
        let mut order: Vec<(&String, &Node)> = nodes.iter().collect();
        if self.order == Order::Turned {
            order.reverse();
            order.sort_by_key(|(path, _)| path.as_str() == "etc" || path.starts_with("etc/"));
        }
        let mut tar = tar::Builder::new(Vec::new());
        for (path, node) in order {
            let mut header = tar::Header::new_gnu();
            header.set_mode(node.mode);
            header.set_mtime(MADE);
            header.set_uid(0);
            header.set_gid(node.gid);
            header.set_size(0);
            match &node.what {
                What::Directory => {
                    header.set_entry_type(tar::EntryType::Directory);
                    tar.append_data(&mut header, format!("{path}/"), std::io::empty()).unwrap();
                }
                What::File(bytes) => {
                    header.set_size(bytes.len() as u64);
                    tar.append_data(&mut header, path, bytes.as_slice()).unwrap();
                }
                What::Link(target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    tar.append_link(&mut header, path, target).unwrap();
                }
            }
        }
        tar.into_inner().unwrap()
    }

    /// Writes the image into the layout at `folder`, with one tag.
    pub(crate) fn write(&self, folder: &Path, tag: &str) {
        let tar = self.layer();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, &tar).unwrap();
        let packed = packed.finish().unwrap();
        let [manifest_type, config_type, layer_type] = match self.family {
            Family::Oci => {
                ["manifest.v1+json", "config.v1+json", "layer.v1.tar+gzip"].map(|t| format!("application/vnd.oci.image.{t}"))
            }
            Family::Schema2 => ["distribution.manifest.v2+json", "container.image.v1+json", "image.rootfs.diff.tar.gzip"]
                .map(|t| format!("application/vnd.docker.{t}")),
        };
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "created": "2020-09-13T12:26:40Z",
            "config": {"Env": [format!("PATH={}", self.path)], "Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&tar).to_string()]},
            "history": [{"created_by": "a base of the tests"}],
        });
        let blobs = folder.join("blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        let put = |kind: &str, bytes: &[u8]| {
            let digest = Digest::of(bytes);
            std::fs::write(blobs.join(digest.hex()), bytes).unwrap();
            serde_json::json!({"mediaType": kind, "digest": digest.to_string(), "size": bytes.len()})
        };
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": manifest_type,
            "config": put(&config_type, config.to_string().as_bytes()),
            "layers": [put(&layer_type, &packed)],
        });
        let mut entry = put(&manifest_type, manifest.to_string().as_bytes());
        entry["annotations"] = serde_json::json!({"org.opencontainers.image.ref.name": tag});
        let index = serde_json::json!({"schemaVersion": 2, "manifests": [entry]});
        std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    }
}
