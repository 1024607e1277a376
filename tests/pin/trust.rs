//! Signatures, dates and what is remembered.

use plywood::error::Class;

use crate::archive::{Fault, fixtures};
use crate::bench::{Bench, DAY, SIGNED, at, names, request, told};

const INRELEASE: &str = "dists/stable/InRelease";
const RELEASE: &str = "dists/stable/Release";
const SIGNATURE: &str = "dists/stable/Release.gpg";

async fn refused(bench: &Bench) -> (Class, String) {
    let error = bench.choose(vec![request(&[&["alpha"]])]).await.unwrap_err();
    (error.class(), told(&error))
}

#[tokio::test]
async fn young_indexes_are_not_asked_for_and_old_ones_by_one_request() {
    let mut bench = Bench::new();
    let first = bench.choose(vec![request(&[&["alpha"]])]).await.unwrap();
    let asked = bench.archive.log();
    assert_eq!((asked.len(), asked[0].as_str()), (2, INRELEASE));
    assert!(asked[1].starts_with("dists/stable/main/binary-amd64/by-hash/SHA256/"), "{asked:?}");
    assert_eq!(bench.choose(vec![request(&[&["alpha"]])]).await.unwrap(), first);
    assert!(bench.archive.log().is_empty());
    bench.now = at(SIGNED + DAY + 3601);
    assert_eq!(bench.choose(vec![request(&[&["alpha"]])]).await.unwrap(), first);
    assert_eq!(bench.archive.log(), [INRELEASE]);
    bench.refresh = true;
    assert_eq!(bench.choose(vec![request(&[&["alpha"]])]).await.unwrap(), first);
    assert_eq!(bench.archive.log(), [INRELEASE]);
}

#[tokio::test]
async fn offline_is_enough_once_the_archive_was_seen() {
    let mut bench = Bench::new();
    bench.offline = true;
    let (class, text) = refused(&bench).await;
    assert!(class == Class::Remote && text.contains("not in the store") && text.contains("--offline"), "{text}");
    bench.offline = false;
    let first = bench.choose(vec![request(&[&["alpha"]])]).await.unwrap();
    bench.archive.log();
    (bench.offline, bench.now) = (true, at(SIGNED + 2 * DAY));
    assert_eq!(bench.choose(vec![request(&[&["alpha"]])]).await.unwrap(), first);
    assert!(bench.archive.log().is_empty());
}

#[tokio::test]
async fn a_detached_signature_is_as_good() {
    let bench = Bench::new();
    bench.archive.order(INRELEASE, 9, Fault::Status(404));
    let chosen = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
    assert_eq!(names(&chosen), ["delta 1.0"]);
    assert_eq!(bench.archive.log()[..3], [INRELEASE, RELEASE, SIGNATURE]);
    assert_eq!(chosen.indexes[0].release, plywood::oci::Digest::of(&std::fs::read(fixtures().join(RELEASE)).unwrap()));
}

#[tokio::test]
async fn an_archive_that_is_signed_wrongly_or_not_at_all_is_refused() {
    let good = std::fs::read(fixtures().join(INRELEASE)).unwrap();
    let changed = String::from_utf8(good).unwrap().replace("Origin: Test", "Origin: Best").into_bytes();
    for (part, fault, reason) in [
        (INRELEASE, Fault::Bytes(changed), "bad signature"),
        (INRELEASE, Fault::Bytes(b"Origin: Test\n".to_vec()), "malformed"),
        (INRELEASE, Fault::Status(404), "not signed"),
    ] {
        let bench = Bench::new();
        bench.archive.order(part, 1, fault);
        bench.archive.order(SIGNATURE, 1, Fault::Status(404));
        let (class, text) = refused(&bench).await;
        assert!(class == Class::Input && text.contains(reason), "{text}");
    }
    let mut bench = Bench::new();
    bench.key = std::fs::read(fixtures().join("../signature/other.gpg")).unwrap();
    let (class, text) = refused(&bench).await;
    assert!(class == Class::Input && text.contains("not signed by a key that the source accepts"), "{text}");
}

