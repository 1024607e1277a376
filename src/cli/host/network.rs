//! What HTTP and registries are told of this machine: proxies, authorities, credentials.
//!
//! Invariant: only the files of `--cacert` and `--apt-auth` are read here; credential files are named, and read when a registry asks.

use std::path::PathBuf;

use crate::error::Result;
use crate::http::{Login, Proxies, Secret, Settings};
use crate::transport::registry::{self, Credentials};

use super::Host;
use crate::cli::failure::{CliError, unreadable};

impl Host {
    /// Settings of the HTTP client.
    pub(in crate::cli) fn http(&self) -> Result<Settings> {
        let mut settings = Settings { proxies: self.proxies(), ..Settings::default() };
        settings.authorities.file = self.path("SSL_CERT_FILE");
        settings.authorities.folder = self.path("SSL_CERT_DIR");
        for file in &self.global.cacert {
            settings.authorities.extra.push(std::fs::read(file).map_err(|e| unreadable(file, e))?);
        }
        settings.allow_private.clone_from(&self.global.insecure);
        settings.allow_private.extend_from_slice(&self.global.allow_private);
        for file in &self.global.apt_auth {
            let bytes = std::fs::read(file).map_err(|e| unreadable(file, e))?;
            let name = file.display().to_string();
            let text =
                String::from_utf8(bytes).map_err(|_| CliError::Content { file: name.clone(), why: "it is no text".into() })?;
            settings.logins.append(&mut Login::read(&name, &text)?);
        }
        Ok(settings)
    }

    /// Proxies. `HTTP_PROXY` does not count in a CGI program, where a client's header `Proxy:` makes it.
    fn proxies(&self) -> Proxies {
        let upper = self.text("HTTP_PROXY").filter(|_| self.variable("REQUEST_METHOD").is_none());
        let any = self.text("all_proxy").or_else(|| self.text("ALL_PROXY"));
        let http = self.text("http_proxy").or(upper).or(any);
        let https = self.text("https_proxy").or_else(|| self.text("HTTPS_PROXY")).or(any);
        let without = self.text("no_proxy").or_else(|| self.text("NO_PROXY"));
        Proxies { http: http.map(Secret::new), https: https.map(Secret::new), no_proxy: without.map(str::to_owned) }
    }

    /// Settings of registries.
    pub(in crate::cli) fn registries(&self) -> registry::Settings {
        let own = self.path("HOME").map(|home| home.join(".config/containers/certs.d"));
        let all = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
        registry::Settings {
            insecure: self.global.insecure.iter().cloned().collect(),
            certificates: own.into_iter().chain(all).collect(),
        }
    }

    /// Logins: `DOCKER_AUTH_CONFIG`, then Podman's and Docker's files.
    pub(in crate::cli) fn credentials(&self) -> Credentials {
        let text = self.text("DOCKER_AUTH_CONFIG").map(Secret::new);
        Credentials::new(text, self.credential_files(), self.helpers())
    }

    pub(super) fn credential_files(&self) -> Vec<PathBuf> {
        let auth = |folder: PathBuf| folder.join("containers/auth.json");
        let named = self.path("REGISTRY_AUTH_FILE");
        let docker = self.docker_config().map(|folder| folder.join("config.json"));
        if named.is_some() {
            // As Podman: the file that is named stands in the place of the others of its kind.
            return named.into_iter().chain(docker).collect();
        }
        let kept = [Some(auth(self.runtime_folder())), self.xdg("XDG_CONFIG_HOME", ".config").map(auth), docker];
        kept.into_iter().flatten().collect()
    }
}
