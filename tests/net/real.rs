//! Against Debian's `docker-registry`: what we push is an image there, what is there we read.
//!
//! Invariant: the server listens on loopback, keeps its files in a temporary folder and is ended by its own process id.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use plywood::error::Class;
use plywood::http::Client;
use plywood::oci::{Descriptor, MediaType};
use plywood::transport::registry::{Credentials, Login, Registry};
use plywood::transport::{Root, Selector, Source, Target};

use crate::bench::{Held, impatient, manifest_of, noise, password, read};

/// A running `docker-registry`.
pub(crate) struct Server {
    process: Child,
    pub(crate) host: String,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(login: Option<(&str, &str)>) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut auth = String::new();
    if let Some((user, word)) = login {
        let made = Command::new("htpasswd").args(["-Bbn", user, word]).output().expect("htpasswd of apache2-utils");
        let file = folder.path().join("htpasswd");
        std::fs::write(&file, made.stdout).unwrap();
        auth = format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", file.display());
    }
    start_with(folder, "", &auth)
}

/// With `server.crt` and `server.key` of a folder.
pub(crate) fn start_tls(certificates: &Path) -> Server {
    let file = |name: &str| certificates.join(name).display().to_string();
    let tls = format!(", tls: {{certificate: {}, key: {}}}", file("server.crt"), file("server.key"));
    start_with(tempfile::tempdir().unwrap(), &tls, "")
}

fn start_with(folder: tempfile::TempDir, http: &str, more: &str) -> Server {
    let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let root = folder.path().join("data").display().to_string();
    let config = format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\nhttp: {{addr: '{host}'{http}}}\n{more}"
    );
    let server = Server { process: serve(folder.path(), &config), host, _folder: folder };
    let start = Instant::now();
    while std::net::TcpStream::connect(&server.host).is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "docker-registry does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

fn serve(folder: &Path, config: &str) -> Child {
    let file = folder.join("config.yml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("docker-registry of Debian")
}

fn registry(login: Login) -> Registry {
    Registry::new(&Client::new(impatient()), Credentials::only(login), plywood::transport::registry::Settings::default())
}

/// Pushes an image, reads it back, and mounts its layer into another repository.
async fn round(server: &Server, login: Login) {
    let registry = registry(login);
    let named = |path: &str| format!("{}/{path}", server.host).parse().unwrap();
    let there = registry.repository(named("base/debian")).unwrap();
    there.check_rights().await.unwrap();
    let (config, layer) =
        (br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#.to_vec(), noise(3_000_000));
    let blobs = [Descriptor::of(MediaType::OCI_CONFIG, &config), Descriptor::of(MediaType::OCI_LAYER, &layer)];
    for (blob, bytes) in blobs.iter().zip([&config, &layer]) {
        assert!(!there.has(blob).await.unwrap());
        there.put(blob, &Held(bytes.clone())).await.unwrap();
        assert!(there.has(blob).await.unwrap());
    }
    let raw = manifest_of(&[&blobs[0], &blobs[1]]);
    let root = Root { descriptor: Descriptor::of(MediaType::OCI_MANIFEST, &raw), raw: raw.into() };
    assert_eq!(there.published("12").await.unwrap(), None);
    there.put_document(&root).await.unwrap();
    there.publish(&root, &["12".into()]).await.unwrap();

    let before = registry.moved().requests;
    assert_eq!(there.look_up(&Selector::Name("12".into())).await.unwrap(), root.descriptor);
    assert_eq!(registry.moved().requests - before, 1);
    assert_eq!(there.resolve(&Selector::Name("12".into())).await.unwrap().raw, root.raw);
    assert_eq!(there.document(&root.descriptor).await.unwrap(), root.raw);
    assert_eq!(read(there.open(&blobs[1], 0..3_000_000).await.unwrap()).await.unwrap(), layer);
    assert_eq!(read(there.open(&blobs[1], 1000..2000).await.unwrap()).await.unwrap(), layer[1000..2000]);

    let other = registry.repository(named("sandbox/debian")).unwrap();
    let sent = registry.moved().sent;
    assert!(other.mount(&blobs[1], &named("base/debian")).await.unwrap());
    assert_eq!((registry.moved().mounted, registry.moved().sent), (3_000_000, sent));
    assert!(!other.mount(&blobs[0], &named("no/such")).await.unwrap());
    let refused = other.put_document(&root).await.unwrap_err();
    assert!(refused.to_string().contains(&blobs[0].digest.to_string()), "{refused}");
    other.put(&blobs[0], &Held(config)).await.unwrap();
    other.publish(&root, &["12".into()]).await.unwrap();
}

#[tokio::test]
async fn an_image_is_pushed_read_and_mounted_in_an_open_registry() {
    let server = start(None);
    round(&server, Login::Anonymous).await;
    for path in ["base/debian:12", "sandbox/debian:12"] {
        let image = format!("docker://{}/{path}", server.host);
        let copied = Command::new("skopeo").args(["inspect", "--raw", "--tls-verify=false", &image]).output().expect("skopeo");
        let ours =
            registry(Login::Anonymous).repository(format!("{}/{}", server.host, &path[..path.len() - 3]).parse().unwrap()).unwrap();
        let found = ours.resolve(&Selector::Name("12".into())).await.unwrap();
        assert_eq!(copied.stdout, found.raw, "skopeo reads the same bytes");
    }
    let absent = registry(Login::Anonymous).repository(format!("{}/no/such", server.host).parse().unwrap()).unwrap();
    let error = absent.look_up(&Selector::Name("1".into())).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
    assert!(error.to_string().contains("no/such:1"), "{error}");
}

#[tokio::test]
async fn an_image_is_pushed_read_and_mounted_with_a_password() {
    let server = start(Some(("robot", "canary-7f3a")));
    round(&server, password("robot", "canary-7f3a")).await;
    registry(Login::Anonymous).check(&server.host, password("robot", "canary-7f3a")).await.unwrap();
    for login in [Login::Anonymous, password("robot", "wrong")] {
        let place = registry(login).repository(format!("{}/base/debian", server.host).parse().unwrap()).unwrap();
        let error = place.check_rights().await.unwrap_err();
        assert_eq!(error.class(), Class::Authentication, "{error}");
        assert_eq!(error.hint().unwrap(), format!("plywood login {}", server.host));
    }
}
