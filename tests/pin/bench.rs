//! A base, a store and an archive for one test.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use plywood::deliver::{Events, Silent};
use plywood::error::Result;
use plywood::http::{Client, Login, Retry, Settings};
use plywood::pin::{Asked, Chosen, LockedPackage, SolverRequest, choose, fetch};
use plywood::rootfs::{Node, RootFs};
use plywood::store::Store;
use plywood::stream::{Entry, EntryPath, Kind};

use crate::archive::{Archive, fixtures};

/// What the base has: one essential package, and three old ones of one source.
const STATUS: &str = "Package: core\nStatus: install ok installed\nEssential: yes\nArchitecture: amd64\nVersion: 1.0\n\n\
    Package: tool\nStatus: install ok installed\nSource: toolbox\nArchitecture: amd64\nVersion: 1.0\n\n\
    Package: toollib\nStatus: install ok installed\nSource: toolbox\nArchitecture: amd64\nVersion: 1.0\n\n\
    Package: tooldoc\nStatus: install ok installed\nSource: toolbox\nArchitecture: amd64\nVersion: 1.0\n";

/// The question, with everything that a test may change.
pub(crate) struct Bench {
    pub(crate) archive: Archive,
    pub(crate) store: Arc<Store>,
    pub(crate) sources: String,
    pub(crate) key: Vec<u8>,
    pub(crate) files: Vec<(&'static str, String)>,
    pub(crate) now: SystemTime,
    pub(crate) allow_expired: bool,
    pub(crate) offline: bool,
    pub(crate) refresh: bool,
    pub(crate) mirrors: Vec<(String, String)>,
    pub(crate) logins: Vec<Login>,
    /// Internal hosts that the base may name.
    pub(crate) private: Vec<String>,
    folder: tempfile::TempDir,
}

/// Seconds since 1970 of 2026-01-01, when the archive was signed.
pub(crate) const SIGNED: u64 = 1_767_225_600;
pub(crate) const DAY: u64 = 86_400;

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

impl Bench {
    pub(crate) fn new() -> Self {
        let (archive, folder) = (Archive::start(), tempfile::tempdir().unwrap());
        Self {
            sources: format!("deb {} stable main\n", archive.uri()),
            archive,
            store: Arc::new(Store::open(folder.path()).unwrap()),
            key: std::fs::read(fixtures().join("key.gpg")).unwrap(),
            files: Vec::new(),
            now: at(SIGNED + DAY),
            allow_expired: false,
            offline: false,
            refresh: false,
            mirrors: Vec::new(),
            logins: Vec::new(),
            private: vec!["127.0.0.1".into()],
            folder,
        }
    }

    /// A store that knows nothing.
    pub(crate) fn forget(&mut self) {
        self.folder = tempfile::tempdir().unwrap();
        self.store = Arc::new(Store::open(self.folder.path()).unwrap());
    }

    /// One more archive behind the others.
    pub(crate) fn add_source(&mut self, archive: &Archive, suite: &str) {
        self.sources = format!("{}deb {} {suite} main\n", self.sources, archive.uri());
    }

    fn rootfs(&self) -> RootFs {
        let mut files = vec![
            ("var/lib/dpkg/status", STATUS.as_bytes().to_vec()),
            ("etc/apt/sources.list", self.sources.clone().into_bytes()),
            ("etc/apt/trusted.gpg.d/archive.gpg", self.key.clone()),
        ];
        files.extend(self.files.iter().map(|(path, text)| (*path, text.clone().into_bytes())));
        RootFs::from_nodes(files.into_iter().map(|(path, bytes)| Node {
            entry: Entry::new(EntryPath::new(path).unwrap(), Kind::File { size: bytes.len() as u64 }, 0o644),
            bytes: Some(bytes.into()),
            digest: None,
            elf: None,
            layer: 0,
        }))
    }

    pub(crate) fn client(&self) -> Client {
        let soon = Duration::from_millis(1);
        let retry = Retry { attempts: 3, first_delay: soon, longest_delay: soon, ..Retry::default() };
        let (logins, allow_private) = (self.logins.clone(), self.private.clone());
        Client::new(Settings { retry, read_timeout: Duration::from_secs(5), logins, allow_private, ..Settings::default() })
    }

    pub(crate) async fn choose(&self, requests: Vec<SolverRequest>) -> Result<Chosen> {
        let asked = Asked {
            rootfs: &self.rootfs(),
            architecture: "amd64",
            requests,
            now: self.now,
            allow_expired: self.allow_expired,
            offline: self.offline,
            refresh: self.refresh,
            max_age: Duration::from_secs(3600),
            sources: &[],
            mirrors: &self.mirrors,
        };
        choose(&asked, &self.store, &self.client()).await
    }

    pub(crate) async fn fetch(&self, packages: &[LockedPackage]) -> Result<()> {
        let events: Arc<dyn Events> = Arc::new(Silent);
        fetch(packages, &self.store, &self.client(), &self.mirrors, self.offline, &events).await
    }
}

/// One request: a unit per group of words, named by its first word.
pub(crate) fn request(units: &[&[&str]]) -> SolverRequest {
    let unit = |words: &&[&str]| (words[0].to_owned(), words.iter().map(|word| (*word).to_owned()).collect());
    SolverRequest { units: units.iter().map(unit).collect(), recommends: None, files: Vec::new() }
}

/// `name version` of what changes.
pub(crate) fn names(chosen: &Chosen) -> Vec<String> {
    chosen.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

/// The text of a failure with its hint.
pub(crate) fn told(error: &plywood::Error) -> String {
    format!("{:?}: {error} [{}]", error.class(), error.hint().unwrap_or_default())
}
