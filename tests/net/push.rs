//! Rows 28 to 42: what a registry does to somebody who writes.
//!
//! Invariant: what the tests call stored is asked of the server, not of the client.

use std::time::{Duration, Instant};

use plywood::error::{Class, Side};
use plywood::http::{Body, Broken, Client, HttpError, Method, Payload, Request};
use plywood::oci::{Descriptor, MediaType};
use plywood::transport::registry::{Credentials, Login, Registry, RegistryError, Settings};
use plywood::transport::{Root, Target};

use crate::bench::{Held, at, digest, impatient, manifest_of, noise, place, registry};
use crate::registry::{Fault, ScriptedRegistry};

fn described(bytes: &[u8]) -> Descriptor {
    Descriptor::of("application/octet-stream", bytes)
}

fn root(bytes: Vec<u8>) -> Root {
    Root { descriptor: Descriptor::of(MediaType::OCI_MANIFEST, &bytes), raw: bytes.into() }
}

#[tokio::test]
async fn an_image_is_pushed_and_the_second_time_nothing_is_sent() {
    let server = ScriptedRegistry::start();
    let registry = registry(Credentials::none());
    let there = at(&registry, &server, "new/app");
    let (config, layer) = (b"{}".to_vec(), noise(100_000));
    there.check_rights().await.unwrap();
    assert_eq!(there.published("1").await.unwrap(), None);
    for bytes in [&layer, &config] {
        let blob = described(bytes);
        assert!(!there.has(&blob).await.unwrap());
        there.put(&blob, &Held(bytes.clone())).await.unwrap();
        assert!(there.has(&blob).await.unwrap());
        assert_eq!(server.blob("new/app", blob.digest).as_ref(), Some(bytes));
    }
    let root = root(manifest_of(&[&described(&config), &described(&layer)]));
    there.put_document(&root).await.unwrap();
    there.publish(&root, &["1".into(), "latest".into()]).await.unwrap();
    assert_eq!(there.published("latest").await.unwrap().unwrap(), root.descriptor);
    assert_eq!(server.manifest("new/app", "1").unwrap(), root.raw);
    assert!(server.told("DELETE").is_empty() && server.log().iter().any(|l| l.method == "DELETE" && l.status == 204));
    let put = server.log().into_iter().find(|l| l.method == "PUT").unwrap();
    assert_eq!(put.header("content-length"), Some("100000"));
    let sent = 100_002 + 3 * root.raw.len() as u64;
    assert_eq!(registry.moved().sent, sent);
    assert!(there.has(&described(&layer)).await.unwrap());
    assert_eq!(registry.moved().sent, sent);
}

#[tokio::test]
async fn a_mount_saves_the_upload() {
    let server = ScriptedRegistry::start();
    let registry = registry(Credentials::none());
    let blob = server.add_blob("base/debian", &noise(5000));
    let there = at(&registry, &server, "new/app");
    let from = format!("{}/base/debian", server.host()).parse().unwrap();
    assert!(there.mount(&blob, &from).await.unwrap());
    assert!(server.blob("new/app", blob.digest).is_some());
    assert_eq!((registry.moved().mounted, registry.moved().sent), (5000, 0));
    let elsewhere = "other.example/base/debian".parse().unwrap();
    assert!(!there.mount(&blob, &elsewhere).await.unwrap());
    assert_eq!(server.log().len(), 1, "another registry's blob is not asked for");
}

#[tokio::test]
async fn a_refused_mount_is_the_session_of_the_upload() {
    let server = ScriptedRegistry::start();
    server.refuse_mounts();
    let bytes = noise(5000);
    let blob = server.add_blob("base/debian", &bytes);
    let there = place(&server, "new/app", Login::Anonymous);
    let from = format!("{}/base/debian", server.host()).parse().unwrap();
    assert!(!there.mount(&blob, &from).await.unwrap());
    there.put(&blob, &Held(bytes)).await.unwrap();
    assert_eq!(server.told(""), ["POST 202", "PUT 201"], "one session, used");
    assert!(server.blob("new/app", blob.digest).is_some());
}

#[tokio::test]
async fn a_registry_that_knows_no_mounts_gets_the_upload() {
    for status in [404, 405, 401, 403] {
        let server = ScriptedRegistry::start();
        let bytes = noise(500);
        let blob = described(&bytes);
        server.order("POST", "mount=", 9, Fault::status(status));
        let there = place(&server, "new/app", Login::Anonymous);
        let from = format!("{}/base/debian", server.host()).parse().unwrap();
        assert!(!there.mount(&blob, &from).await.unwrap(), "{status}");
        there.put(&blob, &Held(bytes)).await.unwrap();
    }
}

