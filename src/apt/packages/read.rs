//! Reads a `Packages` or `status` file into an [`Index`]: one pass, every name interned at its first mention.
//!
//! Invariant: within a stanza the order of mention is apt's: the package's own name, then the names of its relations
//! field by field. A name with a qualifier that is not native is a name of its own (`python3:any`).

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::deb822::{self, stanzas};
use super::super::relation::relations;
use super::{Field, Index, IndexFault, MAX_FILE, MAX_PACKAGES, MAX_STANZA, Record, fields};

pub(super) fn read(text: &[u8], architecture: &str) -> Result<Index, IndexFault> {
    if text.len() > MAX_FILE {
        return Err(IndexFault::Size);
    }
    // Counted before anything is kept, so that a flood costs one look.
    if memchr::memmem::find_iter(text, b"\nPackage:").take(MAX_PACKAGES + 1).count() > MAX_PACKAGES {
        return Err(IndexFault::Size);
    }
    let mut reader = Reader { architecture: architecture.to_owned(), ..Reader::default() };
    for stanza in stanzas(text) {
        let size = stanza.text().len();
        if size > MAX_STANZA {
            return Err(IndexFault::Stanza { offset: stanza.offset(), size });
        }
        if reader.records.len() >= MAX_PACKAGES {
            return Err(IndexFault::Size);
        }
        reader.add(&stanza);
    }
    Ok(reader.finish())
}

#[derive(Default)]
struct Reader {
    architecture: String,
    numbers: HashMap<Box<str>, u32>,
    names: String,
    name_ends: Vec<u32>,
    records: Vec<Record>,
    provides: Vec<(u32, u32)>,
    text: Vec<u8>,
}

impl Reader {
    fn add(&mut self, stanza: &deb822::Stanza<'_>) {
        let Some(name) = stanza.text_of("Package").filter(|name| !name.is_empty()) else { return };
        let start = self.text.len();
        for field in stanza.fields() {
            if let Some((kept, _)) = Field::NAMED.iter().find(|(_, name)| field.is(name)) {
                fields::append(&mut self.text, *kept, &text_of(field.value));
            }
        }
        let kept = self.text.split_off(start);
        let of_this_system = matches!(fields::find(&kept, Field::Architecture), None | Some("all")) || self.is_native(&kept);
        if !of_this_system || fields::find(&kept, Field::Version).is_none_or(str::is_empty) {
            return;
        }
        let number = self.number(name);
        self.mention(&kept);
        self.note_provided(name, &kept);
        let content = fields::content_hash(&kept);
        self.text.extend_from_slice(&kept);
        self.records.push(Record { name: number, start: start as u32, end: self.text.len() as u32, content });
    }

    fn is_native(&self, kept: &[u8]) -> bool {
        fields::find(kept, Field::Architecture) == Some(self.architecture.as_str())
    }

    /// Numbers all names that the relations mention.
    fn mention(&mut self, kept: &[u8]) {
        for field in Field::MENTIONING {
            for relation in relations(fields::find(kept, field).unwrap_or_default()) {
                match relation.qualifier {
                    None => self.number(relation.name),
                    Some(_) => self.number(&relation.target(&self.architecture).to_string()),
                };
            }
        }
    }

    /// A package that other architectures may use is also there under `NAME:any`.
    fn note_provided(&mut self, name: &str, kept: &[u8]) {
        let record = self.records.len() as u32;
        for relation in relations(fields::find(kept, Field::Provides).unwrap_or_default()) {
            let provided = self.number(&relation.target(&self.architecture).to_string());
            self.provides.push((provided, record));
        }
        if fields::find(kept, Field::MultiArch) == Some("allowed") {
            let any = self.number(&format!("{name}:any"));
            self.provides.push((any, record));
        }
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.name_ends.len() as u32;
        self.names.push_str(name);
        self.name_ends.push(self.names.len() as u32);
        self.numbers.insert(name.into(), number);
        number
    }

    fn finish(self) -> Index {
        Index {
            architecture: self.architecture,
            names: self.names,
            name_ends: self.name_ends,
            records: self.records,
            provides: self.provides,
            text: fields::Blob(self.text),
        }
    }
}

fn text_of(value: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(value)
}
