//! Archives of the store by digest: what kind each is, its contents (remembered), its bytes for scripts and for the linker.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::apt::deb;
use crate::conda;
use crate::error::{Error, IoFault, Result};
use crate::layer::Contents;
use crate::layer::root::Bodies;
use crate::oci::Digest;
use crate::store::Store;
use crate::stream::{EntryPath, HashingReader, Kind, Limits, TarReader, Verified, decompress, detect};

use super::BuildError;
use super::copies::{Copies, Copy};

/// What an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A Debian package.
    Deb,
    /// A tar, compressed or not.
    Tar,
    /// A conda package, alone or inside of an installer.
    Conda(Place),
    /// A part of a conda package as a tar of its own: its `info/`, or the package as a file.
    Part(Part, Digest, Place),
}

/// What a package cache has of a package, besides its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `info/`, where it is a tar of its own.
    Info,
    /// The package itself.
    Whole,
}

/// Where in the store the bytes of an archive lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The blob that has them, and its size.
    pub(super) blob: (Digest, u64),
    /// Offset in it.
    pub(super) at: u64,
}

/// What is known of an archive that was read.
#[derive(Clone, Debug)]
struct Known {
    shape: Shape,
    size: u64,
    contents: Arc<Contents>,
    copy: Option<Copy>,
}

/// Packages larger than this are read one at a time: a decoder may need tens of megabytes for one.
const LARGE: u64 = 8 << 20;
/// More threads than this bring nothing but memory.
const READERS: usize = 4;

/// The archives of one build.
#[derive(Clone, Debug)]
pub(super) struct Archives {
    store: Arc<Store>,
    copies: Copies,
    known: Arc<Mutex<BTreeMap<Digest, Known>>>,
}

