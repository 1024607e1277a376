//! One file of an archive: from its canonical address, or a mirror's, into the store.
//!
//! Invariant: only bytes of the expected digest and size reach the store. Messages name the canonical address, without
//! user and password; a mirror's host never stands in a lock.

use std::io::Write as _;
use std::sync::Arc;

use crate::error::{Error, IoFault, Result};
use crate::http::header::CONTENT_TYPE;
use crate::http::{Client, HttpError, Redacted, Request, Response, Span, StatusCode, Url, resuming};
use crate::oci::Digest;
use crate::store::{Store, StoreError};

use super::PinError;

/// How archives are reached.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) store: Arc<Store>,
    pub(super) http: Client,
    /// Prefix of a canonical address, and what is asked in its place.
    pub(super) mirrors: Arc<[(String, String)]>,
    pub(super) offline: bool,
}

/// The address without user and password, as locks and messages have it.
pub(super) fn canonical(url: &Url) -> Url {
    let mut shown = url.clone();
    // Both fail only for addresses without a host, which http and https do not have.
    let _ = shown.set_password(None);
    let _ = shown.set_username("");
    shown
}

impl Access {
    /// The address that is asked in place of `url`; credentials of an archive go to no mirror.
    fn asked(&self, url: &Url) -> Result<Url, PinError> {
        let text = canonical(url).to_string();
        let fits = self.mirrors.iter().filter(|(from, _)| !from.is_empty() && text.starts_with(from.as_str()));
        let Some((from, to)) = fits.max_by_key(|(from, _)| from.len()) else { return Ok(url.clone()) };
        if from == to {
            return Ok(url.clone());
        }
        let path = text.get(from.len()..).unwrap_or_default();
        format!("{to}{path}").parse().map_err(|_| PinError::Mirror { to: to.clone(), path: path.to_owned() })
    }

    /// The request for `url`. What only a base names is asked for nowhere in this machine's network; a mirror is the user's word.
    fn request(&self, url: &Url) -> Result<Request, PinError> {
        let asked = self.asked(url)?;
        let request = Request::get(asked.clone());
        Ok(if asked == *url && !self.is_named(url) { request.on_nobodys_word() } else { request })
    }

    fn is_named(&self, url: &Url) -> bool {
        let text = canonical(url).to_string();
        self.mirrors.iter().any(|(from, _)| !from.is_empty() && text.starts_with(from.as_str()))
    }

    /// The answer for `url`; nothing if the file is not there (404, 410). A web page is no file.
    async fn ask(&self, url: &Url) -> Result<Option<Response>> {
        let answer = self.http.send(self.request(url)?).await?;
        match answer.status() {
            StatusCode::OK if is_page(&answer) => Err(page(url).into()),
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            status => {
                let (url, attempts) = (Redacted(url).to_string(), answer.attempts());
                Err(HttpError::Status { url, status: status.as_u16(), attempts }.into())
            }
        }
    }

    /// A small file, whole and not verified.
    pub(super) async fn document(&self, url: &Url, limit: usize) -> Result<Option<Vec<u8>>> {
        let Some(answer) = self.ask(url).await? else { return Ok(None) };
        answer.check_encoding()?;
        let bytes = answer.document(limit as u64).await?;
        if looks_like_page(&bytes) { Err(page(url).into()) } else { Ok(Some(bytes.to_vec())) }
    }

    /// Puts the file with this digest and size into the store; `false` if it is not there. `object` is for messages.
    pub(super) async fn to_store(
        &self,
        url: &Url,
        digest: Digest,
        size: u64,
        object: &str,
        moved: &(dyn Fn(u64) + Sync),
    ) -> Result<bool> {
        let Some(first) = self.ask(url).await? else { return Ok(false) };
        if let Some(actual) = first.content_length().filter(|actual| *actual != size) {
            let told = Redacted(url).to_string();
            return Err(if looks_like_page(&first.beginning(64).await) {
                page(url).into()
            } else {
                HttpError::Size { url: told, expected: size, actual }.into()
            });
        }
        let (http, again) = (self.http.clone(), self.request(url)?);
        let open = move |span: Option<Span>| -> crate::http::Opening {
            let (http, request) = (http.clone(), again.again());
            Box::pin(async move {
                // A request without a body can be made again.
                let mut request = request.ok_or(PinError::Worker)?;
                if let Some(span) = span {
                    request = request.header(crate::http::header::RANGE, span.header());
                }
                Ok(http.send(request).await?)
            })
        };
        let span = Span { start: 0, end: Some(size) };
        let mut body = resuming(first, span, Some(size), size, self.http.settings(), open)?;
        let mut writer = self.store.writer()?;
        while let Some(piece) = body.next().await {
            let piece = piece?;
            writer.write_all(&piece).map_err(|e| IoFault::new(object, e))?;
            moved(piece.len() as u64);
        }
        // Syncing a file waits for the disk.
        let committed = tokio::task::spawn_blocking(move || writer.commit(Some((digest, size)))).await;
        match committed.map_err(|_| PinError::Worker)? {
            Ok(_) => Ok(true),
            Err(StoreError::Content(cause)) => {
                Err(PinError::Content { object: object.to_owned(), url: Redacted(url).to_string(), cause }.into())
            }
            Err(other) => Err(Error::from(other)),
        }
    }
}

fn page(url: &Url) -> PinError {
    PinError::WebPage { url: Redacted(url).to_string() }
}

fn is_page(answer: &Response) -> bool {
    answer.text_header(CONTENT_TYPE).is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

/// Whether bytes begin as a web page does; no file of an archive begins with `<`.
fn looks_like_page(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(mirrors: &[(&str, &str)], url: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let access = Access {
            store: Arc::new(Store::open(folder.path()).expect("a store")),
            http: Client::new(crate::http::Settings::default()),
            mirrors: mirrors.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
            offline: false,
        };
        match access.asked(&url.parse().expect("an address")) {
            Ok(url) => url.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_longest_prefix_is_asked_in_place_of_the_canonical_address() {
        let mirrors = [("http://a.test/debian", "http://m.test/d"), ("http://a.test/debian-security", "http://s.test/x")];
        assert_eq!(asked(&mirrors, "http://a.test/debian/dists/x"), "http://m.test/d/dists/x");
        assert_eq!(asked(&mirrors, "http://a.test/debian-security/dists/x"), "http://s.test/x/dists/x");
        assert_eq!(asked(&mirrors, "http://b.test/debian/x"), "http://b.test/debian/x");
        assert!(asked(&[("http://a.test/", "nonsense")], "http://a.test/x").contains("makes no address"));
    }

    #[test]
    fn credentials_stay_with_their_archive() {
        let mirrors = [("https://a.test/", "http://m.test/")];
        assert_eq!(asked(&mirrors, "https://me:secret@a.test/x"), "http://m.test/x");
        assert_eq!(asked(&[], "https://me:secret@a.test/x"), "https://me:secret@a.test/x");
    }
}
