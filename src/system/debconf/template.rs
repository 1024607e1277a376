//! A package's `templates` file.
//!
//! Invariant: fields are cut into first line and rest (`extended_...`) as debconf does, for every language.

use std::collections::BTreeMap;

use super::super::error::{Result, SystemError};

/// One template: its name and fields by lower-case name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// `package/question`.
    pub name: String,
    /// `type`, `default`, `description`, `extended_description-de.utf-8`, ...
    pub fields: BTreeMap<String, String>,
}

/// Reads a `templates` file; `document` is for errors.
pub fn parse(document: &str, bytes: &[u8]) -> Result<Vec<Template>> {
    let text = String::from_utf8_lossy(bytes);
    let stanzas = text.split("\n\n").map(|stanza| stanza.trim_matches('\n')).filter(|stanza| !stanza.is_empty());
    stanzas.map(|stanza| template(document, stanza)).collect()
}

fn template(document: &str, stanza: &str) -> Result<Template> {
    let bad = |line: &str| SystemError::malformed(document, format!("template parse error near `{}'", line.escape_debug()));
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut current: Option<(String, String)> = None;
    for line in stanza.lines() {
        if let Some((key, value)) = field(line) {
            close(&mut fields, current.take());
            let key = key.to_ascii_lowercase();
            if fields.insert(key.clone(), value.trim_end().to_owned()).is_some() {
                return Err(SystemError::malformed(document, format!("the field \"{key}\" stands twice in a template")));
            }
            current = Some((key, String::new()));
            continue;
        }
        let Some((_, extended)) = &mut current else { return Err(bad(line)) };
        let Some(rest) = line.strip_prefix([' ', '\t']) else { return Err(bad(line)) };
        extend(extended, rest);
    }
    close(&mut fields, current);
    let name = fields.remove("template").ok_or_else(|| SystemError::malformed(document, "a template has no 'Template:' line"))?;
    if !fields.contains_key("type") || name.is_empty() || name.contains(char::is_control) {
        return Err(SystemError::malformed(document, format!("template \"{}\" has no type", name.escape_debug())));
    }
    Ok(Template { name, fields })
}

fn field(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.');
    (!key.is_empty() && key.chars().all(plain)).then(|| (key, value.strip_prefix(char::is_whitespace).unwrap_or(value)))
}

/// Adds a continuation line: `.` is an empty line, a further blank keeps the line alone, others flow together.
fn extend(extended: &mut String, rest: &str) {
    if rest == "." {
        extended.push_str("\n\n");
    } else if rest.starts_with(char::is_whitespace) {
        if !extended.is_empty() && !extended.ends_with(['\n', ' ']) {
            extended.push('\n');
        }
        extended.push_str(rest.trim_end());
        extended.push('\n');
    } else {
        if !extended.is_empty() && !extended.ends_with(['\n', ' ']) {
            extended.push(' ');
        }
        extended.push_str(rest.trim_end());
    }
}

fn close(fields: &mut BTreeMap<String, String>, open: Option<(String, String)>) {
    if let Some((key, extended)) = open.filter(|(_, extended)| !extended.trim_end_matches('\n').is_empty()) {
        fields.insert(format!("extended_{key}"), extended.trim_end_matches('\n').to_owned());
    }
}
