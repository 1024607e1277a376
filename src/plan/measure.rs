//! What a layer will hold, before it is linked: paths, bytes, and why it is a layer of its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::layer::{Contents, Edit, LayerSpec};
use crate::oci::Digest;
use crate::stream::{EntryPath, Kind};

use super::LayerKind;
use super::layers::PlacedPackage;

/// Names that are told before `and N more`.
const TOLD: usize = 3;

/// What a layer will hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Measure {
    /// Bytes of its files, before compression.
    pub content_bytes: u64,
    /// Paths, directories and whiteouts included.
    pub paths: u64,
    /// What is in it, and why it lies apart.
    pub reason: String,
}

/// Measures a layer. `names` has the packages of the lock, by place.
pub(super) fn measure(kind: LayerKind, spec: &LayerSpec, packages: &[PlacedPackage], names: &[String]) -> Measure {
    let by_archive: BTreeMap<Digest, &Contents> = packages.iter().map(|p| (p.archive, &*p.contents)).collect();
    let mut files: Vec<(u64, String)> = Vec::new();
    for made in &spec.made {
        files.push((made.bytes.len() as u64, made.entry.path.to_string()));
    }
    for (archive, edits) in &spec.sources {
        let omitted: BTreeSet<&EntryPath> =
            edits.iter().filter_map(|edit| if let Edit::Omit(path) = edit { Some(path) } else { None }).collect();
        let entries = by_archive.get(archive).into_iter().flat_map(|contents| &contents.entries);
        files.extend(entries.filter(|entry| !omitted.contains(&entry.path)).map(|entry| {
            let size = if let Kind::File { size } = entry.kind { size } else { 0 };
            (size, entry.path.to_string())
        }));
    }
    let content_bytes = files.iter().fold(0_u64, |sum, (size, _)| sum.saturating_add(*size));
    let paths = (files.len() + spec.directories.len() + spec.whiteouts.len()) as u64;
    let reason = match kind {
        LayerKind::Ply => {
            let sources: BTreeSet<Digest> = spec.sources.iter().map(|(archive, _)| *archive).collect();
            let of = packages.iter().zip(names).filter(|(package, _)| sources.contains(&package.archive));
            let of: Vec<&str> = of.map(|(_, name)| name.as_str()).collect();
            let what = if of.is_empty() { "files of its recipe".to_owned() } else { listed("package", &of) };
            format!("{what}; the same for every base that lacks the same")
        }
        LayerKind::State => format!("{} with bytes or numbers of this base", large(&mut files)),
        LayerKind::Glue => "small files with bytes or numbers of this base".into(),
        LayerKind::Tar => "a ready layer of the project".into(),
    };
    Measure { content_bytes, paths, reason }
}

/// The largest files by name.
fn large(files: &mut [(u64, String)]) -> String {
    files.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let names: Vec<&str> = files.iter().map(|(_, path)| path.as_str()).collect();
    listed("file", &names)
}

fn listed(what: &str, names: &[&str]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    let told = names.iter().take(TOLD).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(TOLD) {
        0 => format!("{what}{plural} {told}"),
        more => format!("{what}{plural} {told} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_names_stand_for_all() {
        for (names, told) in [
            (&["a"][..], "package a"),
            (&["a", "b", "c"], "packages a, b, c"),
            (&["a", "b", "c", "d"], "packages a, b, c and 1 more"),
        ] {
            assert_eq!(listed("package", names), told);
        }
    }
}
