//! `docker-archive:FILE`: what `docker save` writes. It has no manifest, so one is made from `manifest.json` and the config.
//!
//! Invariant: every digest is computed from the members' bytes; an uncompressed layer must have the digest that the config
//! says. Member names come from the archive and are only looked up in it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{ArchiveError, Members};
use crate::error::{During as _, IoFault, Result};
use crate::oci::{Compression, Config, DOCUMENT_LIMIT, Descriptor, Digest, Hasher, MediaType, json as documents};
use crate::stream::detect;
use crate::transport::layout::Span;
use crate::transport::{Body, BoxFuture, Root, Selector, Source};

/// How many names an error lists, and how many images are read.
const LISTED: usize = 20;
/// Images in one archive; each has its layers read once.
const IMAGE_LIMIT: usize = 1000;

/// The images of one archive. All its layers were read once, for their digests.
#[derive(Debug)]
pub struct DockerArchive {
    place: String,
    images: Vec<(Vec<String>, Root)>,
    blobs: HashMap<Digest, Span>,
}

impl DockerArchive {
    /// Reads the archive at `path`. Blocking.
    pub fn open(path: &Path) -> Result<Self> {
        let place = format!("docker-archive:{}", path.display());
        Self::of(&Members::open(path, place.clone())?, &place)
    }
    /// Reads the archive in an open file. Blocking.
    pub fn read(file: File, place: &str) -> Result<Self> {
        Self::of(&Members::read(file, place.to_owned())?, place)
    }

    fn of(members: &Members, place: &str) -> Result<Self> {
        let listing = needed(members, place, "manifest.json")?.whole("manifest.json", "manifest.json", DOCUMENT_LIMIT)?;
        let listing = documents::read("manifest.json", &listing, DOCUMENT_LIMIT)?;
        let content = |cause: &str| ArchiveError::Content { place: place.to_owned(), cause: cause.to_owned() };
        let listing = listing.as_array().ok_or_else(|| content("manifest.json is not a list"))?;
        if listing.len() > IMAGE_LIMIT {
            return Err(content("manifest.json lists more images than are read").into());
        }
        let mut archive = Self { place: place.to_owned(), images: Vec::new(), blobs: HashMap::new() };
        let mut known = HashMap::new();
        for image in listing {
            archive.add(members, image, &mut known).during(|| format!("reading {place}"))?;
        }
        Ok(archive)
    }

    /// Adds one entry of `manifest.json`; `known` has the layers that were read before, by member name.
    fn add(&mut self, members: &Members, image: &Value, known: &mut HashMap<String, (Descriptor, bool)>) -> Result<()> {
        let content = |cause: String| ArchiveError::Content { place: self.place.clone(), cause };
        let text =
            |v: &Value| v.as_str().map(str::to_owned).ok_or_else(|| content("manifest.json has a name that is no text".into()));
        let texts = |key: &str| match image.get(key).filter(|v| !v.is_null()) {
            None => Ok(Vec::new()),
            Some(list) => {
                let list = list.as_array().ok_or_else(|| content(format!("{key} in manifest.json is not a list")))?;
                list.iter().map(text).collect::<Result<Vec<_>, _>>()
            }
        };
        let name = text(image.get("Config").unwrap_or(&Value::Null))?;
        let names = texts("RepoTags")?;
        let layer_names = texts("Layers")?;
        let span = needed(members, &self.place, &name)?;
        let raw = Bytes::from(span.whole("image config", &name, DOCUMENT_LIMIT)?);
        let config = Config::parse(raw.clone())?;
        if config.diff_ids.len() != layer_names.len() {
            let cause = format!("manifest.json lists {} layers, the config {}", layer_names.len(), config.diff_ids.len());
            return Err(content(cause).into());
        }
        let mut layers = Vec::new();
        for (name, diff_id) in layer_names.iter().zip(&config.diff_ids) {
            if !known.contains_key(name) {
                let span = needed(members, &self.place, name)?;
                let (descriptor, compressed) =
                    layer(&span).map_err(|e| IoFault::new(format!("{} member {name:?}", self.place), e))?;
                self.blobs.insert(descriptor.digest, span);
                known.insert(name.clone(), (descriptor, compressed));
            }
            let Some((descriptor, compressed)) = known.get(name) else { continue };
            if !compressed && descriptor.digest != diff_id.0 {
                let cause = format!("layer {name:?} has the digest {}, its config says {diff_id}", descriptor.digest);
                return Err(content(cause).into());
            }
            layers.push(descriptor.clone());
        }
        let config = Descriptor::of(MediaType::DOCKER_CONFIG, &raw);
        self.blobs.insert(config.digest, span);
        let written = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::DOCKER_MANIFEST,
            "config": config,
            "layers": layers,
        });
        let raw = Bytes::from(written.to_string());
        let root = Root { descriptor: Descriptor::of(MediaType::DOCKER_MANIFEST, &raw), raw };
        self.images.push((names, root));
        Ok(())
    }

    fn find(&self, which: &Selector) -> Result<&Root, ArchiveError> {
        let place = self.place.clone();
        let fits = |(names, root): &&(Vec<String>, Root)| match which {
            Selector::Only => true,
            Selector::Digest(digest) => root.descriptor.digest == *digest,
            Selector::Name(name) => names.iter().any(|n| canonical(n) == canonical(name)),
        };
        let found: Vec<&Root> = self.images.iter().filter(fits).map(|(_, root)| root).collect();
        match found.split_first() {
            Some((first, rest)) if rest.iter().all(|r| r.descriptor.digest == first.descriptor.digest) => Ok(first),
            Some(_) => Err(ArchiveError::Several { place, available: self.names() }),
            None => {
                let name = match which {
                    Selector::Name(name) => name.chars().take(200).collect(),
                    Selector::Digest(digest) => digest.to_string(),
                    Selector::Only => String::new(),
                };
                Err(ArchiveError::NotFound { place, name, available: self.names() })
            }
        }
    }
    fn names(&self) -> String {
        let all: Vec<&String> = self.images.iter().flat_map(|(names, _)| names).collect();
        let shown: Vec<String> =
            all.iter().take(LISTED).map(|n| format!("{:?}", n.chars().take(200).collect::<String>())).collect();
        match all.len() {
            0 => "none with a name".into(),
            n if n > LISTED => format!("{} and {} more", shown.join(", "), n - LISTED),
            _ => shown.join(", "),
        }
    }
}

