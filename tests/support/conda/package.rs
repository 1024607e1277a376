//! Conda packages: `.conda` and `.tar.bz2`, with `paths.json` or with the lists that came before it.
//!
//! Invariant: what a package says of its files (hashes, sizes, placeholders) is computed from them; a test that wants a lie replaces
//! a member of `info` afterwards.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::tarball::{Item, What, bzip2, tar, zstd};
use super::zip::{self, Member};
use super::{md5, sha256};

/// How a package's archive is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Conda,
    TarBz2,
}

/// How it lists its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// `info/paths.json`, version 1
    Paths,
    /// `info/files` with `info/has_prefix` and `info/no_link`
    Files,
}

/// A package to be.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) build: String,
    pub(crate) subdir: String,
    /// `python` or `generic`
    pub(crate) noarch: Option<&'static str>,
    pub(crate) depends: Vec<String>,
    /// `name = module:function`
    pub(crate) entry_points: Vec<String>,
    /// The payload, in the archive's order.
    pub(crate) items: Vec<Item>,
    /// What its builder had for a prefix; files that contain it are patched.
    pub(crate) placeholder: String,
    pub(crate) form: Form,
    pub(crate) listing: Listing,
    /// Paths in `no_link`.
    pub(crate) no_link: Vec<String>,
    /// Fields of `index.json` beyond the usual ones.
    pub(crate) index: BTreeMap<&'static str, Value>,
    /// Members of `info/` in place of, or beside, the computed ones.
    pub(crate) info: Vec<(String, Vec<u8>)>,
}

/// A finished package.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) name: String,
    /// `name-version-build`
    pub(crate) dist: String,
    /// With its extension.
    pub(crate) file: String,
    pub(crate) subdir: String,
    /// `index.json`
    pub(crate) index: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Packed {
    /// Where the builder of an installer had it from.
    pub(crate) fn url(&self) -> String {
        format!("https://conda.example.org/main/{}/{}", self.subdir, self.file)
    }

    pub(crate) fn md5(&self) -> String {
        md5(&self.bytes)
    }

    /// What a channel's index says of it.
    pub(crate) fn record(&self) -> Value {
        let mut record = self.index.clone();
        record["md5"] = self.md5().into();
        record["sha256"] = sha256(&self.bytes).into();
        record["size"] = self.bytes.len().into();
        record
    }
}

