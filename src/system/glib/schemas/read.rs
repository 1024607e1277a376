//! The XML files of schemas.
//!
//! Invariant: what the program refuses is an error; so is what would need its own rules for broken files.

use super::super::text;
use super::{Entry, HashTable, Key, Names, Schema, Type, Value};
use crate::system::xml::{self, Element, Node};

type Outcome<T = ()> = Result<T, String>;

/// All schemas that were read, and the names that they share.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    pub(super) all: HashTable<Schema>,
    enums: HashTable<Names>,
    flags: HashTable<Names>,
}

/// The least and the greatest number of each type.
const RANGES: [(u8, &str, &str); 8] = [
    (b'y', "0", "255"),
    (b'n', "-32768", "32767"),
    (b'q', "0", "65535"),
    (b'i', "-2147483648", "2147483647"),
    (b'u', "0", "4294967295"),
    (b'x', "-9223372036854775808", "9223372036854775807"),
    (b't', "0", "18446744073709551615"),
    (b'd', "-inf", "inf"),
];

fn needed<'e>(element: &'e Element, name: &str) -> Outcome<&'e str> {
    element.attribute(name).ok_or_else(|| format!("line {}: `{name}` is missing in `{}`", element.line, element.name))
}

fn text_of(element: &Element) -> String {
    let parts = element.children.iter().filter_map(|node| match node {
        Node::Text(text) => Some(text.as_str()),
        Node::Element(_) | Node::Comment => None,
    });
    parts.collect()
}

impl Schemas {
    pub(super) fn is_crowded(&self) -> bool {
        self.all.is_crowded() || self.all.iter().any(|(_, schema)| schema.keys.is_crowded())
    }

    /// Reads a file.
    pub(super) fn load(&mut self, bytes: &[u8]) -> Outcome {
        let root = xml::parse(bytes)?;
        if root.name != "schemalist" {
            return Err(format!("`{}` is no list of schemas", root.name));
        }
        let domain = root.attribute("gettext-domain");
        for element in root.elements() {
            match element.name.as_str() {
                "schema" => self.schema(element, domain)?,
                "enum" | "flags" => self.names(element)?,
                other => return Err(format!("line {}: `{other}` in a list of schemas", element.line)),
            }
        }
        Ok(())
    }

    fn names(&mut self, element: &Element) -> Outcome {
        let is_flags = element.name == "flags";
        let id = needed(element, "id")?;
        let mut names = Names { mark: if is_flags { b'f' } else { b'e' }, ..Names::default() };
        for value in element.elements() {
            let number = needed(value, "value")?;
            let bytes = text::parse(&Type::Simple(if is_flags { b'u' } else { b'i' }), number)?.bytes;
            let number = bytes.try_into().map_or(0, u32::from_le_bytes);
            if is_flags && number == 0 {
                continue;
            }
            names.add(needed(value, "nick")?, number)?;
        }
        let table = if is_flags { &mut self.flags } else { &mut self.enums };
        if names.known.is_empty() || table.get(id.as_bytes()).is_some() {
            return Err(format!("`{id}` has no values, or is there already"));
        }
        table.insert(id.as_bytes(), names);
        Ok(())
    }

    fn schema(&mut self, element: &Element, domain: Option<&str>) -> Outcome {
        let id = needed(element, "id")?;
        let own = |name: &str| element.attribute(name).map(str::to_owned);
        let mut schema = Schema {
            path: own("path"),
            domain: own("gettext-domain").or_else(|| domain.map(str::to_owned)),
            extends: own("extends"),
            list_of: own("list-of"),
            keys: HashTable::default(),
        };
        if self.all.get(id.as_bytes()).is_some() {
            return Err(format!("schema `{id}` is there already"));
        }
        if let Some(extends) = &schema.extends {
            let parent = self.all.get(extends.as_bytes()).ok_or_else(|| format!("schema `{extends}` is not there"))?;
            schema.list_of = schema.list_of.or_else(|| parent.list_of.clone());
        }
        for entry in element.elements() {
            let name = needed(entry, "name")?;
            let (name, made) = match entry.name.as_str() {
                "child" => (format!("{name}/"), Entry::Child(needed(entry, "schema")?.to_owned())),
                "key" => (name.to_owned(), Entry::Key(Box::new(self.key(entry, &schema)?))),
                "override" => (name.to_owned(), Entry::Key(Box::new(self.inherited(entry, &schema, name)?))),
                other => return Err(format!("line {}: `{other}` in a schema", entry.line)),
            };
            if schema.keys.get(name.as_bytes()).is_some() {
                return Err(format!("line {}: `{name}` is there already", entry.line));
            }
            schema.keys.insert(name.as_bytes(), made);
        }
        self.all.insert(id.as_bytes(), schema);
        Ok(())
    }

