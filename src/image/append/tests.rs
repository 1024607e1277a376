//! Tests of [`super::append`] over small hand-made bases.

use super::*;
use crate::oci::{Config, Manifest};

fn base(family: Family, layers: usize, history: &str) -> Base {
    let ids: Vec<String> = (0..layers).map(|i| format!("\"{}\"", Digest::of(&[i as u8]))).collect();
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","created":"2024-01-02T00:00:00Z","config":{{"Shell":["/bin/sh"],"Env":["PATH=/bin"]}},"rootfs":{{"type":"layers","diff_ids":[{}]}},"history":{history},"x-more":{{"b":1,"a":2}}}}"#,
        ids.join(",")
    );
    let (kind, config_type, layer_type) = match family {
        Family::Oci => (MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG, MediaType::OCI_LAYER_GZIP),
        Family::Docker => (MediaType::DOCKER_MANIFEST, MediaType::DOCKER_CONFIG, MediaType::DOCKER_LAYER_GZIP),
    };
    let layer = format!(r#"{{"size":9,"x-kept":true,"mediaType":"{layer_type}","digest":"{}"}}"#, Digest::of(b"layer"));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{kind}","x-unknown":[1],"config":{{"mediaType":"{config_type}","digest":"{}","size":{},"data":"e30="}},"layers":[{}]}}"#,
        Digest::of(config.as_bytes()),
        config.len(),
        vec![layer; layers].join(",")
    );
    let manifest = Manifest::parse(manifest.into(), None).expect("a manifest");
    Base::new(manifest, Config::parse(config.into()).expect("a config")).expect("a base")
}

fn addition() -> Addition {
    let descriptor = Descriptor::of(MediaType::OCI_LAYER_GZIP, b"gzipped");
    Addition { descriptor, diff_id: DiffId(Digest::of(b"tar")), created_by: "plywood: recipe sshd".into() }
}

fn provenance() -> Provenance {
    Provenance {
        base_name: Some("docker.io/library/debian:12".into()),
        base_digest: Digest::of(b"base"),
        record: Some("{}".into()),
        annotations: BTreeMap::new(),
    }
}

fn again(of: &Assembled) -> Base {
    let manifest = Manifest::parse(of.manifest.raw.clone(), Some(&of.manifest.descriptor.media_type)).expect("a manifest");
    assert_eq!(manifest.config.digest, Digest::of(&of.config.1));
    Base::new(manifest, Config::parse(of.config.1.clone()).expect("a config")).expect("fits together")
}

#[test]
fn a_base_without_a_registry_has_no_name_and_hands_none_down() {
    let edits = ConfigEdits { user: Some("root".into()), ..ConfigEdits::default() };
    for family in [Family::Oci, Family::Docker] {
        let named = append(&base(family, 1, "[{}]"), &[addition()], &edits, &provenance()).expect("appends");
        let unnamed = Provenance { base_name: None, ..provenance() };
        let again = append(&again(&named), &[addition()], &edits, &unnamed).expect("appends");
        for (made, has_name) in [(&named, true), (&again, false)] {
            let text = [&made.manifest.raw[..], &made.config.1[..]].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            assert_eq!(text.contains(BASE_NAME), has_name, "{text}");
            assert!(text.contains(BASE_DIGEST), "{text}");
        }
    }
}

#[test]
fn an_oci_base_keeps_its_family_and_its_unknown_fields() {
    let edits = ConfigEdits { user: Some("root".into()), ..ConfigEdits::default() };
    let made = append(&base(Family::Oci, 1, "[{}]"), &[addition()], &edits, &provenance()).expect("appends");
    let text = String::from_utf8_lossy(&made.manifest.raw).into_owned();
    assert!(text.contains(r#""x-unknown":[1]"#) && text.contains(r#""x-kept":true"#) && !text.contains("data"), "{text}");
    assert!(text.contains(r#""org.opencontainers.image.base.name":"docker.io/library/debian:12""#), "{text}");
    let config = String::from_utf8_lossy(&made.config.1).into_owned();
    let tail = r#""history":[{},{"created_by":"plywood: recipe sshd"},{"created_by":"plywood: config","empty_layer":true}],"x-more":{"b":1,"a":2}}"#;
    assert!(config.ends_with(tail), "{config}");
    assert!(config.contains(r#""Shell":["/bin/sh"]"#) && config.contains("2024-01-02"), "{config}");
    assert_eq!(again(&made).config.labels.get(RECORD_LABEL).map(String::as_str), Some("{}"));
}

#[test]
fn a_schema_2_base_gets_labels_and_its_own_layer_type() {
    let made = append(&base(Family::Docker, 1, "[{}]"), &[addition()], &ConfigEdits::default(), &provenance()).expect("appends");
    let result = again(&made);
    assert_eq!(result.manifest.layers[1].media_type.as_str(), MediaType::DOCKER_LAYER_GZIP);
    assert!(result.manifest.annotations.is_empty());
    assert_eq!(result.config.labels.get(BASE_DIGEST), Some(&Digest::of(b"base").to_string()));
}

#[test]
fn nothing_to_change_gives_the_base_itself() {
    let base = base(Family::Oci, 2, "null");
    let edits = ConfigEdits { env: vec![("PATH".into(), "/bin".into())], created: Some("x".into()), ..ConfigEdits::default() };
    let made = append(&base, &[], &edits, &provenance()).expect("nothing to do");
    assert!(made.unchanged);
    assert_eq!(made.manifest.raw, base.manifest.raw);
}

#[test]
fn counts_stay_consistent_with_and_without_a_history() {
    for (layers, history, entries) in [(0, "[]", Some(1)), (2, "null", None), (1, "[{}]", Some(2))] {
        let made = append(&base(Family::Oci, layers, history), &[addition()], &ConfigEdits::default(), &provenance());
        let result = again(&made.expect("appends"));
        assert_eq!(result.config.history_layers, entries);
        assert_eq!(result.config.diff_ids.len(), layers + 1);
    }
}

#[test]
fn the_layer_limit_counts_all_layers() {
    let at = |layers| append(&base(Family::Oci, layers, "null"), &[addition()], &ConfigEdits::default(), &provenance());
    assert!(at(124).is_ok());
    assert!(matches!(at(125), Err(ImageError::LayerLimit { layers: 126 })));
    assert!(append(&base(Family::Oci, 127, "null"), &[], &ConfigEdits::default(), &provenance()).is_ok());
}
