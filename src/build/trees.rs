//! Files and ready layers of this machine, packed as archives into the store: from there on they are named by digest.
//!
//! Invariant: of a file's metadata only its kind and its owner-execute bit count; owner and time never come from the host.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{IoFault, Result};
use crate::oci::Digest;
use crate::plan::Tree;
use crate::recipe::{FileBody, Resolved};
use crate::store::Store;
use crate::stream::{Entry, EntryPath, Kind, TarWriter};

use super::BuildError;
use super::archives::{Archives, Shape};

/// Packages of libraries are small; this bounds the memory that ocipkg takes.
const LARGEST_PACKAGE: u64 = 256 << 20;

/// Deeper trees are a mistake or a trap.
const DEPTH: usize = 64;

/// Every tree and ready layer that the units name, in order.
pub(super) fn pack(resolved: &Resolved, store: &Store, archives: &Archives) -> Result<Vec<Tree>> {
    let mut trees = Vec::new();
    for (unit, recipe) in resolved.units.iter().enumerate() {
        for (place, file) in recipe.files.iter().enumerate() {
            let FileBody::From { path, folder } = &file.body else { continue };
            let (archive, size) = pack_tree(&located(path, folder.as_deref()), path, file.into, store)?;
            let contents = archives.read(archive, size, Shape::Tar)?;
            trees.push(Tree { unit, file: Some(place), is_layer: false, archive, contents });
        }
        for tar in &recipe.tars {
            for (archive, size) in ready_layers(&located(&tar.path, tar.folder.as_deref()), &tar.path, store, archives)? {
                let contents = archives.read(archive, size, Shape::Tar)?;
                trees.push(Tree { unit, file: None, is_layer: true, archive, contents });
            }
        }
    }
    Ok(trees)
}

fn located(path: &str, folder: Option<&Path>) -> PathBuf {
    folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
}

fn absent(shown: &str) -> impl Fn(std::io::Error) -> crate::Error + '_ {
    move |cause| match cause.kind() {
        std::io::ErrorKind::NotFound => BuildError::Absent { path: shown.into(), cause }.into(),
        _ => IoFault::new(shown, cause).into(),
    }
}

/// A file of this machine as a blob.
pub(super) fn take_file(path: &Path, shown: &str, store: &Store) -> Result<(Digest, u64)> {
    let mut file = std::fs::File::open(path).map_err(absent(shown))?;
    let mut writer = store.writer()?;
    std::io::copy(&mut file, &mut writer).map_err(|e| IoFault::new(shown, e))?;
    Ok(writer.commit(None)?)
}

/// The layers of a file: the tar that it is, or those of the ocipkg package that it is.
fn ready_layers(path: &Path, shown: &str, store: &Store, archives: &Archives) -> Result<Vec<(Digest, u64)>> {
    let (digest, size) = take_file(path, shown, store)?;
    let contents = archives.read(digest, size, Shape::Tar)?;
    if !is_package(contents.entries.iter().map(|e| e.path.as_bytes())) {
        return Ok(vec![(digest, size)]);
    }
    let refused = |reason: String| BuildError::File { path: shown.into(), reason };
    // ocipkg keeps blobs in memory and checks no digest, so large files are refused and digests are checked here.
    if size > LARGEST_PACKAGE {
        return Err(refused(format!("is an ocipkg package of {size} bytes, at most {LARGEST_PACKAGE} are read")).into());
    }
    let mut package =
        ocipkg::image::OciArtifact::from_oci_archive(path).map_err(|e| refused(format!("is no ocipkg package: {e}")))?;
    let layers = package.get_layers().map_err(|e| refused(format!("is no ocipkg package: {e}")))?;
    let keep = |(descriptor, bytes): (_, Vec<u8>)| -> Result<(Digest, u64)> {
        let descriptor: ocipkg::oci_spec::image::Descriptor = descriptor;
        let found = store.put(&bytes)?;
        if descriptor.digest().to_string() != found.to_string() {
            return Err(refused(format!("has a layer {} whose bytes are {found}", descriptor.digest())).into());
        }
        Ok((found, bytes.len() as u64))
    };
    layers.into_iter().map(keep).collect()
}

