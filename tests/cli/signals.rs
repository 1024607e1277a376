//! Signals: a run that waits for a silent registry ends at once, with the status that shells know.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::Place;

#[test]
fn a_signal_ends_a_waiting_run_within_two_seconds() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let place = Place::new();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let image = format!("127.0.0.1:{}/a:b", silent.local_addr().unwrap().port());
        let words = ["copy", &image, "docker-archive:x.tar"];
        let mut child = place.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        // It waits for an answer from here on.
        let _connection = silent.accept().unwrap();
        let start = Instant::now();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ended = child.wait().unwrap();
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(ended.code(), Some(status));
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert_eq!(told, format!("error: ended by signal {}\n", status - 128));
        assert!(!place.at("x.tar").exists());
    }
}
