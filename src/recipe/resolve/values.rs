//! Single values of the tables: paths, names, owners, accounts, files, conda prefixes.

use serde_spanned::Spanned;

use crate::oci::Digest;
use crate::script::{StandIn, StandsFor};
use crate::stream::EntryPath;

use super::super::schema::{CondaTable, FileTable, Scalar, StandInTable, UserTable};
use super::super::{RecipeError, Surroundings, Unit};
use super::{Conda, CondaSource, File, FileBody, Mode, Text, User};

/// `user[:group]`, each a name or a number. Nothing means root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Account.
    pub user: Option<String>,
    /// Group; without it, the account's primary group, and root's where no account is named.
    pub group: Option<String>,
}

impl Names {
    pub(super) fn read(unit: &Unit, text: Option<&Text>, around: &Surroundings<'_>) -> Result<Self, RecipeError> {
        let Some(text) = text else { return Ok(Self::default()) };
        let filled = unit.filled(text, around)?;
        Self::parse(&filled)
            .ok_or_else(|| unit.error(text.span(), format!("{filled:?} is not an owner (expected user, user:group or numbers)")))
    }
    /// `user`, `user:group`, `:group`.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, group) = text.split_once(':').map_or((text, None), |(u, g)| (u, Some(g)));
        let name =
            |n: &str| (!n.is_empty() && (account_name(n) || n.parse::<u32>().is_ok_and(|n| n < u32::MAX))).then(|| n.to_owned());
        let user = if user.is_empty() && group.is_some() { None } else { Some(name(user)?) };
        Some(Self { user, group: group.map(name).map_or(Some(None), |g| g.map(Some))? })
    }
}

pub(super) fn fill_all(unit: &Unit, texts: &[Text], around: &Surroundings<'_>) -> Result<Vec<String>, RecipeError> {
    texts.iter().map(|t| unit.filled(t, around)).collect()
}

/// An absolute path of the image.
pub(super) fn absolute(unit: &Unit, text: &Text, around: &Surroundings<'_>) -> Result<EntryPath, RecipeError> {
    let filled = unit.filled(text, around)?;
    if !filled.starts_with('/') {
        return Err(unit.error(text.span(), format!("{filled:?} is not an absolute path")));
    }
    EntryPath::new(&filled).map_err(|e| unit.error(text.span(), e.to_string()))
}

/// A name that useradd takes (shadow's `is_valid_user_name`): never all digits, no `:` and no control character.
pub(super) fn account_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 32
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_uppercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

const SCRIPTS: &[&str] = &["config", "preinst", "postinst", "prerm", "postrm"];

/// A stand-in for a program, or for a package's script.
pub(super) fn stand_in(unit: &Unit, table: &StandInTable) -> Result<StandIn, RecipeError> {
    let text = |text: &Text| text.get_ref().clone();
    let of = match (&table.program, &table.package, &table.script) {
        (Some(name), None, None) => {
            if name.get_ref().is_empty() || name.get_ref().contains('/') {
                return Err(unit.error(name.span(), "a program is named without directories"));
            }
            StandsFor::Program { name: text(name), arguments: table.arguments.as_ref().map(text) }
        }
        (None, Some(package), Some(script)) => {
            if !SCRIPTS.contains(&script.get_ref().as_str()) {
                return Err(unit.error(script.span(), format!("a script is one of {}", SCRIPTS.join(", "))));
            }
            StandsFor::Script { package: text(package), script: text(script), contains: table.contains.as_ref().map(text) }
        }
        _ => return Err(unit.error(table.reason.span(), "a stand-in is for a `program`, or for a `package` and its `script`")),
    };
    let reason = table.reason.get_ref().trim();
    if reason.is_empty() || reason.contains('\n') {
        return Err(unit.error(table.reason.span(), "a stand-in needs a reason, in one line"));
    }
    Ok(StandIn { recipe: unit.name.clone(), of, reason: reason.to_owned(), text: table.text.as_ref().map(text) })
}

pub(super) fn user(unit: &Unit, table: &UserTable, around: &Surroundings<'_>) -> Result<User, RecipeError> {
    let named = |text: &Text, what: &str| {
        let filled = unit.filled(text, around)?;
        if account_name(&filled) {
            Ok(filled)
        } else {
            Err(unit.error(text.span(), format!("{filled:?} cannot be the name of {what}")))
        }
    };
    let name = named(&table.name, "an account")?;
    let uid = table.uid.as_ref().map(|uid| {
        let text = Text::new(uid.span(), uid.get_ref().0.clone());
        let filled = unit.filled(&text, around)?;
        // 2^32-1 means "no ID" to the kernel.
        filled.parse().ok().filter(|n| *n < u32::MAX).ok_or_else(|| unit.error(uid.span(), format!("{filled:?} is not a user ID")))
    });
    let home = match &table.home {
        Some(home) => absolute(unit, home, around)?,
        None => EntryPath::new(format!("home/{name}")).map_err(|e| unit.error(table.name.span(), e.to_string()))?,
    };
    let shell = table.shell.as_ref().map(|s| absolute(unit, s, around)).transpose()?;
    let sudo = match &table.sudo {
        None => false,
        Some(word) if word.get_ref() == "nopasswd" => true,
        Some(word) => return Err(unit.error(word.span(), format!("sudo is `nopasswd` or absent, not {:?}", word.get_ref()))),
    };
    Ok(User {
        uid_is_parameter: table.uid.as_ref().is_some_and(|uid| uid.get_ref().0 == "{uid}"),
        uid: uid.transpose()?,
        group: table.group.as_ref().map(|g| named(g, "a group")).transpose()?,
        groups: table.groups.iter().map(|g| named(g, "a group")).collect::<Result<_, _>>()?,
        home,
        shell: shell.map(|s| String::from_utf8_lossy(&s.absolute()).into_owned()),
        sudo,
        name,
    })
}

