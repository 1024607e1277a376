//! Debian's `docker-registry`: open, behind a password, or with TLS from an authority of its own.
//!
//! Invariant: it listens on 127.0.0.1, keeps its files in its own folder and logs every request.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::server::{self, Server};
use super::tools;

/// A running registry.
#[derive(Debug)]
pub(crate) struct DockerRegistry {
    server: Server,
    /// `127.0.0.1:PORT`
    pub(crate) host: String,
}

impl DockerRegistry {
    /// The one open registry of this test process, stopped when the process ends. Each test has repositories of its own there.
    pub(crate) fn shared() -> &'static Self {
        static REGISTRY: OnceLock<DockerRegistry> = OnceLock::new();
        REGISTRY.get_or_init(Self::start)
    }

    /// Open to everybody, plain HTTP.
    pub(crate) fn start() -> Self {
        Self::serve(&server::folder(), "", "")
    }

    /// Basic authentication with one account, plain HTTP.
    pub(crate) fn start_with_password(user: &str, word: &str) -> Self {
        let folder = server::folder();
        let file = folder.join("htpasswd");
        std::fs::write(&file, tools::run("htpasswd", ["-Bbn", user, word])).expect("htpasswd is written");
        Self::serve(&folder, "", &format!("auth: {{htpasswd: {{realm: lab, path: {}}}}}\n", file.display()))
    }

    /// TLS; [`Self::authority`] is the certificate that a client has to trust.
    pub(crate) fn start_with_tls() -> Self {
        let folder = server::folder();
        certificates(&folder);
        let file = |name: &str| folder.join(name).display().to_string();
        Self::serve(&folder, &format!(", tls: {{certificate: {}, key: {}}}", file("server.crt"), file("server.key")), "")
    }

    fn serve(folder: &Path, http: &str, more: &str) -> Self {
        let host = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").to_string();
        let (config, data) = (folder.join("config.yml"), folder.join("data"));
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp: {{addr: '{host}'{http}}}\n{more}",
            data.display()
        );
        std::fs::write(&config, text).expect("config is written");
        let command = [tools::program("docker-registry"), "serve".to_owned(), config.display().to_string()];
        let server = Server::start(folder.to_owned(), &command, || TcpStream::connect(&host).is_ok());
        Self { server, host }
    }

    /// `HOST:PORT/PATH`
    pub(crate) fn name(&self, path: &str) -> String {
        format!("{}/{path}", self.host)
    }

    /// The authority's certificate, PEM.
    pub(crate) fn authority(&self) -> PathBuf {
        self.server.folder().join("ca.crt")
    }

    /// Requests so far, oldest first, as `METHOD /path status`; connections that only probe are not among them.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = self.server.log();
        log.lines()
            .filter_map(|line| {
                let mut parts = line.split('"');
                let request = parts.nth(1)?.strip_suffix(" HTTP/1.1")?.to_owned();
                let status = parts.next()?.split_whitespace().next()?.to_owned();
                request.contains(" /v2/").then(|| format!("{request} {status}"))
            })
            .collect()
    }
}

/// An authority and a server certificate for 127.0.0.1.
fn certificates(folder: &Path) {
    let file = |name: &str| folder.join(name).display().to_string();
    let openssl = |words: &[&str]| tools::run("openssl", words);
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").expect("names");
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=lab authority",
        "-keyout",
        &file("ca.key"),
        "-out",
        &file("ca.crt"),
    ]);
    openssl(&[
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=127.0.0.1",
        "-keyout",
        &file("server.key"),
        "-out",
        &file("server.csr"),
    ]);
    openssl(&[
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        &file("server.csr"),
        "-CA",
        &file("ca.crt"),
        "-CAkey",
        &file("ca.key"),
        "-CAcreateserial",
        "-extfile",
        &file("names"),
        "-out",
        &file("server.crt"),
    ]);
}
