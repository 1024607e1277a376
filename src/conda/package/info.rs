//! What a package says of itself: `index.json`, its list of paths in both forms, `link.json`.
//!
//! Invariant: a path that comes out of here is relative, below the prefix and written in one way only; each stands once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FileMode;
use crate::conda::CondaError;
use crate::oci::Digest;
use crate::stream::EntryPath;

/// A file of `info/` that is looked at may not be larger.
pub(super) const LARGEST: u64 = 64 << 20;
/// The placeholder of packages that name none (conda-build before 2).
const OLDEST_PLACEHOLDER: &str = "/opt/anaconda1anaconda2anaconda3";

/// Files of `info/` that decide something.
pub(super) const LOOKED_AT: [&[u8]; 8] = [
    b"info/index.json",
    b"info/paths.json",
    b"info/files",
    b"info/has_prefix",
    b"info/no_link",
    b"info/no_softlink",
    b"info/link.json",
    b"info/repodata_record.json",
];

/// What a listed path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathKind {
    /// A regular file.
    Hardlink,
    /// A symbolic link.
    Softlink,
    /// A directory that may be empty.
    Directory,
}

/// A path that is linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// As shipped, below the package's root.
    pub path: EntryPath,
    /// What it is; old packages do not say.
    pub kind: Option<PathKind>,
    /// Of the file as shipped.
    pub sha256: Option<Digest>,
    /// Bytes of the file as shipped.
    pub size: Option<u64>,
    /// It is never a hard link into the cache.
    pub no_link: bool,
    /// What the prefix was when it was built, and how it is replaced.
    pub placeholder: Option<(String, FileMode)>,
}

/// One entry of `paths.json`.
#[derive(Deserialize)]
struct JsonPath {
    #[serde(rename = "_path")]
    path: String,
    path_type: Option<String>,
    sha256: Option<String>,
    size_in_bytes: Option<u64>,
    #[serde(default)]
    no_link: Option<bool>,
    prefix_placeholder: Option<String>,
    file_mode: Option<String>,
}

#[derive(Deserialize)]
struct JsonPaths {
    paths_version: u64,
    paths: Vec<JsonPath>,
}

/// The files of `info/` by path.
pub(super) type Files = BTreeMap<Vec<u8>, Vec<u8>>;

/// A document of `info/` as an object.
pub(super) fn object(package: &str, files: &Files, name: &str) -> Result<Option<Map<String, Value>>, CondaError> {
    let Some(bytes) = files.get(name.as_bytes()) else { return Ok(None) };
    serde_json::from_slice(bytes).map(Some).map_err(|e| CondaError::path(package, name, format!("is no JSON object: {e}")))
}

/// All paths, in the package's order.
pub(super) fn listed(package: &str, files: &Files) -> Result<Vec<Listed>, CondaError> {
    let listed = match files.get(b"info/paths.json".as_slice()) {
        Some(bytes) => of_json(package, bytes)?,
        None => of_lines(package, files)?,
    };
    let mut seen = BTreeSet::new();
    for Listed { path, placeholder, .. } in &listed {
        if !seen.insert(path) {
            return Err(CondaError::path(package, path, "is listed twice"));
        }
        if let Some((placeholder, _)) = placeholder
            && (placeholder.len() < 2 || placeholder.len() > 4096 || placeholder.bytes().any(|b| b.is_ascii_control()))
        {
            return Err(CondaError::path(package, path, "has a placeholder that can be no prefix"));
        }
    }
    Ok(listed)
}

fn of_json(package: &str, bytes: &[u8]) -> Result<Vec<Listed>, CondaError> {
    let wrong = |problem: String| CondaError::path(package, "info/paths.json", problem);
    let paths: JsonPaths = serde_json::from_slice(bytes).map_err(|e| wrong(e.to_string()))?;
    if paths.paths_version != 1 {
        return Err(wrong(format!("has version {}, only 1 is known", paths.paths_version)));
    }
    let one = |json: JsonPath| {
        let path = checked(package, &json.path)?;
        let wrong = |problem: String| CondaError::path(package, &path, problem);
        let kind = match json.path_type.as_deref() {
            None => None,
            Some("hardlink") => Some(PathKind::Hardlink),
            Some("softlink") => Some(PathKind::Softlink),
            Some("directory") => Some(PathKind::Directory),
            Some(other) => return Err(wrong(format!("has the unknown path_type {other:?}"))),
        };
        let placeholder = json.prefix_placeholder.filter(|p| !p.is_empty()).map(|placeholder| {
            let mode = match json.file_mode.as_deref() {
                Some("binary") => FileMode::Binary,
                Some("text") | None => FileMode::Text,
                Some(other) => return Err(wrong(format!("has the unknown file_mode {other:?}"))),
            };
            Ok((placeholder, mode))
        });
        let sha256 = match json.sha256.filter(|s| !s.is_empty()) {
            None => None,
            Some(hex) => match Digest::from_hex(&hex.to_ascii_lowercase()) {
                Ok(digest) => Some(digest),
                // A link's is of what it leads to, where the package was built: told on, never compared.
                Err(_) if kind == Some(PathKind::Softlink) => None,
                Err(_) => return Err(wrong(format!("has a sha256 that is none: {hex:.80?}"))),
            },
        };
        let placeholder = placeholder.transpose()?;
        Ok(Listed { kind, sha256, size: json.size_in_bytes, no_link: json.no_link == Some(true), placeholder, path })
    };
    paths.paths.into_iter().map(one).collect()
}

