//! What a script is told: which package it is for, the fixed answers of a container at build time, and the commands.
//!
//! Invariant: all of it is given as values; nothing is asked of this machine.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::rootfs::ElfNote;
use crate::stream::EntryPath;

use super::call::Commands;
use super::stand_in::PassedOver;
use super::value::Value;

/// The package whose script is evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its architecture as dpkg names it; of the package, not of the system.
    pub architecture: String,
    /// The version that is being configured.
    pub version: String,
    /// Which script: `preinst`, `postinst`, `prerm`, `postrm`, `config`.
    pub script: String,
}

/// Fixed answers, and what one script leaves for the next beside files.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Days since 1970 for the shadow file's last-change field, where the build has one.
    pub shadow_day: Option<i64>,
    /// The machine's architecture as `uname -m` names it.
    pub machine: String,
    /// Names that scripts activated with `dpkg-trigger`, in order.
    pub triggers: Vec<Vec<u8>>,
    /// Questions that debconf was given and that the script has not yet gone through.
    pub pending_questions: Vec<String>,
    /// Debian's order of versions, for `dpkg --compare-versions`; without it that is uncovered.
    pub compare_versions: Option<fn(&str, &str) -> Ordering>,
    /// What `ldconfig` has to know of the shared objects that packages placed, by where they went.
    pub libraries: BTreeMap<EntryPath, ElfNote>,
    /// What was passed over since the caller last looked.
    pub passed_over: Vec<PassedOver>,
    /// More variables of the environment, over the fixed ones.
    pub environment: BTreeMap<Vec<u8>, Value>,
}

impl Answers {
    /// Notes what is passed over, once.
    pub(super) fn pass_over(&mut self, what: PassedOver) {
        if !self.passed_over.contains(&what) {
            self.passed_over.push(what);
        }
    }
}

/// What [`super::evaluate`] needs beside script and root.
#[derive(Debug)]
pub struct Environment<'a> {
    /// For whom.
    pub package: &'a Package,
    /// The commands that exist.
    pub commands: &'a Commands,
    /// Answers and what outlives the script.
    pub answers: &'a mut Answers,
}

/// The search path that dpkg gives to scripts.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables that dpkg and a container build give to a script (deb-postinst(5), dpkg(1) "ENVIRONMENT").
pub(super) fn variables(environment: &Environment<'_>) -> BTreeMap<Vec<u8>, Value> {
    let package = environment.package;
    let mut variables = BTreeMap::new();
    for (name, text) in [
        ("PATH", PATH),
        ("HOME", "/root"),
        ("SHELL", "/bin/sh"),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("DPKG_ADMINDIR", "/var/lib/dpkg"),
        ("DPKG_FORCE", "security-mac"),
        ("DPKG_ROOT", ""),
        ("DPKG_MAINTSCRIPT_PACKAGE", &package.name),
        ("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1"),
        ("DPKG_MAINTSCRIPT_ARCH", &package.architecture),
        ("DPKG_MAINTSCRIPT_NAME", &package.script),
        ("DPKG_MAINTSCRIPT_DEBUG", "0"),
    ] {
        variables.insert(name.as_bytes().to_vec(), Value::from(text));
    }
    variables.extend(environment.answers.environment.clone());
    variables
}
