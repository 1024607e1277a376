//! The record of a linked package, `conda-meta/NAME-VERSION-BUILD.json`, as micromamba writes it.
//!
//! Invariant: keys are sorted, the indent is four, no newline ends it. Byte code that nobody compiled is not claimed.

use serde_json::{Map, Value, json};

use super::entry_points::EntryPoint;
use super::environment::Prefix;
use super::{CondaError, Environment, Linked, PathKind};
use crate::stream::{EntryPath, Kind};

impl Environment {
    /// The record of `package`, whose files stand in `prefix`.
    pub fn record(&self, package: &Linked, points: &[EntryPoint], prefix: &Prefix) -> Result<Vec<u8>, CondaError> {
        let kinds: std::collections::BTreeMap<&EntryPath, &Kind> =
            package.package.contents.entries.iter().map(|e| (&e.path, &e.kind)).collect();
        let (mut files, mut paths) = (Vec::new(), Vec::new());
        for listed in &package.package.listed {
            let place = self.place(package, &listed.path)?;
            let name = text(&place);
            let mut path = Map::new();
            let kind = listed.kind.unwrap_or(match kinds.get(&listed.path) {
                Some(Kind::Symlink { .. }) => PathKind::Softlink,
                Some(Kind::Directory) => PathKind::Directory,
                _ => PathKind::Hardlink,
            });
            let (word, digest) = match kind {
                PathKind::Hardlink => ("hardlink", package.package.digests.get(&listed.path).copied()),
                PathKind::Softlink => ("softlink", Some(prefix.digest(&place))),
                PathKind::Directory => ("directory", None),
            };
            path.insert("_path".into(), name.clone().into());
            path.insert("path_type".into(), word.into());
            if let Some(digest) = digest {
                path.insert("sha256_in_prefix".into(), digest.hex().into());
            }
            if let Some(sha256) = listed.sha256 {
                path.insert("sha256".into(), sha256.hex().into());
            }
            if let Some(size) = listed.size.filter(|size| *size > 0) {
                path.insert("size_in_bytes".into(), size.into());
            }
            if listed.no_link {
                path.insert("no_link".into(), true.into());
            }
            files.push(Value::String(name));
            paths.push(Value::Object(path));
        }
        for point in points {
            let name = format!("bin/{}", point.command);
            paths.push(json!({"_path": name, "path_type": "unix_python_entry_point"}));
            files.push(name.into());
        }
        let folder = format!("{}/pkgs/{}", self.prefix, package.distribution());
        let mut record = package.document();
        record.insert("files".into(), files.into());
        record.insert("paths_data".into(), json!({"paths": paths, "paths_version": 1}));
        record.insert("requested_spec".into(), "".into());
        record.insert("package_tarball_full_path".into(), format!("{folder}.tar.bz2").into());
        record.insert("extracted_package_dir".into(), folder.clone().into());
        record.insert("link".into(), json!({"source": folder, "type": 1}));
        Ok(printed(record))
    }
}

impl Linked {
    /// `info/repodata_record.json` as it stands in the cache: the channel's entry, what it lacks from `index.json`, where it came
    /// from, and the sums of the archive.
    pub fn document(&self) -> Map<String, Value> {
        let mut record = self.index.clone();
        let sums = [("size", Value::from(self.size)), ("md5", self.md5.as_str().into()), ("sha256", self.archive.hex().into())];
        for (key, value) in sums {
            record.entry(key).or_insert(value);
        }
        if !record.get("subdir").is_some_and(Value::is_string) {
            record.insert("subdir".into(), self.wanted.subdir().into());
        }
        record.insert("fn".into(), self.wanted.file.as_str().into());
        record.insert("url".into(), self.wanted.url.as_str().into());
        record.insert("channel".into(), self.wanted.channel().into());
        record
    }
}

/// Sorted, with an indent of four.
pub fn printed(object: Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, format);
    // A value of JSON always has a text.
    let _ = serde::Serialize::serialize(&sorted(Value::Object(object)), &mut serializer);
    out
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut pairs: Vec<(String, Value)> = object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(pairs.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn text(path: &EntryPath) -> String {
    String::from_utf8_lossy(path.as_bytes()).into_owned()
}
