//! The store's promises: whole or absent, no lost update, nothing left of what failed.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::{Ref, Sighting, Store, StoreError};
use crate::error::{Class, Fault as _};
use crate::oci::{Descriptor, Digest, MediaType};
use crate::stream::VerifyError;

fn store() -> (TempDir, Store) {
    let folder = TempDir::new().expect("a folder");
    let store = Store::open(&folder.path().join("store")).expect("a store");
    (folder, store)
}

fn names(folder: &Path) -> Vec<String> {
    let mut all: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|e| e.expect("a file").file_name().into_string().expect("a name")).collect();
    all.sort();
    all
}

fn reference(name: &str, bytes: &[u8]) -> Ref {
    Ref { name: name.into(), descriptor: Descriptor::of(MediaType::OCI_MANIFEST, bytes), platform: None, partial: true }
}

fn blob_path(store: &Store, digest: &Digest) -> std::path::PathBuf {
    store.place().join("blobs/sha256").join(digest.hex())
}

/// Overwrites a file of the store, as a fault of the disk would.
fn damage(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).expect("removes");
    fs::write(path, bytes).expect("writes");
}

#[test]
fn a_blob_is_there_after_commit_and_not_before() {
    let (_folder, store) = store();
    let digest = Digest::of(b"content");
    let mut writer = store.writer().expect("a writer");
    writer.write_all(b"content").expect("writes");
    assert!(!store.has(&digest, 7).expect("looks"));
    assert_eq!(writer.commit(Some((digest, 7))).expect("commits"), (digest, 7));
    assert!(store.has(&digest, 7).expect("looks"));
    assert_eq!(store.read(&digest, 7).expect("reads"), b"content");
    assert_eq!(store.put(b"content").expect("puts"), digest);
    assert_eq!(names(&store.place().join("tmp")), Vec::<String>::new());
    assert_eq!(store.put(b"").expect("puts"), Digest::of(b""));
    assert!(store.has(&Digest::of(b""), 0).expect("looks"));
}

#[test]
fn what_was_not_expected_leaves_nothing() {
    let (_folder, store) = store();
    let digest = Digest::of(b"content");
    for (written, size) in [(&b"conten"[..], 7), (b"content!", 7), (b"Content", 7)] {
        let mut writer = store.writer().expect("a writer");
        writer.write_all(written).expect("writes");
        let refused = writer.commit(Some((digest, size))).expect_err("refused");
        assert_eq!(refused.class(), Class::Input);
    }
    drop(store.writer().expect("a writer"));
    assert_eq!(names(&store.place().join("tmp")), Vec::<String>::new());
    assert_eq!(names(&store.place().join("blobs/sha256")), Vec::<String>::new());
}

#[test]
fn a_damaged_file_is_absent_or_an_error_and_can_be_replaced() {
    let (_folder, store) = store();
    let digest = store.put(b"content").expect("puts");
    let path = blob_path(&store, &digest);
    for wrong in [&b""[..], b"conten", b"content!"] {
        damage(&path, wrong);
        assert!(!store.has(&digest, 7).expect("looks"));
        assert!(matches!(store.open_blob(&digest, 7), Err(StoreError::Absent(_))));
        store.put(b"content").expect("puts");
        assert_eq!(store.read(&digest, 7).expect("reads"), b"content");
    }
    damage(&path, b"Content");
    assert!(matches!(store.read(&digest, 7), Err(StoreError::Content(VerifyError::Wrong { .. }))));
    assert_eq!(store.check(false).expect("checks").damage, []);
    let check = store.check(true).expect("checks");
    assert_eq!(check.damage.len(), 1);
    assert_eq!(check.verdict().expect_err("damage").class(), Class::Input);
    store.discard(&digest).expect("discards");
    store.put(b"content").expect("puts");
    store.check(true).expect("checks").verdict().expect("whole");
}

#[test]
fn many_writers_of_few_blobs_leave_each_blob_whole() {
    let (folder, _) = store();
    thread::scope(|scope| {
        for writer in 0..64_u8 {
            let path = folder.path().join("store");
            scope.spawn(move || {
                let store = Store::open(&path).expect("opens");
                let bytes = vec![writer % 7; 200_000];
                store.put(&bytes).expect("puts");
                let mut read = Vec::new();
                store.open_blob(&Digest::of(&bytes), 200_000).expect("opens").read_to_end(&mut read).expect("whole");
            });
        }
    });
    let store = Store::open(&folder.path().join("store")).expect("opens");
    let check = store.check(true).expect("checks");
    assert_eq!((check.blobs, check.damage.len()), (7, 0));
    assert_eq!(names(&store.place().join("tmp")), Vec::<String>::new());
}

