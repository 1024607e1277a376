//! Names of the image and where it goes: `-t`, `--load`, `--push`, `-o`.
//!
//! Invariant: every destination can be written as far as words and the terminal tell; nothing is opened here.

use std::path::PathBuf;

use crate::build::{Destination, Location};
use crate::error::{IoFault, Result};
use crate::oci::Reference;

use super::new_name;
use crate::cli::args::BuildArgs;
use crate::cli::failure::{usage, usage_with_hint};
use crate::cli::sandbox_name::sandbox_name;

/// The names. `sandbox` is the base as typed, where `OpenHands`' default name may stand in for `-t`.
pub(super) fn names(args: &BuildArgs, sandbox: Option<&str>) -> Result<Vec<Reference>> {
    if !args.tag.is_empty() {
        let mut names: Vec<Reference> = Vec::new();
        for text in &args.tag {
            let name = new_name(text)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        return Ok(names);
    }
    match sandbox {
        Some(base) if args.load.is_some() && !args.push && args.output.is_empty() => Ok(vec![sandbox_name(base)?]),
        _ if args.load.is_some() => Err(usage_with_hint("--load needs a name for the image", "-t NAME")),
        _ if args.push => Err(usage_with_hint("--push needs a name with a registry or repository", "-t HOST/NAME:TAG")),
        _ => Ok(Vec::new()),
    }
}

/// Where the image goes.
pub(super) fn destinations(args: &BuildArgs, names: &[Reference], stdout_is_terminal: bool) -> Result<Vec<Destination>> {
    let mut destinations = Vec::new();
    if args.push {
        let pushed: Vec<Reference> = args.tag.iter().filter(|t| t.contains('/')).map(|t| new_name(t)).collect::<Result<_>>()?;
        if pushed.is_empty() {
            return Err(usage_with_hint("--push sends the names that have a `/`, and there is none", "-t HOST/NAME:TAG"));
        }
        destinations.push(Destination::Push(pushed));
    }
    if args.load.is_some() {
        destinations.push(Destination::Load(names.to_vec()));
    }
    for text in &args.output {
        destinations.push(output(text, names, stdout_is_terminal)?);
    }
    for (at, destination) in destinations.iter().enumerate() {
        if destinations.iter().take(at).any(|other| other == destination) {
            return Err(usage("one output is named twice"));
        }
    }
    Ok(destinations)
}

fn output(text: &str, names: &[Reference], stdout_is_terminal: bool) -> Result<Destination> {
    if text == "-" {
        if stdout_is_terminal {
            return Err(usage_with_hint("a tar is not written to a terminal", "-o FILE.tar, or a pipe"));
        }
        return Ok(Destination::Stdout);
    }
    let path = match text.split_once(':') {
        Some(("oci" | "oci-archive" | "docker-archive", _)) => match text.parse::<Location>()? {
            Location::Layout(folder, tag) => {
                let tag = tag.unwrap_or_else(|| names.first().map_or("latest", Reference::tag_or_latest).to_owned());
                parent_exists(&folder)?;
                return Ok(Destination::Layout(folder, tag));
            }
            Location::OciArchive(path, _) | Location::DockerArchive(path, _) => path,
            _ => return Err(usage(format!("{text:?} is no output"))),
        },
        Some(("docker-daemon", _)) => return Err(usage_with_hint("-o writes files", "--load -t NAME")),
        Some(("docker" | "http" | "https", _)) => return Err(usage_with_hint("-o writes files", "--push -t HOST/NAME:TAG")),
        _ if text.is_empty() => return Err(usage("-o needs a file")),
        _ => PathBuf::from(text),
    };
    parent_exists(&path)?;
    Ok(Destination::Tar(path))
}

/// A missing folder is told before anything is made.
fn parent_exists(path: &std::path::Path) -> Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    std::fs::metadata(parent).map(|_| ()).map_err(|e| IoFault::new(parent.display().to_string(), e).into())
}
