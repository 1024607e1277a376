//! The whole way from a base and what is asked of it to the chosen packages.
//!
//! Invariant: an archive that cannot be reached is a warning as long as another one serves the request; one whose
//! signature, date or digest is wrong is an error: who can break it could else hide every update in it.

use std::sync::Arc;

use futures_util::StreamExt as _;

use crate::apt::packages::{Field, Index};
use crate::apt::preferences::Preferences;
use crate::apt::select::Options;
use crate::apt::signature::{Keyring, Policy};
use crate::apt::sources::Sources;
use crate::apt::version::Version;
use crate::apt::{AptConf, Files, status};
use crate::deliver::{Events, Silent};
use crate::error::{Class, During as _, Error, Result};
use crate::http::Client;
use crate::rootfs::RootFs;
use crate::store::Store;

use super::decide::{Decision, Question};
use super::index::Archive;
use super::release::{Asking, Trust};
use super::transfer::{Access, canonical};
use super::{ArchiveIndex, Asked, Chosen, LockedPackage, PinError, SolverRequest, fetch, local, postinst};

/// Archives that are asked at a time.
const AT_A_TIME: usize = 4;
/// How often package files are read because an order depends on their scripts.
const ROUNDS: usize = 16;
/// The tool whose version decides the rules, under the name that its own package has everywhere.
const TOOL: &str = "apt";

/// Chooses the packages that the requests need, as the base's own apt would, from the archives that the base names.
pub async fn choose(asked: &Asked<'_>, store: &Arc<Store>, http: &Client) -> Result<Chosen> {
    let requests: Vec<SolverRequest> = asked.requests.iter().filter(|request| !request.is_empty()).cloned().collect();
    if requests.is_empty() {
        return Ok(Chosen::default());
    }
    let root = asked.rootfs;
    let status = Files::read(root, "/var/lib/dpkg/status").ok_or(PinError::NoDpkg)?;
    status::check(&status)?;
    let status = Index::read(&status, asked.architecture)?;
    let version = version_of_tool(&status);
    let conf = AptConf::read(root)?;
    let mut sources = Sources::read(root, asked.architecture)?;
    for source in asked.sources {
        sources.add_stanza(&source.said_by, &source.stanza, asked.architecture)?;
    }
    let preferences = Preferences::read(root, &conf, asked.architecture)?;
    let mut chosen = Chosen::default();
    chosen.warnings.extend(sources.warnings.iter().map(|w| format!("{}:{}: {}", w.file, w.line, w.reason)));
    chosen.warnings.extend(foreign(root, asked.architecture));
    let access = Access { store: store.clone(), http: http.clone(), mirrors: asked.mirrors.into(), offline: asked.offline };
    let options = options(&conf, &version);
    let trust = Trust {
        conf,
        policy: Policy::of_apt(&version),
        now: asked.now,
        allow_expired: asked.allow_expired,
        refresh: asked.refresh,
        max_age: asked.max_age,
    };
    let (archives, missing) = archives(asked, &sources, &access, &trust, &mut chosen).await?;
    chosen.indexes = archives.iter().map(index_of).collect();
    chosen.newest_release = chosen.indexes.iter().map(|index| index.date).max();
    let question = Question {
        architecture: asked.architecture.to_owned(),
        status,
        local: local::index(&requests, asked.architecture)?,
        extended_states: Files::read(root, "/var/lib/apt/extended_states").unwrap_or_default(),
        preferences,
        archives,
        requests,
        options,
        store: store.clone(),
    };
    let decision = settled(Arc::new(question), &access).await;
    // What an absent archive has may be just what is wanting.
    let decision = decision.map_err(|error| missing.iter().fold(error, |error, step| error.during(step.as_str())))?;
    chosen.packages = decision.packages;
    chosen.calls = decision.calls;
    chosen.extended_states = decision.extended_states;
    chosen.notes = decision.notes;
    Ok(chosen)
}

/// The version of apt in the base; empty where it has none.
fn version_of_tool(status: &Index) -> String {
    let stanzas = (0..status.len()).filter_map(|at| status.stanza(at));
    let found = stanzas.into_iter().find(|stanza| stanza.name() == TOOL && stanza.get(Field::Status).is_some());
    found.map(|stanza| stanza.version().to_owned()).unwrap_or_default()
}