/// The form of packages before conda-build 2.1: one path a line, and lists beside it.
fn of_lines(package: &str, files: &Files) -> Result<Vec<Listed>, CondaError> {
    let text = |name: &str| -> Result<Option<&str>, CondaError> {
        let bytes = files.get(name.as_bytes());
        bytes.map(|b| std::str::from_utf8(b).map_err(|_| CondaError::path(package, name, "is not UTF-8"))).transpose()
    };
    let lines = |found: Option<&str>| -> Vec<String> {
        found.unwrap_or_default().lines().map(str::to_owned).filter(|l| !l.is_empty()).collect()
    };
    let Some(all) = text("info/files")? else {
        return Err(CondaError::package(package, "it has neither info/paths.json nor info/files"));
    };
    let no_link: BTreeSet<String> = [text("info/no_link")?, text("info/no_softlink")?].into_iter().flat_map(lines).collect();
    let mut placeholders = BTreeMap::new();
    for line in lines(text("info/has_prefix")?) {
        let wrong = || CondaError::path(package, "info/has_prefix", format!("has a line that cannot be read: {line:.200?}"));
        let words = words(&line).ok_or_else(wrong)?;
        let (path, found) = match words.as_slice() {
            [path] => (path, (OLDEST_PLACEHOLDER.to_owned(), FileMode::Text)),
            [placeholder, mode, path] if mode == "text" => (path, (placeholder.clone(), FileMode::Text)),
            [placeholder, mode, path] if mode == "binary" => (path, (placeholder.clone(), FileMode::Binary)),
            _ => return Err(wrong()),
        };
        placeholders.insert(path.clone(), found);
    }
    let one = |line: &str| {
        let path = checked(package, line)?;
        let placeholder = placeholders.get(line).cloned();
        Ok(Listed { kind: None, sha256: None, size: None, no_link: no_link.contains(line), placeholder, path })
    };
    all.lines().filter(|l| !l.is_empty()).map(one).collect()
}

/// Words between blanks; double or single quotes hold blanks.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut rest) = (Vec::new(), line.trim());
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '\'' => rest.get(1..)?.split_once(first)?,
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Some(words)
}

/// A path as it must be written: relative, without `.` and `..`.
fn checked(package: &str, text: &str) -> Result<EntryPath, CondaError> {
    let path = EntryPath::new(text).map_err(|e| CondaError::path(package, text, e.to_string()))?;
    if path.is_root() || path.as_bytes() != text.as_bytes() {
        let problem = if text.starts_with('/') { "is an absolute path" } else { "is not a plain path below the prefix" };
        return Err(CondaError::path(package, text, problem));
    }
    if path.components().next() == Some(b"conda-meta") && path.as_bytes().ends_with(b".json") {
        return Err(CondaError::path(package, text, "is where the environment's own records stand"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(name, text)| (name.as_bytes().to_vec(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn both_forms_of_the_list_say_the_same() {
        let old = files(&[
            ("info/files", "bin/a\nlib/b c\nlib/c\n"),
            ("info/has_prefix", "/old/place text bin/a\n\"/old/place\" binary \"lib/b c\"\nlib/c\n"),
            ("info/no_link", "bin/a\n"),
        ]);
        let new = files(&[(
            "info/paths.json",
            r#"{"paths_version": 1, "paths": [
                {"_path": "bin/a", "prefix_placeholder": "/old/place", "file_mode": "text", "no_link": true},
                {"_path": "lib/b c", "prefix_placeholder": "/old/place", "file_mode": "binary"},
                {"_path": "lib/c", "prefix_placeholder": "/opt/anaconda1anaconda2anaconda3"}]}"#,
        )]);
        let read = listed("p", &old).expect("reads");
        assert_eq!(read, listed("p", &new).expect("reads"));
        assert_eq!(read[1].placeholder, Some(("/old/place".into(), FileMode::Binary)));
    }

    #[test]
    fn a_list_that_lies_is_refused_with_the_path() {
        let json = |entry: &str| {
            let text = format!(r#"{{"paths_version": 1, "paths": [{{"_path": "a"}}, {{{entry}}}]}}"#);
            listed("p-1-0.conda", &files(&[("info/paths.json", &text)])).map_err(|e| e.to_string())
        };
        assert_eq!(json(r#""_path": "b", "path_type": "softlink", "sha256": "", "size_in_bytes": 3"#).expect("reads").len(), 2);
        for (entry, told) in [
            (r#""_path": "/etc/passwd""#, "/etc/passwd: is an absolute path"),
            (r#""_path": "a/../../b""#, "has a `..` component"),
            (r#""_path": "./b""#, "is not a plain path"),
            (r#""_path": "b/""#, "is not a plain path"),
            (r#""_path": """#, "is not a plain path"),
            (r#""_path": "a""#, "/a: is listed twice"),
            (r#""_path": "b", "path_type": "device""#, "unknown path_type"),
            (r#""_path": "b", "prefix_placeholder": "/""#, "can be no prefix"),
            (r#""_path": "b", "prefix_placeholder": "/a\u0000b""#, "can be no prefix"),
            (r#""_path": "b", "sha256": "12""#, "sha256 that is none"),
            (r#""_path": "conda-meta/x-1-0.json""#, "own records"),
            (r#""_path": 1"#, "invalid type"),
        ] {
            let error = json(entry).expect_err(entry);
            assert!(error.starts_with("conda package p-1-0.conda: ") && error.contains(told), "{error} instead of {told}");
        }
        assert!(listed("p", &files(&[])).is_err());
        assert!(listed("p", &files(&[("info/files", "../b\n")])).is_err());
        assert!(listed("p", &files(&[("info/files", "b\n"), ("info/has_prefix", "/x other b\n")])).is_err());
        assert!(listed("p", &files(&[("info/paths.json", r#"{"paths_version": 2, "paths": []}"#)])).is_err());
    }
}
