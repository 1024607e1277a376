//! What kind of store lies in a folder: `plywood.json`, written once and last of all.
//!
//! Invariant: a folder with a `plywood.json` has all directories of a store. A store with a feature that is not known here
//! is not touched.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{StoreError, on, read_if_there, sync_parent};

/// The version of this layout.
const VERSION: u32 = 1;
const FILE: &str = "plywood.json";
const DIRECTORIES: [&str; 5] = ["blobs/sha256", "refs", "memo", "seen", "tmp"];

/// The document in `plywood.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Format {
    version: u32,
    /// Features that a reader may ignore.
    #[serde(default)]
    compatible: Vec<String>,
    /// Features that a reader must know.
    #[serde(default)]
    incompatible: Vec<String>,
}

/// Checks that the folder is a store of a kind we know, or makes it one.
pub(super) fn ensure(root: &Path) -> Result<(), StoreError> {
    let file = root.join(FILE);
    let Some(bytes) = read_if_there(&file)? else { return create(root) };
    let damaged = |e: serde_json::Error| StoreError::Damaged { object: FILE.into(), cause: e.to_string() };
    let format: Format = serde_json::from_slice(&bytes).map_err(damaged)?;
    let newer = |feature| StoreError::Newer { path: root.display().to_string(), feature };
    if format.version > VERSION {
        return Err(newer(format!("version {}", format.version)));
    }
    match format.incompatible.first() {
        Some(feature) => Err(newer(format!("feature {feature:?}"))),
        None => Ok(()),
    }
}

fn create(root: &Path) -> Result<(), StoreError> {
    for directory in DIRECTORIES {
        let directory = root.join(directory);
        fs::create_dir_all(&directory).map_err(on(&directory))?;
    }
    let format = Format { version: VERSION, compatible: Vec::new(), incompatible: Vec::new() };
    let text = serde_json::to_string(&format).unwrap_or_default() + "\n";
    let file = root.join(FILE);
    // Two runs may do this at once; both write the same bytes.
    let mut temporary = tempfile::NamedTempFile::new_in(root.join("tmp")).map_err(on(&file))?;
    temporary.write_all(text.as_bytes()).and_then(|()| temporary.as_file().sync_all()).map_err(on(&file))?;
    temporary.persist(&file).map_err(|e| on(&file)(e.error))?;
    sync_parent(&file)
}
