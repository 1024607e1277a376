//! HTTP/1.1 of the scripted registry: requests in, answers out, with the faults that concern the wire.
//!
//! Invariant: one thread a connection; a request is logged before it is answered. Not for hostile clients.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use super::answer::Answer;
use super::{Fault, Logged, State, api, lock};

/// A request with its body.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

pub(super) fn serve(stream: &TcpStream, state: &Mutex<State>, address: SocketAddr) {
    let mut reader = BufReader::new(stream);
    while let Some(mut asked) = read_head(&mut reader) {
        let faults = due(state, &asked);
        let early = faults.iter().any(|f| matches!(f, Fault::Early(_)));
        let pause = faults.iter().find_map(|f| if let Fault::Sip(pause) = f { Some(*pause) } else { None });
        if !early && read_body(&mut reader, &mut asked, pause).is_none() {
            return;
        }
        // What is answered in its place is not done.
        let replaced = |f: &Fault| matches!(f, Fault::Answer { .. } | Fault::Redirect(_) | Fault::Hang | Fault::Early(_));
        let mut answer =
            if faults.iter().any(replaced) { Answer::new(500) } else { api::answer(&asked, &mut lock(state), address) };
        for fault in &faults {
            apply(fault, &asked, &mut answer);
        }
        let hangs = faults.iter().any(|f| matches!(f, Fault::Hang));
        let status = if hangs { 0 } else { answer.status };
        let Asked { method, path, headers, body } = asked;
        let head = method == "HEAD";
        lock(state).log.push(Logged { method, path, headers, received: body.len(), status });
        if hangs || write(stream, &answer, head, &faults).is_none() || early {
            std::thread::sleep(Duration::from_millis(if early { 100 } else { 0 }));
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

fn read_head(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some(Asked { method, path, headers, body: Vec::new() })
}

fn read_body(reader: &mut BufReader<&TcpStream>, asked: &mut Asked, pause: Option<Duration>) -> Option<()> {
    let length: usize = asked.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    asked.body.resize(length, 0);
    for piece in asked.body.chunks_mut(256 * 1024) {
        std::thread::sleep(pause.unwrap_or_default());
        reader.read_exact(piece).ok()?;
    }
    Some(())
}

/// The faults that are ordered for a request; each order counts down.
fn due(state: &Mutex<State>, asked: &Asked) -> Vec<Fault> {
    let mut found = Vec::new();
    for order in &mut lock(state).orders {
        if order.times > 0 && order.method == asked.method && asked.path.contains(&order.part) {
            order.times -= 1;
            found.push(order.fault.clone());
        }
    }
    found
}

fn apply(fault: &Fault, asked: &Asked, answer: &mut Answer) {
    match fault {
        Fault::Answer { status, headers, body } => {
            *answer = Answer::new(*status).body(body.clone());
            for (name, value) in headers {
                answer.set(name, value);
            }
        }
        Fault::FlipByte(at) => {
            if let Some(byte) = answer.body.get_mut(*at) {
                *byte ^= 1;
            }
        }
        Fault::Header(name, value) => {
            answer.remove(name);
            if let Some(value) = value {
                answer.set(name, value);
            }
        }
        Fault::Slow(pause) => std::thread::sleep(*pause),
        Fault::Redirect(to) => {
            *answer = Answer::new(307);
            let path = if to.ends_with('/') { asked.path.trim_start_matches('/') } else { "" };
            answer.set("Location", &format!("{to}{path}"));
        }
        Fault::Early(status) => *answer = Answer::new(*status).with("Connection", "close"),
        Fault::IgnoreRange => answer.ignore_range(),
        Fault::CutAfter(_) | Fault::Drip(_) | Fault::Sip(_) | Fault::Hang => {}
    }
}

/// Sends an answer; nothing if the connection ended.
fn write(mut stream: &TcpStream, answer: &Answer, head: bool, faults: &[Fault]) -> Option<()> {
    stream.write_all(&answer.head()).ok()?;
    if head {
        return Some(());
    }
    let cut = faults.iter().find_map(|f| if let Fault::CutAfter(n) = f { Some(*n) } else { None });
    let drip = faults.iter().find_map(|f| if let Fault::Drip(pause) = f { Some(*pause) } else { None });
    let body = &answer.body[..cut.unwrap_or(usize::MAX).min(answer.body.len())];
    if let Some(pause) = drip {
        for byte in body {
            stream.write_all(&[*byte]).ok()?;
            std::thread::sleep(pause);
        }
    } else {
        stream.write_all(body).ok()?;
    }
    if cut.is_some() {
        // What was sent must arrive before the end.
        stream.flush().ok()?;
        std::thread::sleep(Duration::from_millis(20));
        return None;
    }
    Some(())
}
