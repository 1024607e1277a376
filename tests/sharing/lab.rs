//! An archive, a profile and a store; builds run through the binary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::archive::Archive;
use crate::packages;
use crate::repository::{Repository, signed};
use crate::tree::Tree;

/// Recipes of the profile `probe`, in order: three with packages, one with enough bytes for a ply, one that goes to the glue.
const RECIPES: &[(&str, &str)] = &[
    ("tools", "[apt]\npackages = [\"spool\", \"taker\", \"editor\"]\n"),
    ("site", "[apt]\npackages = [\"conf\", \"libprobe1\", \"certs\"]\n"),
    ("local", "[apt]\npackages = [\"local\"]\n"),
    ("small", SMALL),
];

const SMALL: &str = r#"
[[user]]
name = "guest2"
uid = "{uid}"
group = "root"
groups = ["staff"]
sudo = "nopasswd"

[[directory]]
path = "/opt/probe/logs"
mode = "0777"

[[file]]
content = "PATH={env.PATH}\n"
to = "/etc/profile.d/probe.sh"

[parameters]
uid = "1000"
"#;

/// One test's place.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
    archive: Archive,
    pub(crate) key: Vec<u8>,
}

/// A layer of ours as `--json` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
}

impl Lab {
    /// An archive that is signed now, with a key of its own.
    pub(crate) fn new() -> Self {
        Self::over(signed(&[packages::archive(), vec![packages::thief()]].concat()))
    }

    pub(crate) fn over(repository: Repository) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layers = folder.path().join("layers");
        let large = "x".repeat(70 << 10);
        let large = ("large", format!("[[file]]\ncontent = \"{large}\"\nto = \"/opt/large\"\n"));
        let recipes = RECIPES.iter().map(|(name, text)| (*name, (*text).to_owned()));
        let mut names = Vec::new();
        for (name, text) in recipes.chain([large]) {
            std::fs::create_dir_all(layers.join(name)).unwrap();
            std::fs::write(layers.join(name).join("layer.toml"), text).unwrap();
            names.push(name);
        }
        std::fs::create_dir_all(layers.join("profiles")).unwrap();
        std::fs::write(layers.join("profiles/probe.toml"), format!("recipes = {names:?}\n")).unwrap();
        Self { folder, archive: Archive::serving(repository.files), key: repository.key }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Builds the profile on a base; the image is `x` in the layout at `out`.
    pub(crate) fn build(&self, base: &Tree, out: &str, words: &[&str]) -> Vec<Layer> {
        let output = self.command(base, out).args(words).output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{out}: {talk}");
        layers(&output.stdout)
    }

    /// What is asked in place of the archive that the bases name.
    pub(crate) fn mirror(&self) -> String {
        format!("http://archive.test/debian/={}", self.archive.uri())
    }

    /// The command that does it.
    pub(crate) fn command(&self, base: &Tree, out: &str) -> Command {
        let from = self.path(&format!("{out}-base"));
        base.write(&from, "base");
        let mut command = Command::new(env!("CARGO_BIN_EXE_plywood"));
        command
            .args(["build", &format!("oci:{}:base", from.display()), "--profile", "probe", "--json"])
            .args(["--platform", "linux/amd64", "-o", &format!("oci:{}:x", self.path(out).display())])
            .args(["--apt-mirror", &self.mirror()])
            .arg("--layers-dir")
            .arg(self.path("layers"))
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PLYWOOD_STORE", self.path("store"));
        command
    }
}

/// Our layers, bottom to top; a ply is named by its recipe, another one by its kind.
pub(crate) fn layers(json: &[u8]) -> Vec<Layer> {
    let document: serde_json::Value = serde_json::from_slice(json).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let layer = |layer: &serde_json::Value| Layer {
        name: if layer["kind"] == "ply" { text(&layer["recipe"]) } else { text(&layer["kind"]) },
        digest: text(&layer["digest"]),
        size: layer["size"].as_u64().unwrap(),
    };
    document["images"][0]["layers"].as_array().unwrap().iter().map(layer).collect()
}

/// An entry of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) kind: tar::EntryType,
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) bytes: Vec<u8>,
}

/// The entries of a layer in a layout.
pub(crate) fn entries(layout: &Path, layer: &Layer) -> Vec<Entry> {
    let blob = layout.join("blobs/sha256").join(layer.digest.trim_start_matches("sha256:"));
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(std::fs::File::open(blob).unwrap()));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let header = entry.header();
        let (kind, mode) = (header.entry_type(), header.mode().unwrap());
        Entry { path: path.trim_end_matches('/').into(), kind, mode, owner: (header.uid().unwrap(), header.gid().unwrap()), bytes }
    };
    archive.entries().unwrap().map(read).collect()
}

/// All entries by the layer's name and path.
pub(crate) fn image(layout: &Path, layers: &[Layer]) -> BTreeMap<(String, String), Entry> {
    let of =
        |layer: &Layer| entries(layout, layer).into_iter().map(|e| ((layer.name.clone(), e.path.clone()), e)).collect::<Vec<_>>();
    layers.iter().flat_map(of).collect()
}
