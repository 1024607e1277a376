//! `systemctl preset`: whether a unit is enabled when it is installed.
//!
//! Invariant: the first matching line of the files in byte order of their names decides; without one a unit is enabled, as
//! systemd and Debian have it.

use std::collections::BTreeMap;

use super::super::dpkg::PathFilter;
use super::super::error::Result;
use super::super::view::{View, Write};
use super::{Search, install};

/// The rules of all preset files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presets {
    rules: Vec<(bool, String)>,
}

impl Presets {
    /// Reads the preset files of a tree; a file in `/etc` hides the one of the same name in `/usr/lib` and `/lib`.
    pub fn of(view: &dyn View, search: Search) -> Result<Self> {
        let kind = format!("{}-preset", search.instance.name());
        let mut files = BTreeMap::new();
        for above in ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"] {
            let directory = format!("{above}/systemd/{kind}");
            for name in view.list(&directory).into_iter().filter(|name| name.ends_with(".preset")) {
                files.entry(name.clone()).or_insert(format!("{directory}/{name}"));
            }
        }
        let mut rules = Vec::new();
        for path in files.values() {
            for line in view.text(path)?.unwrap_or_default().lines() {
                let mut words = line.split_whitespace();
                let enable = match words.next() {
                    Some("enable") => true,
                    Some("disable") => false,
                    _ => continue,
                };
                rules.extend(words.next().map(|pattern| (enable, pattern.to_owned())));
            }
        }
        Ok(Self { rules })
    }
    /// Whether the unit is to be enabled.
    pub fn enables(&self, unit: &str) -> bool {
        self.rules.iter().find(|(_, pattern)| PathFilter::pattern_matches(pattern, unit)).is_none_or(|(enable, _)| *enable)
    }
}

/// `systemctl --preset-mode=enable-only preset UNIT`.
pub fn preset(view: &dyn View, search: Search, unit: &str) -> Result<Vec<Write>> {
    if search.is_masked(view, unit) || !Presets::of(view, search)?.enables(unit) {
        return Ok(Vec::new());
    }
    install::enable(view, search, unit)
}
