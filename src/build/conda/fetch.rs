//! One file of this machine or an address, into the store; what was seen before is not asked for or read again.
//!
//! Invariant: an address is remembered only after its bytes were found good by the caller. No user info and no query is written to disk.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use crate::error::{Class, Error, IoFault, Result};
use crate::http::{Redacted, Url};
use crate::oci::Digest;
use crate::store::{Sighting, Store};

use super::super::{BuildError, Request, Services};

/// Installers are some 100 MB, packages up to 2 GB; a server that sends more than this sends something else.
const LARGEST: u64 = 8 << 30;

/// How files are had.
#[derive(Clone, Copy)]
pub(super) struct Fetch<'a> {
    pub(super) request: &'a Request,
    pub(super) services: &'a Services,
    /// Where relative paths start.
    pub(super) folder: Option<&'a Path>,
}

/// A file in the store.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// The name to remember it by, once it was found good; nothing if it is remembered already.
    name: Option<String>,
}

impl Found {
    /// It is in the store.
    pub(super) fn stored(digest: Digest, size: u64) -> Self {
        Self { digest, size, name: None }
    }
}

impl Fetch<'_> {
    /// The bytes at an address.
    pub(super) async fn url(&self, url: &Url, what: &str, fits: impl Fn(&Digest) -> bool) -> Result<Found> {
        let (request, services) = (self.request, self.services);
        let failed = |reason: String, class: Class| -> Error {
            BuildError::Fetch { what: what.into(), location: shown(url.as_str()), reason, class }.into()
        };
        let name = sighting_name(url);
        if let Some((digest, size)) = remembered(name.as_deref().filter(|_| !request.refresh), &services.store, fits)? {
            return Ok(Found::stored(digest, size));
        }
        if request.offline {
            return Err(failed("--offline forbids asking for it".into(), Class::Remote));
        }
        let asked = mirrored(url, &request.conda_mirrors)?;
        let (digest, size) = download(asked, services).await.map_err(|e| failed(e.to_string(), e.class()))?;
        Ok(Found { digest, size, name })
    }

    /// A file of this machine. One that did not change since it was read last is not read again.
    pub(super) fn file(&self, path: &Path) -> Result<Found> {
        let store = &self.services.store;
        let failed = |cause: std::io::Error| -> Error {
            match cause.kind() {
                std::io::ErrorKind::NotFound => BuildError::Absent { path: path.display().to_string(), cause }.into(),
                _ => IoFault::new(path.display().to_string(), cause).into(),
            }
        };
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() {
            return Err(BuildError::File { path: path.display().to_string(), reason: "is no file".into() }.into());
        }
        let name = format!("file {}:{} {} {}.{}", about.dev(), about.ino(), about.len(), about.mtime(), about.mtime_nsec());
        if let Some((digest, size)) = remembered(Some(&name), store, |_| true)? {
            return Ok(Found::stored(digest, size));
        }
        let mut writer = store.writer()?;
        std::io::copy(&mut file, &mut writer).map_err(failed)?;
        let (digest, size) = writer.commit(None)?;
        // A file that was written a moment ago may change again without a new time.
        let settled = about.modified().ok().and_then(|time| self.services.now.duration_since(time).ok());
        let name = settled.filter(|age| *age > Duration::from_secs(5)).map(|_| name);
        Ok(Found { digest, size, name })
    }

    /// Remembers what was found good.
    pub(super) fn note(&self, found: &Found) -> Result<()> {
        let Some(name) = &found.name else { return Ok(()) };
        Ok(self.services.store.set_seen(name, &Sighting { digest: found.digest, checked: self.services.now })?)
    }
}

/// Without user info and query.
pub(super) fn shown(location: &str) -> String {
    Url::parse(location).map_or_else(|_| location.to_owned(), |url| Redacted(&url).to_string())
}

/// The name of a sighting. A query may hold a token, and two queries are two files.
fn sighting_name(url: &Url) -> Option<String> {
    url.query().is_none().then(|| Redacted(url).to_string())
}

fn remembered(name: Option<&str>, store: &Store, fits: impl Fn(&Digest) -> bool) -> Result<Option<(Digest, u64)>> {
    let Some(name) = name else { return Ok(None) };
    let Some(digest) = store.seen(name)?.map(|seen| seen.digest).filter(fits) else { return Ok(None) };
    Ok(store.size(&digest)?.map(|size| (digest, size)))
}

/// The address that is asked in place of `url`: that of the longest prefix.
fn mirrored(url: &Url, mirrors: &[(String, String)]) -> Result<Url> {
    let text = url.as_str();
    let fits = mirrors.iter().filter(|(from, _)| !from.is_empty() && text.starts_with(from.as_str()));
    let Some((from, to)) = fits.max_by_key(|(from, _)| from.len()) else { return Ok(url.clone()) };
    let asked = format!("{to}{}", text.get(from.len()..).unwrap_or_default());
    asked.parse().map_err(|_| BuildError::Words(format!("--conda-mirror makes no address of {}: {asked}", shown(text))).into())
}

async fn download(url: Url, services: &Services) -> Result<(Digest, u64)> {
    let download = services.http.download(url, None, LARGEST).await?;
    let mut download = download.ok_or_else(|| BuildError::NotStored("it is not there (404)".into()))?;
    let mut writer = services.store.writer()?;
    while let Some(piece) = download.body.next().await {
        std::io::Write::write_all(&mut writer, &piece?).map_err(|e| IoFault::new("the store", e))?;
    }
    Ok(writer.commit(None)?)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn only_what_was_verified_and_fits_the_pin_is_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store");
        let kept = store.put(b"installer").expect("kept");
        let url: Url = "https://user:secret@host.example/miniforge.sh".parse().expect("a URL");
        let name = sighting_name(&url).expect("a name");
        assert!(!name.contains("secret"), "{name}");
        let asked = |pin: Option<Digest>| remembered(Some(&name), &store, |d| pin.is_none_or(|p| p == *d)).expect("read");
        assert_eq!(asked(None), None);
        store.set_seen(&name, &Sighting { digest: kept, checked: SystemTime::UNIX_EPOCH }).expect("noted");
        let found = Some((kept, 9));
        for (pin, expected) in [(None, found), (Some(kept), found), (Some(Digest::of(b"other")), None)] {
            assert_eq!(asked(pin), expected, "{pin:?}");
        }
        assert_eq!(sighting_name(&"https://host.example/x?token=secret".parse().expect("a URL")), None);
    }

    #[test]
    fn the_longest_prefix_names_the_mirror() {
        let mirrors =
            [("https://a.test/".to_owned(), "https://m.test/x/".to_owned()), ("https://a.test/c/".into(), "http://n.test/".into())];
        let asked = |url: &str| mirrored(&url.parse().expect("a URL"), &mirrors).expect("an address").to_string();
        assert_eq!(asked("https://a.test/c/linux-64/p.conda"), "http://n.test/linux-64/p.conda");
        assert_eq!(asked("https://a.test/d/p.conda"), "https://m.test/x/d/p.conda");
        assert_eq!(asked("https://b.test/d/p.conda"), "https://b.test/d/p.conda");
    }
}
