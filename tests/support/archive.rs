//! A package archive on loopback: static files with a log of requests and faults on order.
//!
//! Invariant: one thread a connection; a request is logged before it is answered. Files are answered by digest below
//! `by-hash/` as well. Not for hostile clients.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use plywood::oci::Digest;

/// What goes wrong with the next requests of a path.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status, without a body.
    Status(u16),
    /// Other bytes in place of the file's.
    Bytes(Vec<u8>),
    /// A web page with its media type.
    Page,
    /// The connection ends after so many bytes of the body.
    CutAfter(usize),
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// Files too large for memory.
    on_disk: BTreeMap<String, PathBuf>,
    log: Vec<String>,
    /// Part of a path, how often it still counts, and what happens.
    faults: Vec<(String, usize, Fault)>,
    /// The `Authorization` that every request needs.
    demanded: Option<String>,
}

/// The server; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Archive {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

impl Archive {
    /// Serves `fixtures/archive` below `/debian/`.
    pub(crate) fn start() -> Self {
        let (root, mut files) = (fixtures(), BTreeMap::new());
        for folder in ["dists", "pool"] {
            add_tree(&root, &root.join(folder), &mut files);
        }
        Self::serving(files)
    }

    /// Serves files, by path below `/debian/`.
    pub(crate) fn serving(files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { files, ..State::default() }));
        let stop = Arc::new(AtomicBool::new(false));
        let (served, stopped) = (state.clone(), stop.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let state = served.clone();
                std::thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { address, state, stop }
    }

    /// The archive's root.
    pub(crate) fn uri(&self) -> String {
        format!("http://{}/debian/", self.address)
    }

    /// The next `times` requests whose path contains `part` go wrong.
    pub(crate) fn order(&self, part: &str, times: usize, fault: Fault) {
        lock(&self.state).faults.push((part.to_owned(), times, fault));
    }

    /// From now on 401 answers every request that has not this `Authorization`.
    #[allow(dead_code, reason = "only pinning asks with logins")]
    pub(crate) fn demand(&self, header: &str) {
        lock(&self.state).demanded = Some(header.to_owned());
    }

    /// Replaces a file, by its path below the root.
    pub(crate) fn put(&self, path: &str, bytes: Vec<u8>) {
        lock(&self.state).files.insert(path.to_owned(), bytes);
    }

    /// Serves a file from disk, whole, by its path below the root.
    #[allow(dead_code, reason = "only the acceptance of large packages asks for it")]
    pub(crate) fn put_on_disk(&self, path: &str, file: PathBuf) {
        lock(&self.state).on_disk.insert(path.to_owned(), file);
    }

    /// Paths that were asked for since the last call, below the root; `path FROM-` for a range.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.state).log)
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// The fixtures of this archive.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/archive")
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

fn add_tree(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_tree(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some((path, from, login)) = read(&mut reader) {
        if answer(stream, state, &path, from, login.as_deref()).is_none() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

/// Path below the root, where a range starts, and `Authorization`.
fn read(reader: &mut BufReader<&TcpStream>) -> Option<(String, Option<usize>, Option<String>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let path = line.split_whitespace().nth(1)?.trim_start_matches("/debian/").to_owned();
    let (mut from, mut login) = (None, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Some((path, from, login)) };
        if name.eq_ignore_ascii_case("range") {
            from = value.trim().strip_prefix("bytes=")?.split('-').next()?.parse().ok();
        } else if name.eq_ignore_ascii_case("authorization") {
            login = Some(value.trim().to_owned());
        }
    }
}

/// Answers one request; nothing if the connection has ended.
fn answer(mut stream: &TcpStream, state: &Mutex<State>, path: &str, from: Option<usize>, login: Option<&str>) -> Option<()> {
    let on_disk = lock(state).on_disk.get(path).cloned();
    if let Some(file) = on_disk {
        return send_from_disk(stream, &file);
    }
    let (file, fault) = {
        let mut state = lock(state);
        state.log.push(from.map_or_else(|| path.to_owned(), |from| format!("{path} {from}-")));
        let due = state.faults.iter_mut().find(|(part, times, _)| *times > 0 && path.contains(part.as_str()));
        let fault = due.map(|(_, times, fault)| {
            *times -= 1;
            fault.clone()
        });
        let stranger = state.demanded.as_deref().is_some_and(|demanded| login != Some(demanded));
        let fault = if stranger { Some(Fault::Status(401)) } else { fault };
        (find(&state.files, path), fault)
    };
    let (mut status, mut kind, mut cut) = (if file.is_some() { 200 } else { 404 }, "application/octet-stream", None);
    let mut body = file.unwrap_or_default();
    match fault {
        Some(Fault::Status(other)) => (status, body) = (other, Vec::new()),
        Some(Fault::Bytes(other)) => (status, body) = (200, other),
        Some(Fault::Page) => (status, kind, body) = (200, "text/html", b"<!DOCTYPE html><html>Please log in</html>".to_vec()),
        Some(Fault::CutAfter(bytes)) => cut = Some(bytes),
        None => {}
    }
    let mut range = String::new();
    if let (200, Some(from)) = (status, from) {
        status = 206;
        range = format!("Content-Range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len());
        body.drain(..from);
    }
    let length = body.len();
    let head = format!("HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\n{range}Content-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body[..cut.unwrap_or(length).min(length)]).ok()?;
    if cut.is_some() {
        // What was sent must arrive before the end.
        std::thread::sleep(std::time::Duration::from_millis(20));
        return None;
    }
    Some(())
}

fn send_from_disk(mut stream: &TcpStream, file: &Path) -> Option<()> {
    let mut file = std::fs::File::open(file).ok()?;
    let length = file.metadata().ok()?.len();
    write!(stream, "HTTP/1.1 200 x\r\nContent-Length: {length}\r\n\r\n").ok()?;
    std::io::copy(&mut file, &mut stream).ok().map(drop)
}

fn find(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Option<Vec<u8>> {
    match path.split_once("by-hash/SHA256/") {
        None => files.get(path).cloned(),
        Some((folder, hex)) => {
            let mut in_folder = files.iter().filter(|(name, _)| name.starts_with(folder));
            in_folder.find(|(_, bytes)| Digest::of(bytes).hex() == hex).map(|(_, bytes)| bytes.clone())
        }
    }
}