#[tokio::test]
async fn a_source_that_is_trusted_blindly_needs_a_signature_all_the_same() {
    let mut bench = Bench::new();
    bench.sources = bench.sources.replace("deb ", "deb [trusted=yes] ");
    assert!(bench.choose(vec![request(&[&["delta"]])]).await.is_ok());
    bench.key.clear();
    bench.forget();
    let (class, text) = refused(&bench).await;
    assert!(class == Class::Refused && text.contains("/etc/apt/sources.list:1") && text.contains("Signed-By"), "{text}");
}

#[tokio::test]
async fn an_expired_archive_is_taken_only_where_that_is_allowed() {
    let mut bench = Bench::new();
    bench.now = at(SIGNED + 8 * DAY);
    let (class, text) = refused(&bench).await;
    assert!(class == Class::Input && text.contains("has expired") && text.contains("--allow-expired"), "{text}");
    bench.allow_expired = true;
    let chosen = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
    assert!(chosen.warnings.iter().any(|warning| warning.contains("has expired")), "{:?}", chosen.warnings);
    bench.forget();
    (bench.allow_expired, bench.now) = (false, at(SIGNED - DAY));
    let (class, text) = refused(&bench).await;
    assert!(class == Class::Input, "{text}");
}

#[tokio::test]
async fn an_older_state_never_replaces_a_newer_one() {
    let mut bench = Bench::new();
    let first = bench.choose(vec![request(&[&["alpha"]])]).await.unwrap();
    bench.archive.put(INRELEASE, std::fs::read(fixtures().join("older.InRelease")).unwrap());
    bench.refresh = true;
    let second = bench.choose(vec![request(&[&["alpha"]])]).await.unwrap();
    assert_eq!(second.indexes, first.indexes);
    assert!(second.warnings[0].contains("older state"), "{:?}", second.warnings);
    bench.forget();
    assert_ne!(bench.choose(vec![request(&[&["alpha"]])]).await.unwrap().indexes, first.indexes);
}

#[tokio::test]
async fn an_archive_that_cannot_be_asked_is_a_warning_while_another_serves() {
    let mut bench = Bench::new();
    let gone = crate::archive::Archive::start();
    bench.add_source(&gone, "absent");
    let chosen = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
    assert!(chosen.warnings[0].contains("absent") && chosen.warnings[0].contains("left out"), "{:?}", chosen.warnings);
    assert_eq!(chosen.indexes.len(), 1);
    // What is not found may have been in there.
    let error = bench.choose(vec![request(&[&["nowhere"]])]).await.unwrap_err();
    assert!(error.class() == Class::NotFound && told(&error).contains("without an archive"), "{}", told(&error));
    bench.sources = format!("deb {} absent main\n", gone.uri());
    assert_eq!(refused(&bench).await.0, Class::Remote);
    // A known archive that fails is used as it was last seen.
    let mut bench = Bench::new();
    let first = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
    bench.now = at(SIGNED + 2 * DAY);
    bench.archive.order("dists/", 99, Fault::Status(500));
    let second = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
    assert!(second.packages == first.packages && second.warnings[0].contains("last known state"), "{:?}", second.warnings);
    bench.forget();
    assert_eq!(refused(&bench).await.0, Class::Remote);
}

#[tokio::test]
async fn a_web_page_is_no_archive() {
    for part in [INRELEASE, "by-hash/"] {
        for fault in [Fault::Page, Fault::Bytes(b"<html>log in</html>".to_vec())] {
            let bench = Bench::new();
            bench.archive.order(part, 9, fault);
            let (class, text) = refused(&bench).await;
            assert!(class == Class::Remote && text.contains("web page"), "{text}");
        }
    }
}
