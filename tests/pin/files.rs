//! Index and package files: digests, sizes, mirrors, what is not asked twice.

use plywood::error::Class;

use crate::archive::{Archive, Fault, fixtures};
use crate::bench::{Bench, names, request, told};

#[tokio::test]
async fn an_index_that_is_not_what_the_release_lists_is_refused() {
    let good = std::fs::read(fixtures().join("dists/stable/main/binary-amd64/Packages.xz")).unwrap();
    let mut flipped = good.clone();
    flipped[100] ^= 1;
    for fault in [Fault::Bytes(flipped), Fault::Bytes(good[..good.len() - 1].to_vec())] {
        let bench = Bench::new();
        bench.archive.order("Packages", 9, fault.clone());
        bench.archive.order("by-hash/", 9, fault);
        let error = bench.choose(vec![request(&[&["alpha"]])]).await.unwrap_err();
        assert_eq!(error.class(), Class::Input, "{}", told(&error));
        assert!(bench.choose(vec![request(&[&["alpha"]])]).await.is_err());
    }
}

#[tokio::test]
async fn an_index_that_is_not_there_by_digest_is_asked_for_by_name() {
    let bench = Bench::new();
    bench.archive.order("by-hash/", 1, Fault::Status(404));
    assert!(bench.choose(vec![request(&[&["alpha"]])]).await.is_ok());
    assert_eq!(bench.archive.log().last().unwrap(), "dists/stable/main/binary-amd64/Packages.xz");
}

#[tokio::test]
async fn a_package_is_fetched_once_resumed_and_verified() {
    let bench = Bench::new();
    let chosen = bench.choose(vec![request(&[&["alpha"]])]).await.unwrap();
    bench.archive.log();
    bench.archive.order("alpha", 1, Fault::CutAfter(200));
    bench.fetch(&chosen.packages).await.unwrap();
    let mut asked = bench.archive.log();
    asked.sort();
    let pool = |name: &str| format!("pool/{name}_amd64.deb");
    let expected =
        [pool("alpha_1.0"), format!("{} 200-", pool("alpha_1.0")), pool("beta_2.0"), pool("delta_1.0"), pool("gamma_1.0")];
    assert_eq!(asked, expected);
    for package in &chosen.packages {
        assert!(bench.store.has(&package.sha256.unwrap(), package.size).unwrap());
    }
    bench.fetch(&chosen.packages).await.unwrap();
    assert!(bench.archive.log().is_empty());
}

#[tokio::test]
async fn a_package_that_is_not_what_the_index_lists_is_refused() {
    let good = std::fs::read(fixtures().join("pool/delta_1.0_amd64.deb")).unwrap();
    let mut flipped = good.clone();
    flipped[300] ^= 1;
    for (fault, class, part) in [
        (Fault::Bytes(flipped), Class::Input, "damaged"),
        (Fault::Bytes([good, vec![0]].concat()), Class::Input, "were announced"),
        (Fault::Page, Class::Remote, "web page"),
        (Fault::Status(404), Class::Remote, "--refresh"),
        (Fault::Status(403), Class::Authentication, "403"),
    ] {
        let bench = Bench::new();
        let chosen = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
        bench.archive.order("pool/", 9, fault);
        let error = bench.fetch(&chosen.packages).await.unwrap_err();
        assert!(error.class() == class && told(&error).contains(part), "{}", told(&error));
        assert!(told(&error).contains("package delta 1.0"), "{}", told(&error));
        assert!(!bench.store.has(&chosen.packages[0].sha256.unwrap(), chosen.packages[0].size).unwrap());
    }
}

#[tokio::test]
async fn offline_asks_for_no_package() {
    let mut bench = Bench::new();
    let chosen = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
    bench.archive.log();
    bench.offline = true;
    let error = bench.fetch(&chosen.packages).await.unwrap_err();
    assert!(error.class() == Class::Remote && bench.archive.log().is_empty(), "{}", told(&error));
}

#[tokio::test]
async fn a_mirror_is_asked_and_the_canonical_address_recorded() {
    let mut bench = Bench::new();
    let canonical = "http://archive.test/debian/";
    bench.mirrors = vec![("http://archive.test/".into(), "http://nobody.test/".into()), (canonical.into(), bench.archive.uri())];
    bench.sources = format!("deb {canonical} stable main\n");
    let chosen = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
    assert_eq!(chosen.indexes[0].uri, canonical);
    assert_eq!(chosen.packages[0].location.as_deref(), Some("http://archive.test/debian/pool/delta_1.0_amd64.deb"));
    bench.fetch(&chosen.packages).await.unwrap();
    assert!(bench.archive.log().contains(&"pool/delta_1.0_amd64.deb".to_owned()));
    // A message names the canonical address, too.
    bench.archive.order("InRelease", 9, Fault::Status(403));
    bench.refresh = true;
    let text = told(&bench.choose(vec![request(&[&["delta"]])]).await.unwrap_err());
    assert!(text.contains(canonical) && !text.contains(&bench.archive.uri()), "{text}");
}

#[tokio::test]
async fn credentials_of_a_source_are_never_shown_or_recorded() {
    let mut bench = Bench::new();
    bench.sources = format!("deb {} stable main\n", bench.archive.uri().replace("http://", "http://me:canary@"));
    let chosen = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
    assert_eq!(names(&chosen), ["delta 1.0"]);
    assert!(!format!("{chosen:?}").contains("canary"));
    for fault in [Fault::Status(403), Fault::Page, Fault::Bytes(b"nonsense".to_vec())] {
        bench.forget();
        bench.archive.order("InRelease", 1, fault);
        let error = bench.choose(vec![request(&[&["delta"]])]).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn two_archives_serve_one_request_in_the_order_of_the_sources() {
    let mut bench = Bench::new();
    let second = Archive::start();
    bench.add_source(&second, "stable");
    let chosen = bench.choose(vec![request(&[&["delta"]])]).await.unwrap();
    let uris: Vec<&str> = chosen.indexes.iter().map(|index| index.uri.as_str()).collect();
    assert_eq!(uris, [bench.archive.uri(), second.uri()]);
    assert!(chosen.packages[0].location.as_deref().unwrap().starts_with(&bench.archive.uri()));
}
