//! What the tests of this module share: services over a store of their own, a request for nothing.
//!
//! Invariant: nothing outside the folder and loopback is reached.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crate::deliver::Silent;
use crate::http::{Client, Settings};
use crate::plan::UidTaken;
use crate::recipe::{Ask, Document, Library};
use crate::store::Store;
use crate::transport::engine::Connection;
use crate::transport::registry::{self, Credentials, Registry};

use super::{Location, LockUse, Request, Services};

pub(super) fn services(folder: &Path, engines: Vec<Connection>) -> Services {
    let http = Client::new(Settings::default());
    Services {
        store: Arc::new(Store::open(&folder.join("store")).expect("a store")),
        registry: Registry::new(&http, Credentials::none(), registry::Settings::default()),
        http,
        engines,
        events: Arc::new(Silent),
        threads: 1,
        now: SystemTime::UNIX_EPOCH,
        scratch: folder.to_owned(),
    }
}

pub(super) fn request() -> Request {
    let ask = Ask {
        profile: "none".into(),
        with: Vec::new(),
        without: Vec::new(),
        set: Vec::new(),
        file: None,
        flags: Document::default(),
        words: String::new(),
    };
    Request {
        base: Location::Store("base".into()),
        base_words: "base".into(),
        platforms: Vec::new(),
        ask,
        library: Library::shipped().expect("the shipped library"),
        names: Vec::new(),
        destinations: Vec::new(),
        lock: LockUse::default(),
        recommends: None,
        uid_taken: UidTaken::default(),
        scripts: crate::plan::ScriptPolicy::Stop,
        installer: None,
        epoch: None,
        fold: false,
        ignore_onbuild: false,
        offline: false,
        refresh: false,
        max_age: 0,
        allow_expired: false,
        apt_mirrors: Vec::new(),
        conda_mirrors: Vec::new(),
    }
}