/// Whether a tar is an OCI layout, as ocipkg writes it, and no layer that happens to have an `index.json`.
fn is_package<'a>(paths: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut version, mut index, mut blobs) = (false, false, false);
    for path in paths {
        version |= path == b"oci-layout";
        index |= path == b"index.json";
        blobs |= path.starts_with(b"blobs/");
    }
    version && index && blobs
}

/// A tree as a canonical tar. A file stands under its own name. A folder's contents stand at the root, or below its name where
/// it goes `into` another folder and has no trailing slash.
fn pack_tree(path: &Path, shown: &str, into: bool, store: &Store) -> Result<(Digest, u64)> {
    let metadata = std::fs::symlink_metadata(path).map_err(absent(shown))?;
    let contents_only = metadata.is_dir() && (!into || shown.ends_with('/'));
    let name = match path.file_name() {
        Some(name) if !contents_only => EntryPath::new(name.as_bytes())?,
        _ => EntryPath::root(),
    };
    let mut tar = TarWriter::new(store.writer()?);
    add(path, &name, &mut tar, 0)?;
    Ok(tar.finish()?.commit(None)?)
}

fn add<W: std::io::Write>(path: &Path, name: &EntryPath, tar: &mut TarWriter<W>, depth: usize) -> Result<()> {
    let shown = path.display().to_string();
    let failed = |e| IoFault::new(shown.clone(), e);
    let refused = |reason: &str| BuildError::File { path: shown.clone(), reason: reason.into() };
    if depth > DEPTH {
        return Err(refused("lies too deep").into());
    }
    let metadata = std::fs::symlink_metadata(path).map_err(failed)?;
    let kind = metadata.file_type();
    if kind.is_symlink() {
        let target = std::fs::read_link(path).map_err(failed)?;
        let target = target.as_os_str().as_bytes().to_vec();
        tar.append(&Entry::new(name.clone(), Kind::Symlink { target }, 0o777), &mut std::io::empty())?;
    } else if kind.is_file() {
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mode = if metadata.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
        tar.append(&Entry::new(name.clone(), Kind::File { size }, mode), &mut file)?;
    } else if kind.is_dir() {
        if !name.is_root() {
            tar.append(&Entry::new(name.clone(), Kind::Directory, 0o755), &mut std::io::empty())?;
        }
        let mut names: Vec<std::ffi::OsString> =
            std::fs::read_dir(path).map_err(failed)?.map(|e| e.map(|e| e.file_name())).collect::<Result<_, _>>().map_err(failed)?;
        names.sort();
        for child in names {
            let below = name.join(child.as_bytes())?;
            add(&path.join(&child), &below, tar, depth + 1)?;
        }
    } else {
        return Err(refused("is neither a file, a directory nor a symbolic link").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_all_three_parts_of_a_layout() {
        let is = |paths: &[&str]| is_package(paths.iter().map(|p| p.as_bytes()));
        assert!(is(&["blobs/sha256/00", "index.json", "oci-layout"]));
        for layer in [&["index.json"][..], &["index.json", "oci-layout"], &["blobs/x", "index.json"], &["srv/oci-layout"], &[]] {
            assert!(!is(layer), "{layer:?}");
        }
    }

    #[test]
    fn a_tar_that_only_has_an_index_is_a_ready_layer() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = std::sync::Arc::new(Store::open(&folder.path().join("store")).expect("a store"));
        let path = folder.path().join("site.tar");
        let mut tar = TarWriter::new(std::fs::File::create(&path).expect("a file"));
        let name = EntryPath::new(b"index.json").expect("a path");
        tar.append(&Entry::new(name, Kind::File { size: 2 }, 0o644), &mut &b"{}"[..]).expect("an entry");
        tar.finish().expect("a tar");
        let layers = ready_layers(&path, "site.tar", &store, &Archives::new(store.clone())).expect("a ready layer");
        assert_eq!(layers, [(Digest::of(&std::fs::read(&path).expect("bytes")), std::fs::metadata(&path).expect("a file").len())]);
    }
}