#[test]
fn no_change_of_a_ref_is_lost_and_readers_see_whole_refs() {
    let (folder, opened) = store();
    let path = folder.path().join("store");
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                opened.references().expect("whole refs");
            }
        });
        let writers: Vec<_> = (0..64)
            .map(|_| {
                let path = &path;
                scope.spawn(move || {
                    let store = Store::open(path).expect("opens");
                    let change = |before: Option<&Ref>| {
                        let count = before.map_or(0, |r| r.descriptor.size) + 1;
                        let mut after = reference("ignored", b"");
                        after.descriptor.size = count;
                        Some(after)
                    };
                    store.update_reference("counter", change).expect("updates");
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("a writer");
        }
        ended.store(true, Ordering::Relaxed);
        reader.join().expect("the reader");
    });
    let counter = opened.reference("counter").expect("reads").expect("is there");
    assert_eq!((counter.descriptor.size, counter.name.as_str()), (64, "counter"));
}

#[test]
fn a_ref_is_found_under_its_name_until_it_is_removed() {
    let (_folder, store) = store();
    let long = format!("host:5000/{}:tag", "long/".repeat(60));
    for name in ["host:5000/a:1", "..", &long] {
        assert_eq!(store.reference(name).expect("reads"), None);
        store.set_reference(&reference(name, b"x")).expect("sets");
        assert_eq!(store.reference(name).expect("reads"), Some(reference(name, b"x")));
    }
    assert_eq!(store.references().expect("lists").len(), 3);
    assert!(store.remove_reference(&long).expect("removes"));
    assert!(!store.remove_reference(&long).expect("removes"));
    assert_eq!(store.references().expect("lists").len(), 2);
}

#[test]
fn a_document_comes_back_whole_or_not_at_all() {
    let (_folder, store) = store();
    for key in ["sha256:aa", "b/c", ""] {
        assert_eq!(store.memo("catalogue", key).expect("reads"), None);
        store.set_memo("catalogue", key, key.as_bytes(), &[Digest::of(b"a"), Digest::of(b"b")]).expect("puts");
        assert_eq!(store.memo("catalogue", key).expect("reads").as_deref(), Some(key.as_bytes()));
    }
    assert_eq!(store.memo("other", "b/c").expect("reads"), None);
    let path = store.place().join("memo/catalogue/sha256%3Aaa");
    let whole = fs::read(&path).expect("reads");
    for torn in 0..whole.len() {
        damage(&path, &whole[..torn]);
        assert_eq!(store.memo("catalogue", "sha256:aa").expect("reads"), None, "{torn}");
        let mut flipped = whole.clone();
        flipped[torn] ^= 1;
        damage(&path, &flipped);
        assert_eq!(store.memo("catalogue", "sha256:aa").expect("reads"), None, "{torn}");
    }
    damage(&path, &whole);
    assert_eq!(store.memo("catalogue", "sha256:aa").expect("reads").as_deref(), Some(&b"sha256:aa"[..]));
}

#[test]
fn a_sighting_keeps_the_callers_time() {
    let (_folder, store) = store();
    let sighting = Sighting { digest: Digest::of(b"x"), checked: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) };
    assert_eq!(store.seen("host/a:1").expect("reads"), None);
    store.set_seen("host/a:1", &sighting).expect("sets");
    assert_eq!(store.seen("host/a:1").expect("reads"), Some(sighting));
    damage(&store.place().join("seen/host%2Fa%3A1"), b"{\"name\":");
    assert_eq!(store.seen("host/a:1").expect("reads"), None);
}

#[test]
fn a_store_of_the_future_is_left_alone() {
    let (folder, store) = store();
    let path = folder.path().join("store");
    drop(store);
    for (text, opens) in [
        ("{\"version\":1,\"compatible\":[\"colours\"],\"incompatible\":[]}", true),
        ("{\"version\":1}", true),
        ("{\"version\":1,\"compatible\":[],\"incompatible\":[\"chunks\"]}", false),
        ("{\"version\":2}", false),
    ] {
        damage(&path.join("plywood.json"), text.as_bytes());
        match Store::open(&path) {
            Ok(_) => assert!(opens, "{text}"),
            Err(error) => {
                assert!(!opens && matches!(error, StoreError::Newer { .. }), "{text}: {error}");
                assert!(error.hint().is_some_and(|h| h.contains("PLYWOOD_STORE")));
            }
        }
    }
    damage(&path.join("plywood.json"), b"{");
    assert!(matches!(Store::open(&path), Err(StoreError::Damaged { .. })));
}

