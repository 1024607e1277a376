//! Stanzas of deb822 text as dpkg reads and prints them: control files of packages, paragraphs of `status`.
//!
//! Invariant: printing follows dpkg's own field table (order, spelling, relations printed anew); fields that dpkg does not
//! know keep order and spelling. Values are bytes; only relations must be text.

use super::super::error::{Result, SystemError};
use super::relations;

/// dpkg's fields in the order in which it prints them.
const ORDER: [&str; 28] = [
    "Package",
    "Essential",
    "Protected",
    "Status",
    "Priority",
    "Section",
    "Installed-Size",
    "Origin",
    "Maintainer",
    "Bugs",
    "Architecture",
    "Multi-Arch",
    "Source",
    "Version",
    "Config-Version",
    "Replaces",
    "Provides",
    "Depends",
    "Pre-Depends",
    "Recommends",
    "Suggests",
    "Breaks",
    "Conflicts",
    "Enhances",
    "Conffiles",
    "Description",
    "Triggers-Pending",
    "Triggers-Awaited",
];

/// The fields that are relations.
const RELATIONS: [&str; 9] =
    ["Replaces", "Provides", "Depends", "Pre-Depends", "Recommends", "Suggests", "Breaks", "Conflicts", "Enhances"];

/// Fields of the archive that `status` never holds.
const ARCHIVE_ONLY: [&str; 4] = ["Filename", "Size", "MD5sum", "MSDOS-Filename"];

/// One paragraph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stanza {
    fields: Vec<(String, Vec<u8>)>,
}

impl Stanza {
    /// Reads one paragraph; `document` is for errors.
    pub fn parse(document: &str, bytes: &[u8]) -> Result<Self> {
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        for line in bytes.split(|b| *b == b'\n') {
            let bad = |cause: &str| SystemError::malformed(document, format!("'{}': {cause}", shown(line)));
            match (line.first(), fields.last_mut()) {
                (None | Some(b'#'), _) => {}
                (Some(b' ' | b'\t'), Some((_, value))) => {
                    value.push(b'\n');
                    value.extend_from_slice(line);
                }
                (Some(b' ' | b'\t'), None) => return Err(bad("a continuation without a field")),
                _ => {
                    let colon = line.iter().position(|b| *b == b':').ok_or_else(|| bad("no colon"))?;
                    let name = std::str::from_utf8(&line[..colon]).map_err(|_| bad("the field's name is no text"))?.trim_end();
                    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
                        return Err(bad("no field name"));
                    }
                    if fields.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                        return Err(bad("the field stands twice"));
                    }
                    fields.push((canonical(name).into(), line[colon + 1..].trim_ascii_start().to_vec()));
                }
            }
        }
        for (_, value) in &mut fields {
            value.truncate(value.trim_ascii_end().len());
        }
        Ok(Self { fields })
    }
    /// The value of a field, without surrounding blanks; continuation lines with their newlines.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }
    /// The value as text; empty where it is absent or no UTF-8.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
    }
    /// Sets a field; an empty value takes it out.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        let value = value.into();
        match self.fields.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value,
            None => self.fields.push((canonical(name).into(), value)),
        }
    }
    /// As dpkg prints it into `status`, ended by a newline.
    pub fn print(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for name in ORDER {
            let Some(value) = self.get(name).filter(|value| !value.is_empty()) else { continue };
            if RELATIONS.contains(&name) {
                push(&mut out, name, relations::reprint(value)?.as_bytes());
            } else {
                push(&mut out, name, value);
            }
        }
        for (name, value) in &self.fields {
            if !value.is_empty() && !ORDER.contains(&name.as_str()) && !ARCHIVE_ONLY.contains(&name.as_str()) {
                push(&mut out, name, value);
            }
        }
        Ok(out)
    }
}

fn push(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    if name != "Conffiles" {
        out.push(b' ');
    }
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// dpkg's own spelling of the fields that it knows.
fn canonical(name: &str) -> &str {
    ORDER.iter().chain(&ARCHIVE_ONLY).find(|known| known.eq_ignore_ascii_case(name)).copied().unwrap_or(name)
}

/// The start of a line, for messages.
pub(super) fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(80)]).escape_debug().to_string()
}
