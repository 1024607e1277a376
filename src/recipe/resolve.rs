//! Units with every template filled and every value checked: what the plan works from.
//!
//! Invariant: of two unequal words about one account, path or key, a stronger unit's counts and is noted; between recipes it is
//! a conflict that names both.

use std::collections::BTreeMap;

use crate::apt::select::is_local_file;
use crate::oci::Digest;
use crate::script::StandIn;
use crate::stream::EntryPath;

use super::schema::{Document, Text};
use super::{Merged, Rank, RecipeError, Surroundings, Unit};

mod mode;
mod source;
mod values;

pub use mode::Mode;
pub use source::{ArchiveKey, ArchiveSource};
pub use values::Names;
use values::{absolute, fill_all};

/// A build's recipes, ready to plan.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Weakest first.
    pub units: Vec<ResolvedUnit>,
    /// The image's config.
    pub config: Config,
    /// What was decided between unequal words, for the plan.
    pub notes: Vec<String>,
}

/// One unit with filled values.
#[derive(Clone, Debug)]
pub struct ResolvedUnit {
    /// `sshd`
    pub name: String,
    /// `recipe sshd`
    pub label: String,
    /// Whose word it is.
    pub rank: Rank,
    /// Arguments for the solver, if it has any or asks for recommended packages.
    pub packages: PackageRequest,
    /// Accounts, in order.
    pub users: Vec<User>,
    /// Files, in order.
    pub files: Vec<File>,
    /// Directories, in order: path, mode, owner.
    pub directories: Vec<(EntryPath, Mode, Names)>,
    /// Diverted programs.
    pub diverts: Vec<Divert>,
    /// What stands for programs and scripts that cannot be evaluated.
    pub stand_ins: Vec<StandIn>,
    /// Whether it stands in every build and does nothing but stand in: then it is a part of this program.
    pub of_program: bool,
    /// Ready layers.
    pub tars: Vec<Tar>,
    /// A conda prefix.
    pub conda: Option<Conda>,
    /// Digest of its text.
    pub digest: Digest,
}

/// What a unit asks of the solver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageRequest {
    /// As `apt-get install` takes them.
    pub arguments: Vec<String>,
    /// The profile's or file's word on recommended packages.
    pub recommends: Option<bool>,
    /// Whether it is part of the profile's request (else of the file's).
    pub of_profile: bool,
    /// Archives beside the base's.
    pub sources: Vec<ArchiveSource>,
}

/// An account to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Fixed user ID.
    pub uid: Option<u32>,
    /// Whether `--user-id` decides it: the recipe says `{uid}`.
    pub uid_is_parameter: bool,
    /// Primary group by name; nothing: a group of the user's name.
    pub group: Option<String>,
    /// Further groups.
    pub groups: Vec<String>,
    /// Home directory.
    pub home: EntryPath,
    /// Login shell as it stands in passwd.
    pub shell: Option<String>,
    /// A drop-in that lets it run everything without a password.
    pub sudo: bool,
}

/// Where a file's bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileBody {
    /// The bytes themselves.
    Content(Vec<u8>),
    /// A path on this machine, relative to `folder` of its unit; a trailing slash means the contents of that folder.
    From {
        /// As written.
        path: String,
        /// The folder that it starts from.
        folder: Option<std::path::PathBuf>,
    },
}

/// A file or tree to place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The bytes.
    pub body: FileBody,
    /// Where; `into` says that this is the folder which takes it.
    pub to: EntryPath,
    /// `to` had a trailing slash.
    pub into: bool,
    /// Owner by names.
    pub owner: Names,
    /// Mode to apply.
    pub mode: Option<Mode>,
    /// Added at the end of the base's file.
    pub append: bool,
    /// What an absent file begins with, when something is added to it.
    pub seed: Option<EntryPath>,
}

/// A program that is moved aside for a wrapper where a package brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divert {
    /// As the package ships it.
    pub path: EntryPath,
    /// What the package's file becomes.
    pub to: EntryPath,
    /// The program at `path`.
    pub content: Vec<u8>,
    /// Glob of absolute paths: where the base has one, nothing is diverted.
    pub unless: Option<String>,
}

