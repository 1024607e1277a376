//! Writes an index or manifest list over several platforms of one image.
//!
//! Invariant: field order is ours and fixed; equal entries in equal order give equal bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use crate::oci::{Descriptor, Family, MediaType};
use crate::transport::Root;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    schema_version: u8,
    media_type: &'a str,
    manifests: &'a [Descriptor],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// The index of `manifests`, each with its platform, in this order. Schema 2 has no annotations, so they fall away there.
pub fn index(family: Family, manifests: &[Descriptor], annotations: &BTreeMap<String, String>) -> Root {
    let (media_type, annotations) = match family {
        Family::Oci => (MediaType::OCI_INDEX, annotations.clone()),
        Family::Docker => (MediaType::DOCKER_INDEX, BTreeMap::new()),
    };
    let written = Written { schema_version: 2, media_type, manifests, annotations };
    // Only a map with other keys than texts can fail here, and there is none.
    let raw = Bytes::from(serde_json::to_vec(&written).unwrap_or_default());
    Root { descriptor: Descriptor::of(media_type, &raw), raw }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Index, Platform};

    #[test]
    fn an_index_is_read_back_as_it_was_written() {
        let mut entry = Descriptor::of(MediaType::OCI_MANIFEST, b"{}");
        entry.platform = Some(Platform::linux("arm64"));
        for (family, kind) in [(Family::Oci, MediaType::OCI_INDEX), (Family::Docker, MediaType::DOCKER_INDEX)] {
            let root = index(family, std::slice::from_ref(&entry), &[("a".into(), "b".into())].into());
            let read = Index::parse(root.raw.clone(), Some(&root.descriptor.media_type)).expect("an index");
            assert_eq!((read.media_type.as_str(), &read.manifests[..]), (kind, &[entry.clone()][..]));
        }
        let raw = index(Family::Docker, &[entry], &BTreeMap::new()).raw;
        let digest = Digest::of(b"{}");
        let want = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":2,"platform":{{"architecture":"arm64","os":"linux"}}}}]}}"#
        );
        assert_eq!(String::from_utf8_lossy(&raw), want);
    }

    use crate::oci::Digest;
}
