//! The built program in a world of its own.
//!
//! Invariant: it sees PATH, a temporary HOME and store, and what a test adds; a run has a time limit.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::tools::{self, Output};

/// Seconds that one run may take; a debug build that links the whole profile on a busy machine needs a good part of it.
const LIMIT: &str = "400";

/// The program, with a folder that holds its home, its store and the test's files.
#[derive(Debug)]
pub(crate) struct Plywood {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
    as_nobody: bool,
    before: Vec<String>,
}

impl Plywood {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("ply-").tempdir_in("/tmp").expect("a folder in /tmp");
        std::fs::create_dir(folder.path().join("home")).expect("a home");
        Self { folder, environment: Vec::new(), as_nobody: false, before: Vec::new() }
    }

    /// As UID 65534 without any capability and without a way to get one.
    pub(crate) fn as_nobody() -> Self {
        Self { as_nobody: true, ..Self::new() }
    }

    /// With a further environment variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Below another command, such as `taskset`.
    pub(crate) fn below(mut self, words: &[&str]) -> Self {
        self.before = words.iter().map(|w| (*w).to_owned()).collect();
        self
    }

    /// A path in the test's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as a word.
    pub(crate) fn word(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a file into the test's folder; its path as a word.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("parents");
        std::fs::write(&path, content).expect("a file");
        self.word(name)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("home/store")
    }

    /// The command line of a run, to be changed by a test that needs more.
    pub(crate) fn command<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut words: Vec<String> = ["timeout", "--kill-after=5", LIMIT].map(str::to_owned).into();
        if self.as_nobody {
            tools::run("chown", ["-R", "65534:65534", &self.folder.path().display().to_string()]);
            let setpriv = [
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--bounding-set=-all",
                "--inh-caps=-all",
                "--no-new-privs",
                "--",
            ];
            words.extend(setpriv.map(str::to_owned));
        }
        words.extend(self.before.iter().cloned());
        words.push(env!("CARGO_BIN_EXE_plywood").to_owned());
        words.extend(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(self.folder.path()).env_clear();
        command
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.path("home"))
            .env("PLYWOOD_STORE", self.store());
        command.envs(self.environment.iter().map(|(n, v)| (n, v)));
        command
    }

    /// Runs it, whatever comes of it; a panic of the program is never what a test wants.
    pub(crate) fn run<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        let mut command = self.command(arguments);
        let out = tools::output(&mut command);
        assert!(!out.stderr.contains("panicked at"), "{command:?}\n{}", out.stderr);
        assert_ne!(out.status, 124, "{command:?} took more than {LIMIT} s");
        out
    }

    /// Runs it and expects success; standard output without the last line end.
    pub(crate) fn ok<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let arguments: Vec<String> = arguments.into_iter().map(|a| a.as_ref().to_owned()).collect();
        let what = format!("plywood {}", arguments.join(" "));
        self.run(arguments).expect_success(&what)
    }

    /// Runs it with `--json` and expects success.
    pub(crate) fn json<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        let words = arguments.into_iter().map(|a| a.as_ref().to_owned()).chain(["--json".to_owned()]);
        serde_json::from_str(&self.ok(words)).expect("one JSON document")
    }

    /// Runs it and expects an exit class and words on standard error.
    pub(crate) fn refuses<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>, status: i32, words: &[&str]) -> Output {
        let arguments: Vec<String> = arguments.into_iter().map(|a| a.as_ref().to_owned()).collect();
        let out = self.run(&arguments);
        assert_eq!(out.status, status, "plywood {}\n{}{}", arguments.join(" "), out.stdout, out.stderr);
        for word in words {
            assert!(out.stderr.contains(word), "plywood {}: `{word}` is not in\n{}", arguments.join(" "), out.stderr);
        }
        out
    }
}

/// The digest of a line `NAME@sha256:…`, or `sha256:…` where the image has no name.
pub(crate) fn digest(line: &str) -> &str {
    let digest = line.rsplit_once('@').map_or(line, |(_, digest)| digest);
    assert!(digest.strip_prefix("sha256:").is_some_and(|h| h.len() == 64), "{line:?} ends with no digest");
    digest
}
