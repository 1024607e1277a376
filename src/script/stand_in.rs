//! What stands for a program, or for a whole script of a package, that cannot be evaluated: a recipe's word.
//!
//! Invariant: a stand-in is evaluated like any script, never run; each use is noted with its reason, so that a plan can show it.

use super::shell::matches;

/// For whom it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandsFor {
    /// A program that scripts call.
    Program {
        /// Pattern of its name, without directories.
        name: String,
        /// Pattern of its arguments, joined by blanks; every call without it.
        arguments: Option<String>,
    },
    /// A script of a package.
    Script {
        /// Pattern of the package's name.
        package: String,
        /// `config`, `postinst`
        script: String,
        /// What the script's text has in it; any text without it.
        contains: Option<String>,
    },
}

/// A recipe's stand-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// The recipe that has it, for messages.
    pub recipe: String,
    /// For whom.
    pub of: StandsFor,
    /// What is missing afterwards, or how it is made.
    pub reason: String,
    /// What is evaluated in its place; without it nothing is done, with success.
    pub text: Option<String>,
}

impl StandIn {
    /// Whether it stands for a call of a program.
    pub(super) fn is_for_program(&self, program: &[u8], words: &[u8]) -> bool {
        let StandsFor::Program { name, arguments } = &self.of else { return false };
        matches(name.as_bytes(), program) && arguments.as_ref().is_none_or(|pattern| matches(pattern.as_bytes(), words))
    }
    /// Whether it stands for a script of a package.
    pub(super) fn is_for_script(&self, name: &str, kind: &str, text: &[u8]) -> bool {
        let StandsFor::Script { package, script, contains } = &self.of else { return false };
        let has = |part: &String| text.windows(part.len().max(1)).any(|window| window == part.as_bytes());
        script == kind && matches(package.as_bytes(), name.as_bytes()) && contains.as_ref().is_none_or(has)
    }
}

/// What a script called, or was, that was not evaluated as it stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PassedOver {
    /// The program, or the script.
    pub what: String,
    /// The recipe that stood in; nothing where it has no effect in a container by decision.
    pub recipe: Option<String>,
    /// Why, and what is missing afterwards.
    pub reason: String,
}
