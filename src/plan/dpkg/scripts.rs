//! Maintainer scripts: which text is evaluated with which words, and what stops the plan.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::layer::root::Author;
use crate::script::{self, Environment, Package, PassedOver, Uncovered};

use super::{Dpkg, DpkgError};

/// A script to evaluate.
pub(super) struct Run<'s> {
    /// Place of the package in the changes, for its record.
    pub(super) number: Option<usize>,
    /// Whose script.
    pub(super) package: &'s str,
    /// Its architecture.
    pub(super) architecture: &'s str,
    /// The version that the script is of.
    pub(super) version: &'s str,
    /// `postinst`
    pub(super) script: &'static str,
    /// The words after the name.
    pub(super) words: &'s [&'s str],
    /// Who writes what it writes.
    pub(super) author: Author,
}

impl Run<'_> {
    /// The script as messages call it: a handler with the triggers that woke it.
    fn told(&self) -> String {
        match self.words {
            ["triggered", names] => format!("{} triggered {names}", self.script),
            _ => self.script.to_owned(),
        }
    }
}

impl Dpkg<'_> {
    pub(super) fn evaluate(&mut self, text: &Arc<[u8]>, run: &Run<'_>) -> Result<()> {
        self.write_status()?;
        self.root.set_author(run.author);
        let stand_in = self.commands.stand_in_for(run.package, run.script, text);
        if let Some(stand_in) = stand_in {
            let (recipe, reason) = (Some(stand_in.recipe.clone()), stand_in.reason.clone());
            self.answers.passed_over.push(PassedOver { what: run.script.into(), recipe, reason });
        }
        let text = stand_in.map_or(&text[..], |stand_in| stand_in.text.as_deref().unwrap_or_default().as_bytes());
        let script = match script::parse(text) {
            Ok(script) => script,
            Err(uncovered) => return Err(self.uncovered(run, uncovered)),
        };
        let package = Package {
            name: run.package.into(),
            architecture: run.architecture.into(),
            version: run.version.into(),
            script: run.script.into(),
        };
        let mut environment = Environment { package: &package, commands: self.commands, answers: &mut self.answers };
        // dpkg gives a script its own path as name.
        let name = format!("/var/lib/dpkg/info/{}.{}", run.package, run.script);
        let words: Vec<&str> = std::iter::once(name.as_str()).chain(run.words.iter().copied()).collect();
        let outcome = match script::evaluate(&script, &words, self.root, &mut environment) {
            Ok(outcome) => outcome,
            Err(uncovered) => return Err(self.uncovered(run, uncovered)),
        };
        if !outcome.status.success() {
            let (status, said) = (i32::from(outcome.status.0), last_line(&outcome.stderr.bytes));
            let obstacle = self.stop(run, format!("its {} fails with status {status}: {said}", run.script))?;
            return Err(DpkgError::ScriptFailed {
                package: run.package.into(),
                version: run.version.into(),
                script: run.told(),
                status,
                said,
                obstacle,
            }
            .into());
        }
        if let Some(number) = run.number {
            let passed = std::mem::take(&mut self.answers.passed_over);
            let handled = &mut self.progress_of(number)?.handled;
            handled.evaluated.push(run.script.into());
            for passed in passed {
                if !handled.passed_over.contains(&passed) {
                    handled.passed_over.push(passed);
                }
            }
        }
        self.answers.passed_over.clear();
        for name in std::mem::take(&mut self.answers.triggers) {
            self.activate(&String::from_utf8_lossy(&name), true)?;
        }
        Ok(())
    }

    fn uncovered(&mut self, run: &Run<'_>, uncovered: Uncovered) -> Error {
        let reason = format!("its {} is not covered: line {}: `{}`", run.script, uncovered.line, uncovered.command);
        match self.stop(run, reason) {
            Ok(obstacle) => DpkgError::Uncovered {
                package: run.package.into(),
                version: run.version.into(),
                script: run.told(),
                uncovered,
                obstacle,
            }
            .into(),
            Err(error) => error,
        }
    }

    /// A script of an installed package, out of the root's own database.
    pub(super) fn installed_script(&self, package: &str, architecture: &str, script: &str) -> Option<Arc<[u8]>> {
        [format!("/var/lib/dpkg/info/{package}:{architecture}.{script}"), format!("/var/lib/dpkg/info/{package}.{script}")]
            .iter()
            .find_map(|path| self.root.read(path.as_bytes()).ok().map(|(bytes, _)| bytes))
    }
}

/// The last line that a script wrote to standard error, without control characters.
fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.trim_end().lines().next_back().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}
