//! `update-catalog`: centralized catalogs, and the super catalog that names those whose own catalogs are all there.

use super::super::error::Result;
use super::super::view::{View, Write};
use super::{lines, replace};

const SUPER: &str = "/var/lib/sgml-base/supercatalog";
const FOLDER: &str = "/etc/sgml";
const HEAD: &str = "--\n## This file is created by update-catalog with update-super.\n## Please see update-catalog(8) for how to modify this file.\n--\n";

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sgml {
    /// `--add CATALOG ENTRY`
    Add(String, String),
    /// `--remove CATALOG ENTRY`
    Remove(String, String),
    /// `--update-super`
    UpdateSuper,
}

/// What the call changes.
pub fn sgml(view: &dyn View, action: &Sgml) -> Result<Vec<Write>> {
    let mut writes = Vec::new();
    let (Sgml::Add(catalog, entry) | Sgml::Remove(catalog, entry)) = action else {
        let names = view.list(FOLDER).into_iter().filter(|name| !name.starts_with('.') && name.ends_with(".cat"));
        let mut text = HEAD.to_owned();
        for path in names.map(|name| format!("{FOLDER}/{name}")) {
            if is_whole(view, &path)? {
                text.push_str(&format!("CATALOG {path}\n"));
            }
        }
        replace(view, SUPER, text.into_bytes(), &mut writes);
        return Ok(writes);
    };
    let mut text = if view.is_file(catalog) {
        lines(view, catalog)?.into_iter().filter(|line| !line.contains(entry.as_str())).collect()
    } else {
        let template = lines(view, "/usr/share/sgml-base/catalog.centralized")?;
        template.into_iter().map(|line| line.replacen("CATALOG", catalog, 1)).collect::<Vec<_>>()
    };
    if matches!(action, Sgml::Add(..)) {
        text.push(format!("CATALOG {entry}"));
    }
    let text: String = text.into_iter().map(|line| line + "\n").collect();
    replace(view, catalog, text.into_bytes(), &mut writes);
    Ok(writes)
}

/// Whether every catalog that this one names is there.
fn is_whole(view: &dyn View, path: &str) -> Result<bool> {
    let Some(text) = view.text(path)? else { return Ok(false) };
    let mut base = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let (mut rest, mut before) = (text.as_str(), String::new());
    while let Some((token, after)) = token(rest) {
        rest = after;
        match before.as_str() {
            "base" => base = token,
            "catalog" => {
                let path = if token.starts_with('/') { token } else { format!("{base}/{token}") };
                if !view.is_file(&path) {
                    return Ok(false);
                }
            }
            _ => {
                before = token.to_ascii_lowercase();
                continue;
            }
        }
        before.clear();
    }
    Ok(true)
}

/// The next word or literal, blanks and comments (`-- ... --`) left out.
fn token(text: &str) -> Option<(String, &str)> {
    let mut text = text.trim_start();
    while let Some(comment) = text.strip_prefix("--") {
        text = comment.split_once("--").map_or("", |(_, after)| after).trim_start();
    }
    let quote = text.chars().next()?;
    if let Some((literal, after)) = text.get(1..).filter(|_| matches!(quote, '\'' | '"')).and_then(|rest| rest.split_once(quote)) {
        return Some((literal.to_owned(), after));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    Some((word.to_owned(), after))
}
