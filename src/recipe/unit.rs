//! One document with where it came from: a recipe, the profile, the file or the flags.

use std::ops::Range;
use std::sync::Arc;

use crate::oci::Digest;

use super::error::nearest;
use super::schema::{Document, Text};
use super::{RecipeError, Surroundings};

/// How strong a unit's word is against others'. Recipes are equal among themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// A recipe, of the profile, `--with` or the file.
    Recipe,
    /// The profile itself.
    Profile,
    /// `plywood.toml`.
    File,
    /// The command line.
    Flags,
}

/// A document, its name and its text.
#[derive(Clone, Debug)]
pub struct Unit {
    /// `sshd`, `openhands`, or the path of a file.
    pub name: String,
    /// Whose word it is.
    pub rank: Rank,
    /// Whether it belongs to the profile's request to the solver (else to the file's).
    pub of_profile: bool,
    /// Whether it stands in every build and only stands in for programs: a part of this program, no input of a build.
    pub of_program: bool,
    /// What it says.
    pub document: Document,
    /// Digest of its text: an input of the lock.
    pub digest: Digest,
    /// The folder, as the caller names it, that its relative paths start from.
    pub folder: Option<std::path::PathBuf>,
    text: Arc<str>,
}

impl Unit {
    /// Reads a document. `name` is what messages call it.
    pub fn parse(name: &str, rank: Rank, text: &str) -> Result<Self, RecipeError> {
        let document = toml::from_str(text).map_err(|e| from_toml(name, text, &e))?;
        let digest = Digest::of(text.as_bytes());
        Ok(Self {
            name: name.into(),
            rank,
            of_profile: false,
            of_program: false,
            document,
            digest,
            folder: None,
            text: text.into(),
        })
    }
    /// A document made of flags: nothing in it is a template.
    pub fn flags(document: Document, words: &str) -> Self {
        Self {
            name: "command line".into(),
            rank: Rank::Flags,
            of_profile: false,
            of_program: false,
            document,
            digest: Digest::of(words.as_bytes()),
            folder: None,
            text: "".into(),
        }
    }
    /// Its text, byte for byte; empty for flags.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// How messages and conflicts call it.
    pub fn label(&self) -> String {
        match self.rank {
            Rank::Recipe => format!("recipe {}", self.name),
            Rank::Profile => format!("profile {}", self.name),
            Rank::File | Rank::Flags => self.name.clone(),
        }
    }
    /// An error at `span` of this unit's text.
    pub fn error(&self, span: Range<usize>, message: impl Into<String>) -> RecipeError {
        if self.rank == Rank::Flags {
            return RecipeError::Words(message.into());
        }
        let (line, column) = place(&self.text, span.start);
        RecipeError::Text { file: self.name.clone(), line, column, message: message.into(), nearest: None }
    }
    /// A string with its parameters replaced; flags are taken as they are.
    pub(super) fn filled(&self, text: &Text, surroundings: &Surroundings<'_>) -> Result<String, RecipeError> {
        if self.rank == Rank::Flags {
            return Ok(text.get_ref().clone());
        }
        surroundings.fill(text.get_ref()).map_err(|e| self.error(text.span(), e.to_string()))
    }
}

/// Line and column, from 1, of byte `at`.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn from_toml(name: &str, text: &str, error: &toml::de::Error) -> RecipeError {
    let (line, column) = place(text, error.span().map_or(0, |s| s.start));
    let message = error.message().lines().next().unwrap_or_default();
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown field").then(|| words.next()).flatten();
    let (message, nearest) = match unknown {
        Some(key) => (format!("unknown key `{key}`"), nearest(key, words).into_iter().next()),
        None if message == "duplicate key" => {
            let key = error.span().and_then(|span| text.get(span)).unwrap_or_default();
            (format!("{message} `{key}`"), None)
        }
        None => (message.to_owned(), None),
    };
    RecipeError::Text { file: name.into(), line, column, message, nearest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Fault as _;

    #[test]
    fn an_unknown_key_is_told_with_its_place_and_the_nearest_key() {
        let error = Unit::parse("plywood.toml", Rank::File, "[apt]\npakages = []\n").expect_err("unknown key");
        assert_eq!(error.to_string(), "plywood.toml:2:1: unknown key `pakages`");
        assert_eq!(error.hint().as_deref(), Some("did you mean `packages`?"));
    }

    #[test]
    fn a_double_key_is_refused_and_its_twin_is_not() {
        let error = Unit::parse("r", Rank::Recipe, "[config]\nuser = 'a'\nuser = 'b'\n").expect_err("double key");
        assert!(error.to_string().starts_with("r:3:1: duplicate key"), "{error}");
        assert!(Unit::parse("r", Rank::Recipe, "[config]\nuser = 'a'\nworkdir = '/b'\n").is_ok());
    }

    #[test]
    fn tables_of_later_issues_are_unknown_keys() {
        for text in ["[[from]]\nimage='a'\n", "[[apt.source]]\nuris='x'\nsuites='y'\nsigned-by='z'\ntrusted='yes'\n"] {
            assert!(Unit::parse("r", Rank::File, text).is_err(), "{text}");
        }
    }
}
