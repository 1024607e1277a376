//! The store's commands.

use serde_json::{Value, json};

use crate::program::Place;

#[test]
fn an_empty_store_is_whole_and_has_nothing_to_collect() {
    let place = Place::new();
    assert_eq!(place.ok(&["store", "path"]).trim_end(), place.at("store").to_str().unwrap());
    assert_eq!(place.ok(&["store", "path", "--store", "elsewhere"]), "elsewhere\n");
    assert_eq!(place.ok(&["store", "check"]), "0 blobs, 0 B, 0 damaged\n");
    let check: Value = serde_json::from_str(&place.ok(&["store", "check", "--json"])).unwrap();
    assert_eq!(check, json!({ "blobs": 0, "bytes": 0, "damage": [] }));
    let collected: Value = serde_json::from_str(&place.ok(&["store", "gc", "--json"])).unwrap();
    assert_eq!(collected["removed_blobs"], 0);
    assert!(place.ok(&["store", "gc"]).starts_with("removed 0 blobs"));
}

#[test]
fn a_damaged_blob_is_exit_3_and_gc_removes_what_nothing_names() {
    let place = Place::new();
    place.ok(&["store", "check"]);
    let blob = format!("store/blobs/sha256/{}", "a".repeat(64));
    place.write(&blob, "other bytes");
    assert!(place.refused(&["store", "check"], 3).contains("is damaged"));
    assert_eq!(place.ok(&["store", "check", "--quick"]), "1 blobs, 11 B, 0 damaged\n");
    assert!(place.ok(&["store", "gc"]).starts_with("removed 1 blobs"));
    assert!(!place.at(&blob).exists());
}

#[test]
fn a_store_that_cannot_be_made_is_exit_7() {
    let place = Place::new();
    place.write("store", "a file");
    assert!(place.refused(&["store", "check"], 7).starts_with("error: checking the store: "));
}
