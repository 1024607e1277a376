//! Rows 21 to 23 and 29: redirects, token servers and upload addresses that lead elsewhere.
//!
//! Invariant: no credential is found in the log of a server that it was not meant for; each refusal has its twin.

use plywood::error::Class;
use plywood::http::{Client, Settings};
use plywood::transport::registry::{Credentials, Login, Registry};
use plywood::transport::{Source, Target};

use crate::bench::{Held, at, impatient, noise, password, place, read};
use crate::registry::{Access, Fault, ScriptedRegistry};

const USER: &str = "robot";
const PASSWORD: &str = "canary-7f3a";

/// Every form in which a credential of these tests can stand in a request.
fn stray(server: &ScriptedRegistry) -> Vec<String> {
    let found = |l: &crate::registry::Logged| {
        l.header("authorization").is_some() || l.header("cookie").is_some() || l.path.contains(PASSWORD)
    };
    server.log().iter().filter(|l| found(l)).map(|l| format!("{} {}", l.method, l.path)).collect()
}

fn locked() -> ScriptedRegistry {
    let server = ScriptedRegistry::start();
    server.set_access(Access::Basic { user: USER.into(), password: PASSWORD.into() });
    server
}

/// A client to which `localhost` may be named by servers: another origin than `127.0.0.1`.
fn allowing(login: Login) -> Registry {
    let settings = Settings { allow_private: vec!["localhost".into()], ..impatient() };
    Registry::new(&Client::new(settings), Credentials::only(login), plywood::transport::registry::Settings::default())
}

fn by_name(server: &ScriptedRegistry) -> String {
    format!("http://localhost:{}/", server.port())
}

#[tokio::test]
async fn a_blob_behind_a_redirect_is_fetched_without_the_credential() {
    let (server, storage) = (locked(), ScriptedRegistry::start());
    let bytes = noise(50_000);
    let blob = server.add_blob("a/b", &bytes);
    storage.add_blob("a/b", &bytes);
    for status in [302, 307, 308] {
        let location = format!("{}v2/a/b/blobs/{}?sig={PASSWORD}x", by_name(&storage), blob.digest);
        let here = at(&allowing(password(USER, PASSWORD)), &server, "a/b");
        assert!(here.has(&blob).await.unwrap(), "the login is taken at home");
        server.order("GET", "/blobs/", 1, Fault::answer(status, &[("Location", &location)], ""));
        assert_eq!(read(here.open(&blob, 0..blob.size).await.unwrap()).await.unwrap(), bytes);
    }
    assert_eq!(storage.told("/blobs/"), ["GET 200"; 3]);
    assert!(storage.log().iter().all(|l| l.header("authorization").is_none()));
    assert!(server.log().iter().any(|l| l.status == 307 && l.header("authorization").is_some()));
}

#[tokio::test]
async fn a_storage_server_that_asks_for_a_login_gets_none() {
    let (server, storage) = (locked(), locked());
    let blob = server.add_blob("a/b", b"bytes");
    let here = at(&allowing(password(USER, PASSWORD)), &server, "a/b");
    assert!(here.has(&blob).await.unwrap(), "the login is taken at home");
    server.order("GET", "/blobs/", 9, Fault::Redirect(by_name(&storage)));
    let error = here.open(&blob, 0..5).await.unwrap_err();
    assert_eq!(error.class(), Class::Authentication, "{error}");
    assert_eq!(stray(&storage), [""; 0]);
    assert_eq!(storage.log().len(), 1);
    assert!(!format!("{error} {error:?}").contains(PASSWORD));
}

#[tokio::test]
async fn an_internal_address_is_not_asked_on_a_servers_word() {
    let (server, inside) = (ScriptedRegistry::start(), ScriptedRegistry::start());
    let blob = server.add_blob("a/b", b"bytes");
    inside.add_blob("a/b", b"bytes");
    let targets =
        [by_name(&inside), format!("http://127.0.0.2:{}/", inside.port()), format!("http://[::ffff:127.0.0.1]:{}/", inside.port())];
    for target in targets.into_iter().chain(["http://169.254.169.254/latest/".into(), "http://0/".into()]) {
        server.order("GET", "/blobs/", 1, Fault::Redirect(target.clone()));
        let error = place(&server, "a/b", Login::Anonymous).open(&blob, 0..5).await.unwrap_err();
        assert!(error.to_string().contains("internal address"), "{target}: {error}");
        assert!(error.hint().unwrap().contains("--allow-private"));
    }
    assert!(inside.log().is_empty());
    // The twins: the same address with another port, and a name that is allowed.
    server.order("GET", "/blobs/", 1, Fault::Redirect(format!("http://{}/", inside.host())));
    assert!(place(&server, "a/b", Login::Anonymous).open(&blob, 0..5).await.is_ok());
    server.order("GET", "/blobs/", 1, Fault::Redirect(by_name(&inside)));
    assert!(at(&allowing(Login::Anonymous), &server, "a/b").open(&blob, 0..5).await.is_ok());
}

