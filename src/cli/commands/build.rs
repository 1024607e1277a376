//! `plywood build`: makes images and says what became of them.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::build::{self, Destination, Location, Outcome, Request, Services};
use crate::error::{IoFault, Result};
use crate::recipe::Library;
use crate::transport::engine::{Connection, Engine};

use super::{own_platform, services};
use crate::cli::args::BuildArgs;
use crate::cli::host::Host;
use crate::cli::output::Output;
use crate::cli::plain::bytes;
use crate::cli::report::Report;
use crate::cli::request::{self, Asked};
use crate::cli::runtime::block_on;

pub(super) fn run(args: &BuildArgs, host: &Host, report: &Arc<Report>) -> Result<()> {
    let asked = request::of(args, host)?;
    for file in [&args.digest_file, &args.metadata_file, &asked.lock_file].into_iter().flatten() {
        folder_of(file)?;
    }
    introduce(&asked, report);
    let engines = engines(args, &asked.request, host)?;
    let services = services(host, report, engines)?;
    let request = asked.request.clone();
    let outcome = block_on(async {
        let request = with_platforms(request, args.load.is_some(), &services.engines).await?;
        if args.platform.is_empty() {
            report.say(&format!("platform {}", listed(&request)));
        }
        build::build(request, &services).await
    })?;
    for note in &outcome.notes {
        report.say(note);
    }
    if let Some(path) = &asked.lock_file {
        let text = outcome.lock.to_text();
        let same = asked.request.lock.text.as_ref().is_some_and(|(_, old)| old.as_slice() == text.as_bytes());
        if !same {
            replace(path, text.as_bytes())?;
        }
    }
    if let Some(path) = &args.digest_file {
        replace(path, digest(&outcome).as_bytes())?;
    }
    if let Some(path) = &args.metadata_file {
        let text = serde_json::to_vec_pretty(&outcome).map_err(|e| IoFault::new(path.display().to_string(), e.into()))?;
        replace(path, &text)?;
    }
    conclude(&asked.request, &outcome, &services, report)?;
    // A tar has stdout for itself.
    if asked.request.destinations.contains(&Destination::Stdout) { Ok(()) } else { print(&outcome, host.global.json) }
}

/// Engines to look for, where one is asked for.
pub(super) fn engines(args: &BuildArgs, request: &Request, host: &Host) -> Result<Vec<Connection>> {
    let wish = args.load.as_deref().filter(|wish| *wish != "auto");
    if args.load.is_some() || matches!(request.base, Location::Engine(_)) { host.engines(wish) } else { Ok(Vec::new()) }
}

/// The request with its platforms: the engine's for a load, else this machine's.
pub(super) async fn with_platforms(mut request: Request, loads: bool, engines: &[Connection]) -> Result<Request> {
    if request.platforms.is_empty() {
        let platform = if loads { Engine::connect(engines).await?.platform.parse()? } else { own_platform() };
        request.platforms.push(platform);
    }
    Ok(request)
}

