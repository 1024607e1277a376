//! Tests of the strict reader.

use proptest::prelude::*;

use super::*;

fn strict(text: &str) -> Result<Value, DocumentError> {
    read("manifest", text.as_bytes(), DOCUMENT_LIMIT)
}

#[test]
fn a_name_that_appears_twice_is_refused_at_any_depth() {
    for text in [
        r#"{"mediaType":"a","mediaType":"b"}"#,
        r#"{"mediaType":"a","MediaType":"b"}"#,
        r#"{"x":[{"y":{"digest":1,"digest":1}}]}"#,
        r#"{"annotations":{"a":"1","a":"2"}}"#,
        r#"{"layers":[],"LAYERS":[]}"#,
        "{\"mediaType\":1,\"media\\u0054ype\":2}",
    ] {
        let error = strict(text).expect_err(text);
        assert!(error.to_string().contains("twice"), "{text}: {error}");
    }
    for text in [
        r#"{"annotations":{"size":"1","Size":"2"},"x":{"foo":1,"FOO":2}}"#,
        r#"{"config":{"Labels":{"layers":"a","Layers":"b"}},"container_config":{"Labels":null}}"#,
    ] {
        assert!(strict(text).is_ok(), "{text}");
    }
}

#[test]
fn size_and_depth_are_bounded_and_trailing_bytes_refused() {
    assert!(matches!(read("index", b"{}  ", 3), Err(DocumentError::TooLarge { size: 4, .. })));
    assert!(strict(&format!("{}{}", "[".repeat(33), "]".repeat(33))).is_err());
    assert!(strict(&format!("{}{}", "[".repeat(31), "]".repeat(31))).is_ok());
    assert!(strict(&"[".repeat(1_000_000)).is_err());
    assert!(strict("{} {}").is_err());
    assert!(strict("{\"size\":1e400}").is_err());
    assert!(strict(" {} \n").is_ok());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec(("[a-e]{1,3}", inner), 0..5).prop_map(|v| Value::Object(v.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_has_no_name_twice_is_read_as_it_was_written(value in any_json()) {
        let text = value.to_string();
        prop_assert_eq!(strict(&text).map(|v| v.to_string()), Ok(text));
    }

    #[test]
    fn a_doubled_name_is_found_wherever_it_is(value in any_json(), name in "[a-z]{1,4}", depth in 0usize..8) {
        let twice = format!("{{\"{name}\":{value},\"{name}\":1}}");
        let text = format!("{}{twice}{}", "[".repeat(depth), "]".repeat(depth));
        prop_assert!(strict(&text).is_err());
    }

    #[test]
    fn no_bytes_lead_to_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let raw = bytes::Bytes::from(bytes);
        let _ = crate::oci::Document::parse(raw.clone(), None);
        let _ = crate::oci::Config::parse(raw);
    }
}

#[test]
fn order_and_numbers_are_kept() {
    let text = r#"{"z":1,"a":[18446744073709551615,-3,1.5,true,null,"ä\n"],"m":{}}"#;
    assert_eq!(serde_json::to_string(&strict(text).expect("valid")).expect("text"), text);
}
