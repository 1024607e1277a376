//! Rows 1 and 27: TLS with own CAs, and proxies.
//!
//! Invariant: the certificates are made for the run with `openssl`; no CA of the machine is trusted.

use std::path::Path;
use std::process::{Command, Stdio};

use plywood::error::Class;
use plywood::http::{Authorities, Client, Proxies, Secret, Settings};
use plywood::oci::MediaType;
use plywood::transport::registry::{Credentials, Registry, Settings as RegistrySettings};
use plywood::transport::{Selector, Source};

use crate::bench::{impatient, manifest_of, password};
use crate::real::{Server, start_tls};
use crate::registry::{Access, ScriptedRegistry};

fn openssl(folder: &Path, words: &str) {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(words.split(' ')).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("openssl").success(), "{words}");
}

/// A CA `ca.crt`, and `server.crt` with `server.key` for this machine.
fn certificates(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=ca"));
    openssl(folder, &format!("req {key} -keyout server.key -out server.csr -subj /CN=server"));
    std::fs::write(folder.join("extensions"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.crt",
    );
}

async fn ask(server: &Server, authorities: Authorities, certs: Option<&Path>) -> Result<(), plywood::Error> {
    let settings =
        RegistrySettings { certificates: certs.map(Path::to_owned).into_iter().collect(), ..RegistrySettings::default() };
    let client = Client::new(Settings { authorities, ..impatient() });
    let registry = Registry::new(&client, Credentials::none(), settings);
    let repository = format!("{}/a/b", server.host).parse().unwrap();
    registry.repository(repository)?.look_up(&Selector::Name("none".into())).await.map(|_| ())
}

#[tokio::test]
async fn a_registry_with_its_own_ca_is_trusted_by_folder_file_and_value_and_by_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let server = start_tls(folder.path());
    let certs = folder.path().join("certs.d");
    // A folder for the host, even an empty one, says that it speaks TLS.
    let own = certs.join(&server.host);
    std::fs::create_dir_all(&own).unwrap();
    let ca = std::fs::read(folder.path().join("ca.crt")).unwrap();
    let by_value = Authorities { extra: vec![ca.clone()], ..Authorities::default() };
    let by_file = Authorities { file: Some(folder.path().join("ca.crt")), ..Authorities::default() };
    for authorities in [by_value, by_file] {
        let error = ask(&server, authorities, Some(&certs)).await.unwrap_err();
        assert_eq!(error.class(), Class::NotFound, "the registry answers: {error}");
    }
    let nobody = ask(&server, Authorities::default(), Some(&certs)).await.unwrap_err();
    assert_eq!(nobody.class(), Class::Remote, "{nobody}");
    assert!(nobody.to_string().contains("cannot trust") && nobody.hint().unwrap().contains("--cacert"), "{nobody}");
    assert!(!nobody.retryable());
    std::fs::write(own.join("ca.crt"), ca).unwrap();
    let by_folder = ask(&server, Authorities::default(), Some(&certs)).await.unwrap_err();
    assert_eq!(by_folder.class(), Class::NotFound, "{by_folder}");
    // Plain HTTP, as to any loopback registry, is not an answer of this one.
    assert_ne!(ask(&server, Authorities::default(), None).await.unwrap_err().class(), Class::NotFound);
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.pem");
    std::fs::write(&file, "nothing").unwrap();
    let client = Client::new(Settings { authorities: Authorities { file: Some(file), ..Authorities::default() }, ..impatient() });
    let error = client.download("https://127.0.0.1:1/x".parse().unwrap(), None, 1).await.unwrap_err();
    assert!(error.to_string().contains("empty.pem"), "{error}");
}

#[tokio::test]
async fn a_proxy_gets_its_own_credential_and_the_registry_gets_its_own() {
    let proxy = ScriptedRegistry::start();
    let config = proxy.add_blob("a/b", b"{}");
    let manifest = proxy.add_manifest("a/b", "1", MediaType::OCI_MANIFEST, &manifest_of(&[&config]));
    proxy.set_access(Access::Basic { user: "robot".into(), password: "word".into() });
    let with = |no_proxy: &str| {
        let address = Secret::new(format!("http://gate:canary@{}", proxy.host()));
        let proxies = Proxies { http: Some(address), https: None, no_proxy: Some(no_proxy.into()) };
        let settings = RegistrySettings { insecure: ["registry.invalid".into()].into(), ..RegistrySettings::default() };
        let client = Client::new(Settings { proxies, ..impatient() });
        Registry::new(&client, Credentials::only(password("robot", "word")), settings)
    };
    let name = || "registry.invalid/a/b".parse().unwrap();
    assert!(!format!("{:?}", with("")).contains("canary"));
    let found = with("").repository(name()).unwrap().look_up(&Selector::Name("1".into())).await.unwrap();
    assert_eq!(found, manifest);
    let log = proxy.log();
    assert!(log.iter().all(|l| l.path.starts_with("http://registry.invalid/v2/") && l.header("proxy-authorization").is_some()));
    assert!(log[0].header("authorization").is_none() && log[1].header("authorization").is_some());
    let error = with("registry.invalid").repository(name()).unwrap().look_up(&Selector::Name("1".into())).await.unwrap_err();
    assert!(error.class() == Class::Remote && !format!("{error} {error:?}").contains("canary"), "{error:?}");
    assert_eq!(proxy.log().len(), log.len());
    // Loopback is never asked through a proxy.
    let direct = ScriptedRegistry::start();
    let _ = with("").repository(format!("{}/a/b", direct.host()).parse().unwrap()).unwrap().look_up(&Selector::Only).await;
    assert_eq!((proxy.log().len(), direct.log().len()), (log.len(), 2));
}