impl Package {
    pub(crate) fn new(name: &str, version: &str, items: Vec<Item>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            build: "h0000001_0".into(),
            subdir: "linux-64".into(),
            noarch: None,
            depends: Vec::new(),
            entry_points: Vec::new(),
            items,
            placeholder: placeholder("build"),
            form: Form::Conda,
            listing: Listing::Paths,
            no_link: Vec::new(),
            index: BTreeMap::new(),
            info: Vec::new(),
        }
    }

    /// One whose files go below site-packages, with programs that are made for its functions.
    pub(crate) fn noarch_python(name: &str, version: &str, items: Vec<Item>, entry_points: &[&str]) -> Self {
        Self {
            build: "pyhd8ed1ab_0".into(),
            subdir: "noarch".into(),
            noarch: Some("python"),
            depends: vec!["python >=3.8".into()],
            entry_points: entry_points.iter().map(|e| (*e).to_owned()).collect(),
            ..Self::new(name, version, items)
        }
    }

    pub(crate) fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    pub(crate) fn listing(mut self, listing: Listing) -> Self {
        self.listing = listing;
        self
    }

    /// With another member of `info/`, in place of the computed one if there is one.
    pub(crate) fn info(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.info.push((name.into(), bytes.into()));
        self
    }

    pub(crate) fn dist(&self) -> String {
        format!("{}-{}-{}", self.name, self.version, self.build)
    }

    fn index_json(&self) -> Value {
        let mut index = json!({
            "arch": if self.noarch.is_some() { Value::Null } else { self.subdir.trim_start_matches("linux-").replace("64", "x86_64").replace("aarchx86_", "aarch").into() },
            "build": self.build, "build_number": 0, "depends": self.depends, "license": "MIT", "name": self.name,
            "platform": if self.noarch.is_some() { Value::Null } else { "linux".into() },
            "subdir": self.subdir, "timestamp": 1_690_000_000_123_u64, "version": self.version,
        });
        if let Some(kind) = self.noarch {
            index["noarch"] = kind.into();
        }
        for (name, value) in &self.index {
            index[*name] = value.clone();
        }
        index
    }

    /// `text` or `binary`, if a file has the placeholder.
    fn mode_of(&self, bytes: &[u8]) -> Option<&'static str> {
        let found = !self.placeholder.is_empty() && memchr::memmem::find(bytes, self.placeholder.as_bytes()).is_some();
        found.then(|| if bytes.contains(&0) { "binary" } else { "text" })
    }

    /// Bytes at a path of the payload, through links within the package; empty where there are none.
    fn bytes_at(&self, path: &[u8], depth: usize) -> &[u8] {
        match self.items.iter().find(|i| i.path == path).map(|i| &i.what) {
            Some(What::File(bytes)) => bytes,
            Some(What::Hard(target)) if depth < 8 => self.bytes_at(target, depth + 1),
            Some(What::Link(target)) if depth < 8 && !target.is_empty() && target[0] != b'/' => {
                let folder = path.iter().rposition(|b| *b == b'/').map_or(&b""[..], |at| &path[..=at]);
                self.bytes_at(&[folder, target].concat(), depth + 1)
            }
            _ => b"",
        }
    }

    fn paths_json(&self) -> Value {
        let mut paths: Vec<Value> = Vec::new();
        for item in self.items.iter().filter(|i| i.what != What::Directory) {
            let bytes = self.bytes_at(&item.path, 0);
            let link = matches!(item.what, What::Link(_));
            let mut entry = json!({
                "_path": item.name(), "path_type": if link { "softlink" } else { "hardlink" },
                "sha256": sha256(bytes), "size_in_bytes": bytes.len(),
            });
            if let Some(mode) = self.mode_of(bytes).filter(|_| !link) {
                entry["file_mode"] = mode.into();
                entry["prefix_placeholder"] = self.placeholder.as_str().into();
            }
            if self.no_link.contains(&item.name()) {
                entry["no_link"] = true.into();
            }
            paths.push(entry);
        }
        paths.sort_by_key(|p| p["_path"].as_str().map(str::to_owned));
        json!({"paths": paths, "paths_version": 1})
    }

    /// The members of `info/`, in the order of their names.
    fn information(&self) -> Vec<Item> {
        let mut members: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let pretty = |value: &Value| serde_json::to_vec_pretty(value).expect("JSON");
        members.insert("index.json".into(), pretty(&self.index_json()));
        members.insert("about.json".into(), pretty(&json!({"license": "MIT", "summary": format!("{} for tests", self.name)})));
        let names = self.items.iter().filter(|i| i.what != What::Directory).map(Item::name);
        members.insert("files".into(), names.map(|n| n + "\n").collect::<String>().into_bytes());
        let with_prefix = self.items.iter().filter(|i| !matches!(i.what, What::Link(_) | What::Directory));
        let lines: String = with_prefix
            .filter_map(|i| Some(format!("{} {} {}\n", self.placeholder, self.mode_of(self.bytes_at(&i.path, 0))?, i.name())))
            .collect();
        if !lines.is_empty() {
            members.insert("has_prefix".into(), lines.into_bytes());
        }
        if self.listing == Listing::Paths {
            members.insert("paths.json".into(), pretty(&self.paths_json()));
        } else if !self.no_link.is_empty() {
            members.insert("no_link".into(), (self.no_link.join("\n") + "\n").into_bytes());
        }
        if self.noarch == Some("python") {
            let noarch = json!({"type": "python", "entry_points": self.entry_points});
            members.insert("link.json".into(), pretty(&json!({"noarch": noarch, "package_metadata_version": 1})));
        }
        members.extend(self.info.iter().cloned());
        members.into_iter().map(|(name, bytes)| Item::file(&format!("info/{name}"), bytes)).collect()
    }

    /// The members of its zip.
    pub(crate) fn members(&self) -> Vec<Member> {
        let dist = self.dist();
        vec![
            Member::new("metadata.json", &b"{\"conda_pkg_format_version\": 2}"[..]),
            Member::new(&format!("pkg-{dist}.tar.zst"), zstd(&tar(&self.items, false))),
            Member::new(&format!("info-{dist}.tar.zst"), zstd(&tar(&self.information(), false))),
        ]
    }

    /// The finished archive.
    pub(crate) fn pack(&self) -> Packed {
        match self.form {
            Form::Conda => self.packed("conda", zip::write(&self.members())),
            Form::TarBz2 => {
                let information = self.information();
                self.packed("tar.bz2", bzip2(&tar(self.items.iter().chain(&information), false)))
            }
        }
    }

    /// With these bytes for an archive.
    pub(crate) fn packed(&self, extension: &str, bytes: Vec<u8>) -> Packed {
        let file = format!("{}.{extension}", self.dist());
        Packed { name: self.name.clone(), dist: self.dist(), file, subdir: self.subdir.clone(), index: self.index_json(), bytes }
    }
}

/// A prefix of 255 bytes, as conda's builder makes them.
pub(crate) fn placeholder(work: &str) -> String {
    let mut text = format!("/home/builder/feedstock_root/build_artifacts/{work}_1690000000000/_h_env");
    while text.len() < 255 {
        text += "_placehold";
    }
    text.truncate(255);
    text
}
