//! A scripted engine on a Unix socket: what it answers is told for what it is.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use plywood::Class;
use plywood::deliver::{How, Receipt, load};
use plywood::transport::engine::{Connection, Engine, Kind};

use crate::sample::{image_on, manifest, runtime, silent};

const LOADED: &str = "{\"stream\":\"Loaded image: a:1\\n\"}\r\n";

/// What the scripted engine does.
struct Script {
    /// Answers to loads, in order; the last one is repeated.
    loads: Vec<(u16, String)>,
    /// Whether it uses containerd's store.
    containerd: bool,
    /// What `manifests=1` says, as JSON.
    available: String,
    /// The image ID after a load.
    id: String,
}

struct Running {
    _folder: tempfile::TempDir,
    socket: PathBuf,
    /// Bodies of the loads.
    loads: Arc<Mutex<Vec<Vec<u8>>>>,
}

fn start(script: Script) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let loads: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let bodies = Arc::clone(&loads);
    std::thread::spawn(move || {
        let mut succeeded = false;
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let (path, body) = request(&mut connection);
            let (status, answer) = if path.starts_with("/images/load") {
                let mut all = bodies.lock().unwrap();
                all.push(body);
                let answer = script.loads.get(all.len() - 1).or(script.loads.last()).unwrap().clone();
                succeeded |= answer.1.contains("Loaded");
                answer
            } else if path == "/version" {
                (200, r#"{"ApiVersion":"1.48","Os":"linux","Arch":"amd64"}"#.to_owned())
            } else if path == "/info" && script.containerd {
                (200, r#"{"DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}"#.to_owned())
            } else if path == "/info" {
                (200, r#"{"DriverStatus":[["Backing Filesystem","extfs"]]}"#.to_owned())
            } else if path.contains("manifests=1") {
                (200, script.available.clone())
            } else if path.ends_with("/json") && succeeded {
                (200, format!(r#"{{"Id":"{}"}}"#, script.id))
            } else {
                (404, r#"{"message":"No such image"}"#.to_owned())
            };
            let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
            let _ = connection.write_all((head + &answer).as_bytes());
        }
    });
    Running { _folder: folder, socket, loads }
}

/// The path of a request, and its body without the framing of chunks.
fn request(connection: &mut impl Read) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && connection.read(&mut byte).unwrap_or(0) == 1 {
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut body = Vec::new();
    while head.to_lowercase().contains("transfer-encoding: chunked") {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") && connection.read(&mut byte).unwrap_or(0) == 1 {
            line.push(byte[0]);
        }
        let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        if connection.read_exact(&mut chunk).is_err() || size == 0 {
            break;
        }
        body.extend_from_slice(&chunk[..size]);
    }
    (path, body)
}

/// Loads an image of two layers whose first is the base's.
fn attempt(containerd: bool, available: Option<bool>, loads: &[(u16, &str)]) -> (plywood::Result<Receipt>, Vec<Vec<u8>>) {
    let base = image_on(&["base"]);
    let mut job = image_on(&["base", "ours"]);
    job.base = Some(manifest(&base));
    let id = if containerd { job.root.descriptor.digest } else { manifest(&job).config.digest };
    let available = available.map_or_else(
        || "{}".to_owned(),
        |yes| format!(r#"{{"Manifests":[{{"Descriptor":{{"digest":"{}"}},"Available":{yes}}}]}}"#, base.root.descriptor.digest),
    );
    let loads = loads.iter().map(|(status, text)| (*status, (*text).to_owned())).collect();
    let running = start(Script { loads, containerd, available, id: id.to_string() });
    let result = runtime().block_on(async {
        let engine = Engine::connect(&[Connection::Socket(running.socket.clone())]).await?;
        assert_eq!(engine.kind, if containerd { Kind::Containerd } else { Kind::GraphDriver });
        load(&job, &["a:1".parse().unwrap()], &engine, &silent()).await
    });
    let bodies = running.loads.lock().unwrap().clone();
    (result, bodies)
}

fn members(tar: &[u8]) -> usize {
    tar::Archive::new(tar)
        .entries()
        .unwrap()
        .map(|e| e.unwrap().path().unwrap().into_owned())
        .filter(|p| p.starts_with("blobs"))
        .count()
}

#[test]
fn base_layers_are_left_out_and_the_rest_is_proved_by_inspect() {
    let (result, bodies) = attempt(false, None, &[(200, LOADED)]);
    let receipt = result.unwrap();
    assert_eq!(receipt.blobs.iter().map(|b| b.how).collect::<Vec<_>>(), [How::Present, How::Sent, How::Sent]);
    assert_eq!(bodies.iter().map(|b| members(b)).collect::<Vec<_>>(), [3], "manifest, config and our layer");
    assert_eq!(receipt.sent_bytes, bodies[0].len() as u64);
}

#[test]
fn an_engine_that_lacks_the_base_gets_all_of_it() {
    let failed = "{\"errorDetail\":{\"message\":\"open blobs: no such file\"},\"error\":\"x\"}\r\n";
    let (result, bodies) = attempt(false, None, &[(200, failed), (200, LOADED)]);
    assert!(result.unwrap().blobs.iter().all(|b| b.how == How::Sent));
    assert_eq!(bodies.iter().map(|b| members(b)).collect::<Vec<_>>(), [3, 4]);
    // Podman says it with a status.
    let (result, bodies) = attempt(false, None, &[(500, r#"{"message":"no such file"}"#), (200, LOADED)]);
    assert!(result.is_ok() && bodies.len() == 2);
}

#[test]
fn the_containerd_store_is_asked_before_anything_is_left_out() {
    for (available, blobs) in [(Some(true), 3), (Some(false), 4), (None, 4)] {
        let (result, bodies) = attempt(true, available, &[(200, LOADED)]);
        assert!(result.is_ok());
        assert_eq!(bodies.iter().map(|b| members(b)).collect::<Vec<_>>(), [blobs], "{available:?}");
    }
}

#[test]
fn an_error_inside_a_successful_answer_is_a_failure() {
    let unpack = format!("{LOADED}{{\"stream\":\"Error unpacking image a:1: not found\\n\"}}\r\n");
    for (answer, word) in [
        ("{\"errorDetail\":{\"message\":\"no space left on device\"},\"error\":\"x\"}\r\n", "no space left"),
        (unpack.as_str(), "Error unpacking"),
        ("{\"stream\":\"Loading layer\"}\r\n", "without saying"),
        ("<html>oops</html>", "no message"),
        ("", "without saying"),
    ] {
        let (result, _) = attempt(true, None, &[(200, answer)]);
        let error = result.unwrap_err();
        assert!(error.class() == Class::Remote && error.to_string().contains(word), "{answer}: {error}");
    }
}

#[test]
fn sockets_that_do_not_answer_are_listed_with_their_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let (absent, plain, dead) = (folder.path().join("absent"), folder.path().join("plain"), folder.path().join("dead"));
    std::fs::write(&plain, "").unwrap();
    drop(UnixListener::bind(&dead).unwrap());
    let candidates = [absent, plain, dead].map(Connection::Socket);
    let error = runtime().block_on(Engine::connect(&candidates)).unwrap_err();
    let text = error.to_string();
    for word in ["absent (no such file)", "plain (not a socket)", "dead (", "refused"] {
        assert!(text.contains(word), "{text}");
    }
    assert!(plywood::Fault::hint(&error).is_some() && plywood::Fault::class(&error) == Class::Remote);
}
