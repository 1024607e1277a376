//! Whole files: archives and installers.
//!
//! Invariant: a message about a file shows neither user nor query of its address.

use plywood::error::Class;
use plywood::http::{Client, Login, Origin, Secret, Settings};

use crate::bench::{impatient, noise, read};
use crate::registry::{Fault, ScriptedRegistry};

const LIMIT: u64 = 1 << 20;

#[tokio::test]
async fn a_file_goes_on_where_it_broke_and_an_absent_one_is_none() {
    let server = ScriptedRegistry::start();
    let bytes = noise(200_000);
    let url = server.add_file("pool/x.deb", &bytes);
    let client = Client::new(impatient());
    for size in [None, Some(200_000)] {
        server.order("GET", "/files/", 1, Fault::CutAfter(70_000));
        let file = client.download(url.parse().unwrap(), size, LIMIT).await.unwrap().unwrap();
        assert_eq!(read(file.body).await.unwrap(), bytes);
    }
    assert_eq!(server.told("/files/"), ["GET 200", "GET 206", "GET 200", "GET 206"]);
    let absent = format!("http://{}/files/none", server.host());
    assert!(client.download(absent.parse().unwrap(), None, LIMIT).await.unwrap().is_none());
}

#[tokio::test]
async fn a_file_of_another_size_or_over_the_limit_is_refused() {
    let server = ScriptedRegistry::start();
    let url = server.add_file("x", &noise(1000));
    let client = Client::new(impatient());
    let download = async |size: Option<u64>, limit: u64| match client.download(url.parse().unwrap(), size, limit).await {
        Ok(file) => read(file.unwrap().body).await,
        Err(e) => Err(e),
    };
    assert!(download(Some(1000), 1000).await.is_ok());
    for (size, limit) in [(Some(999), LIMIT), (Some(1001), LIMIT), (None, 999), (Some(1000), 999)] {
        assert_eq!(download(size, limit).await.unwrap_err().class(), Class::Input, "{size:?} {limit}");
    }
    // A body without a stated length that does not end.
    server.order("GET", "/files/", 1, Fault::Header("Transfer-Encoding".into(), Some("identity".into())));
    assert!(download(None, 999).await.is_err());
}

#[tokio::test]
async fn a_message_hides_user_and_query() {
    let server = ScriptedRegistry::start();
    let url = server.add_file("x", b"x").replace("http://", "http://user:canary@") + "?token=canary";
    server.order("GET", "/files/", 9, Fault::status(403));
    let error = Client::new(impatient()).download(url.parse().unwrap(), None, LIMIT).await.unwrap_err();
    assert!(error.to_string().contains("/files/x?…") && error.class() == Class::Authentication, "{error}");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
}

#[tokio::test]
async fn a_header_for_an_origin_is_sent_to_that_origin_only() {
    let (archive, other) = (ScriptedRegistry::start(), ScriptedRegistry::start());
    let url = archive.add_file("x", b"bytes");
    other.add_file("x", b"bytes");
    let origin = Origin::of(&url.parse().unwrap());
    let settings = Settings { logins: vec![Login::new(origin, Secret::new("Basic canary"))], ..impatient() };
    archive.order("GET", "/files/", 1, Fault::Redirect(format!("http://{}/", other.host())));
    let client = Client::new(settings);
    for _ in 0..2 {
        let file = client.download(url.parse().unwrap(), None, LIMIT).await.unwrap().unwrap();
        assert_eq!(read(file.body).await.unwrap(), b"bytes");
    }
    assert!(archive.log().iter().all(|l| l.header("authorization") == Some("Basic canary")));
    assert_eq!(other.log().len(), 1);
    assert!(other.log().iter().all(|l| l.header("authorization").is_none()));
}
