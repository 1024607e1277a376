//! An image manifest of either family, read from its raw bytes (image-spec, manifest.md; Docker schema 2).
//!
//! Invariant: `raw` is the document byte for byte and is what counts; the other fields are a view of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::json::{self, DOCUMENT_LIMIT, DocumentError, Fields};
use super::{Descriptor, Family, Index, MediaType};

const WHAT: &str = "manifest";

/// A manifest: a config and layers, bottom to top.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The document, byte for byte.
    pub raw: Bytes,
    /// Its media type, as announced or as it says itself.
    pub media_type: MediaType,
    /// OCI or Docker.
    pub family: Family,
    /// The image config.
    pub config: Descriptor,
    /// The layers, bottom to top.
    pub layers: Vec<Descriptor>,
    /// The manifest's annotations.
    pub annotations: BTreeMap<String, String>,
    artifact_type: Option<String>,
    value: Value,
}

impl Manifest {
    /// Reads `raw`. `announced` is the media type of the descriptor or the Content-Type, where there is one.
    pub fn parse(raw: Bytes, announced: Option<&MediaType>) -> Result<Self, DocumentError> {
        let value = json::read(WHAT, &raw, DOCUMENT_LIMIT)?;
        Self::from_value(raw, value, announced)
    }

    fn from_value(raw: Bytes, value: Value, announced: Option<&MediaType>) -> Result<Self, DocumentError> {
        let fields = Fields::of(WHAT, &value)?;
        refuse_mixtures(fields, &["manifests"])?;
        fields.spelled(&["schemaVersion", "mediaType", "config", "layers", "annotations", "artifactType", "subject"])?;
        let media_type = json::agreed_type(fields, announced, MediaType::OCI_MANIFEST, MediaType::is_manifest)?;
        let family = media_type.family().unwrap_or(Family::Oci);
        let config = fields.get("config").ok_or_else(|| fields.wrong("config", "is missing"))?;
        let config = fields.descriptor("config", config)?;
        if !value.as_object().is_some_and(|o| o.contains_key("layers")) {
            return Err(fields.wrong("layers", "is missing"));
        }
        let layer = |(i, v): (usize, &Value)| fields.descriptor(&format!("layers[{i}]"), v);
        let layers = fields.list("layers")?.iter().enumerate().map(layer).collect::<Result<_, _>>()?;
        let annotations = fields.text_map("annotations")?.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let artifact_type = fields.text("artifactType")?.filter(|t| !t.is_empty()).map(str::to_owned);
        Ok(Self { raw, media_type, family, config, layers, annotations, artifact_type, value })
    }

    /// The document as a tree in its own order, with everything that this type does not know.
    pub fn value(&self) -> &Value {
        &self.value
    }
    /// The descriptor of the manifest itself.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(self.media_type.clone(), &self.raw)
    }
    /// Fails, naming the kind, where this is no image that can be run or built on (an artifact, an attestation, an
    /// encrypted image). Layers of unknown types are no reason.
    pub fn require_image(&self) -> Result<(), DocumentError> {
        let refused = |found: String| Err(DocumentError::Kind { found });
        if let Some(kind) = &self.artifact_type {
            return refused(format!("an artifact of type {kind:?}"));
        }
        if !self.config.media_type.is_config() {
            return refused(format!("an artifact with a config of type {:?}", self.config.media_type));
        }
        let has = |part: &str| self.layers.iter().any(|l| l.media_type.as_str().contains(part));
        if has("in-toto") {
            return refused("an attestation".into());
        }
        if has("+encrypted") {
            return refused("an encrypted image".into());
        }
        Ok(())
    }
}

/// A manifest or an index, whichever the bytes are.
#[derive(Clone, Debug)]
pub enum Document {
    /// One image.
    Manifest(Box<Manifest>),
    /// Several, by platform.
    Index(Index),
}

impl Document {
    /// Reads `raw` as what it was announced as, or else as what it is.
    pub fn parse(raw: Bytes, announced: Option<&MediaType>) -> Result<Self, DocumentError> {
        let value = json::read("document", &raw, DOCUMENT_LIMIT)?;
        let fields = Fields::of("document", &value)?;
        let kind = announced.map(json::bare).or(fields.text("mediaType")?.map(MediaType::new));
        let is_index = kind.map_or_else(|| fields.mentions("manifests"), |kind| kind.is_index());
        if is_index {
            Index::parse(raw, announced).map(Self::Index)
        } else {
            Manifest::from_value(raw, value, announced).map(|m| Self::Manifest(Box::new(m)))
        }
    }
    /// The descriptor of the document itself.
    pub fn descriptor(&self) -> Descriptor {
        match self {
            Self::Manifest(manifest) => manifest.descriptor(),
            Self::Index(index) => index.descriptor(),
        }
    }
}