#[tokio::test]
async fn loops_and_strange_targets_are_refused_and_relative_ones_work() {
    let server = ScriptedRegistry::start();
    let blob = server.add_blob("a/b", b"bytes");
    let here = place(&server, "a/b", Login::Anonymous);
    server.order("GET", "/blobs/", 99, Fault::Redirect("/v2/a/b/blobs/round".into()));
    let error = here.open(&blob, 0..5).await.unwrap_err();
    assert!(error.to_string().contains("more than ten"), "{error}");
    assert_eq!(server.log().len(), 11);
    for target in ["file:///etc/passwd", "ftp://h.example/x", "gopher://h.example", "http://user:word@h.example/"] {
        let server = ScriptedRegistry::start();
        let blob = server.add_blob("a/b", b"bytes");
        server.order("GET", "/blobs/", 1, Fault::Redirect(target.into()));
        let error = place(&server, "a/b", Login::Anonymous).open(&blob, 0..5).await.unwrap_err();
        assert!(error.to_string().contains("not followed") && !error.to_string().contains("word"), "{error}");
    }
    let server = ScriptedRegistry::start();
    let blob = server.add_blob("a/b", b"bytes");
    server.add_file("moved", b"bytes");
    server.order("GET", "/blobs/", 1, Fault::Redirect("../../../../files/moved".into()));
    assert!(place(&server, "a/b", Login::Anonymous).open(&blob, 0..5).await.is_ok());
}

#[tokio::test]
async fn an_upload_address_elsewhere_gets_the_bytes_but_no_credential() {
    let (server, storage) = (locked(), ScriptedRegistry::start());
    // The storage has a session of that number.
    place(&storage, "a/b", Login::Anonymous)
        .mount(&storage.add_blob("x/y", b"z"), &format!("{}/none/none", storage.host()).parse().unwrap())
        .await
        .unwrap();
    let bytes = noise(1000);
    let blob = plywood::oci::Descriptor::of("application/octet-stream", &bytes);
    let location = format!("{}v2/a/b/blobs/uploads/1?_state=a%3Db", by_name(&storage));
    let there = at(&allowing(password(USER, PASSWORD)), &server, "a/b");
    there.check_rights().await.unwrap();
    server.order("POST", "/uploads/", 9, Fault::Header("Location".into(), Some(location)));
    there.put(&blob, &Held(bytes)).await.unwrap();
    assert!(storage.blob("a/b", blob.digest).is_some());
    assert_eq!(stray(&storage), [""; 0]);
    // Without the allowance it is an internal address.
    let there = place(&server, "a/b", password(USER, PASSWORD));
    let error = there.put(&blob, &Held(noise(1000))).await.unwrap_err();
    assert!(error.to_string().contains("internal address"), "{error}");
}

#[tokio::test]
async fn a_login_goes_only_to_the_token_server_that_the_rules_allow() {
    let stranger = ScriptedRegistry::start();
    stranger.set_access(Access::Bearer { user: USER.into(), password: PASSWORD.into(), anonymous: true, challenge: None });
    let by_name = by_name(&stranger);
    for realm in [
        format!("{by_name}token"),
        format!("http://{}/token", stranger.host()),
        "http://169.254.169.254/token".into(),
        "/token".into(),
        "file:///token".into(),
        format!("http://u:p@{}/token", stranger.host()),
    ] {
        let server = ScriptedRegistry::start();
        let challenge = Some(format!(r#"Bearer realm="{realm}",service="s""#));
        server.set_access(Access::Bearer { user: USER.into(), password: PASSWORD.into(), anonymous: false, challenge });
        let blob = server.add_blob("a/b", b"bytes");
        let error = place(&server, "a/b", password(USER, PASSWORD)).open(&blob, 0..5).await.unwrap_err();
        assert!(matches!(error.class(), Class::Authentication | Class::Remote), "{realm}: {error}");
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    }
    assert!(stranger.log().is_empty(), "{:?}", stranger.log());
}

#[tokio::test]
async fn a_token_server_that_redirects_takes_no_credential_along() {
    let (server, stranger) = (ScriptedRegistry::start(), ScriptedRegistry::start());
    server.set_access(Access::Bearer { user: USER.into(), password: PASSWORD.into(), anonymous: false, challenge: None });
    let blob = server.add_blob("a/b", b"bytes");
    server.order("GET", "/token", 1, Fault::Redirect(by_name(&stranger)));
    assert!(place(&server, "a/b", password(USER, PASSWORD)).open(&blob, 0..5).await.is_err());
    assert!(stranger.log().is_empty());
    server.order("GET", "/token", 1, Fault::Redirect(by_name(&stranger)));
    assert!(at(&allowing(password(USER, PASSWORD)), &server, "a/b").open(&blob, 0..5).await.is_err());
    assert_eq!((stranger.log().len(), stray(&stranger)), (1, Vec::new()));
    assert!(place(&server, "a/b", password(USER, PASSWORD)).open(&blob, 0..5).await.is_ok());
}
