//! Where images live: registry, engine, OCI layout, archives. Two traits, [`Source`] and [`Target`].
//!
//! Invariant: documents and blobs that a source hands out are verified against the descriptor that was asked for
//! (whole blobs by their readers); a target makes a name visible only after all that it needs is there.

pub mod archive;
mod bundle;
pub mod engine;
pub mod layout;
pub mod registry;
mod verified;

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

use bytes::Bytes;

use crate::error::Result;
use crate::oci::{Descriptor, Repository};

pub use crate::http::{Body, BodyReader};
pub use bundle::{Bundle, BundleBlob, Loaded, StreamTarget};
pub(crate) use verified::verdict;
pub use verified::{Damaged, verified};

/// A future in a box, as the traits of this module return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A manifest or index as it lies there: descriptor and raw bytes.
#[derive(Clone, Debug)]
pub struct Root {
    /// Media type, digest and size of `raw`.
    pub descriptor: Descriptor,
    /// The document, byte for byte.
    pub raw: Bytes,
}

/// Which image of a place is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// By tag (registry), ref name (layout, archive) or full image name (engine, docker archive).
    Name(String),
    /// By the digest of its manifest or index.
    Digest(crate::oci::Digest),
    /// The only image that is there.
    Only,
}

/// A place that images are read from. Bound to one repository, folder, file or engine image.
pub trait Source: Send + Sync + fmt::Debug {
    /// The place as a user knows it, for messages.
    fn place(&self) -> String;
    /// The repository, where the place is one: a mount candidate.
    fn repository(&self) -> Option<&Repository> {
        None
    }
    /// The digest that a name has now, as cheaply as the place allows (a HEAD request).
    fn look_up<'a>(&'a self, which: &'a Selector) -> BoxFuture<'a, Result<Descriptor>>;
    /// The document that a name has now, verified against its own digest.
    fn resolve<'a>(&'a self, which: &'a Selector) -> BoxFuture<'a, Result<Root>>;
    /// A manifest or index by descriptor, verified.
    fn document<'a>(&'a self, descriptor: &'a Descriptor) -> BoxFuture<'a, Result<Bytes>>;
    /// Bytes `range` of a blob. The body is *not* verified: wrap it where the whole blob is read.
    fn open<'a>(&'a self, descriptor: &'a Descriptor, range: Range<u64>) -> BoxFuture<'a, Result<Body>>;
}

/// Something that can hand out the same bytes again, for a retry.
pub trait Supply: Send + Sync {
    /// All bytes from the start.
    fn open(&self) -> BoxFuture<'_, Result<Body>>;
}

/// A place that images are written to. Bound to one repository, folder, file or engine.
pub trait Target: Send + Sync + fmt::Debug {
    /// The place as a user knows it, for messages.
    fn place(&self) -> String;
    /// The repository, where the place is one.
    fn repository(&self) -> Option<&Repository> {
        None
    }
    /// The digest of the document that a name has there now, if it has one.
    fn published<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Descriptor>>>;
    /// Fails where `name` has `has` and names of this place stay what they are; asked before anything is written.
    fn can_move(&self, _name: &str, _has: &Descriptor) -> Result<()> {
        Ok(())
    }
    /// Whether nobody but its writers keeps this place whole, so that blobs are looked at even below a name that has the image.
    fn is_local(&self) -> bool {
        false
    }
    /// Fails if this user may not write here; called before any work is done for this target.
    fn check_rights(&self) -> BoxFuture<'_, Result<()>>;
    /// Whether a blob is there with this digest and size.
    fn has<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<bool>>;
    /// Takes a blob from another repository of the same registry. `false`: not possible, send it (a target that got an
    /// upload session instead keeps it for the next `put` of this blob).
    fn mount<'a>(&'a self, _blob: &'a Descriptor, _from: &'a Repository) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(false) })
    }
    /// Writes a blob; length and digest are checked before it can be seen.
    fn put<'a>(&'a self, blob: &'a Descriptor, supply: &'a dyn Supply) -> BoxFuture<'a, Result<()>>;
    /// Writes a manifest or index under its digest; everything that it names is there already.
    fn put_document<'a>(&'a self, root: &'a Root) -> BoxFuture<'a, Result<()>>;
    /// Gives `root` its names, last of all.
    fn publish<'a>(&'a self, root: &'a Root, names: &'a [String]) -> BoxFuture<'a, Result<()>>;
}
