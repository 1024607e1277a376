//! Media types of documents and layers, in both families (OCI and Docker schema 2).
//!
//! Invariant: the text is kept as it was; what is not known is `Other`, never guessed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A media type as a document spells it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(String);

/// The two families of documents. A base's family is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Family {
    /// `application/vnd.oci.*`
    Oci,
    /// `application/vnd.docker.*`, schema 2
    Docker,
}

/// How a layer's bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Compression {
    /// A plain tar.
    None,
    /// One or more gzip members (RFC 1952).
    Gzip,
    /// One or more zstd frames (RFC 8878).
    Zstd,
    /// xz, in Debian packages only.
    Xz,
    /// bzip2, in old packages only.
    Bzip2,
}

impl MediaType {
    /// OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image config.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// OCI layer, gzip.
    pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// OCI layer, uncompressed.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// OCI layer, zstd.
    pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// Docker schema 2 manifest.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker schema 2 manifest list.
    pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image config.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// Docker layer, gzip.
    pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    /// Docker layer, uncompressed.
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

    /// Takes a text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The family, for the types of this page.
    pub fn family(&self) -> Option<Family> {
        if self.0.starts_with("application/vnd.oci.image.") {
            Some(Family::Oci)
        } else if self.0.starts_with("application/vnd.docker.") {
            Some(Family::Docker)
        } else {
            None
        }
    }
    /// An image manifest of either family.
    pub fn is_manifest(&self) -> bool {
        matches!(self.as_str(), Self::OCI_MANIFEST | Self::DOCKER_MANIFEST)
    }
    /// An index or manifest list.
    pub fn is_index(&self) -> bool {
        matches!(self.as_str(), Self::OCI_INDEX | Self::DOCKER_INDEX)
    }
    /// An image config of either family.
    pub fn is_config(&self) -> bool {
        matches!(self.as_str(), Self::OCI_CONFIG | Self::DOCKER_CONFIG)
    }
    /// How a layer of this type is compressed; nothing if this is no layer type that we can read.
    /// Non-distributable ("foreign") layer types count, their `urls` are never followed.
    pub fn layer_compression(&self) -> Option<Compression> {
        let text = self.as_str();
        let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        match text {
            Self::OCI_LAYER_GZIP | Self::DOCKER_LAYER_GZIP => Some(Compression::Gzip),
            Self::OCI_LAYER | Self::DOCKER_LAYER => Some(Compression::None),
            Self::OCI_LAYER_ZSTD => Some(Compression::Zstd),
            "application/vnd.docker.image.rootfs.diff.tar.zstd" => Some(Compression::Zstd),
            _ if text == foreign => Some(Compression::Gzip),
            "application/vnd.oci.image.layer.nondistributable.v1.tar" => Some(Compression::None),
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" => Some(Compression::Gzip),
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd" => Some(Compression::Zstd),
            _ => None,
        }
    }
    /// A layer that the registry may not hold itself.
    pub fn is_foreign(&self) -> bool {
        self.0.contains(".nondistributable.") || self.0.contains(".rootfs.foreign.")
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl From<&str> for MediaType {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}
