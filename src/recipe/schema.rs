//! The one schema of project, recipe and profile: the public API of this tool.
//!
//! Invariant: unknown and double keys are refused; a table that no code serves is not here, so it is unknown too.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_spanned::Spanned;

/// A string with its place in the text, for messages.
pub type Text = Spanned<String>;

/// `plywood.toml`, a recipe (without base, platforms, profile, recipes) or a profile (without base, platforms, profile).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Document {
    /// One line for `plywood layers list`.
    pub description: Option<String>,
    /// The image to start from: any transport.
    #[schemars(with = "Option<String>")]
    pub base: Option<Text>,
    /// `os/architecture[/variant]`, one image each.
    #[schemars(with = "Vec<String>")]
    pub platforms: Vec<Text>,
    /// The profile; without this line a file has none.
    #[schemars(with = "Option<String>")]
    pub profile: Option<Text>,
    /// Names of recipes, or paths of recipe files, in order.
    #[schemars(with = "Vec<String>")]
    pub recipes: Vec<Text>,
    /// Debian packages.
    pub apt: AptTable,
    /// Accounts, made after all packages, in order.
    pub user: Vec<UserTable>,
    /// Files and trees.
    pub file: Vec<FileTable>,
    /// Directories with mode and owner.
    pub directory: Vec<DirectoryTable>,
    /// Programs of packages that are moved aside for a wrapper.
    pub divert: Vec<DivertTable>,
    /// Programs and scripts of packages that cannot be evaluated, and what stands for them.
    pub stand_in: Vec<StandInTable>,
    /// Ready layers.
    pub tar: Vec<TarTable>,
    /// A conda prefix, out of an installer or a list of packages.
    pub conda: Option<CondaTable>,
    /// The image's config.
    pub config: ConfigTable,
    /// Parameters with their defaults; a profile, a file or `--set` gives values.
    #[schemars(with = "BTreeMap<String, String>")]
    pub parameters: BTreeMap<String, Spanned<Scalar>>,
}

/// `[apt]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AptTable {
    /// Arguments as `apt-get install` takes them: `name`, `name=version`, `name/suite`, `name:architecture`, `./file.deb`.
    #[schemars(with = "Vec<String>")]
    pub packages: Vec<Text>,
    /// Whether recommended packages are installed too; not in a recipe.
    #[schemars(with = "Option<bool>")]
    pub recommends: Option<Spanned<bool>>,
    /// Archives beside the base's.
    pub source: Vec<SourceTable>,
}

/// `[[apt.source]]`: an archive that packages may come from, in the words of deb822; for this build, not for the image.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceTable {
    /// Roots of the archive, between blanks.
    #[schemars(with = "String")]
    pub uris: Text,
    /// Suites, or paths that end in `/`, between blanks.
    #[schemars(with = "String")]
    pub suites: Text,
    /// Components, between blanks; none where the suite is a path.
    #[schemars(with = "Option<String>")]
    pub components: Option<Text>,
    /// The archive's key: a file relative to the file that says so, or the armoured text itself.
    #[schemars(with = "String")]
    pub signed_by: Text,
}

/// `[[user]]`: an account, as `useradd -rm` makes it with the base's own defaults.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UserTable {
    /// Login name.
    #[schemars(with = "String")]
    pub name: Text,
    /// Fixed user ID; without it the next free system ID is taken.
    #[schemars(with = "Option<String>")]
    pub uid: Option<Spanned<Scalar>>,
    /// Primary group, by name; without it a group of the user's name is made.
    #[schemars(with = "Option<String>")]
    pub group: Option<Text>,
    /// Further groups, by name.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub groups: Vec<Text>,
    /// Home directory; `/home/NAME` without it.
    #[schemars(with = "Option<String>")]
    pub home: Option<Text>,
    /// Login shell; the base's `SHELL` of `/etc/default/useradd` without it.
    #[schemars(with = "Option<String>")]
    pub shell: Option<Text>,
    /// `nopasswd`: a drop-in below `/etc/sudoers.d`.
    #[schemars(with = "Option<String>")]
    pub sudo: Option<Text>,
}

/// `[[file]]`: a file or tree of the project, or a text.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileTable {
    /// Path relative to the file that says so; with a trailing slash the contents of that folder are meant.
    #[schemars(with = "Option<String>")]
    pub from: Option<Text>,
    /// The bytes themselves.
    #[schemars(with = "Option<String>")]
    pub content: Option<Text>,
    /// Absolute path in the image; with a trailing slash the folder that takes the file.
    #[schemars(with = "String")]
    pub to: Text,
    /// `user`, `user:group`, names or numbers; root without it.
    #[schemars(with = "Option<String>")]
    pub owner: Option<Text>,
    /// Octal (`0644`) or symbolic (`a+rX`).
    #[schemars(with = "Option<String>")]
    pub mode: Option<Text>,
    /// Adds `content` at the end of the base's file unless those lines are there.
    #[serde(default)]
    pub append: bool,
    /// With `append`: where the file is absent, it begins as a copy of this file of the image.
    #[schemars(with = "Option<String>")]
    pub seed: Option<Text>,
}

