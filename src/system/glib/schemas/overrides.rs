//! The files of overrides: other defaults, for all desktops or for one.
//!
//! Invariant: an override of what is not there is passed over, as the program does; one whose value would have to be compared
//! with a range is an error.

use super::super::text;
use super::read::Schemas;
use super::{Entry, Key, Type};

/// Applies a file.
pub(super) fn apply(schemas: &mut Schemas, text: &str) -> Result<(), String> {
    let mut group: Option<(String, Option<String>)> = None;
    for line in text.lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.trim_end().strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            group = Some(match name.split_once(':') {
                Some((schema, desktop)) => (schema.to_owned(), Some(desktop.to_owned())),
                None => (name.to_owned(), None),
            });
            continue;
        }
        let (name, value) = line.split_once('=').ok_or("a line without `=`")?;
        let (schema, desktop) = group.as_ref().ok_or("a line before the first group")?;
        let Some(schema) = schemas.all.get_mut(schema.as_bytes()) else { continue };
        let Some(Entry::Key(key)) = schema.keys.get_mut(name.trim_end().as_bytes()) else { continue };
        one(key, desktop.as_deref(), value.trim_start()).map_err(|cause| format!("{}: {cause}", name.trim_end()))?;
    }
    Ok(())
}

fn one(key: &mut Key, desktop: Option<&str>, value: &str) -> Result<(), String> {
    if desktop.is_some() && key.translated.is_some() {
        return Ok(());
    }
    if key.range.is_some() || (!key.names.bytes.is_empty() && key.kind != Type::Simple(b's')) {
        return Err("an override of a value that has a range".into());
    }
    let Ok(value) = text::parse(&key.kind, value) else { return Err("an override of another type".into()) };
    let is_name = |name: &str| value.bytes.strip_suffix(b"\0") == Some(name.as_bytes());
    if !key.names.bytes.is_empty() && !key.names.known.iter().any(|(name, _)| is_name(name)) {
        return Ok(());
    }
    match desktop {
        Some(desktop) => key.desktops.insert(desktop.as_bytes(), value),
        None => key.default = value,
    }
    Ok(())
}
