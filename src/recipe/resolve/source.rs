//! `[[apt.source]]` with its templates filled.

use super::super::schema::SourceTable;
use super::super::{RecipeError, Surroundings, Unit};

/// An archive that a document names beside the base's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveSource {
    /// Which document says so.
    pub said_by: String,
    /// Between blanks.
    pub uris: String,
    /// Between blanks.
    pub suites: String,
    /// Between blanks.
    pub components: String,
    /// Where the key is.
    pub key: ArchiveKey,
}

/// An archive's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveKey {
    /// The armoured text.
    Text(String),
    /// A file of this machine.
    File {
        /// As written.
        path: String,
        /// The folder that it starts from.
        folder: Option<std::path::PathBuf>,
    },
}

pub(super) fn read(unit: &Unit, table: &SourceTable, around: &Surroundings<'_>) -> Result<ArchiveSource, RecipeError> {
    let words = |text| -> Result<String, RecipeError> {
        let filled = unit.filled(text, around)?;
        // One line of a stanza each, so that no value can begin another field.
        Ok(filled.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
    };
    let key = unit.filled(&table.signed_by, around)?;
    let key = if key.trim_start().starts_with("-----BEGIN") {
        ArchiveKey::Text(key)
    } else {
        ArchiveKey::File { path: key, folder: unit.folder.clone() }
    };
    Ok(ArchiveSource {
        said_by: unit.label(),
        uris: words(&table.uris)?,
        suites: words(&table.suites)?,
        components: table.components.as_ref().map_or(Ok(String::new()), words)?,
        key,
    })
}