pub(super) fn file(unit: &Unit, table: &FileTable, around: &Surroundings<'_>) -> Result<File, RecipeError> {
    if let Some(seed) = table.seed.as_ref().filter(|_| !table.append) {
        return Err(unit.error(seed.span(), "`seed` needs `append`"));
    }
    let body = match (&table.from, &table.content) {
        (Some(from), None) if table.append => return Err(unit.error(from.span(), "`append` needs `content`, not `from`")),
        (Some(from), None) => FileBody::From { path: unit.filled(from, around)?, folder: unit.folder.clone() },
        (None, Some(content)) => FileBody::Content(unit.filled(content, around)?.into_bytes()),
        _ => return Err(unit.error(table.to.span(), "a file needs either `from` or `content`")),
    };
    let to = unit.filled(&table.to, around)?;
    let path = absolute(unit, &table.to, around)?;
    let into = to.ends_with('/');
    if path.is_root() && !into || into && matches!(body, FileBody::Content(_)) {
        return Err(unit.error(table.to.span(), format!("{to:?} names no file")));
    }
    if path.components().chain([path.file_name()]).any(|c| c.starts_with(b".wh.")) {
        return Err(unit.error(table.to.span(), format!("{to:?}: names that start with .wh. cannot be in a layer")));
    }
    Ok(File {
        body,
        to: path,
        into,
        owner: Names::read(unit, table.owner.as_ref(), around)?,
        mode: table.mode.as_ref().map(|m| Mode::read(unit, m, around)).transpose()?,
        append: table.append,
        seed: table.seed.as_ref().map(|seed| absolute(unit, seed, around)).transpose()?,
    })
}

pub(super) fn conda(unit: &Unit, table: &CondaTable, around: &Surroundings<'_>) -> Result<Conda, RecipeError> {
    let mut around = around.clone();
    if let Some(version) = &table.version {
        let version = unit.filled(version, &around)?;
        around.parameters.insert("version".into(), version.replace('{', "{{"));
    }
    let sha256 = table.sha256.get(around.arch).map(|text| {
        let filled = unit.filled(text, &around)?;
        Digest::from_hex(&filled).map_err(|_| unit.error(text.span(), "a SHA-256 has 64 lower-case hex digits"))
    });
    let filled = |text: &Option<Text>| text.as_ref().map(|text| unit.filled(text, &around)).transpose();
    let (installer, explicit, packages) = (filled(&table.installer)?, filled(&table.explicit)?, filled(&table.packages)?);
    let source = match (installer, explicit) {
        (Some(_), None) if packages.is_some() => {
            return Err(unit.error(table.prefix.span(), "`packages` needs `explicit`, an installer brings its own"));
        }
        (Some(location), None) => CondaSource::Installer { location, sha256: sha256.transpose()? },
        (None, Some(file)) => CondaSource::Explicit { file, packages },
        _ => return Err(unit.error(table.prefix.span(), "a conda prefix needs either `installer` or `explicit`")),
    };
    let prefix = absolute(unit, &table.prefix, &around)?;
    let text = String::from_utf8_lossy(prefix.as_bytes()).into_owned();
    if prefix.is_root() || text.chars().any(|c| c.is_control() || c == ':') {
        return Err(unit.error(table.prefix.span(), format!("{text:?} can be no prefix")));
    }
    let truth = |word: &Option<Spanned<Scalar>>| truth(unit, word.as_ref(), &around);
    let (group_writable, keep_pkgs) = (truth(&table.group_writable)?, truth(&table.keep_pkgs)?);
    Ok(Conda { source, folder: unit.folder.clone(), prefix, group_writable, keep_pkgs })
}

/// `true` or `false`, perhaps by a parameter.
fn truth(unit: &Unit, word: Option<&Spanned<Scalar>>, around: &Surroundings<'_>) -> Result<bool, RecipeError> {
    let Some(word) = word else { return Ok(false) };
    let filled = unit.filled(&Text::new(word.span(), word.get_ref().0.clone()), around)?;
    filled.parse().map_err(|_| unit.error(word.span(), format!("{filled:?} is neither true nor false")))
}
