//! Addresses of the web: what two of them share ([`Origin`]), how one is shown ([`Redacted`]), where a redirect may lead.
//!
//! Invariant: user, password, query values and fragment of an address are never shown.

use std::fmt;

use reqwest::Url;
use reqwest::header::HeaderValue;

use super::error::HttpError;

/// Scheme, host and port: who gets a credential (RFC 6454).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin(String);

impl Origin {
    /// The origin of `url`.
    pub fn of(url: &Url) -> Self {
        Self(url.origin().ascii_serialization())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address as it may be shown: scheme, host, port and path; `?…` stands for a query.
#[derive(Clone, Copy, Debug)]
pub struct Redacted<'a>(pub &'a Url);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.0.scheme(), host_and_port(self.0), self.0.path())?;
        if self.0.query().is_some() { f.write_str("?…") } else { Ok(()) }
    }
}

/// Host with the port where one is written that is not the scheme's own.
pub(super) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Only http and https, with a host.
pub(super) fn check(url: &Url) -> Result<(), HttpError> {
    let why = match url.scheme() {
        "http" | "https" if url.host_str().is_some_and(|h| !h.is_empty()) => return Ok(()),
        "http" | "https" => "there is no host in it",
        _ => "only http and https are followed",
    };
    Err(HttpError::Address { url: Redacted(url).to_string(), why })
}

/// Where `location`, given by an answer from `from`, leads.
pub(super) fn next_hop(from: &Url, location: &HeaderValue) -> Result<Url, HttpError> {
    let refused = |why| HttpError::Redirect { url: Redacted(from).to_string(), why };
    let text = location.to_str().map_err(|_| refused("its target has control characters or bytes that are not ASCII"))?;
    if text.chars().any(char::is_control) {
        return Err(refused("its target has control characters"));
    }
    let next = from.join(text).map_err(|_| refused("its target is no address"))?;
    if !matches!(next.scheme(), "http" | "https") {
        return Err(refused("its target is neither http nor https"));
    }
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err(refused("it leads from https to http"));
    }
    if !next.username().is_empty() || next.password().is_some() {
        return Err(refused("its target holds a user name"));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_is_shown_without_user_query_and_fragment() {
        let shown = Redacted(&url("https://user:secret@h.example:8443/a/b?sig=secret&x=1#secret")).to_string();
        assert_eq!(shown, "https://h.example:8443/a/b?…");
        assert_eq!(Redacted(&url("http://[::1]:80/a")).to_string(), "http://[::1]/a");
    }

    #[test]
    fn a_redirect_leads_to_http_or_https_and_never_down() {
        let from = url("https://h.example/v2/x");
        for (location, to) in
            [("/y", "https://h.example/y"), ("z?q=1", "https://h.example/v2/z?q=1"), ("https://o.example/", "https://o.example/")]
        {
            assert_eq!(next_hop(&from, &HeaderValue::from_static(location)).expect(location).as_str(), to);
        }
        for location in
            ["http://h.example/y", "file:///etc/passwd", "ftp://h.example/", "https://a\tb/", "https://u:p@h.example/", "https://"]
        {
            assert!(next_hop(&from, &HeaderValue::from_bytes(location.as_bytes()).expect("bytes")).is_err(), "{location:?}");
        }
        assert!(next_hop(&url("http://h.example/"), &HeaderValue::from_static("http://o.example/")).is_ok());
    }
}
