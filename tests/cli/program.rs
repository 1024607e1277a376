//! The built program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder with a home, a store and room for files, in which the program runs.
pub(crate) struct Place(tempfile::TempDir);

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        Self(folder)
    }
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The command, with nothing of this machine's environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plywood"));
        command.args(words).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.at("home")).env("PLYWOOD_STORE", self.at("store"));
        command
    }
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        Ran::of(self.command(words).output().unwrap())
    }
    /// Runs it and expects success; stdout as text.
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let ran = self.run(words);
        assert_eq!(ran.status, 0, "{words:?}: {}", ran.stderr);
        String::from_utf8(ran.stdout).unwrap()
    }
    /// Runs it and expects an exit status; stderr.
    pub(crate) fn refused(&self, words: &[&str], status: i32) -> String {
        let ran = self.run(words);
        assert_eq!(ran.status, status, "{words:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{words:?}: {}", ran.stderr);
        ran.stderr
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        let status = output.status.code().unwrap_or(-1);
        Self { status, stdout: output.stdout, stderr: String::from_utf8(output.stderr).unwrap() }
    }
}
