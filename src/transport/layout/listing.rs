//! `index.json` of a layout: which images are there, under which names.
//!
//! Invariant: reading only; the names are those of other tools too (`org.opencontainers.image.ref.name`, containerd's).

use super::{Files, LayoutError};
use crate::error::{During as _, Result};
use crate::oci::{DOCUMENT_LIMIT, Descriptor, Index};
use crate::transport::Selector;

/// Annotation of a layout's entry: the tag.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Annotation of a layout's entry: the full name, as containerd and Docker read it.
pub(crate) const IMAGE_NAME: &str = "io.containerd.image.name";
/// How many names an error lists.
const LISTED: usize = 20;

/// The images of a layout.
#[derive(Debug)]
pub(crate) struct Listing {
    place: String,
    /// The entries, in order.
    pub(crate) entries: Vec<Descriptor>,
}

impl Listing {
    /// Reads `oci-layout` and `index.json`.
    pub(crate) fn read(files: &dyn Files) -> Result<Self> {
        let place = files.place();
        let need = |missing| files.open(missing)?.ok_or_else(|| LayoutError::NoLayout { place: place.clone(), missing }.into());
        let version: Result<_> = need("oci-layout");
        let version = version?.whole("oci-layout", "oci-layout", 4096)?;
        check_version(&place, &version)?;
        let index: Result<_> = need("index.json");
        let index = index?.whole("index.json", "index.json", DOCUMENT_LIMIT)?;
        let index = Index::parse(index.into(), None).during(|| format!("reading index.json of {place}"))?;
        Ok(Self { place, entries: index.manifests })
    }

    /// The entry that is meant.
    pub(crate) fn find(&self, which: &Selector) -> Result<&Descriptor, LayoutError> {
        let place = self.place.clone();
        let named = |name: &str, keys: &[&str]| {
            let has = |entry: &&Descriptor| keys.iter().any(|key| entry.annotations.get(*key).is_some_and(|n| n == name));
            self.entries.iter().filter(has).collect::<Vec<_>>()
        };
        let found: Vec<&Descriptor> = match which {
            Selector::Only => self.entries.iter().collect(),
            Selector::Digest(digest) => self.entries.iter().filter(|e| e.digest == *digest).collect(),
            Selector::Name(name) => {
                let by_tag = named(name, &[REF_NAME]);
                if by_tag.is_empty() { named(name, &[IMAGE_NAME]) } else { by_tag }
            }
        };
        match found.split_first() {
            Some((first, rest)) if rest.iter().all(|other| other.digest == first.digest) => Ok(first),
            Some(_) => Err(LayoutError::Several { place, available: self.names() }),
            None => {
                let name = match which {
                    Selector::Name(name) => name.chars().take(200).collect(),
                    Selector::Digest(digest) => digest.to_string(),
                    Selector::Only => String::new(),
                };
                Err(LayoutError::NotFound { place, name, available: self.names() })
            }
        }
    }

    fn names(&self) -> String {
        let name = |entry: &Descriptor| {
            let name = entry.annotations.get(REF_NAME).or_else(|| entry.annotations.get(IMAGE_NAME));
            name.map_or_else(|| entry.digest.to_string(), |n| format!("{:?}", n.chars().take(200).collect::<String>()))
        };
        match self.entries.len() {
            0 => "none".into(),
            n => {
                let shown: Vec<String> = self.entries.iter().take(LISTED).map(name).collect();
                let more = if n > LISTED { format!(" and {} more", n - LISTED) } else { String::new() };
                format!("{}{more}", shown.join(", "))
            }
        }
    }
}

/// Refuses other versions of the layout than 1.
pub(super) fn check_version(place: &str, bytes: &[u8]) -> Result<()> {
    let value = crate::oci::json::read("oci-layout", bytes, 4096)?;
    let version = value.get("imageLayoutVersion").and_then(|v| v.as_str()).unwrap_or_default();
    if version.split('.').next() == Some("1") {
        return Ok(());
    }
    Err(LayoutError::Version { place: place.to_owned(), version: version.chars().take(80).collect() }.into())
}
