//! The base's pins as we read them, over the lab's indexes.

use std::sync::Arc;

use plywood::apt::preferences::{ArchiveFacts, Automatic, Preferences};
use plywood::apt::universe::{File, Seen};
use plywood::apt::{AptConf, Files};

use crate::lab::Lab;

/// The two files that decide.
struct Base {
    conf: &'static str,
    preferences: &'static str,
}

impl Files for Base {
    fn read(&self, path: &str) -> Option<Arc<[u8]>> {
        match path {
            "/etc/apt/apt.conf" => Some(self.conf.as_bytes().into()),
            "/etc/apt/preferences" => Some(self.preferences.as_bytes().into()),
            _ => None,
        }
    }
    fn names(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

pub(crate) struct Pins {
    preferences: Preferences,
    archives: Vec<ArchiveFacts>,
    installed: ArchiveFacts,
    /// Whether suggested packages are installed.
    pub(crate) suggests: bool,
}

impl Pins {
    pub(crate) fn new(lab: &Lab, conf: &'static str, preferences: &'static str) -> Self {
        let base = Base { conf, preferences };
        let conf = AptConf::read(&base).unwrap();
        let preferences = Preferences::read(&base, &conf, &lab.architecture).unwrap();
        let suggests = conf.bool("APT::Install-Suggests", false);
        Self { preferences, archives: lab.indexes.iter().map(facts).collect(), installed: ArchiveFacts::installed(), suggests }
    }

    pub(crate) fn priority(&self, seen: Seen<'_>) -> i32 {
        let archives: Vec<&ArchiveFacts> = seen
            .files
            .iter()
            .map(|file| match file {
                File::Index(at) => &self.archives[*at],
                File::Status => &self.installed,
            })
            .collect();
        self.preferences.priority_in(seen.name, seen.source, seen.version, &archives)
    }
}

fn facts(index: &[String; 7]) -> ArchiveFacts {
    let [file, suite, codename, origin, label, component, site] = index;
    let (before, _) = file.split_once(&format!("_{component}_")).unwrap();
    let release = std::fs::read_to_string(format!("{before}_InRelease")).unwrap();
    let says = |name: &str| release.lines().any(|line| line == format!("{name}: yes"));
    let version = release.lines().find_map(|line| line.strip_prefix("Version: ")).unwrap_or_default();
    ArchiveFacts {
        archive: suite.clone(),
        codename: codename.clone(),
        origin: origin.clone(),
        label: label.clone(),
        version: version.to_owned(),
        component: component.clone(),
        host: site.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default().to_owned(),
        automatic: match (says("NotAutomatic"), says("ButAutomaticUpgrades")) {
            (false, _) => Automatic::Always,
            (true, true) => Automatic::Upgrades,
            (true, false) => Automatic::Never,
        },
    }
}
