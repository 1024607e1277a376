//! `plywood copy SRC DST`: an image or a whole index from one place to another, byte for byte.

use std::sync::Arc;

use crate::build::{Location, Opened, Services};
use crate::deliver::{Job, Limits, Receipt, copy, gather, load};
use crate::error::{During as _, Result};
use crate::oci::{Digest, Reference};
use crate::transport::archive::TarTarget;
use crate::transport::engine::Engine;
use crate::transport::layout::LayoutTarget;
use crate::transport::{Root, StreamTarget, Target};

use super::{block_on, chosen, engines_for, is_index, is_there, pinned, services};
use crate::cli::args::Choice;
use crate::cli::failure::{usage, usage_with_hint};
use crate::cli::host::Host;
use crate::cli::output::{Output, STDOUT};
use crate::cli::plain::bytes;
use crate::cli::report::Report;

pub(super) fn run(source: &Location, destination: &str, choice: &Choice, host: &Host, report: &Arc<Report>) -> Result<()> {
    let to_stdout = matches!(destination, "oci-archive:-" | "docker-archive:-" | "-");
    if to_stdout && host.stdout_is_terminal {
        return Err(usage_with_hint("a tar is not written to a terminal", "docker-archive:FILE.tar, or a pipe"));
    }
    let destination = if to_stdout { Location::DockerArchive("-".into(), None) } else { destination.parse()? };
    is_there(source)?;
    let mut engines = engines_for(source, host)?;
    if engines.is_empty() {
        engines = engines_for(&destination, host)?;
    }
    let services = services(host, report, engines)?;
    let copying = Copying { services: &services, destination: &destination, to_stdout };
    let (receipt, root) = block_on(copying.run(source, choice))?;
    let state = if receipt.unchanged { "was there already" } else { "copied" };
    report.say(&format!("{state}: {} sent, {} mounted", bytes(receipt.sent_bytes), bytes(receipt.mounted_bytes)));
    if to_stdout {
        return Ok(());
    }
    let mut output = Output::new();
    if host.global.json {
        output.json(&receipt)?;
    } else {
        output.line(pinned(&destination, &root))?;
    }
    output.finish()
}

struct Copying<'a> {
    services: &'a Services,
    destination: &'a Location,
    to_stdout: bool,
}

impl Copying<'_> {
    async fn run(&self, from: &Location, choice: &Choice) -> Result<(Receipt, Root)> {
        let target = self.target(from).await?;
        target.check_rights().await?;
        let Opened { source, selector } = self.services.source(from).await?;
        let root = source.resolve(&selector).await.during(|| format!("resolving {from}"))?;
        let choice = fitting(choice, &root, &target)?;
        let root = chosen(&*source, root, &choice).await?;
        self.fits(&root)?;
        let job = gather(source, root.clone()).await.during(|| format!("reading {from}"))?;
        let receipt = target.take(&job, self.services).await.during(|| format!("copying {from}"))?;
        Ok((receipt, root))
    }

    /// A digest in DST must be the image's.
    fn fits(&self, root: &Root) -> Result<()> {
        match self.destination {
            Location::Registry(Reference { digest: Some(digest), .. }) if *digest != root.descriptor.digest => {
                Err(usage(format!("DST names {digest}, but the image is {}", root.descriptor.digest)))
            }
            _ => Ok(()),
        }
    }

    async fn target(&self, from: &Location) -> Result<Place> {
        Ok(match self.destination {
            Location::Registry(name) => {
                let tag = name.tag.clone().or_else(|| name.digest.is_none().then(|| "latest".to_owned()));
                Place::Graph(Box::new(self.services.registry.repository(name.repository.clone())?), tag.into_iter().collect())
            }
            Location::Layout(folder, tag) => {
                let tag = tag.clone().or_else(|| tag_of(from)).unwrap_or_else(|| "latest".to_owned());
                Place::Graph(Box::new(LayoutTarget::new(folder)), vec![tag])
            }
            Location::OciArchive(..) | Location::DockerArchive(..) if self.to_stdout => {
                Place::Tar(TarTarget::writer(STDOUT, std::io::stdout()), name_of(from))
            }
            Location::OciArchive(file, name) | Location::DockerArchive(file, name) => {
                let named = name.as_ref().map(|n| n.parse()).transpose()?;
                Place::Tar(TarTarget::file(file), named.map_or_else(|| name_of(from), |name| vec![name]))
            }
            Location::Engine(name) => Place::Engine(Engine::connect(&self.services.engines).await?, name.clone()),
            Location::Store(_) => return Err(usage("the store takes results of build only")),
        })
    }
}

/// An engine gets the image of its own platform, where an index has several.
fn fitting(choice: &Choice, root: &Root, target: &Place) -> Result<Choice> {
    match target {
        Place::Engine(engine, _) if choice.platform.is_none() && is_index(root)? => {
            Ok(Choice { platform: Some(engine.platform.parse()?) })
        }
        _ => Ok(choice.clone()),
    }
}

/// The tag that an image has at its place.
fn tag_of(from: &Location) -> Option<String> {
    match from {
        Location::Layout(_, tag) => tag.clone(),
        other => name_of(other).into_iter().next().map(|name| name.tag_or_latest().to_owned()),
    }
}

/// The names that an archive says.
fn name_of(from: &Location) -> Vec<Reference> {
    let name = match from {
        Location::Registry(name) | Location::Engine(name) => Some(name.clone()),
        // An image without a name is kept under its digest.
        Location::Store(name) if name.parse::<Digest>().is_err() => name.parse().ok(),
        _ => None,
    };
    name.map(|name| Reference { digest: None, ..name }).into_iter().collect()
}

/// A place to write to, with the names that the image gets there.
enum Place {
    Graph(Box<dyn Target>, Vec<String>),
    Tar(TarTarget, Vec<Reference>),
    Engine(Engine, Reference),
}

impl Place {
    async fn check_rights(&self) -> Result<()> {
        match self {
            Self::Graph(target, _) => target.check_rights().await,
            Self::Tar(target, _) => target.check_rights().await,
            Self::Engine(..) => Ok(()),
        }
    }
    async fn take(&self, job: &Job, services: &Services) -> Result<Receipt> {
        match self {
            Self::Graph(target, names) => copy(job, names, &**target, &services.events, Limits::default()).await,
            Self::Tar(target, names) => load(job, names, target, &services.events).await,
            Self::Engine(engine, name) => load(job, std::slice::from_ref(name), engine, &services.events).await,
        }
    }
}
