//! Getting a conda installer: from a file or URL into the store, checked; linking it comes with a later version.

use std::path::Path;

use crate::conda;
use crate::error::{Class, Error, Result};
use crate::http::{Redacted, Url};
use crate::oci::Digest;
use crate::recipe::{Installer, Resolved};
use crate::store::{Sighting, Store};

use super::{BuildError, Request, Services};

/// Installers are some 100 MB; a server that sends more than this sends something else.
const LARGEST: u64 = 2 << 30;

/// Checks the installer that a unit names, if one does, and says that linking comes later.
pub(super) async fn check(resolved: &Resolved, request: &Request, services: &Services, machine: &str) -> Result<()> {
    let Some(wanted) = resolved.units.iter().find_map(|u| u.installer.as_ref()) else { return Ok(()) };
    let (location, digest) = obtain(wanted, request, services, machine).await?;
    let what =
        format!("the installer {location} was read and verified ({digest}), but linking its packages comes with a later version");
    Err(BuildError::Later { what, hint: "--without miniforge" }.into())
}

/// Reads and verifies an installer; where it was, as it may be shown, and which one it is.
async fn obtain(wanted: &Installer, request: &Request, services: &Services, machine: &str) -> Result<(String, Digest)> {
    let location = request.installer.as_ref().map_or_else(|| wanted.location.clone(), |file| file.display().to_string());
    let failed =
        |reason: String, class: Class| -> Error { BuildError::Installer { location: shown(&location), reason, class }.into() };
    let mut name = None;
    let (digest, size) = match (Url::parse(&location), &request.installer) {
        (Ok(url), None) if matches!(url.scheme(), "http" | "https") => {
            name = sighting_name(&url);
            match remembered(name.as_deref(), wanted, request.refresh, &services.store)? {
                Some(found) => {
                    // What was verified when it was noted need not be noted again.
                    name = None;
                    found
                }
                None if request.offline => return Err(failed("--offline forbids asking for it".into(), Class::Remote)),
                None => fetch(url, services).await.map_err(|e| failed(e.to_string(), e.class()))?,
            }
        }
        _ => take(Path::new(&location), services).map_err(|e| failed(e.to_string(), e.class()))?,
    };
    verify(wanted, digest, size, &services.store, machine)?;
    if let Some(name) = name {
        services.store.set_seen(&name, &Sighting { digest, checked: services.now })?;
    }
    Ok((shown(&location), digest))
}

/// The name of a sighting: no user info is written to disk. A query may hold a token, and two queries are two files.
fn sighting_name(url: &Url) -> Option<String> {
    url.query().is_none().then(|| Redacted(url).to_string())
}

/// An installer that was verified in an earlier run, if the recipe pins no other.
fn remembered(name: Option<&str>, wanted: &Installer, refresh: bool, store: &Store) -> Result<Option<(Digest, u64)>> {
    let Some(name) = name.filter(|_| !refresh) else { return Ok(None) };
    let fits = |digest: &Digest| wanted.sha256.is_none_or(|pinned| pinned == *digest);
    let Some(digest) = store.seen(name)?.map(|seen| seen.digest).filter(fits) else { return Ok(None) };
    Ok(store.size(&digest)?.map(|size| (digest, size)))
}

fn verify(wanted: &Installer, digest: Digest, size: u64, store: &Store, machine: &str) -> Result<()> {
    if let Some(pinned) = wanted.sha256.filter(|pinned| *pinned != digest) {
        return Err(BuildError::File {
            path: "the Miniforge installer".into(),
            reason: format!("has SHA-256 {digest}, the recipe pins {pinned}"),
        }
        .into());
    }
    let read = conda::Installer::read(store.open_blob(&digest, size)?)?;
    read.check_machine(machine)?;
    Ok(())
}

async fn fetch(url: Url, services: &Services) -> Result<(Digest, u64)> {
    let download = services.http.download(url, None, LARGEST).await?;
    let mut download = download.ok_or_else(|| BuildError::NotStored("it is not there (404)".into()))?;
    let mut writer = services.store.writer()?;
    while let Some(piece) = download.body.next().await {
        std::io::Write::write_all(&mut writer, &piece?).map_err(|e| crate::error::IoFault::new("the store", e))?;
    }
    Ok(writer.commit(None)?)
}

fn take(path: &Path, services: &Services) -> Result<(Digest, u64)> {
    let absent = |cause| -> Error { BuildError::Absent { path: path.display().to_string(), cause }.into() };
    let mut file = std::fs::File::open(path).map_err(absent)?;
    let mut writer = services.store.writer()?;
    std::io::copy(&mut file, &mut writer).map_err(|e| crate::error::IoFault::new(path.display().to_string(), e))?;
    Ok(writer.commit(None)?)
}

/// Without user info and query.
fn shown(location: &str) -> String {
    Url::parse(location).map_or_else(|_| location.to_owned(), |url| Redacted(&url).to_string())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::time::SystemTime;

    use super::*;
    use crate::build::bench;
    use crate::stream::EntryPath;

    fn wanted(location: &str, sha256: Option<Digest>) -> Installer {
        Installer { location: location.into(), sha256, version: None, prefix: EntryPath::root() }
    }

    #[tokio::test]
    async fn a_wrong_download_is_asked_for_again_and_a_right_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let right = conda::sample("linux-64");
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
        let (request, wanted) = (bench::request(), wanted(&url, None));
        let refreshing = Request { refresh: true, ..request.clone() };
        obtain(&wanted, &request, &services, "x86_64").await.expect_err("no installer");
        for request in [&request, &request, &refreshing] {
            let (_, digest) = obtain(&wanted, request, &services, "x86_64").await.expect("an installer");
            assert_eq!(digest, Digest::of(&right));
        }
        // The second of the three asked nobody, so the server is at its end only now.
        server.join().expect("three requests");
    }

    #[test]
    fn only_what_was_verified_and_fits_the_pin_is_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        let kept = store.put(b"installer").expect("kept");
        let url: Url = "https://user:secret@host.example/miniforge.sh".parse().expect("a URL");
        let name = sighting_name(&url).expect("a name");
        assert!(!name.contains("secret"), "{name}");
        let asked = |pin: Option<Digest>, refresh| remembered(Some(&name), &wanted("", pin), refresh, &store).expect("read");
        assert_eq!(asked(None, false), None);
        store.set_seen(&name, &Sighting { digest: kept, checked: SystemTime::UNIX_EPOCH }).expect("noted");
        let found = Some((kept, 9));
        let other = Digest::of(b"other");
        for (pin, refresh, expected) in
            [(None, false, found), (Some(kept), false, found), (Some(other), false, None), (None, true, None)]
        {
            assert_eq!(asked(pin, refresh), expected, "{pin:?} {refresh}");
        }
        assert_eq!(sighting_name(&"https://host.example/x?token=secret".parse().expect("a URL")), None);
    }
}