/// What is said of a base that dpkg has told to take packages of other architectures, too.
fn foreign(root: &RootFs, native: &str) -> Option<String> {
    let told = Files::read(root, "/var/lib/dpkg/arch")?;
    let text = String::from_utf8_lossy(&told);
    let others: Vec<&str> = text.split_ascii_whitespace().filter(|name| *name != native).collect();
    (!others.is_empty()).then(|| format!("packages of the base's further architectures ({}) are not considered", others.join(", ")))
}

fn options(conf: &AptConf, version: &str) -> Options {
    let by_source = version.is_empty() || Version::new(version) >= Version::new("2.5.2");
    Options {
        recommends: conf.bool("APT::Install-Recommends", true),
        suggests: conf.bool("APT::Install-Suggests", false),
        upgrade_by_source: conf.bool("APT::Get::Upgrade-By-Source-Package", by_source),
    }
}

fn index_of(archive: &Archive) -> ArchiveIndex {
    ArchiveIndex {
        uri: canonical(archive.source.uri.url()).to_string(),
        suite: archive.source.suite.clone(),
        release: archive.found.digest,
        date: archive.found.release.date,
    }
}

/// All archives that can be had, in the order of the sources, and what is to be said of the others.
async fn archives(
    asked: &Asked<'_>,
    sources: &Sources,
    access: &Access,
    trust: &Trust,
    chosen: &mut Chosen,
) -> Result<(Vec<Archive>, Vec<String>)> {
    if sources.sources.is_empty() {
        return Err(PinError::NoSources { architecture: asked.architecture.to_owned() }.into());
    }
    let rings: Vec<Keyring> =
        sources.sources.iter().map(|source| Keyring::of(&source.options.signed_by, asked.rootfs, trust.policy)).collect();
    for warning in rings.iter().flat_map(Keyring::warnings) {
        note(&mut chosen.warnings, format!("{}: {}", warning.object, warning.reason));
    }
    let (architecture, access, trust) = (asked.architecture, access, trust);
    let asking = sources.sources.iter().zip(&rings).map(|(source, keyring)| async move {
        let asking = Asking { source, keyring, architecture, access, trust };
        asking.archive().await.during(|| format!("reading archive {source}"))
    });
    let answers: Vec<Result<Archive>> = futures_util::stream::iter(asking).buffered(AT_A_TIME).collect().await;
    let (mut archives, mut missing, mut first) = (Vec::new(), Vec::new(), None);
    for answer in answers {
        match answer {
            Ok(archive) => {
                archive.found.warnings.iter().for_each(|warning| note(&mut chosen.warnings, warning.clone()));
                chosen.is_makeshift |= archive.found.is_fallback;
                archives.push(archive);
            }
            Err(error) if matches!(error.class(), Class::Remote | Class::Authentication | Class::NotFound) => {
                chosen.is_makeshift = true;
                note(&mut chosen.warnings, format!("{error}; its packages are left out"));
                missing.push(format!("without an archive ({error})"));
                first.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match first {
        Some(error) if archives.is_empty() => Err(error),
        _ => Ok((archives, missing)),
    }
}

fn note(warnings: &mut Vec<String>, warning: String) {
    if !warnings.contains(&warning) {
        warnings.push(warning);
    }
}

/// The decision; package files are read only where its order depends on them.
async fn settled(question: Arc<Question>, access: &Access) -> Result<Decision> {
    let mut last = None;
    for _ in 0..ROUNDS {
        let asked = question.clone();
        let decided = tokio::task::spawn_blocking(move || asked.decide()).await;
        let decision = decided.map_err(|_| PinError::Worker)??;
        if decision.wanting.is_empty() {
            return Ok(decision);
        }
        last = decision.wanting.first().copied();
        let wanted = |package: &&LockedPackage| package.sha256.is_some_and(|digest| decision.wanting.contains(&digest));
        let packages: Vec<LockedPackage> = decision.packages.iter().filter(wanted).cloned().collect();
        let events: Arc<dyn Events> = Arc::new(Silent);
        fetch(&packages, &access.store, &access.http, &access.mirrors, access.offline, &events).await?;
        let store = access.store.clone();
        let learn = move || {
            let files = packages.iter().filter_map(|package| Some((package.sha256?, package.size)));
            files.into_iter().try_for_each(|(digest, size)| postinst::learn(&store, digest, size))
        };
        tokio::task::spawn_blocking(learn).await.map_err(|_| PinError::Worker)??;
    }
    match last {
        Some(digest) => Err(PinError::Unsettled { digest }.into()),
        None => Err(Error::from(PinError::Worker)),
    }
}