    /// The key of a parent with another default.
    fn inherited(&self, element: &Element, schema: &Schema, name: &str) -> Outcome<Key> {
        let mut parent = schema.extends.as_ref().and_then(|extends| self.all.get(extends.as_bytes()));
        while let Some(above) = parent {
            if let Some(Entry::Key(key)) = above.keys.get(name.as_bytes()) {
                let mut key = Key { translated: None, desktops: HashTable::default(), ..(**key).clone() };
                key.set_default(element, schema)?;
                return Ok(key);
            }
            parent = above.extends.as_ref().and_then(|extends| self.all.get(extends.as_bytes()));
        }
        Err(format!("line {}: no `{name}` to override", element.line))
    }

    fn key(&self, element: &Element, schema: &Schema) -> Outcome<Key> {
        let known =
            |table: &HashTable<Names>, id: &str| table.get(id.as_bytes()).cloned().ok_or_else(|| format!("`{id}` is not there"));
        let attributes = (element.attribute("type"), element.attribute("enum"), element.attribute("flags"));
        let (kind, names) = match attributes {
            (Some(kind), None, None) => (kind, Names { mark: b'c', ..Names::default() }),
            (None, Some(id), None) => ("s", known(&self.enums, id)?),
            (None, None, Some(id)) => ("as", known(&self.flags, id)?),
            _ => return Err(format!("line {}: a key without one type", element.line)),
        };
        let kind = Type::parse(kind).ok_or_else(|| format!("line {}: `{kind}` is no type", element.line))?;
        let default = Value { kind: kind.clone(), bytes: Vec::new() };
        let mut key =
            Key { kind, translated: None, text: String::new(), default, names, range: None, desktops: HashTable::default() };
        let mut has_default = false;
        for part in element.elements() {
            match part.name.as_str() {
                "default" => {
                    key.set_default(part, schema)?;
                    has_default = true;
                }
                "range" => key.set_range(part)?,
                "choices" => part.elements().try_for_each(|choice| key.names.add(needed(choice, "value")?, 0))?,
                "aliases" => {
                    for alias in part.elements() {
                        key.names.alias(needed(alias, "value")?, needed(alias, "target")?)?;
                    }
                }
                "summary" | "description" => {}
                other => return Err(format!("line {}: `{other}` in a key", part.line)),
            }
        }
        if has_default { Ok(key) } else { Err(format!("line {}: a key without default", element.line)) }
    }
}

impl Key {
    fn set_default(&mut self, element: &Element, schema: &Schema) -> Outcome {
        let context = element.attribute("context").map(str::to_owned);
        self.translated = match element.attribute("l10n") {
            None if context.is_none() => None,
            Some("messages") if schema.domain.is_some() => Some((b'm', context)),
            Some("time") if schema.domain.is_some() => Some((b't', context)),
            _ => return Err(format!("line {}: a translation of no kind or domain", element.line)),
        };
        self.text = text_of(element);
        self.default = text::parse(&self.kind, &self.text).map_err(|cause| format!("line {}: {cause}", element.line))?;
        Ok(())
    }

    fn set_range(&mut self, element: &Element) -> Outcome {
        let ends = RANGES.iter().find(|(letter, ..)| self.kind == Type::Simple(*letter));
        let (_, least, most) = ends.ok_or_else(|| format!("line {}: a range of no numbers", element.line))?;
        let end = |name: &str, default: &str| text::parse(&self.kind, element.attribute(name).unwrap_or(default));
        self.range = Some((end("min", least)?, end("max", most)?));
        Ok(())
    }
}
