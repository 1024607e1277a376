//! A server that outlives neither its owner nor the test process.
//!
//! Invariant: the server's parent is a guardian, a shell that waits for the end of its standard input. That pipe closes when the
//! owner is dropped and also when the test process panics, aborts or is killed; then the guardian stops the server by its
//! process id, takes down what is mounted below the server's folder and removes the folder. It keeps the test's standard error open meanwhile, so whoever
//! reads a test run to its end also waits for this.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `$1` is the folder, the rest is the server's command.
const GUARDIAN: &str = r#"
folder=$1; shift
"$@" </dev/null >"$folder/log" 2>&1 &
server=$!
trap '' INT TERM HUP
read -r _
kill "$server" 2>/dev/null
for _ in {1..200}; do kill -0 "$server" 2>/dev/null || break; sleep 0.05; done
kill -9 "$server" 2>/dev/null
wait "$server"
# What a server that was killed has left behind names this folder in its command line.
for process in /proc/[0-9]*; do
    [ "$process" != "/proc/$$" ] && tr '\0' ' ' <"$process/cmdline" | grep -qF -- "$folder/" && kill -9 "${process#/proc/}"
done 2>/dev/null
awk -v below="$folder/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | while read -r point; do umount -l "$point"; done
rm -rf --one-file-system "$folder"
"#;

/// How long a server may take until it answers; dockerd on a busy machine needs seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server and its folder.
#[derive(Debug)]
pub(crate) struct Server {
    guardian: Child,
    folder: PathBuf,
}

impl Server {
    /// Starts `command` with `folder` (of which it becomes the owner) and waits until `answers` says so.
    pub(crate) fn start(folder: PathBuf, command: &[String], answers: impl Fn() -> bool) -> Self {
        let guardian = Command::new("bash")
            .args(["-c", GUARDIAN, "guardian"])
            .arg(&folder)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("bash");
        let server = Self { guardian, folder };
        let start = Instant::now();
        while !answers() {
            assert!(start.elapsed() < PATIENCE, "{} does not answer:\n{}", command[0], server.log());
            std::thread::sleep(Duration::from_millis(30));
        }
        server
    }

    /// The server's folder, removed at the end.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the server has written so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
    }
}

/// A new folder for a server, with a short path: a unix socket's name has 107 bytes at most.
pub(crate) fn folder() -> PathBuf {
    tempfile::Builder::new().prefix("ply-").tempdir_in("/tmp").expect("a folder in /tmp").keep()
}
