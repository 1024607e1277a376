//! Getting a conda installer: from a file or URL into the store, checked; linking it comes with a later version.

use std::path::Path;

use crate::conda;
use crate::error::{Class, Error, Result};
use crate::http::Url;
use crate::oci::Digest;
use crate::recipe::{Installer, Resolved};

use super::{BuildError, Request, Services};

/// Installers are some 100 MB; a server that sends more than this sends something else.
const LARGEST: u64 = 2 << 30;

/// Checks the installer that a unit names, if one does, and says that linking comes later.
pub(super) async fn check(resolved: &Resolved, request: &Request, services: &Services, machine: &str) -> Result<()> {
    let Some(wanted) = resolved.units.iter().find_map(|u| u.installer.as_ref()) else { return Ok(()) };
    let location = request.installer.as_ref().map_or_else(|| wanted.location.clone(), |file| file.display().to_string());
    let failed =
        |reason: String, class: Class| -> Error { BuildError::Installer { location: shown(&location), reason, class }.into() };
    let (digest, size) = match (Url::parse(&location), &request.installer) {
        (Ok(url), None) if matches!(url.scheme(), "http" | "https") => {
            if request.offline {
                return Err(failed("--offline forbids asking for it".into(), Class::Remote));
            }
            fetch(url, services).await.map_err(|e| failed(e.to_string(), e.class()))?
        }
        _ => take(Path::new(&location), services).map_err(|e| failed(e.to_string(), e.class()))?,
    };
    verify(wanted, digest, size, services, machine)?;
    Err(BuildError::Later(format!(
        "the installer {} was read and verified ({digest}), but linking its packages comes with a later version",
        shown(&location)
    ))
    .into())
}

fn verify(wanted: &Installer, digest: Digest, size: u64, services: &Services, machine: &str) -> Result<()> {
    if let Some(pinned) = wanted.sha256.filter(|pinned| *pinned != digest) {
        return Err(BuildError::File {
            path: "the Miniforge installer".into(),
            reason: format!("has SHA-256 {digest}, the recipe pins {pinned}"),
        }
        .into());
    }
    let read = conda::Installer::read(services.store.open_blob(&digest, size)?)?;
    read.check_machine(machine)?;
    Ok(())
}

async fn fetch(url: Url, services: &Services) -> Result<(Digest, u64)> {
    let name = url.as_str().to_owned();
    if let Some(seen) = services.store.seen(&name)?
        && let Some(size) = services.store.size(&seen.digest)?
    {
        return Ok((seen.digest, size));
    }
    let download = services.http.download(url, None, LARGEST).await?;
    let mut download = download.ok_or_else(|| BuildError::NotStored("it is not there (404)".into()))?;
    let mut writer = services.store.writer()?;
    while let Some(piece) = download.body.next().await {
        std::io::Write::write_all(&mut writer, &piece?).map_err(|e| crate::error::IoFault::new("the store", e))?;
    }
    let (digest, size) = writer.commit(None)?;
    services.store.set_seen(&name, &crate::store::Sighting { digest, checked: services.now })?;
    Ok((digest, size))
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
    Url::parse(location).map_or_else(|_| location.to_owned(), |url| crate::http::Redacted(&url).to_string())
}
