//! Strict reading of foreign JSON documents: bounded size and depth, no name twice in an object.
//!
//! Invariant: what is read here means the same to every other reader. A name that appears twice, or a second time in
//! another letter case (Go matches names of structures case-insensitively), is refused; the order of names is kept.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Descriptor, Digest, MediaType, Platform};
use crate::error::{Class, Fault, Side};

/// The largest manifest, index or config that is read, in bytes: registries must take 4 MiB and need take no more
/// (distribution-spec, "Pushing Manifests").
pub const DOCUMENT_LIMIT: u64 = 4 * 1024 * 1024;
/// The deepest nesting: documents of the spec need six levels, extensions a few more.
const DEPTH_LIMIT: usize = 32;

/// Why a foreign document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// More bytes than a document may have.
    #[error("{what} has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// Which document.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Not JSON, or JSON that two readers may understand differently.
    #[error("{what} is not valid: {cause}")]
    Json {
        /// Which document.
        what: &'static str,
        /// The parser's words, with line and column.
        cause: String,
    },
    /// A field is missing or has a value that the spec does not allow.
    #[error("{what}: {field} {cause}")]
    Field {
        /// Which document.
        what: &'static str,
        /// The field.
        field: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A well-formed document of another kind than an image that can be run or built on.
    #[error("{found} is not an image that can be built on")]
    Kind {
        /// The kind, named.
        found: String,
    },
    /// Nothing in an index runs where it should.
    #[error("no image for {wanted}; available: {available}")]
    NoPlatform {
        /// The platform asked for.
        wanted: String,
        /// The platforms that are there, capped.
        available: String,
    },
    /// Indexes inside indexes beyond any use.
    #[error("indexes are nested more than {0} deep")]
    Nesting(usize),
}

impl Fault for DocumentError {
    fn class(&self) -> Class {
        if matches!(self, Self::NoPlatform { .. }) { Class::NotFound } else { Class::Input }
    }
    fn side(&self) -> Side {
        Side::Source
    }
}

/// Names of the spec's structures, in lower case. Only these are compared without regard to letter case.
const SPEC_NAMES: &[&str] = &[
    "annotations",
    "architecture",
    "artifacttype",
    "author",
    "blobsum",
    "cmd",
    "config",
    "created",
    "created_by",
    "data",
    "diff_ids",
    "digest",
    "empty_layer",
    "entrypoint",
    "env",
    "exposedports",
    "fslayers",
    "history",
    "imagelayoutversion",
    "labels",
    "layers",
    "manifests",
    "mediatype",
    "onbuild",
    "os",
    "platform",
    "repotags",
    "rootfs",
    "schemaversion",
    "size",
    "subject",
    "type",
    "urls",
    "user",
    "variant",
    "volumes",
    "workingdir",
];

/// Members whose names are free text, where `a` and `A` are two names.
const FREE_MAPS: &[&str] = &["annotations", "labels", "exposedports", "volumes"];

/// Reads one document of at most `limit` bytes; `what` names it in errors.
pub fn read(what: &'static str, bytes: &[u8], limit: u64) -> Result<Value, DocumentError> {
    let size = bytes.len() as u64;
    if size > limit {
        return Err(DocumentError::TooLarge { what, size, limit });
    }
    let failed = |e: serde_json::Error| DocumentError::Json { what, cause: e.to_string().chars().take(300).collect() };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0, free: false }.deserialize(&mut reader).map_err(failed)?;
    reader.end().map_err(failed)?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
    free: bool,
}

