//! What was typed, and what it means: flags, project file and surroundings as one [`Request`].
//!
//! Invariant: after this nothing asks for a flag or a variable again; words that do not fit end here, before any work.

use std::path::{Path, PathBuf};

use crate::build::{Location, LockUse, Request};
use crate::error::{During as _, Result};
use crate::oci::{Platform, Reference};
use crate::plan;
use crate::recipe::{Ask, Library, Rank, Unit};

use super::args::{BuildArgs, Scripts, UidTaken};
use super::failure::{unreadable, usage, usage_with_hint};
use super::host::Host;

mod destinations;
mod file_flag;
mod flags;
mod words;

/// The project file of this folder.
const PROJECT: &str = "plywood.toml";
/// The lock beside it.
const LOCK: &str = "plywood.lock";
/// The profile of a build that has no project file.
const DEFAULT_PROFILE: &str = "openhands";
/// Profiles of programs that look for an image by the sandbox's name.
const SANDBOXES: [&str; 3] = [DEFAULT_PROFILE, "opendevin-0.7", "opendevin-0.8"];
/// The largest project file or lock that is read.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// A request, and what the command line itself needs to know of it.
#[derive(Debug)]
pub(super) struct Asked {
    /// For the driver.
    pub(super) request: Request,
    /// The profile's name, if one has a say.
    pub(super) profile: Option<String>,
    /// The file that gets the lock after the build.
    pub(super) lock_file: Option<PathBuf>,
}

/// What `args` ask for. Platforms stay empty where nobody names one.
pub(super) fn of(args: &BuildArgs, host: &Host) -> Result<Asked> {
    let project = project(args)?;
    let said = |pick: fn(&Unit) -> Option<&String>| project.as_ref().and_then(pick).cloned();
    let typed = args.base.clone().or_else(|| said(|unit| unit.document.base.as_ref().map(serde_spanned::Spanned::get_ref)));
    let typed = typed.ok_or_else(|| {
        usage_with_hint("there is no base to build on", "plywood build debian:12, or base = \"debian:12\" in plywood.toml")
    })?;
    let base: Location = typed.parse()?;
    let base = if args.base.is_some() { base } else { beside(base, project.as_ref().and_then(|unit| unit.folder.as_deref())) };
    is_there(&base)?;
    let fallback = if project.is_some() { "none" } else { DEFAULT_PROFILE };
    let of_file = said(|unit| unit.document.profile.as_ref().map(serde_spanned::Spanned::get_ref));
    let profile = args.profile.clone().or(of_file).unwrap_or_else(|| fallback.to_owned());
    let is_sandbox = args.base.is_some() && SANDBOXES.contains(&profile.as_str());
    let names = destinations::names(args, is_sandbox.then_some(typed.as_str()))?;
    let destinations = destinations::destinations(args, &names, host.stdout_is_terminal)?;
    let (lock, lock_file) = lock(args, project.as_ref())?;
    let library = library(args.layers_dir.as_deref())?;
    library_has(&library, &profile)?;
    let request = Request {
        base,
        base_words: typed.strip_prefix("docker://").unwrap_or(&typed).to_owned(),
        platforms: platforms(args, project.as_ref())?,
        names,
        destinations,
        lock,
        library,
        recommends: args.recommends.then_some(true).or_else(|| args.no_recommends.then_some(false)),
        uid_taken: uid_taken(args.uid_taken),
        scripts: match args.scripts {
            Scripts::Stop => plan::ScriptPolicy::Stop,
            Scripts::Defer => plan::ScriptPolicy::Defer,
        },
        installer: args.miniforge_installer.as_deref().map(installer).transpose()?,
        epoch: host.epoch()?,
        fold: args.fold,
        ignore_onbuild: args.ignore_onbuild,
        offline: args.offline,
        refresh: args.refresh,
        max_age: args.max_age,
        allow_expired: args.allow_expired,
        apt_mirrors: args.apt_mirror.iter().map(|m| words::mirror("--apt-mirror", m)).collect::<Result<_>>()?,
        conda_mirrors: args.conda_mirror.iter().map(|m| words::mirror("--conda-mirror", m)).collect::<Result<_>>()?,
        ask: ask(args, profile.clone(), project)?,
    };
    Ok(Asked { request, profile: (profile != "none").then_some(profile), lock_file })
}

fn ask(args: &BuildArgs, profile: String, file: Option<Unit>) -> Result<Ask> {
    let mut set: Vec<(String, String)> = args.set.iter().map(|s| words::key_value("--set", s)).collect::<Result<_>>()?;
    set.extend(args.user_id.map(|id| ("uid".to_owned(), id.to_string())));
    let (flags, words) = flags::document(args)?;
    Ok(Ask { profile, with: args.with.clone(), without: args.without.clone(), set, file, flags, words })
}

/// The project file: the one that is named, or that of this folder where nothing is named.
fn project(args: &BuildArgs) -> Result<Option<Unit>> {
    let path = match (&args.file, &args.base) {
        (Some(path), _) => path.as_path(),
        (None, Some(_)) => return Ok(None),
        (None, None) if Path::new(PROJECT).exists() => Path::new(PROJECT),
        (None, None) => {
            let message = format!("there is no BASE, and no {PROJECT} in this folder");
            return Err(usage_with_hint(message, "plywood build debian:12"));
        }
    };
    let name = path.display().to_string();
    let text = String::from_utf8(read(path)?)
        .map_err(|_| super::failure::CliError::Content { file: name.clone(), why: "it is no text".into() })?;
    let mut unit = Unit::parse(&name, Rank::File, &text)?;
    unit.folder = path.parent().map(Path::to_owned);
    Ok(Some(unit))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).map_err(|e| unreadable(path, e))?.len();
    if size > LARGEST_FILE {
        let why = format!("it has {size} bytes, more than the {LARGEST_FILE} that such a file may have");
        return Err(super::failure::CliError::Content { file: path.display().to_string(), why }.into());
    }
    std::fs::read(path).map_err(|e| unreadable(path, e))
}

