//! One file for each command; here they are told apart, and given what they work with.
//!
//! Invariant: a command ends well only if all of its output was written; it decides nothing that a library room decides.

use std::sync::Arc;

use crate::build::{Location, Opened, Services};
use crate::deliver::Events;
use crate::error::{During as _, Result};
use crate::http::Client;
use crate::oci::{Document, Platform};
use crate::store::Store;
use crate::transport::engine::Connection;
use crate::transport::registry::Registry;
use crate::transport::{Root, Source};

use super::args::{Choice, Command, Image};
use super::host::Host;
use super::report::Report;
use super::request::is_there;
use super::runtime::block_on;

mod build;
mod cat;
mod copy;
mod described;
mod inspect;
mod layers;
mod login;
mod ls;
mod plan;
mod reference;
mod store;
mod verify;

/// Runs a command.
pub(super) fn run(command: Command, host: &Host) -> Result<()> {
    let report = Report::new(host);
    match command {
        Command::Build(args) => build::run(&args, host, &report),
        Command::Plan(args) => plan::run(&args, host, &report),
        Command::Copy { source, destination, choice } => {
            let places = (source.parse()?, destination.as_str());
            copy::run(&places.0, places.1, &choice, host, &report)
        }
        Command::Inspect { image, raw, config } => {
            let shape = if raw {
                inspect::Shape::Raw
            } else if config {
                inspect::Shape::Config
            } else {
                inspect::Shape::Told
            };
            inspect::run(&image, shape, host, &report)
        }
        Command::Ls { image, path, recursive } => ls::run(&image, &path, recursive, host, &report),
        Command::Cat { image, path } => cat::run(&image, &path, host, &report),
        Command::Verify { image } => verify::run(&image, host, &report),
        Command::Layers(command) => layers::run(&command, host),
        Command::Login { registry, username, password_stdin: _ } => login::log_in(&registry, &username, host, &report),
        Command::Logout { registry } => login::log_out(&registry, host, &report),
        Command::Store(command) => store::run(&command, host),
        Command::Schema => reference::schema(),
        Command::Completions { shell } => reference::completions(shell),
        Command::Man { folder } => reference::man(&folder),
    }
}

/// What the driver and the reading commands work with.
fn services(host: &Host, report: &Arc<Report>, engines: Vec<Connection>) -> Result<Services> {
    let store = Store::open(&host.store()?).during(|| "opening the store")?;
    let http = Client::new(host.http()?);
    let registry = Registry::new(&http, host.credentials(), host.registries());
    let events: Arc<dyn Events> = Arc::clone(report) as Arc<dyn Events>;
    // Large files of a moment lie on the store's disk, where a run that was killed leaves nothing that gc does not find.
    let scratch = store.place().join("tmp");
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Services { store: Arc::new(store), http, registry, engines, events, threads, now: host.now, scratch })
}

/// Engines to look for where `location` is in one.
fn engines_for(location: &Location, host: &Host) -> Result<Vec<Connection>> {
    if matches!(location, Location::Engine(_)) { host.engines(None) } else { Ok(Vec::new()) }
}

/// An image that was found, for commands that read.
struct Found {
    services: Services,
    location: Location,
    source: Arc<dyn Source>,
    /// What the name means: a manifest or an index.
    root: Root,
}

impl Found {
    /// The name of the image with a digest.
    fn pinned(&self) -> String {
        pinned(&self.location, &self.root)
    }
}

/// `NAME@sha256:…`, the name without its tag where it is a registry's.
fn pinned(location: &Location, root: &Root) -> String {
    let name = match location {
        Location::Registry(name) => name.repository.familiar(),
        other => other.to_string(),
    };
    format!("{name}@{}", root.descriptor.digest)
}

/// Finds the image that a command names.
async fn find(image: &Image, host: &Host, report: &Arc<Report>) -> Result<Found> {
    let location: Location = image.name.parse()?;
    is_there(&location)?;
    let services = services(host, report, engines_for(&location, host)?)?;
    let Opened { source, selector } = services.source(&location).await?;
    let root = source.resolve(&selector).await.during(|| format!("resolving {location}"))?;
    let root = chosen(&*source, root, &image.choice).await?;
    Ok(Found { services, location, source, root })
}

/// The image of an index that `--platform` chooses; everything where it chooses nothing.
async fn chosen(source: &dyn Source, root: Root, choice: &Choice) -> Result<Root> {
    match &choice.platform {
        None => Ok(root),
        Some(platform) => {
            let manifest = crate::image::select(source, &root, platform).await?;
            Ok(Root { descriptor: manifest.descriptor(), raw: manifest.raw })
        }
    }
}

/// The platform of this machine, in Go's words.
fn own_platform() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    };
    Platform::linux(architecture)
}

/// The platform whose image is read: a manifest's own, else this machine's.
fn wanted_platform(choice: &Choice) -> Platform {
    choice.platform.clone().unwrap_or_else(own_platform)
}

/// Whether the root is an index.
fn is_index(root: &Root) -> Result<bool> {
    Ok(matches!(Document::parse(root.raw.clone(), Some(&root.descriptor.media_type))?, Document::Index(_)))
}