impl Strict {
    fn deeper<E: de::Error>(self, free: bool) -> Result<Self, E> {
        if self.depth >= DEPTH_LIMIT {
            return Err(E::custom(format_args!("nested more than {DEPTH_LIMIT} deep")));
        }
        Ok(Self { depth: self.depth + 1, free })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inside = self.deeper(self.free)?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut spec_names: Vec<String> = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            let folded = name.to_lowercase();
            let shown = name.chars().take(80).collect::<String>();
            if object.contains_key(&name) {
                return Err(de::Error::custom(format_args!("the name {shown:?} appears twice in one object")));
            }
            if !self.free && SPEC_NAMES.contains(&folded.as_str()) {
                if spec_names.contains(&folded) {
                    return Err(de::Error::custom(format_args!("the name {shown:?} appears twice in different letter case")));
                }
                spec_names.push(folded.clone());
            }
            let free = self.free || FREE_MAPS.contains(&folded.as_str());
            let value = access.next_value_seed(self.deeper(free)?)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// An object of a named document, read field by field with errors that name the field.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    what: &'static str,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(what: &'static str, value: &'a Value) -> Result<Self, DocumentError> {
        let object = value.as_object().ok_or_else(|| DocumentError::Json { what, cause: "it is not an object".into() })?;
        Ok(Self { what, object })
    }
    pub(crate) fn wrong(&self, field: &str, cause: impl Into<String>) -> DocumentError {
        DocumentError::Field { what: self.what, field: field.into(), cause: cause.into() }
    }
    /// The names that are there, as written.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.object.keys().map(String::as_str)
    }
    /// Whether a name is there in any letter case.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.names().any(|n| n.eq_ignore_ascii_case(name))
    }
    /// Refuses a name that other readers take for one of `names` although its letter case differs.
    pub(crate) fn spelled(&self, names: &[&str]) -> Result<(), DocumentError> {
        let near = |n: &&str| names.iter().any(|name| n.eq_ignore_ascii_case(name) && n != name);
        self.names().find(near).map_or(Ok(()), |n| Err(self.wrong(n, "is a known field in the wrong letter case")))
    }
    /// A member; `null` counts as absent.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        self.object.get(field).filter(|v| !v.is_null())
    }
    pub(crate) fn text(&self, field: &str) -> Result<Option<&'a str>, DocumentError> {
        self.get(field).map(|v| v.as_str().ok_or_else(|| self.wrong(field, "is not a text"))).transpose()
    }
    pub(crate) fn boolean(&self, field: &str) -> Result<bool, DocumentError> {
        self.get(field).map_or(Ok(false), |v| v.as_bool().ok_or_else(|| self.wrong(field, "is not true or false")))
    }
    /// An array; absent and `null` are empty.
    pub(crate) fn list(&self, field: &str) -> Result<&'a [Value], DocumentError> {
        self.get(field).map_or(Ok(&[][..]), |v| v.as_array().map(Vec::as_slice).ok_or_else(|| self.wrong(field, "is not a list")))
    }
    /// An array of texts; nothing if absent.
    pub(crate) fn texts(&self, field: &str) -> Result<Option<Vec<&'a str>>, DocumentError> {
        if self.get(field).is_none() {
            return Ok(None);
        }
        let text = |v: &'a Value| v.as_str().ok_or_else(|| self.wrong(field, "has an item that is not a text"));
        self.list(field)?.iter().map(text).collect::<Result<Vec<_>, _>>().map(Some)
    }
    /// An object of texts; absent and `null` are empty.
    pub(crate) fn text_map(&self, field: &str) -> Result<Vec<(&'a str, &'a str)>, DocumentError> {
        let Some(value) = self.get(field) else { return Ok(Vec::new()) };
        let object = value.as_object().ok_or_else(|| self.wrong(field, "is not an object"))?;
        let pair = |(k, v): (&'a String, &'a Value)| v.as_str().map(|v| (k.as_str(), v));
        object.iter().map(|e| pair(e).ok_or_else(|| self.wrong(field, "has a value that is not a text"))).collect()
    }
    /// A descriptor. Sizes are whole numbers below 2^63; embedded `data` is never used.
    pub(crate) fn descriptor(&self, field: &str, value: &Value) -> Result<Descriptor, DocumentError> {
        let fields = Fields::of(self.what, value).map_err(|_| self.wrong(field, "is not a descriptor"))?;
        let inside = |name: &str| format!("{field}.{name}");
        let media_type = fields.text("mediaType")?.ok_or_else(|| self.wrong(&inside("mediaType"), "is missing"))?;
        let digest = fields.text("digest")?.ok_or_else(|| self.wrong(&inside("digest"), "is missing"))?;
        let digest: Digest = digest.parse().map_err(|e| self.wrong(&inside("digest"), format!("is refused: {e}")))?;
        let size = fields.get("size").and_then(Value::as_u64).filter(|size| i64::try_from(*size).is_ok());
        let size = size.ok_or_else(|| self.wrong(&inside("size"), "is not a whole number of bytes"))?;
        let platform = match fields.get("platform") {
            None => None,
            Some(value) => Some(platform(value).ok_or_else(|| self.wrong(&inside("platform"), "is not a platform"))?),
        };
        let annotations = fields.text_map("annotations")?.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        Ok(Descriptor { media_type: MediaType::new(media_type), digest, size, platform, annotations })
    }
}

fn platform(value: &Value) -> Option<Platform> {
    let fields = Fields::of("platform", value).ok()?;
    let text = |name: &str| fields.text(name).ok().flatten().map(str::to_owned);
    Some(Platform {
        architecture: text("architecture")?,
        os: text("os")?,
        variant: text("variant").filter(|v| !v.is_empty()),
        os_version: text("os.version"),
        os_features: fields.texts("os.features").ok()?.unwrap_or_default().into_iter().map(str::to_owned).collect(),
    })
}

/// A media type without its parameters (`; charset=utf-8`), in the form that documents spell.
pub(crate) fn bare(media_type: &MediaType) -> MediaType {
    MediaType::new(media_type.as_str().split(';').next().unwrap_or_default().trim())
}

/// Checks a document's own `mediaType` against the descriptor's or the Content-Type, and gives the one that counts.
pub(crate) fn agreed_type(
    fields: Fields<'_>,
    declared: Option<&MediaType>,
    default: &str,
    fits: fn(&MediaType) -> bool,
) -> Result<MediaType, DocumentError> {
    let own = fields.text("mediaType")?.map(MediaType::new);
    let declared = declared.map(bare);
    if let (Some(own), Some(declared)) = (&own, &declared)
        && own != declared
    {
        return Err(fields.wrong("mediaType", format!("is {own:?}, but the document was announced as {declared:?}")));
    }
    let agreed = own.or(declared).unwrap_or_else(|| MediaType::new(default));
    if fits(&agreed) { Ok(agreed) } else { Err(fields.wrong("mediaType", format!("{agreed:?} does not fit the content"))) }
}

#[cfg(test)]
mod tests;
