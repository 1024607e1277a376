//! The packages of an environment, read on several threads.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::conda::{Environment, Linked, Member, SmallFile, Wanted};
use crate::error::Result;
use crate::plan::conda::Cached;
use crate::recipe::Conda;

use super::super::archives::{Archives, Part, Place};
use super::super::prepare::Prepared;
use super::super::{BuildError, Services};
use super::prefix_of;

/// A package and where its bytes lie.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) wanted: Wanted,
    pub(super) member: Member,
    /// The channel's entry, where it is known.
    pub(super) repodata: Option<serde_json::Map<String, serde_json::Value>>,
    pub(super) place: Place,
}

/// What an installer or list brings.
#[derive(Clone, Debug, Default)]
pub(super) struct Brought {
    pub(super) packages: Vec<Source>,
    /// Files of the prefix that belong to no package.
    pub(super) files: BTreeMap<String, SmallFile>,
}

/// Reads all packages for their prefix and checks that they fit together.
pub(super) async fn environment(
    brought: Brought,
    conda: &Conda,
    platform: &str,
    one: &Prepared,
    services: &Services,
) -> Result<Environment> {
    let (prefix, platform, archives) = (prefix_of(conda), platform.to_owned(), one.archives.clone());
    let threads = services.threads.max(1);
    let work = move || -> Result<Environment> {
        let packages = read_all(&brought.packages, &prefix, &archives, threads)?;
        let environment = Environment::new(prefix, &platform, packages);
        Ok(environment?)
    };
    tokio::task::spawn_blocking(work).await.map_err(super::worker)?
}

/// What a package cache keeps of each package.
pub(super) async fn cache(brought: &Brought, one: &Prepared) -> Result<Vec<Cached>> {
    let (sources, archives) = (brought.packages.clone(), one.archives.clone());
    let work = move || -> Result<Vec<Cached>> {
        let one = |source: &Source| -> Result<Cached> {
            let (archive, size, place) = (source.member.sha256, source.member.size, source.place);
            let whole = archives.part(Part::Whole, archive, size, place)?.ok_or(BuildError::Worker)?;
            Ok(Cached { whole, info: archives.part(Part::Info, archive, size, place)? })
        };
        sources.iter().map(one).collect()
    };
    tokio::task::spawn_blocking(work).await.map_err(super::worker)?
}

/// In the order of `sources`; the first failure in that order is told.
fn read_all(sources: &[Source], prefix: &str, archives: &Archives, threads: usize) -> Result<Vec<Linked>> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(sources.len()) {
            scope.spawn(|| {
                while let Some((number, source)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    sources.get(number).map(|source| (number, source))
                } {
                    let read = read_one(source, prefix, archives);
                    let failed = read.is_err();
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(number, read);
                    if failed {
                        // What is behind it in the order cannot be the first failure.
                        next.fetch_add(sources.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let linked: Vec<Linked> = done.into_values().collect::<Result<_>>()?;
    if linked.len() == sources.len() { Ok(linked) } else { Err(BuildError::Worker.into()) }
}

fn read_one(source: &Source, prefix: &str, archives: &Archives) -> Result<Linked> {
    let Source { wanted, member, repodata, place } = source.clone();
    let package = archives.conda(&wanted.file, member.sha256, member.size, place, prefix)?;
    Ok(Linked::new(wanted, member, package, repodata))
}

/// Lower-case hex of the MD5 of all bytes.
pub(super) fn md5_of(mut input: impl Read) -> std::io::Result<String> {
    use md5::Digest as _;
    let (mut md5, mut piece) = (md5::Md5::new(), vec![0; 128 << 10]);
    loop {
        match input.read(&mut piece) {
            Ok(0) => return Ok(md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            Ok(n) => md5.update(&piece[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
