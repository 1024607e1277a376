//! A registry on loopback with faults on order: blobs per repository, real mounts, logins, a log of every request.
//!
//! Invariant: without orders it follows the distribution API; an order changes the answers that it matches and nothing else.
//! It may not be used as an oracle for what registries do: that is `docker-registry`'s part.

#![allow(dead_code, reason = "each test target uses its part of it")]

mod answer;
mod api;
mod wire;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use plywood::oci::{Descriptor, Digest};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Bytes of its body.
    pub(crate) received: usize,
    /// The status that it got; 0 for none.
    pub(crate) status: u16,
}

impl Logged {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// What to do wrong.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answer this instead.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// Close the connection after so many bytes of the body.
    CutAfter(usize),
    /// Send the body with one byte changed.
    FlipByte(usize),
    /// Answer a request for a range with the whole.
    IgnoreRange,
    /// Replace a header, or leave it out.
    Header(String, Option<String>),
    /// Wait before the answer.
    Slow(Duration),
    /// Send one byte at a time, with this pause between.
    Drip(Duration),
    /// Read the request's body in pieces of 256 KiB, with this pause before each.
    Sip(Duration),
    /// Close without an answer.
    Hang,
    /// Answer before the body of the request was read, and close.
    Early(u16),
    /// Send the path to this address, with status 307.
    Redirect(String),
}

impl Fault {
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }
    pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Self::Answer { status, headers, body: body.as_bytes().to_vec() }
    }
}

/// A fault for the next `times` requests with this method whose path has `part` in it.
#[derive(Clone, Debug)]
struct Order {
    method: &'static str,
    part: String,
    times: usize,
    fault: Fault,
}

/// Who may come in.
#[derive(Clone, Debug, Default)]
pub(crate) enum Access {
    /// Everybody.
    #[default]
    Open,
    /// This user.
    Basic { user: String, password: String },
    /// Whoever has a token from `/token`, which this user gets, and everybody for pulls if `anonymous`.
    Bearer { user: String, password: String, anonymous: bool, challenge: Option<String> },
}

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<(String, Digest), Vec<u8>>,
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    files: BTreeMap<String, Vec<u8>>,
    sessions: BTreeMap<u64, String>,
    tokens: BTreeMap<String, Vec<String>>,
    next: u64,
    access: Access,
    mounts: bool,
    orders: Vec<Order>,
    log: Vec<Logged>,
}

/// A running registry; stops when it is dropped.
#[derive(Debug)]
pub(crate) struct ScriptedRegistry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stopped: Arc<AtomicBool>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl ScriptedRegistry {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { mounts: true, ..State::default() }));
        let stopped = Arc::new(AtomicBool::new(false));
        let (shared, stop) = (state.clone(), stopped.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let shared = shared.clone();
                std::thread::spawn(move || wire::serve(&stream, &shared, address));
            }
        });
        Self { address, state, stopped }
    }
    /// `127.0.0.1:PORT`
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
    pub(crate) fn set_access(&self, access: Access) {
        lock(&self.state).access = access;
    }
    pub(crate) fn refuse_mounts(&self) {
        lock(&self.state).mounts = false;
    }
    pub(crate) fn expire_tokens(&self) {
        lock(&self.state).tokens.clear();
    }
    pub(crate) fn order(&self, method: &'static str, part: impl Into<String>, times: usize, fault: Fault) {
        lock(&self.state).orders.push(Order { method, part: part.into(), times, fault });
    }
    pub(crate) fn add_blob(&self, repository: &str, bytes: &[u8]) -> Descriptor {
        let descriptor = Descriptor::of("application/octet-stream", bytes);
        lock(&self.state).blobs.insert((repository.to_owned(), descriptor.digest), bytes.to_vec());
        descriptor
    }
    pub(crate) fn add_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Descriptor {
        let descriptor = Descriptor::of(media_type, bytes);
        let mut state = lock(&self.state);
        for name in [tag.to_owned(), descriptor.digest.to_string()] {
            state.manifests.insert((repository.to_owned(), name), (media_type.to_owned(), bytes.to_vec()));
        }
        descriptor
    }
    /// A file outside the registry's API, at `/files/NAME`.
    pub(crate) fn add_file(&self, name: &str, bytes: &[u8]) -> String {
        lock(&self.state).files.insert(format!("/files/{name}"), bytes.to_vec());
        format!("http://{}/files/{name}", self.address)
    }
    pub(crate) fn blob(&self, repository: &str, digest: Digest) -> Option<Vec<u8>> {
        lock(&self.state).blobs.get(&(repository.to_owned(), digest)).cloned()
    }
    pub(crate) fn manifest(&self, repository: &str, name: &str) -> Option<Vec<u8>> {
        lock(&self.state).manifests.get(&(repository.to_owned(), name.to_owned())).map(|(_, bytes)| bytes.clone())
    }
    pub(crate) fn log(&self) -> Vec<Logged> {
        lock(&self.state).log.clone()
    }
    /// `METHOD STATUS` of all requests whose path has `part` in it.
    pub(crate) fn told(&self, part: &str) -> Vec<String> {
        self.log().iter().filter(|l| l.path.contains(part)).map(|l| format!("{} {}", l.method, l.status)).collect()
    }
}

impl Drop for ScriptedRegistry {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}