/// A ready layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tar {
    /// As written.
    pub path: String,
    /// The folder that it starts from.
    pub folder: Option<std::path::PathBuf>,
}

/// A conda prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conda {
    /// What it is linked from.
    pub source: CondaSource,
    /// The folder that relative paths start from.
    pub folder: Option<std::path::PathBuf>,
    /// Where the prefix stands.
    pub prefix: EntryPath,
    /// The group may write.
    pub group_writable: bool,
    /// The package cache stays.
    pub keep_pkgs: bool,
}

/// What a conda prefix is linked from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CondaSource {
    /// A constructor installer.
    Installer {
        /// URL or path.
        location: String,
        /// Its SHA-256 for the target, where the recipe pins one.
        sha256: Option<Digest>,
    },
    /// A list of packages.
    Explicit {
        /// Path of the list.
        file: String,
        /// Path of a folder with packages.
        packages: Option<String>,
    },
}

/// The image's config; absent keeps the base's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// By name.
    pub env: BTreeMap<String, String>,
    /// By name.
    pub labels: BTreeMap<String, String>,
    /// `user[:group]`
    pub user: Option<String>,
    /// Absolute path.
    pub workdir: Option<String>,
    /// Empty clears.
    pub entrypoint: Option<Vec<String>>,
    /// Empty clears.
    pub cmd: Option<Vec<String>>,
}

/// Fills and checks everything. `surroundings.parameters` are those of `merged`.
pub fn resolve(merged: &Merged, surroundings: &Surroundings<'_>) -> Result<Resolved, RecipeError> {
    let mut surroundings = surroundings.clone();
    surroundings.parameters.clone_from(&merged.parameters);
    let mut units = Vec::new();
    let mut keys = Keys::default();
    for unit in &merged.units {
        units.push(resolve_unit(unit, &surroundings)?);
        keys.add(unit, &surroundings)?;
    }
    let mut notes = merged.notes.clone();
    notes.append(&mut keys.notes);
    Ok(Resolved { units, config: keys.config, notes })
}

fn resolve_unit(unit: &Unit, around: &Surroundings<'_>) -> Result<ResolvedUnit, RecipeError> {
    let Document { apt, user, file, directory, divert, stand_in, tar, conda, .. } = &unit.document;
    let packages = PackageRequest {
        arguments: fill_all(unit, &apt.packages, around)?.into_iter().map(|word| beside(unit, word)).collect(),
        recommends: apt.recommends.as_ref().map(|r| *r.get_ref()),
        of_profile: unit.of_profile,
        sources: apt.source.iter().map(|table| source::read(unit, table, around)).collect::<Result<_, _>>()?,
    };
    let directories = directory.iter().map(|d| {
        let mode = d.mode.as_ref().map_or(Ok(Mode::Octal(0o755)), |m| Mode::read(unit, m, around))?;
        Ok((absolute(unit, &d.path, around)?, mode, Names::read(unit, d.owner.as_ref(), around)?))
    });
    let diverts = divert.iter().map(|d| {
        Ok(Divert {
            path: absolute(unit, &d.path, around)?,
            to: absolute(unit, &d.to, around)?,
            content: unit.filled(&d.content, around)?.into_bytes(),
            unless: d.unless.as_ref().map(|u| unit.filled(u, around)).transpose()?,
        })
    });
    let tars = tar.iter().map(|t| Ok(Tar { path: unit.filled(&t.path, around)?, folder: unit.folder.clone() }));
    Ok(ResolvedUnit {
        name: unit.name.clone(),
        label: unit.label(),
        rank: unit.rank,
        packages,
        users: user.iter().map(|u| values::user(unit, u, around)).collect::<Result<_, _>>()?,
        files: file.iter().map(|f| values::file(unit, f, around)).collect::<Result<_, _>>()?,
        directories: directories.collect::<Result<_, RecipeError>>()?,
        diverts: diverts.collect::<Result<_, RecipeError>>()?,
        stand_ins: stand_in.iter().map(|s| values::stand_in(unit, s)).collect::<Result<_, _>>()?,
        of_program: unit.of_program,
        tars: tars.collect::<Result<_, RecipeError>>()?,
        conda: conda.as_ref().map(|c| values::conda(unit, c, around)).transpose()?,
        digest: unit.digest,
    })
}