fn listed(request: &Request) -> String {
    request.platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The first line: what the profile adds and changes.
pub(super) fn introduce(asked: &Asked, report: &Report) {
    if let Some(profile) = &asked.profile
        && let Some(line) = profile_line(profile, &asked.request.library, &asked.request.ask.without)
    {
        report.say(&line);
    }
}

fn profile_line(profile: &str, library: &Library, without: &[String]) -> Option<String> {
    let document = library.profile(profile).ok()?.document;
    let recipes: Vec<&str> =
        document.recipes.iter().map(|r| r.get_ref().as_str()).filter(|r| !without.iter().any(|w| w == r)).collect();
    let config = &document.config;
    let command = |name: &str, words: &[crate::recipe::Text]| {
        if words.is_empty() { format!("clears {name}") } else { format!("sets {name}") }
    };
    let mut changes = Vec::new();
    changes.extend(config.user.as_ref().map(|user| format!("sets User {}", user.get_ref())));
    changes.extend(config.workdir.as_ref().map(|folder| format!("sets WorkingDir {}", folder.get_ref())));
    changes.extend(config.entrypoint.as_deref().map(|words| command("Entrypoint", words)));
    changes.extend(config.cmd.as_deref().map(|words| command("Cmd", words)));
    changes.extend(config.env.keys().map(|key| format!("sets {key}")));
    let added = if recipes.is_empty() { "nothing".to_owned() } else { recipes.join(", ") };
    let changed = if changes.is_empty() { String::new() } else { format!("; {}", changes.join(", ")) };
    Some(format!("profile {profile} adds {added}{changed}"))
}

/// What was sent, and for an image that went nowhere what can be done with it.
fn conclude(request: &Request, outcome: &Outcome, services: &Services, report: &Report) -> Result<()> {
    let Some(first) = outcome.images.first() else { return Ok(()) };
    let (new, reused): (Vec<_>, Vec<_>) = first.layers.iter().partition(|layer| !layer.reused);
    report.say(&format!(
        "{} {} of ours ({} new, {} reused); {} sent, {} mounted",
        first.layers.len(),
        if first.layers.len() == 1 { "layer" } else { "layers" },
        new.len(),
        reused.len(),
        bytes(first.sent_bytes),
        bytes(first.mounted_bytes)
    ));
    if !request.destinations.is_empty() {
        return Ok(());
    }
    report.say("the image stays in the store");
    let name = request.names.first().map(crate::oci::Reference::familiar);
    let is_kept = services.store.reference(&name.clone().unwrap_or_else(|| first_digest(outcome)))?.is_some();
    let can_be_copied = is_kept && matches!(request.base, Location::Registry(_));
    for command in next_commands(name.as_deref(), &first_digest(outcome), can_be_copied) {
        report.hint(&command);
    }
    Ok(())
}

/// What can be done with an image of the store. It is copied from there where the base's layers can still be had.
fn next_commands(name: Option<&str>, digest: &str, can_be_copied: bool) -> Vec<String> {
    if !can_be_copied {
        return vec!["the same command with -o FILE.tar, or with -t NAME and --load or --push; nothing is made again".into()];
    }
    let (stored, target) = (name.unwrap_or(digest), name.unwrap_or("NAME"));
    let copy = |to: &str| format!("plywood copy store:{stored} {to}");
    vec![copy(&format!("docker-daemon:{target}")), copy("docker-archive:FILE.tar")]
}

fn first_digest(outcome: &Outcome) -> String {
    let index = outcome.indexes.first().map(|index| index.digest);
    index.or_else(|| outcome.images.first().map(|image| image.digest)).map(|d| d.to_string()).unwrap_or_default()
}

fn digest(outcome: &Outcome) -> String {
    first_digest(outcome)
}

/// `NAME@sha256:…` of each image, or of each index; or the JSON document.
fn print(outcome: &Outcome, json: bool) -> Result<()> {
    let mut output = Output::new();
    if json {
        output.json(outcome)?;
        return output.finish();
    }
    let indexes: Vec<&String> = outcome.indexes.iter().map(|index| &index.reference).collect();
    let images = outcome.images.iter().map(|image| &image.reference);
    for reference in if indexes.is_empty() { images.collect() } else { indexes } {
        // An image without a name has only its digest.
        output.line(reference.trim_start_matches('@'))?;
    }
    output.finish()
}

fn folder_of(path: &Path) -> Result<&Path> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::metadata(folder).map_err(|e| IoFault::new(folder.display().to_string(), e))?;
    Ok(folder)
}

/// Writes a small file whole or not at all.
fn replace(path: &Path, content: &[u8]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |e| IoFault::new(path.display().to_string(), e);
    let mode = std::fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().prefix(".plywood-").permissions(mode).tempfile_in(folder_of(path)?).map_err(failed)?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_commands_name_what_the_store_has() {
        let copies = next_commands(Some("my/image:1"), "sha256:ab", true);
        assert_eq!(
            copies,
            ["plywood copy store:my/image:1 docker-daemon:my/image:1", "plywood copy store:my/image:1 docker-archive:FILE.tar",]
        );
        assert_eq!(next_commands(None, "sha256:ab", true)[0], "plywood copy store:sha256:ab docker-daemon:NAME");
        assert!(next_commands(Some("x"), "sha256:ab", false)[0].starts_with("the same command with"));
    }

    #[test]
    fn the_first_line_says_what_the_profile_adds_and_changes() {
        let mut library = Library::shipped().expect("reads");
        let line = profile_line("openhands", &library, &["miniforge".into()]).expect("a line");
        assert_eq!(line, "profile openhands adds sshd, wget, sudo, openhands; sets User root, clears Entrypoint");
        library.add_profile("bare", "[config]\ncmd = ['sh']\n[config.env]\nLANG = 'C'\n").expect("a profile");
        assert_eq!(profile_line("bare", &library, &[]).expect("a line"), "profile bare adds nothing; sets Cmd, sets LANG");
        assert_eq!(profile_line("none", &library, &[]), None);
    }
}