impl Archives {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store, copies: Copies::default(), known: Arc::default() }
    }

    /// The contents of packages that the store has, read by several threads.
    pub(super) fn read_all(&self, mut wanted: Vec<(Digest, u64)>, threads: usize) -> Result<BTreeMap<Digest, Arc<Contents>>> {
        wanted.sort_by_key(|(digest, size)| (std::cmp::Reverse(*size), *digest));
        wanted.dedup();
        let (large, small) = wanted.split_at(wanted.partition_point(|(_, size)| *size > LARGE));
        let next = AtomicUsize::new(0);
        let one = |(digest, size): &(Digest, u64)| self.read(*digest, *size, Shape::Deb).map(|contents| (*digest, contents));
        let work = |large: &[(Digest, u64)]| -> Result<Vec<(Digest, Arc<Contents>)>> {
            let mut read = large.iter().map(one).collect::<Result<Vec<_>>>()?;
            while let Some(wanted) = small.get(next.fetch_add(1, Ordering::Relaxed)) {
                read.push(one(wanted)?);
            }
            Ok(read)
        };
        let helpers = threads.clamp(1, READERS).min(wanted.len().max(1)) - 1;
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(|| work(&[]))).collect();
            let mut all: BTreeMap<_, _> = work(large)?.into_iter().collect();
            for helper in helpers {
                all.extend(helper.join().map_err(|_| BuildError::Worker)??);
            }
            Ok(all)
        })
    }

    /// The contents of an archive that the store has.
    pub(super) fn read(&self, digest: Digest, size: u64, shape: Shape) -> Result<Arc<Contents>> {
        if let Some(known) = self.lock().get(&digest) {
            return Ok(known.contents.clone());
        }
        let (kind, key) = ("contents", digest.hex());
        let remembered = self.store.memo(kind, &key)?.and_then(|memo| deb::from_memo(&memo));
        let (contents, copy) = if let Some(contents) = remembered {
            (contents, None)
        } else {
            let (contents, copy) = self.decompress(digest, size, shape)?;
            // Who knows the contents will want the bytes.
            self.store.set_memo(kind, &key, &deb::to_memo(&contents), &[digest])?;
            (contents, copy)
        };
        let contents = Arc::new(contents);
        self.lock().insert(digest, Known { shape, size, contents: contents.clone(), copy });
        Ok(contents)
    }

    fn decompress(&self, digest: Digest, size: u64, shape: Shape) -> Result<(Contents, Option<Copy>)> {
        let blob = self.store.open_blob(&digest, size)?;
        match shape {
            Shape::Deb => {
                let mut copy = self.copies.start(&self.store);
                let contents = deb::read_beside(blob, Some(digest), &mut copy)?;
                Ok((contents, copy.finish()))
            }
            Shape::Tar | Shape::Conda(_) | Shape::Part(..) => Ok((tar_contents(plain(blob)?, digest)?, None)),
        }
    }

    /// The uncompressed data tar of an archive that was read before.
    pub(super) fn data(&self, digest: &Digest) -> Result<Box<dyn Read + Send>> {
        let known = self.lock().get(digest).cloned().ok_or_else(|| BuildError::NotStored(digest.to_string()))?;
        if let Some(copy) = known.copy {
            return Ok(Box::new(copy.reader()));
        }
        let size = known.size;
        match known.shape {
            Shape::Deb => Ok(deb::data_tar(self.store.open_blob(digest, size)?)?),
            Shape::Tar => plain(self.store.open_blob(digest, size)?),
            Shape::Conda(place) => Ok(conda::data(&digest.to_string(), &self.section(digest, size, place)?)?),
            Shape::Part(Part::Whole, archive, place) => Ok(conda::as_tar(self.section(&archive, size, place)?)?),
            Shape::Part(Part::Info, archive, place) => {
                let info = conda::info_tar(&archive.to_string(), &self.section(&archive, size, place)?)?;
                info.ok_or_else(|| BuildError::NotStored(format!("info of {archive}")).into())
            }
        }
    }

    /// A part of a conda package, by a digest of its own; nothing where the package has no such part.
    pub(super) fn part(&self, part: Part, archive: Digest, size: u64, place: Place) -> Result<Option<(Digest, Arc<Contents>)>> {
        let section = self.section(&archive, size, place)?;
        let tar = match part {
            Part::Whole => Some(conda::as_tar(section)?),
            Part::Info => conda::info_tar(&archive.to_string(), &section)?,
        };
        let Some(tar) = tar else { return Ok(None) };
        let digest = Digest::of(format!("plywood: {part:?} of conda package {archive}").as_bytes());
        let contents = Arc::new(tar_contents(tar, digest)?);
        let shape = Shape::Part(part, archive, place);
        self.lock().insert(digest, Known { shape, size, contents: contents.clone(), copy: None });
        Ok(Some((digest, contents)))
    }

    /// A conda package for one prefix (absolute). `name` is its file name.
    pub(super) fn conda(&self, name: &str, digest: Digest, size: u64, place: Place, prefix: &str) -> Result<Arc<conda::Package>> {
        let (kind, key) = ("conda", format!("{} {prefix}", digest.hex()));
        let known = self.store.memo(kind, &key)?.and_then(|memo| conda::Package::from_memo(&memo));
        let package = if let Some(package) = known {
            package
        } else {
            let package = conda::read(name, &self.section(&digest, size, place)?, digest, prefix)?;
            self.store.set_memo(kind, &key, &package.to_memo(), &[place.blob.0])?;
            package
        };
        let package = Arc::new(package);
        let (shape, contents) = (Shape::Conda(place), package.contents.clone());
        self.lock().insert(digest, Known { shape, size, contents, copy: None });
        Ok(package)
    }

    /// The bytes of an archive inside of a blob, verified before they are looked at.
    fn section(&self, digest: &Digest, size: u64, place: Place) -> Result<conda::Section> {
        let file = self.store.open_ranged(&place.blob.0, place.blob.1)?;
        let section = conda::Section::new(Arc::new(file), place.at, size);
        let verified = Verified::new(section.clone(), *digest, size).finish();
        verified.map_err(|e| {
            crate::stream::VerifyError::inside(&e)
                .cloned()
                .map_or_else(|| Error::from(IoFault::new(digest.to_string(), e)), Error::from)
        })?;
        Ok(section)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Digest, Known>> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Bodies for Archives {
    fn read(&self, archive: &Digest, path: &EntryPath) -> Result<Arc<[u8]>> {
        if let Some(bytes) = self.lock().get(archive).and_then(|known| known.contents.kept.get(path).cloned()) {
            return Ok(bytes);
        }
        let mut tar = TarReader::new(self.data(archive)?, Limits::default());
        while let Some(entry) = tar.next_entry()? {
            if entry.path == *path && matches!(entry.kind, Kind::File { .. }) {
                let mut bytes = Vec::new();
                tar.body().read_to_end(&mut bytes).map_err(|e| IoFault::new(path.to_string(), e))?;
                return Ok(bytes.into());
            }
        }
        Err(BuildError::File { path: path.to_string(), reason: format!("is not in archive {archive}") }.into())
    }
}

/// A tar in whatever compression.
fn plain(mut blob: impl Read + Send + 'static) -> Result<Box<dyn Read + Send>> {
    let mut first = [0; 8];
    let mut filled = 0;
    while filled < first.len() {
        match blob.read(&mut first[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(IoFault::new("reading an archive", e).into()),
        }
    }
    let compression = detect(&first[..filled]);
    let whole = std::io::Cursor::new(first[..filled].to_vec()).chain(blob);
    decompress(whole, compression).map_err(|e| Error::from(IoFault::new("reading an archive", e)))
}

/// Entries of a tar with the bytes of small files and the digests of all, read to its last byte.
fn tar_contents(plain: impl Read, digest: Digest) -> Result<Contents> {
    let mut tar = TarReader::new(plain, Limits::default());
    let mut contents = Contents { archive: Some(digest), ..Contents::default() };
    let mut kept = deb::Kept::default();
    while let Some(entry) = tar.next_entry()? {
        if let Kind::File { size } = entry.kind {
            let failed = |e| IoFault::new(entry.path.to_string(), e);
            let mut body = HashingReader::new(tar.body());
            kept.take(&entry.path, size, &mut body).map_err(failed)?;
            contents.digests.insert(entry.path.clone(), body.finish().map_err(failed)?);
        }
        contents.entries.push(entry);
    }
    tar.finish()?;
    kept.hand_to(&mut contents);
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::stream::{Entry, TarWriter};

    #[test]
    fn an_archive_lives_as_long_as_what_is_known_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(Store::open(folder.path()).expect("a store"));
        let mut tar = TarWriter::new(store.writer().expect("a writer"));
        let name = EntryPath::new(b"file").expect("a path");
        tar.append(&Entry::new(name, Kind::File { size: 2 }, 0o644), &mut &b"hi"[..]).expect("an entry");
        let (read, size) = tar.finish().expect("a tar").commit(None).expect("kept");
        let unknown = store.put(b"never read").expect("kept");
        Archives::new(store.clone()).read(read, size, Shape::Tar).expect("contents");
        drop(store);
        let day = Duration::from_secs(86_400);
        for (now, kept) in [(SystemTime::now(), true), (SystemTime::now() + 2 * day, false)] {
            Store::collect(folder.path(), day, now).expect("collected");
            let store = Store::open(folder.path()).expect("a store");
            assert_eq!(store.has(&read, size).expect("asked"), kept);
            assert!(!store.has(&unknown, 10).expect("asked"));
        }
    }

    /// A tar of `count` files of `size` bytes each.
    fn tree(count: usize, size: usize) -> Vec<u8> {
        let mut tar = TarWriter::new(Vec::new());
        for number in 0..count {
            let path = EntryPath::new(format!("{number:04}")).expect("a path");
            let body = vec![b'x'; size];
            tar.append(&Entry::new(path, Kind::File { size: size as u64 }, 0o644), &mut body.as_slice()).expect("a vector");
        }
        tar.finish().expect("a vector")
    }

    #[test]
    fn a_large_tree_is_kept_in_part_and_a_small_one_whole() {
        for (count, all) in [(200, true), (600, false)] {
            let bytes = tree(count, 60 << 10);
            let contents = tar_contents(bytes.as_slice(), Digest::of(&bytes)).expect("a tar");
            let held: usize = contents.kept.values().map(|bytes| bytes.len()).sum();
            assert!(held <= 16 << 20, "{held}");
            assert_eq!(contents.kept.len() == count, all, "{} of {count}", contents.kept.len());
            assert_eq!(contents.entries.len(), count);
            assert!(contents.digests.values().all(|d| *d == Digest::of(&vec![b'x'; 60 << 10])) && contents.digests.len() == count);
        }
    }
}
