//! Which index files of an archive are needed, and under which names they may be asked for.
//!
//! Invariant: data only; nothing is fetched. Every candidate has the size and the digest that the verified Release gives.

use crate::oci::{Compression, Digest};

use super::super::sources::{ByHash, Source};
use super::{Release, ReleaseError};

/// The suffixes in the order in which they are asked for: the smallest first.
const SUFFIXES: [(&str, Compression); 5] = [
    (".xz", Compression::Xz),
    (".zst", Compression::Zstd),
    (".gz", Compression::Gzip),
    (".bz2", Compression::Bzip2),
    ("", Compression::None),
];

/// All index files of one archive, in the order in which apt reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchPlan {
    /// The files.
    pub files: Vec<IndexFile>,
    /// What apt would warn of: components and architectures that the archive does not have.
    pub warnings: Vec<String>,
}

/// One `Packages` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexFile {
    /// `main`; empty in a flat archive.
    pub component: String,
    /// The native architecture, or `all`.
    pub architecture: String,
    /// Size and digest of the uncompressed file, where they are listed (also where it is served compressed only).
    pub plain: Option<(u64, Digest)>,
    /// The forms in which it is served, best first; at least one.
    pub candidates: Vec<Candidate>,
}

/// One form of an index file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What to ask for, in order: by digest first where the archive offers that, then by name. Paths below the source's
    /// root, for [`ArchiveUri::join`](super::super::sources::ArchiveUri::join).
    pub paths: Vec<String>,
    /// Its compression.
    pub compression: Compression,
    /// Bytes as served.
    pub size: u64,
    /// Digest as served.
    pub sha256: Digest,
}

/// The index files that `source` needs for the architecture `native`.
pub fn plan_fetch(source: &Source, release: &Release, native: &str) -> Result<FetchPlan, ReleaseError> {
    let mut plan = FetchPlan::default();
    if source.is_flat() {
        let file = index(source, release, "", native, "Packages")?;
        plan.files.push(file);
        return Ok(plan);
    }
    // An archive that names no architectures is taken at its table's word.
    let has = |architecture: &str| release.architectures.iter().any(|a| a == architecture);
    let separate_all = has("all") && !release.no_separate_all;
    for component in &source.components {
        if !release.components.is_empty() && !release.components.iter().any(|c| c == component || same_last(c, component)) {
            plan.warnings.push(format!("{source} has no component {component}"));
            continue;
        }
        if release.architectures.is_empty() || has(native) {
            let path = format!("{component}/binary-{native}/Packages");
            plan.files.push(index(source, release, component, native, &path)?);
        } else {
            plan.warnings.push(format!("{source} has no packages for {native}"));
        }
        if separate_all {
            let path = format!("{component}/binary-all/Packages");
            plan.files.extend(index(source, release, component, "all", &path).ok());
        }
    }
    Ok(plan)
}

/// Whether a component with a slash ends in what the Release calls it.
fn same_last(listed: &str, wanted: &str) -> bool {
    wanted.rsplit_once('/').is_some_and(|(_, last)| last == listed)
}

fn index(source: &Source, release: &Release, component: &str, architecture: &str, path: &str) -> Result<IndexFile, ReleaseError> {
    let mut candidates = Vec::new();
    for (suffix, compression) in SUFFIXES {
        let name = format!("{path}{suffix}");
        if let Some((size, sha256)) = release.file(&name) {
            candidates.push(Candidate { paths: paths(source, release, &name, sha256)?, compression, size, sha256 });
        }
    }
    if candidates.is_empty() {
        return Err(ReleaseError::NoIndex { archive: source.to_string(), path: path.to_owned() });
    }
    let plain = release.file(path);
    // Archives list the uncompressed file for its digest and serve the compressed ones: it is asked for last.
    Ok(IndexFile { component: component.to_owned(), architecture: architecture.to_owned(), plain, candidates })
}

/// The paths of a listed file; each one stays below the source's root.
fn paths(source: &Source, release: &Release, name: &str, sha256: Digest) -> Result<Vec<String>, ReleaseError> {
    let by_hash = match source.options.by_hash {
        Some(ByHash::No) => false,
        Some(ByHash::Force) => true,
        Some(ByHash::Yes) | None => release.by_hash,
    };
    let directory = source.release_directory();
    let directory = directory.trim_start_matches("./");
    let folder = name.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let mut paths = Vec::new();
    if by_hash {
        paths.push(format!("{directory}{folder}by-hash/SHA256/{}", sha256.hex()));
    }
    if source.options.by_hash != Some(ByHash::Force) {
        paths.push(format!("{directory}{name}"));
    }
    match paths.iter().find(|path| source.uri.join(path).is_err()) {
        None => Ok(paths),
        Some(path) => Err(ReleaseError::Malformed { archive: source.to_string(), what: format!("{path:?} is no plain path") }),
    }
}
