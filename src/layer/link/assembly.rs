//! Puts entries into the layer's tar in an order that every engine unpacks.
//!
//! Invariant: each path is written once; a directory before its first child; a hard link after its target and with that
//! file's metadata, since both share one inode. What contradicts the spec is an error, never repaired silently.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};

use super::{LinkError, SpecError};
use crate::layer::{LayerSpec, Made};
use crate::stream::{Entry, EntryPath, Kind, Owner, TarWriter};

/// What names of one file share, and who placed it.
#[derive(Clone, Debug)]
struct Inode {
    /// The entry's metadata without its path.
    mode: u32,
    owner: Owner,
    mtime: i64,
    xattrs: Xattrs,
    origin: Option<usize>,
}

type Xattrs = std::collections::BTreeMap<Vec<u8>, Vec<u8>>;

/// A layer's tar while it is written.
#[derive(Debug)]
pub(super) struct Assembly<'a, W> {
    tar: TarWriter<W>,
    /// The spec's directories, and which are written.
    directories: HashMap<&'a [u8], (&'a Entry, bool)>,
    whiteouts: HashSet<&'a [u8]>,
    /// All that is written and no directory.
    placed: HashMap<EntryPath, Inode>,
    entries: u64,
}

impl<'a, W: Write> Assembly<'a, W> {
    pub(super) fn new(spec: &'a LayerSpec, out: W) -> Result<Self, SpecError> {
        let mut directories = HashMap::with_capacity(spec.directories.len());
        for entry in &spec.directories {
            if !entry.is_directory() {
                return Err(SpecError::new(&entry.path, "listed among the directories, but none"));
            }
            if directories.insert(entry.path.as_bytes(), (entry, false)).is_some() {
                return Err(SpecError::new(&entry.path, "the directory is listed twice"));
            }
        }
        let mut whiteouts = HashSet::with_capacity(spec.whiteouts.len());
        for path in &spec.whiteouts {
            // Engines apply a whiteout where it stands in the tar, so that it would delete what this layer adds.
            if directories.contains_key(path.as_bytes()) {
                return Err(SpecError::new(path, "deleted by a whiteout of the layer that adds it"));
            }
            if !whiteouts.insert(path.as_bytes()) {
                return Err(SpecError::new(path, "two whiteouts of one path"));
            }
        }
        Ok(Self { tar: TarWriter::new(out), directories, whiteouts, placed: HashMap::new(), entries: 0 })
    }
    /// Whether the spec lists this directory.
    pub(super) fn lists(&self, path: &EntryPath) -> bool {
        self.directories.contains_key(path.as_bytes())
    }
    /// Writes a directory of the spec, if it is not written yet, and its parents before it.
    pub(super) fn directory(&mut self, path: &EntryPath) -> Result<(), LinkError> {
        match self.directories.get(path.as_bytes()) {
            Some((_, true)) => return Ok(()),
            Some((_, false)) => {}
            None => return Err(SpecError::new(path, "the directory is not listed in the spec").into()),
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.is_root() || self.lists(parent)) {
            self.directory(&parent)?;
        }
        if let Some((entry, written)) = self.directories.get_mut(path.as_bytes()) {
            *written = true;
            self.entries += 1;
            self.tar.append(entry, &mut io::empty())?;
        }
        Ok(())
    }
    /// Writes anything but a directory. `origin` is the source that it comes from; a hard link's target must have the same.
    pub(super) fn place(&mut self, mut entry: Entry, origin: Option<usize>, content: &mut dyn Read) -> Result<(), LinkError> {
        if entry.is_directory() {
            return Err(SpecError::new(&entry.path, "a directory stands outside of the spec's list").into());
        }
        if self.whiteouts.contains(entry.path.as_bytes()) {
            return Err(SpecError::new(&entry.path, "deleted by a whiteout of the layer that adds it").into());
        }
        if self.lists(&entry.path) {
            return Err(SpecError::new(&entry.path, "the spec lists a directory at this path").into());
        }
        self.parents_of(&entry.path)?;
        let inode = match &entry.kind {
            Kind::HardLink { target } => self.linked_inode(&entry, target, origin)?,
            _ => Inode { mode: entry.mode, owner: entry.owner, mtime: entry.mtime, xattrs: entry.xattrs.clone(), origin },
        };
        if let Kind::HardLink { .. } = entry.kind {
            (entry.mode, entry.owner, entry.mtime) = (inode.mode, inode.owner, inode.mtime);
            entry.xattrs.clone_from(&inode.xattrs);
        }
        if self.placed.insert(entry.path.clone(), inode).is_some() {
            return Err(SpecError::new(&entry.path, "written twice").into());
        }
        self.entries += 1;
        Ok(self.tar.append(&entry, content)?)
    }
    /// The inode that a hard link shares.
    fn linked_inode(&self, link: &Entry, target: &EntryPath, origin: Option<usize>) -> Result<Inode, SpecError> {
        match self.placed.get(target.as_bytes()) {
            Some(inode) if inode.origin == origin || origin.is_none() => Ok(inode.clone()),
            _ => Err(SpecError::new(&link.path, "the target of the hard link is not written before it")),
        }
    }
    /// Mode and owner of a path that was placed.
    pub(super) fn owned(&self, path: &EntryPath) -> Option<(u32, Owner)> {
        self.placed.get(path.as_bytes()).map(|inode| (inode.mode, inode.owner))
    }
    fn parents_of(&mut self, path: &EntryPath) -> Result<(), LinkError> {
        match path.parent() {
            Some(parent) if !parent.is_root() || self.lists(&parent) => self.directory(&parent),
            _ => Ok(()),
        }
    }
    /// What no source triggered: remaining directories in order of their paths, whiteouts, made entries.
    pub(super) fn rest(&mut self, spec: &LayerSpec) -> Result<(), LinkError> {
        let mut left: Vec<&EntryPath> = self.directories.values().filter(|(_, written)| !written).map(|(e, _)| &e.path).collect();
        left.sort();
        for path in left {
            self.directory(path)?;
        }
        for path in &spec.whiteouts {
            self.parents_of(path)?;
            self.entries += 1;
            self.tar.append_whiteout(path)?;
        }
        for Made { entry, bytes } in &spec.made {
            self.place(entry.clone(), None, &mut &bytes[..])?;
        }
        Ok(())
    }
    /// Ends the tar: the writer below and the number of entries.
    pub(super) fn finish(self) -> Result<(W, u64), LinkError> {
        Ok((self.tar.finish()?, self.entries))
    }
}
