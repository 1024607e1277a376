//! debconf's files `config.dat`, `passwords.dat` and `templates.dat`: named items with fields, owners, flags and variables.
//!
//! Invariant: written as debconf writes them: items and everything in them sorted, a newline as `\n` in two characters.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::super::error::{Result, SystemError};
use super::super::view::MAX_DOCUMENT;

/// One question or template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Fields by lower-case name; newlines are real ones.
    pub fields: BTreeMap<String, String>,
    /// Packages (of questions) or questions (of templates).
    pub owners: BTreeSet<String>,
    /// Flags that are set: `seen`.
    pub flags: BTreeSet<String>,
    /// What `subst` has set.
    pub variables: BTreeMap<String, String>,
}

/// The items of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items(pub BTreeMap<String, Item>);

impl Items {
    /// Reads a file; `document` is for errors.
    pub fn parse(document: &str, bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_DOCUMENT {
            return Err(SystemError::malformed(document, "too large"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| SystemError::malformed(document, "is no UTF-8"))?;
        let mut items = BTreeMap::new();
        for stanza in text.split("\n\n") {
            let (mut item, mut name, mut in_variables) = (Item::default(), None, false);
            for line in stanza.lines().filter(|line| !line.is_empty()) {
                if in_variables && line.starts_with(char::is_whitespace) {
                    let (variable, value) = line.trim_start().split_once('=').unwrap_or((line.trim_start(), ""));
                    item.variables.insert(variable.trim_end().into(), unescaped(value.strip_prefix(' ').unwrap_or(value)));
                    continue;
                }
                in_variables = false;
                let (key, value) = line.split_once(':').unwrap_or((line, ""));
                let value = value.strip_prefix(' ').unwrap_or(value);
                let words = || value.split(',').map(str::trim).filter(|w| !w.is_empty()).map(Into::into);
                match key.to_ascii_lowercase().as_str() {
                    "name" => name = Some(value.to_owned()),
                    "owners" => item.owners.extend(words()),
                    "flags" => item.flags.extend(words()),
                    "variables" => in_variables = true,
                    field => {
                        item.fields.insert(field.into(), unescaped(value));
                    }
                }
            }
            if let Some(name) = name {
                items.insert(name, item);
            }
        }
        Ok(Self(items))
    }
    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        for (name, item) in &self.0 {
            let _ = writeln!(out, "Name: {name}");
            for (field, value) in &item.fields {
                let mut letters = field.chars();
                let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
                let title: String = first.chain(letters).collect();
                let _ = writeln!(out, "{title}: {}", escaped(value));
            }
            for (title, words) in [("Owners", &item.owners), ("Flags", &item.flags)] {
                if !words.is_empty() {
                    let _ = writeln!(out, "{title}: {}", words.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
                }
            }
            if !item.variables.is_empty() {
                out.push_str("Variables:\n");
            }
            for (variable, value) in &item.variables {
                let _ = writeln!(out, " {variable} = {}", escaped(value));
            }
            out.push('\n');
        }
        out.into_bytes()
    }
}

/// A backslash itself is not escaped.
fn escaped(value: &str) -> String {
    value.replace('\n', "\\n")
}

fn unescaped(value: &str) -> String {
    value.replace("\\n", "\n")
}
