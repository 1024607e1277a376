//! What dpkg is told to do with a conffile that both sides changed: `force-conf*` of its own configuration and of apt's.
//!
//! Invariant: only what the base says counts; without a word dpkg would ask, and a build has nobody to ask.

use std::sync::Arc;

use crate::apt::{AptConf, Files};
use crate::error::Result;
use crate::layer::root::VirtualRoot;
use crate::system::View as _;

use super::super::view::RootView;

/// The answers to dpkg's question (dpkg(1), `--force-things`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forces {
    /// `confold`, and `confdef`, whose default is to keep.
    pub(super) keep: bool,
    /// `confnew`
    pub(super) replace: bool,
    /// `confmiss`
    pub(super) bring_back: bool,
}

impl Forces {
    /// What the root's configuration says: dpkg's files, then the options that apt hands to dpkg.
    pub(super) fn of(root: &VirtualRoot) -> Result<Self> {
        let view = RootView(root);
        let folder = "/etc/dpkg/dpkg.cfg.d";
        let plain = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        let files = view.list(folder).into_iter().filter(plain).map(|name| format!("{folder}/{name}"));
        let mut words = Vec::new();
        for file in files.chain(["/etc/dpkg/dpkg.cfg".to_owned()]) {
            let text = view.text(&file)?.unwrap_or_default();
            words.extend(text.lines().map(|line| format!("--{}", line.trim())));
        }
        let apt = AptConf::read(&Seen(RootView(root)))?;
        words.extend(apt.list("DPkg::Options").into_iter().map(str::to_owned));
        Ok(Self::parse(words.iter().map(String::as_str)))
    }

    /// Reads options as they stand on a command line.
    fn parse<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let mut forces = Self::default();
        for word in words {
            let things = |names: &[&str]| {
                names.iter().find_map(|name| word.strip_prefix(name)).map(|rest| rest.trim_start_matches(['=', '-', ' ']))
            };
            let (things, on) = match (things(&["--force"]), things(&["--no-force", "--refuse"])) {
                (Some(things), _) => (things, true),
                (None, Some(things)) => (things, false),
                (None, None) => continue,
            };
            for thing in things.split(',') {
                match thing {
                    "confold" | "confdef" => forces.keep = on,
                    "confnew" => forces.replace = on,
                    "confmiss" => forces.bring_back = on,
                    _ => {}
                }
            }
        }
        forces
    }
}

/// The root as apt's configuration is read from it: each look at the base is noted, as all of a plan's are.
struct Seen<'a>(RootView<'a>);

impl Files for Seen<'_> {
    fn read(&self, path: &str) -> Option<Arc<[u8]>> {
        self.0.read(path).ok().flatten()
    }
    fn names(&self, path: &str) -> Vec<String> {
        self.0.list(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_dpkg_spells_them() {
        let (keep, replace) = (Forces { keep: true, ..Forces::default() }, Forces { replace: true, ..Forces::default() });
        let all = Forces { keep: true, replace: true, bring_back: true };
        for (words, told) in [
            (&["--force-confold"][..], keep),
            (&["--force-confdef"], keep),
            (&["--force=confnew"], replace),
            (&["--force-confold,confmiss,confnew"], all),
            (&["--force-confold", "--no-force-confold"], Forces::default()),
            (&["--force-unsafe-io", "--admindir=/x", "--"], Forces::default()),
        ] {
            assert_eq!(Forces::parse(words.iter().copied()), told, "{words:?}");
        }
    }
}