/// A package file is meant beside the document that names it.
fn beside(unit: &Unit, word: String) -> String {
    let folder = unit.folder.as_deref().filter(|folder| is_local_file(&word) && !folder.as_os_str().is_empty());
    let Some(path) = folder.map(|folder| folder.join(&word).display().to_string()) else { return word };
    if is_local_file(&path) { path } else { format!("./{path}") }
}

/// The config as it grows, with who said what.
#[derive(Default)]
struct Keys {
    config: Config,
    said: BTreeMap<String, (String, Rank, String)>,
    notes: Vec<String>,
}

impl Keys {
    fn add(&mut self, unit: &Unit, around: &Surroundings<'_>) -> Result<(), RecipeError> {
        let config = &unit.document.config;
        for (name, value) in &config.env {
            if name.is_empty() || name.contains(['=', '\0', '\n']) || value.get_ref().contains(['\0', '\n']) {
                return Err(unit.error(value.span(), format!("{name:?} cannot be an environment variable")));
            }
            let value = unit.filled(value, around)?;
            if self.counts(unit, format!("env {name}"), &value)? {
                self.config.env.insert(name.clone(), value);
            }
        }
        for (name, value) in &config.labels {
            if name.is_empty() {
                return Err(unit.error(value.span(), "a label needs a name"));
            }
            let value = unit.filled(value, around)?;
            if self.counts(unit, format!("label {name}"), &value)? {
                self.config.labels.insert(name.clone(), value);
            }
        }
        if let Some(user) = &config.user {
            let value = unit.filled(user, around)?;
            if value.is_empty() || value.contains(['\0', '\n', '/']) {
                return Err(unit.error(user.span(), format!("{value:?} cannot be a user")));
            }
            if self.counts(unit, "user".into(), &value)? {
                self.config.user = Some(value);
            }
        }
        if let Some(workdir) = &config.workdir {
            let path = absolute(unit, workdir, around)?;
            let value = String::from_utf8_lossy(&path.absolute()).into_owned();
            if self.counts(unit, "workdir".into(), &value)? {
                self.config.workdir = Some(value);
            }
        }
        if let Some(words) = self.words(unit, "entrypoint", config.entrypoint.as_deref(), around)? {
            self.config.entrypoint = Some(words);
        }
        if let Some(words) = self.words(unit, "cmd", config.cmd.as_deref(), around)? {
            self.config.cmd = Some(words);
        }
        Ok(())
    }

    fn words(
        &mut self,
        unit: &Unit,
        key: &str,
        words: Option<&[Text]>,
        around: &Surroundings<'_>,
    ) -> Result<Option<Vec<String>>, RecipeError> {
        let Some(words) = words else { return Ok(None) };
        let words = fill_all(unit, words, around)?;
        Ok(self.counts(unit, key.into(), &format!("{words:?}"))?.then_some(words))
    }

    /// Whether this unit's word about `what` counts; a conflict between recipes is an error.
    fn counts(&mut self, unit: &Unit, what: String, value: &str) -> Result<bool, RecipeError> {
        match self.said.get(&what) {
            Some((old, _, _)) if old == value => return Ok(false),
            Some((_, Rank::Recipe, first)) if unit.rank == Rank::Recipe => {
                return Err(RecipeError::Conflict { first: first.clone(), second: unit.label(), what });
            }
            Some((_, rank, _)) if unit.rank < *rank => return Ok(false),
            Some((_, _, first)) => self.notes.push(format!("{what} of {first} is replaced by {}", unit.label())),
            None => {}
        }
        self.said.insert(what, (value.into(), unit.rank, unit.label()));
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
