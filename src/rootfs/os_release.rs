//! `os-release`: which distribution and release an image is (os-release(5)).

use super::RootFs;
use crate::stream::EntryPath;

/// The fields that decisions rest on; empty where the file does not have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OsRelease {
    /// `ID`: `debian`.
    pub id: String,
    /// `ID_LIKE`, split at spaces.
    pub id_like: Vec<String>,
    /// `VERSION_ID`: `12`.
    pub version_id: String,
    /// `VERSION_CODENAME`: `bookworm`.
    pub version_codename: String,
    /// `PRETTY_NAME`, for messages.
    pub pretty_name: String,
}

impl OsRelease {
    /// Reads the assignments; what is no assignment is passed over, as a shell's comments are.
    pub fn parse(text: &[u8]) -> Self {
        let mut release = Self::default();
        for line in String::from_utf8_lossy(text).lines() {
            let Some((key, value)) = line.trim().split_once('=') else { continue };
            let value = unquoted(value);
            match key {
                "ID" => release.id = value,
                "ID_LIKE" => release.id_like = value.split_whitespace().map(str::to_owned).collect(),
                "VERSION_ID" => release.version_id = value,
                "VERSION_CODENAME" => release.version_codename = value,
                "PRETTY_NAME" => release.pretty_name = value,
                _ => {}
            }
        }
        release
    }
    /// Whether the image is `name` or says that it is like it.
    pub fn is_like(&self, name: &str) -> bool {
        self.id == name || self.id_like.iter().any(|like| like == name)
    }
}

/// A value without its quotes; a backslash takes the next character as it is, but not in single quotes.
fn unquoted(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let mut characters = inner.chars();
    let mut plain = String::with_capacity(inner.len());
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain
}

impl RootFs {
    /// The image's `etc/os-release`, else `usr/lib/os-release`; nothing if it has neither.
    pub fn os_release(&self) -> Option<OsRelease> {
        ["etc/os-release", "usr/lib/os-release"]
            .iter()
            .filter_map(|path| self.read(&EntryPath::new(path).ok()?))
            .map(|bytes| OsRelease::parse(&bytes))
            .next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_comments_are_as_in_a_shell() {
        let text =
            b"# comment\nPRETTY_NAME=\"Debian \\\"12\\\"\"\nID=ubuntu\nID_LIKE='debian gnu'\n VERSION_ID=\"22.04\"\nnonsense\n";
        let release = OsRelease::parse(text);
        assert_eq!((release.id.as_str(), release.version_id.as_str()), ("ubuntu", "22.04"));
        assert_eq!(release.pretty_name, "Debian \"12\"");
        assert!(release.is_like("debian") && release.is_like("ubuntu") && !release.is_like("fedora"));
        assert_eq!(OsRelease::parse(b"\xff\0"), OsRelease::default());
    }
}