/// `[[directory]]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DirectoryTable {
    /// Absolute path in the image.
    #[schemars(with = "String")]
    pub path: Text,
    /// Octal or symbolic; `0755` without it.
    #[schemars(with = "Option<String>")]
    pub mode: Option<Text>,
    /// `user`, `user:group`, names or numbers; root without it.
    #[schemars(with = "Option<String>")]
    pub owner: Option<Text>,
}

/// `[[divert]]`: where a package of the build brings `path`, it is diverted to `to` (a local dpkg diversion) and `content`
/// stands at `path`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DivertTable {
    /// Absolute path as the package ships it.
    #[schemars(with = "String")]
    pub path: Text,
    /// Absolute path that the package's file gets.
    #[schemars(with = "String")]
    pub to: Text,
    /// The program at `path`, mode 0755.
    #[schemars(with = "String")]
    pub content: Text,
    /// Glob of files: where the base has one that matches, nothing is diverted.
    #[schemars(with = "Option<String>")]
    pub unless: Option<Text>,
}

/// `[[stand-in]]`: what is evaluated where a script of a package calls `program`, or in place of a package's own script. Nothing in it
/// is a template, since shells write braces.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StandInTable {
    /// Pattern of the program's name, without directories: `octave*`.
    #[schemars(with = "Option<String>")]
    pub program: Option<Text>,
    /// Pattern of its arguments, joined by blanks; every call without it.
    #[schemars(with = "Option<String>")]
    pub arguments: Option<Text>,
    /// Pattern of the packages whose own script is meant, with `script`.
    #[schemars(with = "Option<String>")]
    pub package: Option<Text>,
    /// `config`, `preinst`, `postinst`, `prerm` or `postrm`.
    #[schemars(with = "Option<String>")]
    pub script: Option<Text>,
    /// What that script's text has in it.
    #[schemars(with = "Option<String>")]
    pub contains: Option<Text>,
    /// What is missing in the image then, or how it is made; `plywood plan` shows it.
    #[schemars(with = "String")]
    pub reason: Text,
    /// A shell text in the subset that is evaluated, with the program's arguments; without it nothing is done, with success.
    #[schemars(with = "Option<String>")]
    pub text: Option<Text>,
}

/// `[[tar]]`: a ready layer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TarTable {
    /// A tar (plain, gzip, zstd) or an ocipkg package, relative to the file that says so.
    #[schemars(with = "String")]
    pub path: Text,
}

/// `[conda]`: a conda environment that is linked without running anything: a constructor installer's, or that of a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CondaTable {
    /// URL or path of the installer; may use `{version}` and `{arch}`.
    #[schemars(with = "Option<String>")]
    pub installer: Option<Text>,
    /// The installer's version.
    #[schemars(with = "Option<String>")]
    pub version: Option<Text>,
    /// SHA-256 of the installer by `uname -m`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub sha256: BTreeMap<String, Text>,
    /// Where the prefix stands in the image.
    #[schemars(with = "String")]
    pub prefix: Text,
    /// In place of an installer: an `@EXPLICIT` file, relative to the file that says so (conda-lock, `conda list --explicit --md5`).
    #[schemars(with = "Option<String>")]
    pub explicit: Option<Text>,
    /// A folder with the packages of `explicit`, relative to the file that says so; what it lacks is fetched.
    #[schemars(with = "Option<String>")]
    pub packages: Option<Text>,
    /// Whether the group may write, as after `chmod -R g+w`; `false` without it.
    #[schemars(with = "Option<bool>")]
    pub group_writable: Option<Spanned<Scalar>>,
    /// Whether the package cache `pkgs/` stays; `false` without it.
    #[schemars(with = "Option<bool>")]
    pub keep_pkgs: Option<Spanned<Scalar>>,
}

/// `[config]`: an absent key keeps the base's value.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConfigTable {
    /// Environment of the container's processes.
    #[schemars(with = "BTreeMap<String, String>")]
    pub env: BTreeMap<String, Text>,
    /// Labels.
    #[schemars(with = "BTreeMap<String, String>")]
    pub labels: BTreeMap<String, Text>,
    /// `user`, `user:group` or numbers.
    #[schemars(with = "Option<String>")]
    pub user: Option<Text>,
    /// Working directory.
    #[schemars(with = "Option<String>")]
    pub workdir: Option<Text>,
    /// `[]` clears.
    #[schemars(with = "Option<Vec<String>>")]
    pub entrypoint: Option<Clear>,
    /// `[]` clears.
    #[schemars(with = "Option<Vec<String>>")]
    pub cmd: Option<Clear>,
}

/// A list that clears the base's value when it is empty.
pub type Clear = Vec<Text>;

/// A string, number or truth value; kept as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scalar(pub String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a string, a whole number, or true or false")]
        enum Any {
            Text(String),
            Number(i64),
            Truth(bool),
        }
        Ok(Self(match Any::deserialize(deserializer)? {
            Any::Text(text) => text,
            Any::Number(number) => number.to_string(),
            Any::Truth(truth) => truth.to_string(),
        }))
    }
}

/// The JSON schema of [`Document`], as `plywood schema` prints it.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("title".into(), "plywood project, recipe or profile".into());
    schema.to_value()
}
