//! What can be wrong with a project, recipe or profile, or with their combination.

use crate::error::{Class, Fault, Side};

/// A failure of reading, merging or resolving recipes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The text is not what the schema says.
    #[error("{file}:{line}:{column}: {message}")]
    Text {
        /// The file as the user named it.
        file: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong.
        message: String,
        /// The nearest thing that is right.
        nearest: Option<String>,
    },
    /// No recipe or profile of that name.
    #[error("there is no {what} {name:?}")]
    Unknown {
        /// `recipe`, `profile` or `parameter`.
        what: &'static str,
        /// As asked for.
        name: String,
        /// The nearest names that exist.
        nearest: Vec<String>,
    },
    /// Two recipes want different things of one path, account or key.
    #[error("{first} and {second} disagree about {what}")]
    Conflict {
        /// Who said it first.
        first: String,
        /// Who said something else.
        second: String,
        /// The path, account or key.
        what: String,
    },
    /// Words of the command line that do not fit.
    #[error("{0}")]
    Words(String),
}

impl Fault for RecipeError {
    fn class(&self) -> Class {
        match self {
            Self::Text { .. } | Self::Conflict { .. } => Class::Input,
            Self::Unknown { .. } | Self::Words(_) => Class::Usage,
        }
    }
    fn side(&self) -> Side {
        Side::Recipe
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Text { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::Unknown { nearest, .. } if !nearest.is_empty() => Some(format!("did you mean `{}`?", nearest.join("` or `"))),
            Self::Unknown { what: "recipe" | "profile", .. } => Some("plywood layers list".into()),
            Self::Conflict { .. } => Some("leave one of them out with --without, or decide in plywood.toml".into()),
            _ => None,
        }
    }
}

/// The names most like `name`, best first; only those that are near.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> =
        known.into_iter().map(|k| (strsim::jaro_winkler(name, k), k)).filter(|(score, _)| *score > 0.8).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, k)| k.to_owned()).collect()
}
