//! `glib-compile-schemas`: `gschemas.compiled` out of the schemas and overrides of a folder.
//!
//! Invariant: a schema that the program would refuse is an error here, not a gap in the file; without a schema there is no file.

mod overrides;
mod read;

use super::gvdb::{self, Item};
use super::hash_table::HashTable;
use super::variant::{Type, Value};
use crate::system::error::{Result, SystemError};
use crate::system::view::{View, Write};

const COMMAND: &str = "glib-compile-schemas";

/// A schema.
#[derive(Debug, Default)]
struct Schema {
    path: Option<String>,
    domain: Option<String>,
    extends: Option<String>,
    list_of: Option<String>,
    keys: HashTable<Entry>,
}

/// What a schema holds.
#[derive(Debug)]
enum Entry {
    Key(Box<Key>),
    /// Another schema.
    Child(String),
}

/// A setting.
#[derive(Clone, Debug)]
struct Key {
    kind: Type,
    /// Kind of translation, and its context.
    translated: Option<(u8, Option<String>)>,
    /// The default as it is written.
    text: String,
    default: Value,
    names: Names,
    range: Option<(Value, Value)>,
    /// Defaults of single desktops.
    desktops: HashTable<Value>,
}

/// The texts that a setting may have.
#[derive(Clone, Debug, Default)]
struct Names {
    /// `e` for an enumeration, `f` for flags, `c` for choices.
    mark: u8,
    /// As the file has them.
    bytes: Vec<u8>,
    /// Each with the word at which its number stands; aliases are none of them.
    known: Vec<(String, u32)>,
}

impl Names {
    /// Adds a name with its number.
    fn add(&mut self, name: &str, value: u32) -> std::result::Result<(), String> {
        let place = u32::try_from(self.bytes.len() / 4).unwrap_or(u32::MAX);
        self.put(name, value, 0xff)?;
        self.known.push((name.to_owned(), place));
        Ok(())
    }
    /// Adds another name for one that is there.
    fn alias(&mut self, name: &str, target: &str) -> std::result::Result<(), String> {
        let found = self.known.iter().find(|(known, _)| known == target).map(|(_, place)| *place);
        self.put(name, found.ok_or_else(|| format!("`{target}` is no value"))?, 0xfe)
    }
    fn put(&mut self, name: &str, value: u32, mark: u8) -> std::result::Result<(), String> {
        let words = ((name.len() + 6) / 4).max(2);
        if words > 17 {
            return Err(format!("`{name}` is too long"));
        }
        self.bytes.extend(value.to_le_bytes());
        let start = self.bytes.len();
        self.bytes.push(mark);
        self.bytes.extend(name.as_bytes());
        self.bytes.resize(start + 4 * words - 1, 0);
        self.bytes.push(0xff);
        Ok(())
    }
}

impl Key {
    /// As the file has it: the default, then what else is known, each after its letter.
    fn value(&self) -> Value {
        let byte = |letter: u8| Value::simple(b'y', [letter]);
        let mut parts = vec![self.default.clone()];
        if let Some((kind, context)) = &self.translated {
            let text = self.text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
            let text = context.as_ref().map_or_else(|| text.to_owned(), |context| format!("{context}\u{4}{text}"));
            parts.push(Value::tuple(&[byte(b'l'), Value::tuple(&[byte(*kind), Value::string(&text)])]));
        }
        if !self.names.bytes.is_empty() {
            let words = Value { kind: Type::Array(Box::new(Type::Simple(b'u'))), bytes: self.names.bytes.clone() };
            parts.push(Value::tuple(&[byte(self.names.mark), words]));
        }
        if let Some((least, most)) = &self.range {
            parts.push(Value::tuple(&[byte(b'r'), Value::tuple(&[least.clone(), most.clone()])]));
        }
        if !self.desktops.is_empty() {
            let entry =
                |(name, value): (&[u8], &Value)| Value::entry(Value::string(&String::from_utf8_lossy(name)), value.variant());
            let entries: Vec<Value> = self.desktops.iter().map(entry).collect();
            let of = Type::Entry(Box::new((Type::Simple(b's'), Type::Simple(b'v'))));
            parts.push(Value::tuple(&[byte(b'd'), Value::array(&of, &entries)]));
        }
        Value::tuple(&parts)
    }
}

/// Writes the folder's file anew.
pub fn compile(view: &impl View, folder: &str) -> Result<Vec<Write>> {
    if !view.is_directory(folder) {
        return Err(SystemError::refused(COMMAND, format!("no directory {folder}")));
    }
    let target = format!("{folder}/gschemas.compiled");
    let names = view.list(folder);
    let mut sources: Vec<&String> =
        names.iter().filter(|name| name.ends_with(".gschema.xml") || name.ends_with(".enums.xml")).collect();
    if sources.is_empty() {
        return Ok(if view.status(&target).is_some() { vec![Write::remove(target)] } else { Vec::new() });
    }
    sources.sort_by_key(|name| (!name.ends_with(".enums.xml"), (*name).clone()));
    let mut schemas = read::Schemas::default();
    for name in sources {
        let path = format!("{folder}/{name}");
        let bytes = view.bytes(&path)?;
        schemas.load(&bytes).map_err(|cause| SystemError::uncovered(COMMAND, format!("{path}: {cause}")))?;
    }
    for name in names.iter().filter(|name| name.ends_with(".gschema.override")) {
        let path = format!("{folder}/{name}");
        let text = view.text(&path)?.unwrap_or_default();
        overrides::apply(&mut schemas, &text).map_err(|cause| SystemError::uncovered(COMMAND, format!("{path}: {cause}")))?;
    }
    if schemas.is_crowded() {
        return Err(SystemError::malformed(folder, "too many names of one hash"));
    }
    Ok(vec![Write::file(target, bytes(&schemas)).mode(0o644)])
}

fn bytes(schemas: &read::Schemas) -> Vec<u8> {
    let mut root = gvdb::table();
    for (id, schema) in schemas.all.iter() {
        let mut table = gvdb::table();
        let mut is_translated = false;
        for (name, entry) in schema.keys.iter() {
            let value = match entry {
                Entry::Key(key) => {
                    is_translated |= key.translated.is_some();
                    key.value()
                }
                Entry::Child(schema) => Value::string(schema),
            };
            gvdb::list(&mut table, name, Item::Value(value, true));
        }
        let domain = schema.domain.as_ref().filter(|_| is_translated);
        let parts = [(".path", schema.path.as_ref()), (".extends", schema.extends.as_ref()), (".list-of", schema.list_of.as_ref())];
        for (name, text) in parts.into_iter().chain([(".gettext-domain", domain)]) {
            if let Some(text) = text {
                table.insert(name.as_bytes(), Item::Value(Value::string(text), false));
            }
        }
        gvdb::list(&mut root, id, Item::Table(table));
    }
    gvdb::file(&root)
}
