//! The installer of a prefix: from a file or address into the store, checked, remembered by digest.

use crate::conda::Installer;
use crate::error::Result;
use crate::http::Url;
use crate::oci::Digest;
use crate::pin::LockedFile;
use crate::store::Store;

use super::super::archives::Place;
use super::super::{BuildError, Services};
use super::beside;
use super::fetch::{Fetch, Found, shown};
use super::packages::{Brought, Source};

const READ: &str = "conda-installer";
const PLATFORM: &str = "conda-platform";

/// Gets and checks the installer at `location`, or the one that the request names. `pinned` is the recipe's word, `locked` the lock's.
pub(super) async fn pin(
    fetch: &Fetch<'_>,
    location: &str,
    pinned: Option<Digest>,
    locked: Option<&LockedFile>,
    machine: &str,
) -> Result<LockedFile> {
    let (store, request) = (&fetch.services.store, fetch.request);
    let named = request.installer.as_deref();
    let location = named.unwrap_or(location);
    let pinned = pinned.filter(|_| named.is_none());
    let wanted = pinned.or_else(|| locked.filter(|_| named.is_none()).map(|l| l.sha256));
    let url = Url::parse(location).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let stored =
        wanted.map(|digest| store.size(&digest).map(|size| size.map(|size| Found::stored(digest, size)))).transpose()?.flatten();
    let found = match (stored, &url) {
        (Some(found), _) => found,
        (None, Some(url)) => fetch.url(url, "the installer", |digest| wanted.is_none_or(|w| w == *digest)).await?,
        (None, None) => fetch.file(&beside(location, fetch.folder.filter(|_| named.is_none())))?,
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted != found.digest) {
        let who = if pinned.is_some() { "the recipe pins" } else { "the lock says" };
        let reason = format!("has SHA-256 {}, {who} {wanted}", found.digest);
        return Err(BuildError::File { path: format!("the installer {}", shown(location)), reason }.into());
    }
    check(&found, store, machine).await?;
    fetch.note(&found)?;
    if pinned.is_none() && locked.is_none_or(|l| l.sha256 != found.digest) {
        let text = format!("the installer {} is pinned by nobody: its SHA-256 is {}", shown(location), found.digest.hex());
        fetch.services.events.warning(&text);
    }
    // Where the same bytes were had from this time does not matter.
    let same = locked.filter(|l| l.sha256 == found.digest).cloned();
    Ok(same.unwrap_or_else(|| LockedFile { location: shown(location), sha256: found.digest, size: found.size }))
}

/// Reads an installer that was not read before, and fails unless it is one for this machine.
async fn check(found: &Found, store: &std::sync::Arc<Store>, machine: &str) -> Result<()> {
    let key = format!("{} {machine}", found.digest.hex());
    if store.memo(PLATFORM, &key)?.is_some() {
        return Ok(());
    }
    let (own, digest, size) = (store.clone(), found.digest, found.size);
    let read = tokio::task::spawn_blocking(move || known(&own, digest, size)).await.map_err(super::worker)??;
    read.check_machine(machine)?;
    Ok(store.set_memo(PLATFORM, &key, b"", &[digest])?)
}

fn known(store: &Store, digest: Digest, size: u64) -> Result<Installer> {
    if let Some(known) = store.memo(READ, &digest.hex())?.and_then(|memo| Installer::from_memo(&memo)) {
        return Ok(known);
    }
    let read = Installer::read(store.open_blob(&digest, size)?, size)?;
    store.set_memo(READ, &digest.hex(), &read.to_memo(), &[digest])?;
    Ok(read)
}

