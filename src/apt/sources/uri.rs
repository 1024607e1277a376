//! The root of an archive, as a base names it.
//!
//! Invariant: http or https, no control character, ends in `/`. A password in it is never shown.

use std::fmt;

/// An archive's root: an absolute URL that ends in `/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveUri(url::Url);

/// Why a text is no root of an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// A transport method of apt that reads from elsewhere than HTTP.
    #[error("the method `{0}` is not supported")]
    Method(String),
    /// No URL.
    #[error("malformed URI")]
    Malformed,
}

impl ArchiveUri {
    /// Reads a URI of sources.list. A missing slash at the end is added, as apt does.
    pub fn new(text: &str) -> Result<Self, UriError> {
        let (method, rest) = text.split_once(':').ok_or(UriError::Malformed)?;
        let words = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        if method.is_empty() || !method.bytes().all(words) {
            return Err(UriError::Malformed);
        }
        if !matches!(method, "http" | "https") {
            return Err(UriError::Method(method.to_owned()));
        }
        if !rest.starts_with("//") || text.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(UriError::Malformed);
        }
        let slash = if text.ends_with('/') { "" } else { "/" };
        let url = url::Url::parse(&format!("{text}{slash}")).map_err(|_| UriError::Malformed)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(UriError::Malformed);
        }
        Ok(Self(url))
    }
    /// The URL, with a password where the base gives one: for the request only.
    pub fn url(&self) -> &url::Url {
        &self.0
    }
    /// The host, for `Pin: origin`.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
    /// The URL of a file below the root; `path` comes from a verified document.
    pub fn join(&self, path: &str) -> Result<url::Url, UriError> {
        let plain = !path.starts_with('/')
            && path.bytes().all(|b| b.is_ascii_graphic())
            && !path.split('/').any(|part| part == ".." || part.is_empty());
        if !plain {
            return Err(UriError::Malformed);
        }
        let mut url = self.0.clone();
        let escaped: String = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        url.set_path(&format!("{}{escaped}", self.0.path()));
        Ok(url)
    }
}

impl fmt::Display for ArchiveUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.password().is_none() && self.0.username().is_empty() {
            return write!(f, "{}", self.0);
        }
        let mut shown = self.0.clone();
        // Both fail only for URLs that cannot have a user, and this one has.
        if shown.set_password(None).and_then(|()| shown.set_username("***")).is_err() {
            return f.write_str("***");
        }
        write!(f, "{shown}")
    }
}

impl fmt::Debug for ArchiveUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_end_in_a_slash_and_passwords_stay_unseen() {
        for (given, kept) in [
            ("http://archive.test/debian", "http://archive.test/debian/"),
            ("https://archive.test:8080/", "https://archive.test:8080/"),
        ] {
            assert_eq!(ArchiveUri::new(given).expect(given).to_string(), kept);
        }
        let secret = ArchiveUri::new("https://me:s3cret@archive.test/x").expect("a URI");
        assert_eq!(format!("{secret} {secret:?}"), "https://***@archive.test/x/ https://***@archive.test/x/");
        assert_eq!(secret.url().password(), Some("s3cret"));
    }

    #[test]
    fn other_methods_are_named_and_malformed_texts_refused() {
        for method in ["cdrom", "tor+https", "mirror+file", "mirror", "file", "copy", "rsh"] {
            assert_eq!(ArchiveUri::new(&format!("{method}://x/")), Err(UriError::Method(method.into())));
        }
        for bad in ["archive.test/debian", "http:", "http:///", "http://a b/", "http://a/\u{7}", "http://a/?q", "://x"] {
            assert_eq!(ArchiveUri::new(bad), Err(UriError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn a_path_below_the_root_stays_below_it() {
        let root = ArchiveUri::new("http://archive.test/debian").expect("a URI");
        assert_eq!(
            root.join("pool/main/g/g++_1%3a2.deb").expect("a path").as_str(),
            "http://archive.test/debian/pool/main/g/g++_1%253a2.deb"
        );
        for bad in ["../x", "/etc/passwd", "a/../b", "a//b", "a b", "a\nb"] {
            assert!(root.join(bad).is_err(), "{bad:?}");
        }
    }
}