/// An image of one layer in the store, under `name`.
fn image(store: &Store, name: &str, layer: &[u8]) -> Ref {
    let config = store.put(format!("{{\"of\":{name:?}}}").as_bytes()).expect("puts");
    let config_size = store.size(&config).expect("looks").expect("is there");
    let layer_digest = store.put(layer).expect("puts");
    let manifest = format!(
        "{{\"config\":{{\"mediaType\":{:?},\"digest\":\"{config}\",\"size\":{config_size}}},\
          \"layers\":[{{\"mediaType\":{:?},\"digest\":\"{layer_digest}\",\"size\":{}}}]}}",
        MediaType::OCI_CONFIG,
        MediaType::OCI_LAYER_GZIP,
        layer.len()
    );
    let digest = store.put(manifest.as_bytes()).expect("puts");
    let descriptor = Descriptor::new(MediaType::OCI_MANIFEST, digest, manifest.len() as u64);
    let reference = Ref { name: name.into(), descriptor, platform: None, partial: false };
    store.set_reference(&reference).expect("sets");
    reference
}

#[test]
fn garbage_goes_and_what_refs_and_memo_reach_stays() {
    let (folder, store) = store();
    let path = folder.path().join("store");
    let kept = image(&store, "kept", b"layer of kept");
    image(&store, "gone", b"layer of gone");
    // A ref whose image calls the other's manifest a layer, found before it, must not hide what that manifest names.
    let odd = format!(
        "{{\"layers\":[{{\"mediaType\":{:?},\"digest\":\"{}\",\"size\":{}}}]}}",
        MediaType::OCI_LAYER,
        kept.descriptor.digest,
        kept.descriptor.size
    );
    let odd_digest = store.put(odd.as_bytes()).expect("puts");
    let descriptor = Descriptor::new(MediaType::OCI_MANIFEST, odd_digest, odd.len() as u64);
    store.set_reference(&Ref { name: "a".into(), descriptor, platform: None, partial: false }).expect("sets");
    let held = store.put(b"held by memo").expect("puts");
    store.set_memo("layer", "new", b"document", &[held]).expect("puts");
    store.put(b"held by nobody").expect("puts");
    store.remove_reference("gone").expect("removes");
    fs::write(path.join("tmp/left"), b"of a killed run").expect("writes");
    let now = SystemTime::now();
    let keep = Duration::from_secs(1000);
    assert!(matches!(Store::collect(&path, keep, now), Err(StoreError::Busy(_))));
    drop(store);
    let collected = Store::collect(&path, keep, now).expect("collects");
    assert_eq!((collected.kept_blobs, collected.removed_blobs), (5, 4));
    assert_eq!((collected.removed_temporary, collected.removed_documents), (1, 0));
    let store = Store::open(&path).expect("opens");
    store.check(true).expect("checks").verdict().expect("whole");
    assert!(store.has(&held, 12).expect("looks"));
    drop(store);
    let collected = Store::collect(&path, keep, now + 2 * keep).expect("collects");
    assert_eq!((collected.kept_blobs, collected.removed_blobs, collected.removed_documents), (4, 1, 1));
}

#[test]
fn a_missing_blob_of_a_whole_image_is_damage() {
    let (_folder, store) = store();
    let mut whole = image(&store, "whole", b"its layer");
    store.discard(&Digest::of(b"its layer")).expect("discards");
    let damage = store.check(false).expect("checks").damage;
    assert_eq!(damage.len(), 1);
    assert!(damage[0].cause.contains("is missing"));
    whole.partial = true;
    store.set_reference(&whole).expect("sets");
    store.check(true).expect("checks").verdict().expect("partial images may miss blobs");
}

/// Not a test by itself: the run that [`a_killed_writer_leaves_no_blob`] kills.
#[test]
fn writes_without_end_where_it_is_told_to() {
    let Some(path) = std::env::var_os("PLYWOOD_TEST_STORE_TO_FILL") else { return };
    let store = Store::open(Path::new(&path)).expect("opens");
    let mut writer = store.writer().expect("a writer");
    let piece = vec![7; 100_000];
    loop {
        writer.write_all(&piece).expect("writes");
        fs::write(Path::new(&path).join("started"), b"").expect("writes");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_writer_leaves_no_blob() {
    let (folder, store) = store();
    let path = folder.path().join("store");
    let mut writer = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "store::tests::writes_without_end_where_it_is_told_to"])
        .env("PLYWOOD_TEST_STORE_TO_FILL", &path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    for _ in 0..1000 {
        if path.join("started").exists() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert!(path.join("started").exists());
    drop(store);
    let now = SystemTime::now();
    assert!(matches!(Store::collect(&path, Duration::ZERO, now), Err(StoreError::Busy(_))));
    writer.kill().expect("kills");
    writer.wait().expect("ends");
    assert_eq!(names(&path.join("blobs/sha256")), Vec::<String>::new());
    assert_eq!(names(&path.join("tmp")).len(), 1);
    assert_eq!(Store::collect(&path, Duration::ZERO, now).expect("collects").removed_temporary, 1);
    assert_eq!(names(&path.join("tmp")), Vec::<String>::new());
}
