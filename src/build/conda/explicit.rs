//! The packages of an `@EXPLICIT` list: from a folder beside it, the store, or their addresses.

use std::path::Path;

use crate::conda::{Member, SmallFile, Wanted, list};
use crate::error::{IoFault, Result};
use crate::http::Url;
use crate::oci::Digest;
use crate::pin::LockedFile;
use crate::store::Store;

use super::super::BuildError;
use super::super::archives::Place;
use super::beside;
use super::fetch::{Fetch, Found, shown};
use super::packages::{Brought, Source, md5_of};

/// Lists have some hundred lines.
const LARGEST: u64 = 16 << 20;
/// Downloads at a time.
const AT_A_TIME: usize = 4;

fn list_of(fetch: &Fetch<'_>, file: &str) -> Result<Vec<Wanted>> {
    let path = beside(file, fetch.folder);
    let failed = |cause: std::io::Error| BuildError::Absent { path: path.display().to_string(), cause };
    if std::fs::metadata(&path).map_err(failed)?.len() > LARGEST {
        return Err(BuildError::File { path: path.display().to_string(), reason: "is too large for a list".into() }.into());
    }
    let bytes = std::fs::read(&path).map_err(failed)?;
    let text =
        String::from_utf8(bytes).map_err(|_| BuildError::File { path: path.display().to_string(), reason: "is no text".into() })?;
    Ok(list::explicit(file, &text)?)
}

/// Gets every package of the list. `locked` are those of a lock, in its order.
pub(super) async fn pin(fetch: &Fetch<'_>, file: &str, folder: Option<&str>, locked: &[LockedFile]) -> Result<Vec<LockedFile>> {
    use futures_util::{StreamExt as _, TryStreamExt as _};
    let wanted = list_of(fetch, file)?;
    let folder = folder.map(|folder| beside(folder, fetch.folder));
    let one = |wanted: Wanted| {
        let known = locked.iter().find(|l| l.location == shown(&wanted.url)).cloned();
        let folder = folder.clone();
        async move { package(fetch, &wanted, folder.as_deref(), known).await }
    };
    futures_util::stream::iter(wanted.into_iter().map(one)).buffered(AT_A_TIME).try_collect().await
}

async fn package(fetch: &Fetch<'_>, wanted: &Wanted, folder: Option<&Path>, locked: Option<LockedFile>) -> Result<LockedFile> {
    let store = &fetch.services.store;
    let sha256 = wanted.sha256.or_else(|| locked.as_ref().map(|l| l.sha256));
    let stored =
        sha256.map(|digest| store.size(&digest).map(|size| size.map(|size| Found::stored(digest, size)))).transpose()?.flatten();
    let here = folder.map(|folder| folder.join(&wanted.file)).filter(|path| path.exists());
    let url = Url::parse(&wanted.url).map_err(|_| BuildError::Words(format!("{} is no address", wanted.url)))?;
    let what = format!("conda package {}", wanted.file);
    let found = match (stored, here) {
        (Some(found), _) => found,
        (None, Some(path)) => fetch.file(&path)?,
        (None, None) if url.scheme() == "file" => {
            let path = url.to_file_path().map_err(|()| BuildError::Words(format!("{url} names no file of this machine")))?;
            fetch.file(&path)?
        }
        (None, None) => fetch.url(&url, &what, |digest| sha256.is_none_or(|wanted| wanted == *digest)).await?,
    };
    let wrong = |reason: String| BuildError::File { path: what.clone(), reason };
    if let Some(sha256) = sha256.filter(|sha256| *sha256 != found.digest) {
        let who = if wanted.sha256.is_some() { "the list says" } else { "the lock says" };
        return Err(wrong(format!("has SHA-256 {}, {who} {sha256}", found.digest)).into());
    }
    if let Some(md5) = &wanted.md5 {
        let has = known_md5(store, found.digest, found.size)?;
        if has != *md5 {
            return Err(wrong(format!("has MD5 {has}, the list says {md5}")).into());
        }
    }
    fetch.note(&found)?;
    Ok(LockedFile { location: shown(&wanted.url), sha256: found.digest, size: found.size })
}

/// The MD5 of a blob, computed once.
fn known_md5(store: &Store, digest: Digest, size: u64) -> Result<String> {
    const MD5: &str = "md5";
    if let Some(known) = store.memo(MD5, &digest.hex())?.and_then(|memo| String::from_utf8(memo).ok()) {
        return Ok(known);
    }
    let md5 = md5_of(store.open_blob(&digest, size)?).map_err(|e| IoFault::new(digest.to_string(), e))?;
    store.set_memo(MD5, &digest.hex(), md5.as_bytes(), &[digest])?;
    Ok(md5)
}

/// What the packages of a list bring.
pub(super) fn read(fetch: &Fetch<'_>, file: &str, files: &[LockedFile]) -> Result<Brought> {
    let wanted = list_of(fetch, file)?;
    let mut brought = Brought::default();
    let mut urls = String::new();
    let mut history = "==> 1970-01-01 00:00:00 <==\n# cmd: plywood build\n".to_owned();
    for (wanted, file) in wanted.into_iter().zip(files) {
        history.push_str(&format!("+{}/{}::{}\n", wanted.channel(), wanted.subdir(), wanted.distribution()));
        urls.push_str(&format!("{}\n", wanted.url));
        let md5 = known_md5(&fetch.services.store, file.sha256, file.size)?;
        let member = Member { at: 0, size: file.size, md5, sha256: file.sha256 };
        let place = Place { blob: (file.sha256, file.size), at: 0 };
        brought.packages.push(Source { wanted, member, repodata: None, place });
    }
    // The mark of an environment. Its time is nobody's, so that the layer is the same each day.
    let history = SmallFile { mode: 0o644, mtime: 0, bytes: history.into_bytes() };
    brought.files.insert("conda-meta/history".into(), history);
    // The mark of a package cache, used where one is kept.
    brought.files.insert("pkgs/urls.txt".into(), SmallFile { mode: 0o644, mtime: 0, bytes: urls.into_bytes() });
    Ok(brought)
}
