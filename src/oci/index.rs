//! An index (OCI) or manifest list (Docker), read from its raw bytes (image-spec, image-index.md).
//!
//! Invariant: `raw` is the document byte for byte; selection is by platform, first match wins, attestations never match.

use bytes::Bytes;
use serde_json::Value;

use super::json::{self, DOCUMENT_LIMIT, DocumentError, Fields};
use super::manifest::refuse_mixtures;
use super::{Descriptor, Family, MediaType, Platform};

const WHAT: &str = "index";
/// How many platforms an error lists.
const LISTED: usize = 20;

/// Manifests by platform.
#[derive(Clone, Debug)]
pub struct Index {
    /// The document, byte for byte.
    pub raw: Bytes,
    /// Its media type, as announced or as it says itself.
    pub media_type: MediaType,
    /// OCI or Docker.
    pub family: Family,
    /// The entries in their order.
    pub manifests: Vec<Descriptor>,
}

impl Index {
    /// How many indexes may lie inside each other; nobody needs more than two.
    pub const MAX_NESTING: usize = 4;

    /// Reads `raw`. `announced` is the media type of the descriptor or the Content-Type, where there is one.
    pub fn parse(raw: Bytes, announced: Option<&MediaType>) -> Result<Self, DocumentError> {
        let value = json::read(WHAT, &raw, DOCUMENT_LIMIT)?;
        let fields = Fields::of(WHAT, &value)?;
        refuse_mixtures(fields, &["layers", "config"])?;
        fields.spelled(&["schemaVersion", "mediaType", "manifests", "annotations", "artifactType", "subject"])?;
        let media_type = json::agreed_type(fields, announced, MediaType::OCI_INDEX, MediaType::is_index)?;
        let family = media_type.family().unwrap_or(Family::Oci);
        if !value.as_object().is_some_and(|o| o.contains_key("manifests")) {
            return Err(fields.wrong("manifests", "is missing"));
        }
        let entry = |(i, v): (usize, &Value)| fields.descriptor(&format!("manifests[{i}]"), v);
        let manifests = fields.list("manifests")?.iter().enumerate().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { raw, media_type, family, manifests })
    }
    /// The descriptor of the index itself.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(self.media_type.clone(), &self.raw)
    }
    /// The entries that are images: no attestations (`unknown/unknown`).
    pub fn images(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().filter(|entry| !is_attestation(entry))
    }
    /// The first entry for `wanted`; where none says so, the first index without a platform, which may hold one inside.
    pub fn select(&self, wanted: &Platform) -> Result<&Descriptor, DocumentError> {
        let fits = |entry: &&Descriptor| entry.platform.as_ref().is_some_and(|p| p.satisfies(wanted));
        let nested = |entry: &&Descriptor| entry.platform.is_none() && entry.media_type.is_index();
        self.images()
            .find(fits)
            .or_else(|| self.images().find(nested))
            .ok_or_else(|| DocumentError::NoPlatform { wanted: wanted.to_string(), available: self.available() })
    }

    fn available(&self) -> String {
        let platforms: Vec<String> = self.images().filter_map(|e| e.platform.as_ref()).map(ToString::to_string).collect();
        match platforms.len() {
            0 => "none".into(),
            n if n > LISTED => format!("{} and {} more", platforms[..LISTED].join(", "), n - LISTED),
            _ => platforms.join(", "),
        }
    }
}

fn is_attestation(entry: &Descriptor) -> bool {
    entry.platform.as_ref().is_some_and(|p| p.os == "unknown" && p.architecture == "unknown")
        || entry.annotations.contains_key("vnd.docker.reference.type")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(media_type: &str, byte: &str, platform: &str) -> String {
        let digest = format!("sha256:{}", byte.repeat(64));
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":7{platform}}}"#)
    }
    fn index(entries: &[String]) -> Index {
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
        Index::parse(text.into(), None).expect("an index")
    }
    fn on(os: &str, architecture: &str, variant: &str) -> String {
        let variant = if variant.is_empty() { String::new() } else { format!(r#","variant":"{variant}""#) };
        format!(r#","platform":{{"architecture":"{architecture}","os":"{os}"{variant}}}"#)
    }

    #[test]
    fn selection_skips_attestations_and_takes_the_first_equal_platform() {
        let m = MediaType::OCI_MANIFEST;
        let index = index(&[
            entry(m, "a", &on("unknown", "unknown", "")),
            entry(m, "b", &on("linux", "arm64", "v8")),
            entry(m, "c", &on("linux", "amd64", "")),
            entry(m, "d", &on("linux", "amd64", "")),
            entry(m, "e", &on("linux", "arm", "v6")),
        ]);
        let chosen = |p: &str| index.select(&p.parse().expect("a platform")).map(|d| d.digest.hex()[..1].to_owned());
        assert_eq!(chosen("linux/amd64").as_deref(), Ok("c"));
        assert_eq!(chosen("linux/arm64").as_deref(), Ok("b"));
        assert_eq!(chosen("linux/arm/v6").as_deref(), Ok("e"));
        let error = chosen("linux/arm").expect_err("v7 is not there").to_string();
        assert!(error.contains("linux/arm/v6") && !error.contains("unknown"), "{error}");
        assert!(chosen("unknown/unknown").is_err());
    }

    #[test]
    fn a_nested_index_is_taken_where_nothing_else_fits() {
        let index = index(&[entry(MediaType::OCI_INDEX, "a", ""), entry(MediaType::OCI_MANIFEST, "b", &on("linux", "amd64", ""))]);
        assert_eq!(index.select(&Platform::linux("amd64")).expect("found").digest.hex()[..1], *"b");
        assert!(index.select(&Platform::linux("arm64")).expect("found").media_type.is_index());
    }

    #[test]
    fn many_platforms_are_listed_with_a_cap_and_none_is_said() {
        let many: Vec<_> = (0..100).map(|i| entry(MediaType::OCI_MANIFEST, "a", &on("linux", &format!("cpu{i}"), ""))).collect();
        let error = index(&many).select(&Platform::linux("amd64")).expect_err("absent").to_string();
        assert!(error.ends_with("and 80 more"), "{error}");
        let empty = Index::parse(r#"{"schemaVersion":2,"manifests":null}"#.into(), None).expect("null is empty");
        assert!(empty.select(&Platform::linux("amd64")).expect_err("absent").to_string().ends_with("none"));
    }

    #[test]
    fn an_index_with_the_parts_of_a_manifest_is_refused() {
        for more in [
            r#","layers":[]"#,
            r#","Config":{}"#,
            r#","fslayers":[]"#,
            r#","mediaType":"application/vnd.oci.image.manifest.v1+json""#,
        ] {
            let text = format!(r#"{{"schemaVersion":2,"manifests":[]{more}}}"#);
            assert!(Index::parse(text.clone().into(), None).is_err(), "{text}");
        }
        assert!(Index::parse(r#"{"schemaVersion":2}"#.into(), None).is_err());
    }
}
