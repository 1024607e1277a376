//! Reading images from a layout, in a folder or in an archive.
//!
//! Invariant: sizes are compared before bytes are read; documents are verified; nothing is written.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;

use super::{Files, Folder, LayoutError, Listing, Span};
use crate::error::{Error, IoFault, Result};
use crate::oci::{DOCUMENT_LIMIT, Descriptor, Digest, Document, Hasher};
use crate::transport::{Body, BoxFuture, Damaged, Root, Selector, Source, verdict};

/// The images of one layout.
#[derive(Debug)]
pub struct LayoutSource<F: Files = Folder> {
    files: F,
}

impl LayoutSource<Folder> {
    /// The layout in a folder.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self { files: Folder(path.into()) }
    }
}

impl<F: Files> LayoutSource<F> {
    /// The layout in `files`.
    pub fn new(files: F) -> Self {
        Self { files }
    }
    fn find(&self, which: &Selector) -> Result<Descriptor> {
        let listing = Listing::read(&self.files)?;
        match (listing.find(which), which) {
            (Ok(entry), _) => Ok(Descriptor::new(entry.media_type.clone(), entry.digest, entry.size)),
            // A child of an index, which has no entry of its own.
            (Err(error), Selector::Digest(digest)) => match self.files.open(&blob_path(digest))? {
                Some(span) => Ok(document_at(&span, *digest)?.descriptor),
                None => Err(error.into()),
            },
            (Err(error), _) => Err(error.into()),
        }
    }
    fn blob(&self, wanted: &Descriptor) -> Result<Span> {
        let absent = || LayoutError::NoBlob { place: self.files.place(), digest: wanted.digest };
        let span = self.files.open(&blob_path(&wanted.digest))?.ok_or_else(absent)?;
        if span.size() == wanted.size { Ok(span) } else { Err(Damaged::size(wanted, span.size()).into()) }
    }
    fn read_document(&self, descriptor: &Descriptor) -> Result<Bytes> {
        let bytes = self.blob(descriptor)?.whole("manifest", &descriptor.digest.to_string(), DOCUMENT_LIMIT)?;
        let mut hasher = Hasher::new();
        hasher.update(&bytes);
        verdict(hasher, descriptor)?;
        Ok(bytes.into())
    }
}

/// A manifest or index whose type nobody announced.
fn document_at(span: &Span, digest: Digest) -> Result<Root> {
    let raw = Bytes::from(span.whole("manifest", &digest.to_string(), DOCUMENT_LIMIT)?);
    let found = Digest::of(&raw);
    if found != digest {
        return Err(Damaged { digest, cause: format!("its bytes have the digest {found}") }.into());
    }
    let descriptor = Document::parse(raw.clone(), None)?.descriptor();
    Ok(Root { descriptor, raw })
}

/// Where a layout has a blob.
pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

pub(crate) fn unreadable(cause: io::Error) -> Error {
    IoFault::new("reading an image", cause).into()
}

impl<F: Files> Source for LayoutSource<F> {
    fn place(&self) -> String {
        self.files.place()
    }
    fn look_up<'a>(&'a self, which: &'a Selector) -> BoxFuture<'a, Result<Descriptor>> {
        Box::pin(async move { self.find(which) })
    }
    fn resolve<'a>(&'a self, which: &'a Selector) -> BoxFuture<'a, Result<Root>> {
        Box::pin(async move {
            let descriptor = self.find(which)?;
            Ok(Root { raw: self.read_document(&descriptor)?, descriptor })
        })
    }
    fn document<'a>(&'a self, descriptor: &'a Descriptor) -> BoxFuture<'a, Result<Bytes>> {
        Box::pin(async move { self.read_document(descriptor) })
    }
    fn open<'a>(&'a self, descriptor: &'a Descriptor, range: Range<u64>) -> BoxFuture<'a, Result<Body>> {
        Box::pin(async move {
            let span = self.blob(descriptor)?.part(&range);
            Ok(Body::from_read(Some(span.size()), span, unreadable))
        })
    }
}