/// What an installer brings.
pub(super) fn read(files: &[LockedFile], services: &Services) -> Result<Brought> {
    let Some(file) = files.first() else { return Ok(Brought::default()) };
    let installer = known(&services.store, file.sha256, file.size)?;
    let source = |wanted: crate::conda::Wanted| {
        let member = installer.packages.get(&wanted.file).cloned()?;
        let repodata = record_of(&installer, &wanted);
        let place = Place { blob: (file.sha256, file.size), at: member.at };
        Some(Source { wanted, member, repodata, place })
    };
    // Reading the installer made sure that it has all of them.
    let packages = installer.wanted.iter().cloned().filter_map(source).collect();
    // A record stands in its package's folder anew, and only for what is linked.
    let files = installer.files.iter().filter(|(name, _)| !name.ends_with("/info/repodata_record.json"));
    Ok(Brought { packages, files: files.map(|(name, file)| (name.clone(), file.clone())).collect() })
}

/// The channel's entry for a package: from the shipped list, else as it stands beside the package.
fn record_of(installer: &Installer, wanted: &crate::conda::Wanted) -> Option<serde_json::Map<String, serde_json::Value>> {
    let beside = || {
        let file = installer.files.get(&format!("pkgs/{}/info/repodata_record.json", wanted.distribution()))?;
        serde_json::from_slice(&file.bytes).ok()
    };
    installer.repodata.get(&wanted.file).and_then(|text| serde_json::from_str(text).ok()).or_else(beside)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;
    use crate::build::{Request, bench};
    use crate::conda::sample;
    use crate::error::Class;

    async fn got(location: &str, request: &Request, services: &Services, locked: Option<&LockedFile>) -> Result<LockedFile> {
        let fetch = Fetch { request, services, folder: None };
        pin(&fetch, location, None, locked, "x86_64").await
    }

    #[tokio::test]
    async fn a_wrong_download_is_asked_for_again_and_a_right_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let right = sample("linux-64");
        let bodies = [b"<html>busy</html>".to_vec(), right.clone(), right.clone()];
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/miniforge.sh", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || {
            for (body, stream) in bodies.iter().zip(listener.incoming()) {
                let mut stream = stream.expect("a connection");
                let _ = stream.read(&mut [0; 4096]).expect("a request");
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                stream.write_all(&[head.as_bytes(), body].concat()).expect("written");
            }
        });
        let services = bench::services(folder.path(), Vec::new());
        let request = bench::request();
        let refreshing = Request { refresh: true, ..request.clone() };
        got(&url, &request, &services, None).await.expect_err("no installer");
        for request in [&request, &request, &refreshing] {
            let found = got(&url, request, &services, None).await.expect("an installer");
            assert_eq!((found.sha256, &found.location), (Digest::of(&right), &url));
        }
        // The second of the three asked nobody, so the server is at its end only now.
        server.join().expect("three requests");
    }

    #[tokio::test]
    async fn a_lock_names_the_installer_and_the_request_may_name_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let services = bench::services(folder.path(), Vec::new());
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            path.display().to_string()
        };
        let (first, twin) = (file("a.sh", &sample("linux-64")), file("b.sh", &[sample("linux-64"), b"x".to_vec()].concat()));
        let other = file("c.sh", &sample("linux-aarch64"));
        let (request, offline) = (bench::request(), Request { offline: true, ..bench::request() });
        let locked = got(&first, &request, &services, None).await.expect("an installer");
        // What the lock names is in the store: nobody is asked, wherever the recipe says that it lies.
        assert_eq!(got("https://host.invalid/x.sh", &offline, &services, Some(&locked)).await.expect("the same"), locked);
        let unknown = LockedFile { sha256: Digest::of(b"other"), ..locked.clone() };
        for (location, locked, class) in [
            ("https://host.invalid/x.sh", None, Class::Remote),
            (first.as_str(), Some(&unknown), Class::Input),
            (twin.as_str(), None, Class::Input),
            (other.as_str(), None, Class::Input),
            ("/nowhere/x.sh", None, Class::Usage),
        ] {
            let error = got(location, &offline, &services, locked).await.expect_err(location);
            assert_eq!(error.class(), class, "{error}");
        }
        let named = Request { installer: Some(first), ..bench::request() };
        assert_eq!(got("https://host.invalid/x.sh", &named, &services, Some(&unknown)).await.expect("named").sha256, locked.sha256);
    }
}
