//! Rows 18 to 20 and 34: Basic, Bearer, tokens that end, challenges in every spelling.
//!
//! Invariant: the number of token exchanges is read from the server's log.

use plywood::error::Class;
use plywood::http::Secret;
use plywood::oci::{Descriptor, MediaType};
use plywood::transport::registry::{Credentials, HelperSettings, Login};
use plywood::transport::{Selector, Source, Target};

use crate::bench::{Held, at, manifest_of, noise, password, place, registry};
use crate::registry::{Access, Fault, ScriptedRegistry};

const USER: &str = "robot";
const PASSWORD: &str = "canary-7f3a";

fn bearer(anonymous: bool, challenge: Option<String>) -> Access {
    Access::Bearer { user: USER.into(), password: PASSWORD.into(), anonymous, challenge }
}

fn stocked(access: Access) -> (ScriptedRegistry, Descriptor) {
    let server = ScriptedRegistry::start();
    let config = server.add_blob("a/b", b"{}");
    let manifest = server.add_manifest("a/b", "1", MediaType::OCI_MANIFEST, &manifest_of(&[&config]));
    server.set_access(access);
    (server, manifest)
}

fn one() -> Selector {
    Selector::Name("1".into())
}

#[tokio::test]
async fn basic_is_sent_only_after_the_registry_asked_and_then_at_once() {
    let (server, manifest) = stocked(Access::Basic { user: USER.into(), password: PASSWORD.into() });
    let here = place(&server, "a/b", password(USER, PASSWORD));
    for _ in 0..2 {
        assert_eq!(here.look_up(&one()).await.unwrap(), manifest);
    }
    assert_eq!(server.told(""), ["HEAD 401", "HEAD 200", "HEAD 200"]);
    assert!(server.log()[0].header("authorization").is_none());
    for login in [Login::Anonymous, password(USER, "wrong"), Login::IdentityToken(Secret::new("t"))] {
        let error = place(&server, "a/b", login).look_up(&one()).await.unwrap_err();
        assert_eq!(error.class(), Class::Authentication, "{error}");
        assert_eq!(error.hint().unwrap(), format!("plywood login {}", server.host()));
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_for_many_requests_and_again_when_it_ends() {
    let (server, manifest) = stocked(bearer(true, None));
    let here = place(&server, "a/b", Login::Anonymous);
    let (which, other) = (one(), one());
    let (a, b) = tokio::join!(here.look_up(&which), here.resolve(&other));
    assert_eq!((a.unwrap(), b.unwrap().descriptor), (manifest.clone(), manifest.clone()));
    assert_eq!(server.told("/token"), ["GET 200"]);
    server.expire_tokens();
    assert_eq!(here.look_up(&one()).await.unwrap(), manifest);
    assert_eq!(server.told("/token").len(), 2);
    let scopes: Vec<String> = server.log().into_iter().filter(|l| l.path.starts_with("/token")).map(|l| l.path).collect();
    assert_eq!(scopes[0], "/token?service=scripted&scope=repository%3Aa%2Fb%3Apull");
}

#[tokio::test]
async fn a_registry_that_always_refuses_costs_one_exchange_a_request() {
    let (server, _) = stocked(bearer(true, None));
    let challenge = format!(r#"Bearer realm="http://{}/token""#, server.host());
    server.order("HEAD", "/manifests/", 99, Fault::answer(401, &[("WWW-Authenticate", &challenge)], ""));
    let error = place(&server, "a/b", Login::Anonymous).look_up(&one()).await.unwrap_err();
    assert_eq!(error.class(), Class::Authentication, "{error}");
    assert_eq!(server.told(""), ["HEAD 401", "GET 200", "HEAD 401"]);
}

#[tokio::test]
async fn a_push_token_that_ends_between_blob_and_manifest_is_renewed() {
    let (server, _) = stocked(bearer(false, None));
    let there = place(&server, "new/app", password(USER, PASSWORD));
    there.check_rights().await.unwrap();
    let (config, layer) = (Descriptor::of("x/y", b"{}"), noise(5000));
    there.put(&config, &Held(b"{}".to_vec())).await.unwrap();
    server.expire_tokens();
    there.put(&Descriptor::of("x/y", &layer), &Held(layer.clone())).await.unwrap();
    server.expire_tokens();
    let raw = manifest_of(&[&config, &Descriptor::of("x/y", &layer)]);
    let root = plywood::transport::Root { descriptor: Descriptor::of(MediaType::OCI_MANIFEST, &raw), raw: raw.into() };
    there.publish(&root, &["1".into()]).await.unwrap();
    assert_eq!(server.log().iter().filter(|l| l.method == "PUT" && l.path.contains("uploads") && l.status == 201).count(), 2);
    // A token that ends between the session and its bytes: a new session, all of it again.
    let blob = Descriptor::of("x/y", b"late");
    server.order(
        "PUT",
        "/uploads/",
        1,
        Fault::answer(401, &[("WWW-Authenticate", &format!(r#"Bearer realm="http://{}/token""#, server.host()))], ""),
    );
    there.put(&blob, &Held(b"late".to_vec())).await.unwrap();
    assert!(server.blob("new/app", blob.digest).is_some());
}

#[tokio::test]
async fn the_right_to_push_is_missed_before_any_work() {
    let (server, _) = stocked(bearer(true, None));
    let error = place(&server, "a/b", Login::Anonymous).check_rights().await.unwrap_err();
    assert_eq!((error.class(), error.side()), (Class::Authentication, plywood::Side::Target), "{error}");
    assert_eq!(error.hint().unwrap(), format!("plywood login {}", server.host()));
    server.set_access(Access::Open);
    server.order("POST", "/uploads/", 1, Fault::answer(403, &[], r#"{"errors":[{"code":"DENIED","message":"read only"}]}"#));
    let error = place(&server, "a/b", Login::Anonymous).check_rights().await.unwrap_err();
    assert!(error.to_string().contains("said 403") && error.to_string().contains("read only"), "{error}");
    assert!(place(&server, "a/b", Login::Anonymous).check_rights().await.is_ok());
}

#[tokio::test]
async fn a_mount_asks_for_the_right_to_the_source_and_nothing_else_does() {
    let (server, _) = stocked(bearer(false, None));
    let registry = registry(Credentials::only(password(USER, PASSWORD)));
    let there = at(&registry, &server, "new/app");
    let blob = Descriptor::of("application/octet-stream", b"{}");
    assert!(!there.has(&blob).await.unwrap());
    let from = format!("{}/a/b", server.host()).parse().unwrap();
    assert!(there.mount(&blob, &from).await.unwrap());
    let asked: Vec<bool> =
        server.log().iter().filter(|l| l.path.starts_with("/token")).map(|l| l.path.contains("a%2Fb%3Apull")).collect();
    assert_eq!(asked, [false, true]);
}

#[tokio::test]
async fn identity_and_registry_tokens_are_sent_as_what_they_are() {
    let (server, manifest) = stocked(bearer(false, None));
    let here = place(&server, "a/b", Login::IdentityToken(Secret::new(PASSWORD)));
    assert_eq!(here.look_up(&one()).await.unwrap(), manifest);
    assert_eq!(server.told("/token"), ["POST 200"]);
    let last = server.log().last().unwrap().header("authorization").unwrap().to_owned();
    let own = place(&server, "a/b", Login::RegistryToken(Secret::new(last.trim_start_matches("Bearer "))));
    assert_eq!(own.look_up(&one()).await.unwrap(), manifest);
    assert_eq!(server.told("/token").len(), 1);
}

#[tokio::test]
async fn token_answers_are_read_strictly() {
    let huge = format!(r#"{{"token":"{}"}}"#, "t".repeat(1_100_000));
    for (status, body, good) in [
        (200, r#"{"access_token":"T"}"#.to_owned(), true),
        (200, r#"{"token":"other","access_token":"T","expires_in":0,"issued_at":"2999-01-01T00:00:00Z"}"#.into(), true),
        (200, r#"{"token":"T","expires_in":1e300}"#.into(), true),
        (200, r#"{"token":null}"#.into(), false),
        (200, r#"{"token":"a\nb"}"#.into(), false),
        (200, "<html>welcome</html>".into(), false),
        (200, huge, false),
        (403, r#"{"details":"no such user"}"#.into(), false),
        (500, String::new(), false),
    ] {
        let (server, _) = stocked(bearer(true, None));
        let here = place(&server, "a/b", Login::Anonymous);
        server.order("GET", "/token", 9, Fault::answer(status, &[], &body));
        let result = here.look_up(&one()).await;
        let sent = server.log().iter().any(|l| l.header("authorization") == Some("Bearer T"));
        assert_eq!(sent, good, "{status} {body:.60} {result:?}");
        if status == 403 {
            let error = result.unwrap_err();
            assert!(error.class() == Class::Authentication && error.to_string().contains("no such user"), "{error}");
        }
    }
}

#[tokio::test]
async fn challenges_are_understood_however_they_are_written() {
    for form in [
        r#"Negotiate, bearer realm="URL", service="s""#,
        r#"BEARER service=s realm="URL""#,
        r#"Basic realm="x", Bearer realm="URL""#,
    ] {
        let (server, manifest) = stocked(Access::Open);
        let challenge = form.replace("URL", &format!("http://{}/token", server.host()));
        server.set_access(bearer(true, Some(challenge)));
        assert_eq!(place(&server, "a/b", Login::Anonymous).look_up(&one()).await.unwrap(), manifest, "{form}");
    }
    let (server, _) = stocked(bearer(true, Some("Negotiate".into())));
    assert_eq!(place(&server, "a/b", Login::Anonymous).look_up(&one()).await.unwrap_err().class(), Class::Authentication);
}

#[tokio::test]
async fn two_repositories_with_own_logins_do_not_share_them() {
    let (server, _) = stocked(Access::Basic { user: USER.into(), password: PASSWORD.into() });
    let host = server.host();
    let text = format!(
        r#"{{"auths":{{"{host}/a":{{"username":"{USER}","password":"{PASSWORD}"}},"{host}/c":{{"username":"x","password":"y"}}}}}}"#
    );
    let registry = registry(Credentials::new(Some(Secret::new(text)), Vec::new(), HelperSettings::default()));
    assert!(at(&registry, &server, "a/b").look_up(&one()).await.is_ok());
    assert_eq!(at(&registry, &server, "c/d").look_up(&one()).await.unwrap_err().class(), Class::Authentication);
    assert_eq!(at(&registry, &server, "e/f").look_up(&one()).await.unwrap_err().class(), Class::Authentication);
    assert!(!format!("{registry:?}").contains(PASSWORD));
}

#[tokio::test]
async fn a_login_is_tried_against_the_registry() {
    for access in [Access::Basic { user: USER.into(), password: PASSWORD.into() }, bearer(false, None)] {
        let (server, _) = stocked(access);
        let registry = registry(Credentials::none());
        registry.check(&server.host(), password(USER, PASSWORD)).await.unwrap();
        let error = plywood::Error::from(registry.check(&server.host(), password(USER, "wrong")).await.unwrap_err());
        assert_eq!(error.class(), Class::Authentication, "{error}");
    }
}