#[tokio::test]
async fn upload_addresses_are_read_as_they_come() {
    let absolute = |server: &ScriptedRegistry| format!("http://{}", server.host());
    for (prefix, suffix, good) in [("", "", true), ("http", "", true), ("", "#part", true), ("ftp://h.example", "", false)] {
        let server = ScriptedRegistry::start();
        let bytes = noise(500);
        // Sessions are numbered from one.
        let start = if prefix == "http" { absolute(&server) } else { prefix.to_owned() };
        let location = format!("{start}/v2/new/app/blobs/uploads/1?_state=a%3Db{suffix}");
        server.order("POST", "/uploads/", 1, Fault::Header("Location".into(), Some(location.clone())));
        let result = place(&server, "new/app", Login::Anonymous).put(&described(&bytes), &Held(bytes)).await;
        assert_eq!(result.is_ok(), good, "{location}: {result:?}");
    }
    let server = ScriptedRegistry::start();
    server.order("POST", "/uploads/", 1, Fault::Header("Location".into(), None));
    let error = place(&server, "new/app", Login::Anonymous).put(&described(b"x"), &Held(b"x".to_vec())).await.unwrap_err();
    assert_eq!((error.class(), error.side()), (Class::Remote, Side::Target), "{error}");
}

#[tokio::test]
async fn a_broken_upload_begins_again_from_the_first_byte() {
    for fault in [Fault::Hang, Fault::status(502), Fault::status(404), Fault::status(429)] {
        let server = ScriptedRegistry::start();
        let bytes = noise(50_000);
        server.order("PUT", "/uploads/", 2, fault.clone());
        place(&server, "new/app", Login::Anonymous).put(&described(&bytes), &Held(bytes.clone())).await.unwrap();
        assert_eq!(server.blob("new/app", digest(&bytes)), Some(bytes), "{fault:?}");
        assert_eq!(server.told("uploads/").iter().filter(|l| *l == "POST 202").count(), 3);
    }
    let server = ScriptedRegistry::start();
    server.order("PUT", "/uploads/", 99, Fault::status(502));
    let error = place(&server, "new/app", Login::Anonymous).put(&described(b"x"), &Held(b"x".to_vec())).await.unwrap_err();
    assert!(error.to_string().contains("4 attempts") && error.side() == Side::Target, "{error}");
}