/// Refuses a document that another reader may take for one of another kind (CVE-2021-41190), and schema 1.
pub(super) fn refuse_mixtures(fields: Fields<'_>, foreign: &[&str]) -> Result<(), DocumentError> {
    if fields.mentions("fsLayers") || fields.mentions("history") {
        return Err(DocumentError::Kind { found: "a Docker schema 1 manifest".into() });
    }
    if let Some(version) = fields.get("schemaVersion")
        && version.as_u64() != Some(2)
    {
        return match version.as_u64() {
            Some(1) => Err(DocumentError::Kind { found: "a Docker schema 1 manifest".into() }),
            _ => Err(fields.wrong("schemaVersion", "is not 2")),
        };
    }
    match foreign.iter().find(|name| fields.mentions(name)) {
        Some(name) => Err(fields.wrong(name, "makes it ambiguous between a manifest and an index")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(text: &str, announced: Option<&str>) -> Result<Manifest, DocumentError> {
        let text = text.replace("@C", &format!(r#"{{"mediaType":"{}","digest":"{D}","size":2}}"#, MediaType::OCI_CONFIG));
        Manifest::parse(text.into(), announced.map(MediaType::new).as_ref())
    }

    #[test]
    fn ambiguous_and_old_documents_are_refused() {
        let refused = [
            r#"{"schemaVersion":2,"config":@C,"layers":[],"manifests":[]}"#,
            r#"{"schemaVersion":2,"config":@C,"layers":[],"MANIFESTS":null}"#,
            r#"{"schemaVersion":2,"config":@C,"layers":[],"fsLayers":[]}"#,
            r#"{"schemaVersion":1,"config":@C,"layers":[]}"#,
            r#"{"schemaVersion":2,"config":@C}"#,
            r#"{"schemaVersion":2,"config":@C,"Layers":[]}"#,
            r#"{"schemaVersion":2,"layers":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":@C,"layers":[]}"#,
            "[]",
            "null",
            "",
        ];
        for text in refused {
            assert!(parse(text, None).is_err(), "{text}");
        }
        for text in [
            r#"{"schemaVersion":2,"config":@C,"layers":[]}"#,
            r#"{"schemaVersion":2,"config":@C,"layers":null,"annotations":null,"x-more":{"manifests":[]}}"#,
        ] {
            assert!(parse(text, None).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_announced_type_must_agree_with_the_body() {
        let oci = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":@C,"layers":[]}"#;
        assert!(parse(oci, Some(MediaType::DOCKER_MANIFEST)).is_err());
        assert!(parse(oci, Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8")).is_ok());
        let plain = r#"{"schemaVersion":2,"config":@C,"layers":[]}"#;
        assert_eq!(parse(plain, Some(MediaType::DOCKER_MANIFEST)).expect("valid").family, Family::Docker);
        assert!(parse(plain, Some("text/html")).is_err());
    }

    #[test]
    fn sizes_are_whole_numbers() {
        let with = |size: &str| {
            parse(
                &format!(
                    r#"{{"schemaVersion":2,"config":@C,"layers":[{{"mediaType":"{}","digest":"{D}","size":{size}}}]}}"#,
                    MediaType::OCI_LAYER_GZIP
                ),
                None,
            )
        };
        for bad in ["-1", "1.5", "1.0", "\"1\"", "9223372036854775808", "18446744073709551616", "1e400", "1e3", "null", "true"] {
            assert!(with(bad).is_err(), "{bad}");
        }
        for good in ["0", "9223372036854775807"] {
            assert!(with(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn artifacts_can_be_read_but_not_built_on() {
        let artifact = parse(r#"{"schemaVersion":2,"artifactType":"application/x.sbom","config":@C,"layers":[]}"#, None);
        let error = artifact.expect("readable").require_image().expect_err("an artifact");
        assert!(error.to_string().contains("application/x.sbom"), "{error}");
        assert!(parse(r#"{"schemaVersion":2,"config":@C,"layers":[]}"#, None).expect("valid").require_image().is_ok());
    }
}
