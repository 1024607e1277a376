//! What apt answers: asked once, and kept by the digest of all that it depends on.
//!
//! Invariant: an answer is a line per step of `apt-get -s install` up to the last unpacking or removal, or a refusal.
//! apt takes seconds a request; its answers lie in the folder `PLYWOOD_ORACLE_ANSWERS`, by default `target/lab/apt-answers`.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::lab::{Lab, hex, run};

/// One system as apt sees it.
pub(crate) struct Oracle<'l> {
    lab: &'l Lab,
    configuration: PathBuf,
    digest: String,
    folder: PathBuf,
}

impl<'l> Oracle<'l> {
    pub(crate) fn new(lab: &'l Lab, place: &Path, status: &str, more: &str, preferences: &str) -> Self {
        let mut digest = Sha256::new();
        for part in [lab.digest.as_str(), status, more, preferences] {
            digest.update(part);
            digest.update([0]);
        }
        let named = std::env::var_os("PLYWOOD_ORACLE_ANSWERS").map(PathBuf::from);
        let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab/apt-answers"));
        let configuration = lab.system(place, status, more, preferences);
        Self { lab, configuration, digest: hex(&digest.finalize()), folder }
    }

    fn file(&self, words: &[String], recommends: bool) -> PathBuf {
        let mut key = Sha256::new();
        key.update(format!("{} {recommends} {}", self.digest, words.join(" ")));
        self.folder.join(hex(&key.finalize()))
    }

    /// Whether apt was asked this before.
    pub(crate) fn knows(&self, words: &[String], recommends: bool) -> bool {
        self.file(words, recommends).exists()
    }

    /// What apt would do; none if it refuses.
    pub(crate) fn asked(&self, words: &[String], recommends: bool) -> Option<Vec<String>> {
        let file = self.file(words, recommends);
        if let Ok(text) = std::fs::read_to_string(&file) {
            let mut lines = text.lines().map(str::to_owned);
            return (lines.next().as_deref() == Some("done")).then(|| lines.collect());
        }
        let answer = self.told_by_apt(words, recommends);
        let text = answer.as_ref().map_or_else(|| "refused\n".to_owned(), |steps| format!("done\n{}\n", steps.join("\n")));
        std::fs::create_dir_all(&self.folder).unwrap();
        // Written whole or not at all: a run may be killed.
        let part = file.with_extension(std::process::id().to_string());
        std::fs::write(&part, text).unwrap();
        std::fs::rename(&part, &file).unwrap();
        answer
    }

    fn told_by_apt(&self, words: &[String], recommends: bool) -> Option<Vec<String>> {
        let mut command = self.lab.apt();
        command.env("APT_CONFIG", &self.configuration);
        command.args(["-s", "-qq", "-y", "-o", &format!("APT::Install-Recommends={recommends}"), "install"]).args(words);
        let (done, told) = run(&mut command);
        let mut steps: Vec<String> = told.lines().filter_map(step).collect();
        while steps.last().is_some_and(|step| step.starts_with("Conf")) {
            steps.pop();
        }
        done.then_some(steps)
    }
}

/// `Inst NAME [OLD] (NEW SUITE [ARCH]) []` as `Inst NAME NEW`.
fn step(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let (what, name) = (words.next()?, words.next()?);
    match what {
        "Inst" => {
            let new = words.find_map(|word| word.strip_prefix('('))?;
            Some(format!("Inst {name} {new}"))
        }
        "Conf" | "Remv" => Some(format!("{what} {name}")),
        _ => None,
    }
}