#[tokio::test]
async fn an_upload_may_take_long_but_not_stand_still() {
    // 96 pieces: the steady reader needs three times the patience, the stuck one reads less than the sockets hold.
    let piece = bytes::Bytes::from(vec![0; 256 * 1024]);
    for (pause, good) in [(Duration::from_millis(30), true), (Duration::from_secs(5), false)] {
        let server = ScriptedRegistry::start();
        server.order("PUT", "", 1, Fault::Sip(pause));
        server.order("PUT", "", 1, Fault::status(201));
        let mut settings = impatient();
        settings.read_timeout = Duration::from_millis(1200);
        let client = Client::new(settings);
        let pieces = futures_util::stream::iter(std::iter::repeat_n(piece.clone(), 96).map(Ok));
        let payload = Payload::Stream(Body::new(Some(96 * 256 * 1024), pieces));
        let request = Request::new(Method::PUT, format!("http://{}/upload", server.host()).parse().unwrap()).payload(payload);
        let start = Instant::now();
        let answer = client.send(request).await;
        match &answer {
            Ok(answer) => assert!(good && answer.status().as_u16() == 201 && start.elapsed() > Duration::from_millis(2500)),
            Err(HttpError::Connection { how, .. }) => assert!(!good && *how == Broken::Silent, "{answer:?}"),
            Err(_) => panic!("{answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_post_that_failed_in_the_server_is_not_repeated() {
    let server = ScriptedRegistry::start();
    server.order("POST", "/uploads/", 9, Fault::status(500));
    let error = place(&server, "new/app", Login::Anonymous).put(&described(b"x"), &Held(b"x".to_vec())).await.unwrap_err();
    assert_eq!(error.class(), Class::Remote);
    assert_eq!(server.told("/uploads/"), ["POST 500"]);
}

#[tokio::test]
async fn wrong_bytes_and_large_blobs_are_not_sent_again() {
    let server = ScriptedRegistry::start();
    let there = place(&server, "new/app", Login::Anonymous);
    let error = there.put(&described(b"right"), &Held(b"wrong".to_vec())).await.unwrap_err();
    assert!(error.to_string().contains("DIGEST_INVALID"), "{error}");
    server.order("PUT", "/uploads/", 1, Fault::status(413));
    let error = there.put(&described(b"x"), &Held(b"x".to_vec())).await.unwrap_err();
    assert!(error.class() == Class::Remote && error.hint().unwrap().contains("size of an upload"), "{error}");
    assert_eq!(server.log().iter().filter(|l| l.method == "PUT").count(), 2);
}

#[tokio::test]
async fn an_upload_that_is_refused_before_its_end_tells_the_refusal() {
    let server = ScriptedRegistry::start();
    let there = place(&server, "new/app", Login::Anonymous);
    let bytes = noise(20_000_000);
    server.order("PUT", "/uploads/", 9, Fault::Early(413));
    let error = there.put(&described(&bytes), &Held(bytes)).await.unwrap_err();
    assert!(error.to_string().contains("said 413"), "{error}");
}

#[tokio::test]
async fn a_blob_of_another_length_counts_as_absent() {
    let server = ScriptedRegistry::start();
    let blob = server.add_blob("new/app", b"twelve bytes");
    let there = place(&server, "new/app", Login::Anonymous);
    assert!(there.has(&blob).await.unwrap());
    server.order("HEAD", "/blobs/", 1, Fault::Header("Content-Length".into(), Some("11".into())));
    assert!(!there.has(&blob).await.unwrap());
}

#[tokio::test]
async fn a_manifest_that_arrives_as_another_is_an_error() {
    let server = ScriptedRegistry::start();
    let config = server.add_blob("new/app", b"{}");
    let there = place(&server, "new/app", Login::Anonymous);
    let root = root(manifest_of(&[&config]));
    let header = |value: &str| Fault::Header("Docker-Content-Digest".into(), Some(value.into()));
    for (value, good) in
        [(digest(b"other").to_string(), false), (root.descriptor.digest.to_string(), true), ("sha512:ab".into(), true)]
    {
        server.order("PUT", "/manifests/", 1, header(&value));
        let result = there.put_document(&root).await;
        assert_eq!(
            result.as_ref().err().map(|e| (e.class(), e.side())),
            (!good).then_some((Class::Input, Side::Target)),
            "{value}"
        );
    }
}

#[tokio::test]
async fn a_manifest_without_its_blobs_names_those_that_are_missing() {
    let server = ScriptedRegistry::start();
    let missing = described(b"{}");
    let error = place(&server, "new/app", Login::Anonymous).put_document(&root(manifest_of(&[&missing]))).await.unwrap_err();
    let fault: &dyn std::error::Error = error.fault();
    match fault.downcast_ref::<RegistryError>() {
        Some(RegistryError::MissingBlobs { blobs, .. }) => assert_eq!(blobs, &[missing.digest]),
        other => panic!("{other:?}"),
    }
    assert!(error.retryable());
    assert!(server.manifest("new/app", &digest(b"").to_string()).is_none());
}

#[tokio::test]
async fn a_server_that_wants_a_pause_gets_it_from_all_requests() {
    let server = ScriptedRegistry::start();
    let mut settings = impatient();
    settings.retry.longest_delay = Duration::from_millis(600);
    let registry = Registry::new(&Client::new(settings), Credentials::none(), Settings::default());
    let there = at(&registry, &server, "new/app");
    let start = Instant::now();
    server.order("PUT", "/uploads/", 1, Fault::answer(429, &[("Retry-After", "5")], ""));
    there.put(&described(b"x"), &Held(b"x".to_vec())).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(600), "{:?}", start.elapsed());
    server.order("HEAD", "/blobs/", 1, Fault::answer(429, &[("Retry-After", "5")], ""));
    let (blob, other, start) = (described(b"x"), described(b"y"), Instant::now());
    let later = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        there.has(&other).await
    };
    let (first, second) = tokio::join!(there.has(&blob), later);
    assert!(first.unwrap() && !second.unwrap());
    assert!(start.elapsed() >= Duration::from_millis(600), "{:?}", start.elapsed());
    let mut told = server.told("/blobs/sha256");
    told.sort();
    assert_eq!(told, ["HEAD 200", "HEAD 404", "HEAD 429"]);
}