/// A folder or file that is named as the place of an image must be there.
pub(super) fn is_there(place: &Location) -> Result<()> {
    match place {
        Location::Layout(path, _) | Location::OciArchive(path, _) | Location::DockerArchive(path, _) => {
            std::fs::metadata(path).map(|_| ()).map_err(|e| unreadable(path, e))
        }
        Location::Registry(_) | Location::Engine(_) | Location::Store(_) => Ok(()),
    }
}

/// A place that a file names is relative to that file.
fn beside(base: Location, folder: Option<&Path>) -> Location {
    let Some(folder) = folder else { return base };
    match base {
        Location::Layout(path, tag) => Location::Layout(folder.join(path), tag),
        Location::OciArchive(path, name) => Location::OciArchive(folder.join(path), name),
        Location::DockerArchive(path, name) => Location::DockerArchive(folder.join(path), name),
        other => other,
    }
}

fn platforms(args: &BuildArgs, project: Option<&Unit>) -> Result<Vec<Platform>> {
    let mut platforms: Vec<Platform> = args.platform.clone();
    if let (true, Some(unit)) = (platforms.is_empty(), project) {
        for text in &unit.document.platforms {
            platforms.push(text.get_ref().parse().map_err(|e: crate::oci::PlatformError| unit.error(text.span(), e.to_string()))?);
        }
    }
    let mut known = std::collections::BTreeSet::new();
    platforms.retain(|platform| known.insert(platform.clone()));
    Ok(platforms)
}

/// The lock to use, and the file that gets a new one.
fn lock(args: &BuildArgs, project: Option<&Unit>) -> Result<(LockUse, Option<PathBuf>)> {
    let beside = project.map(|unit| unit.folder.clone().unwrap_or_default().join(LOCK));
    let (path, is_named) = match (&args.lock, beside) {
        (Some(path), _) => (path.clone(), true),
        (None, Some(path)) => (path, false),
        (None, None) if args.locked => return Err(usage_with_hint("--locked needs a lock", "--lock FILE")),
        (None, None) => return Ok((LockUse::default(), None)),
    };
    if path.exists() {
        let text = read(&path)?;
        let written = (!args.locked).then(|| path.clone());
        return Ok((LockUse { text: Some((path.display().to_string(), text)), locked: args.locked }, written));
    }
    if args.locked {
        return Err(super::failure::CliError::Absent(path.display().to_string()).into());
    }
    Ok((LockUse::default(), is_named.then_some(path)))
}

/// The built-in recipes and profiles, and those of a folder, which win.
pub(super) fn library(folder: Option<&Path>) -> Result<Library> {
    let mut library = Library::shipped()?;
    let Some(folder) = folder else { return Ok(library) };
    for name in entries(folder)? {
        let recipe = folder.join(&name);
        let text = recipe.join("layer.toml");
        if text.is_file() {
            library.add_recipe_from(&name, &toml(&text)?, &recipe).during(|| format!("reading {}", text.display()))?;
        }
    }
    let profiles = folder.join("profiles");
    if profiles.is_dir() {
        for name in entries(&profiles)? {
            if let Some(name) = name.strip_suffix(".toml") {
                let text = profiles.join(format!("{name}.toml"));
                library.add_profile(name, &toml(&text)?).during(|| format!("reading {}", text.display()))?;
            }
        }
    }
    Ok(library)
}

/// Names in a folder that are text, sorted.
fn entries(folder: &Path) -> Result<Vec<String>> {
    let failed = |e| unreadable(folder, e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

fn toml(path: &Path) -> Result<String> {
    let not_text = |_| super::failure::CliError::Content { file: path.display().to_string(), why: "it is no text".into() };
    Ok(String::from_utf8(read(path)?).map_err(not_text)?)
}

fn library_has(library: &Library, profile: &str) -> Result<()> {
    if profile != "none" {
        library.profile(profile)?;
    }
    Ok(())
}

/// An address, or a file that is there.
fn installer(location: &str) -> Result<String> {
    if !(location.starts_with("http://") || location.starts_with("https://")) {
        std::fs::metadata(location).map_err(|e| unreadable(Path::new(location), e))?;
    }
    Ok(location.to_owned())
}

fn uid_taken(policy: UidTaken) -> plan::UidTaken {
    match policy {
        UidTaken::Fail => plan::UidTaken::Fail,
        UidTaken::Reuse => plan::UidTaken::Reuse,
        UidTaken::Rename => plan::UidTaken::Rename,
        UidTaken::Replace => plan::UidTaken::Replace,
    }
}

/// A name of an image without digest, as a new image gets it.
fn new_name(text: &str) -> Result<Reference> {
    let name: Reference = text.parse()?;
    if name.digest.is_some() {
        return Err(usage(format!("{text:?} has a digest, but the image is not made yet")));
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
