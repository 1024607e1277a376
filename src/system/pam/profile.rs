//! Profiles of `/usr/share/pam-configs`.
//!
//! Invariant: read as pam-auth-update reads them; nothing in a profile can name a file.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::{Result, SystemError};
use super::super::view::View;

const DIRECTORY: &str = "/usr/share/pam-configs";

/// One profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The file's name.
    pub id: String,
    fields: BTreeMap<String, String>,
    /// Profiles that cannot be enabled together with this one.
    pub conflicts: BTreeSet<String>,
}

impl Profile {
    /// Reads one file.
    pub fn parse(id: &str, text: &str) -> Self {
        let mut profile = Self { id: id.to_owned(), ..Self::default() };
        let mut current = String::new();
        for line in text.lines() {
            let field = line.split_once(':').filter(|(name, rest)| {
                !name.is_empty()
                    && !name.contains(char::is_whitespace)
                    && (rest.is_empty() || rest.starts_with(char::is_whitespace))
            });
            if let Some((name, value)) = field {
                name.strip_suffix("-Final").unwrap_or(name).clone_into(&mut current);
                let value = value.trim_start();
                if current == "Conflicts" {
                    profile.conflicts.extend(value.split(", ").map(|other| other.trim().to_owned()));
                } else {
                    profile.fields.insert(current.clone(), value.to_owned());
                }
            } else if current != "Conflicts" && !current.is_empty() {
                let value = profile.fields.entry(current.clone()).or_default();
                if !line.trim().is_empty() {
                    value.push('\n');
                    value.push_str(line.trim());
                }
                *value = value.trim_start().to_owned();
            }
        }
        if !profile.fields.contains_key("Session-Interactive-Only") {
            for suffix in ["-Type", "", "-Initial"] {
                if let Some(value) = profile.fields.get(&format!("Session{suffix}")).cloned() {
                    profile.fields.insert(format!("Session-noninteractive{suffix}"), value);
                }
            }
        }
        profile
    }
    /// A field's value.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
    fn priority(&self) -> i64 {
        self.field("Priority").trim().parse().unwrap_or(0)
    }
    /// Whether it is enabled without a word.
    pub fn is_default(&self) -> bool {
        self.field("Default").trim() == "yes"
    }
    /// Its lines of a kind (`Auth`, ...); the first of a block may have others.
    pub fn lines(&self, kind: &str, first: bool) -> &str {
        let initial = self.field(&format!("{kind}-Initial"));
        if first && !initial.is_empty() { initial } else { self.field(kind) }
    }
}

/// All profiles of a tree, the highest priority first.
pub(super) fn all(view: &dyn View) -> Result<Vec<Profile>> {
    let mut profiles = Vec::new();
    for id in view.list(DIRECTORY) {
        if id.ends_with('~') || (id.starts_with('#') && id.ends_with('#')) || id.contains(['\n', ',']) {
            continue;
        }
        let text = view.text(&format!("{DIRECTORY}/{id}"))?;
        let text = text.ok_or_else(|| SystemError::malformed(format!("{DIRECTORY}/{id}"), "is no file"))?;
        let profile = Profile::parse(&id, &text);
        if !profile.fields.values().any(|value| value.contains("pam_tally")) {
            profiles.push(profile);
        }
    }
    profiles.sort_by(|a, b| b.priority().cmp(&a.priority()).then_with(|| b.id.cmp(&a.id)));
    Ok(profiles)
}
