//! Project, recipe and profile TOML as types; how they are merged; parameters.
//!
//! Invariant: a recipe is data, never code. What cannot be understood is an error with file, line and column, and a key
//! that is nearly right is named. Nothing here reads a file or an image: texts and surroundings come in as values.

mod builtin;
mod error;
mod merge;
mod resolve;
mod schema;
mod template;
mod unit;

pub use builtin::{Library, ShippedRecipe};
pub use error::RecipeError;
pub use merge::{Ask, Merged, merge};
pub use resolve::{
    ArchiveKey, ArchiveSource, Conda, CondaSource, Config, Divert, File, FileBody, Mode, Names, PackageRequest, Resolved,
    ResolvedUnit, Tar, User, resolve,
};
pub use schema::{
    AptTable, Clear, CondaTable, ConfigTable, DirectoryTable, DivertTable, Document, FileTable, SourceTable, TarTable, Text,
    UserTable, json_schema,
};
pub use template::{Surroundings, TemplateError};
pub use unit::{Rank, Unit};