fn needed(members: &Members, place: &str, name: &str) -> Result<Span> {
    let member = || name.chars().take(200).collect();
    members
        .member(name)?
        .ok_or_else(|| ArchiveError::Member { place: place.to_owned(), member: member(), cause: "is absent" }.into())
}

/// Reads a layer for its digest. Whether it is compressed.
fn layer(span: &Span) -> io::Result<(Descriptor, bool)> {
    let mut first = Vec::new();
    span.part(&(0..16)).read_to_end(&mut first)?;
    let media_type = match detect(&first) {
        Compression::Gzip => MediaType::DOCKER_LAYER_GZIP,
        Compression::Zstd => "application/vnd.docker.image.rootfs.diff.tar.zstd",
        // Engines take xz and bzip2 in such archives, but no media type names them.
        Compression::Xz | Compression::Bzip2 => return Err(io::Error::other("its compression has no media type")),
        Compression::None => MediaType::DOCKER_LAYER,
    };
    let mut hasher = Hasher::new();
    let mut piece = vec![0; 128 * 1024];
    let mut reader = span.clone();
    loop {
        match reader.read(&mut piece)? {
            0 => break,
            n => hasher.update(piece.get(..n).unwrap_or_default()),
        }
    }
    let size = hasher.size();
    Ok((Descriptor::new(media_type, hasher.finish(), size), media_type != MediaType::DOCKER_LAYER))
}

/// A name as Docker completes it, for comparison only.
fn canonical(name: &str) -> String {
    let short = name.strip_prefix("docker.io/").unwrap_or(name);
    let short = short.strip_prefix("library/").unwrap_or(short);
    let last = short.rsplit('/').next().unwrap_or_default();
    if last.contains(':') { short.to_owned() } else { format!("{short}:latest") }
}

impl Source for DockerArchive {
    fn place(&self) -> String {
        self.place.clone()
    }
    fn look_up<'a>(&'a self, which: &'a Selector) -> BoxFuture<'a, Result<Descriptor>> {
        Box::pin(async move { Ok(self.find(which)?.descriptor.clone()) })
    }
    fn resolve<'a>(&'a self, which: &'a Selector) -> BoxFuture<'a, Result<Root>> {
        Box::pin(async move { Ok(self.find(which)?.clone()) })
    }
    fn document<'a>(&'a self, descriptor: &'a Descriptor) -> BoxFuture<'a, Result<Bytes>> {
        Box::pin(async move {
            // Two names of one image are two entries with one digest.
            let made = self.images.iter().find(|(_, root)| root.descriptor.digest == descriptor.digest);
            let absent =
                || ArchiveError::Content { place: self.place.clone(), cause: format!("no manifest {}", descriptor.digest) };
            Ok(made.ok_or_else(absent)?.1.raw.clone())
        })
    }
    fn open<'a>(&'a self, descriptor: &'a Descriptor, range: Range<u64>) -> BoxFuture<'a, Result<Body>> {
        Box::pin(async move {
            let absent = || ArchiveError::Content { place: self.place.clone(), cause: format!("no blob {}", descriptor.digest) };
            let span = self.blobs.get(&descriptor.digest).ok_or_else(absent)?.part(&range);
            Ok(Body::from_read(Some(span.size()), span, crate::transport::layout::unreadable))
        })
    }
}
