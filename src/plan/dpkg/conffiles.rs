//! Conffiles: what the archive and the status file say of them, and which text stays (dpkg, `deferred_configure_conffile`).

use std::collections::BTreeSet;

use crate::error::Result;
use crate::layer::Contents;
use crate::layer::root::Author;
use crate::stream::{EntryPath, Kind};
use crate::system::dpkg::{Conffile, info};

use super::{Dpkg, DpkgError};

/// The archive's `conffiles`: paths, and whether the line asks for removal on upgrade.
fn lines(contents: &Contents) -> Vec<(String, bool)> {
    let bytes = contents.control.iter().find(|f| f.name == "conffiles").map(|f| f.bytes.clone()).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = |line: &str| match line.trim().strip_prefix("remove-on-upgrade ") {
        Some(path) => (path.trim().to_owned(), true),
        None => (line.trim().to_owned(), false),
    };
    text.lines().filter(|l| !l.trim().is_empty()).map(line).collect()
}

/// Absolute paths of the conffiles that the archive ships.
pub(super) fn shipped(contents: &Contents) -> BTreeSet<String> {
    lines(contents).into_iter().filter(|(_, remove)| !remove).map(|(path, _)| path).collect()
}

/// The stanza's `Conffiles` while the package is unpacked: shipped ones without a hash, then obsolete ones of the old version.
pub(super) fn listed(contents: &Contents, old: &[Conffile]) -> Vec<Conffile> {
    let lines = lines(contents);
    let known = |path: &str| lines.iter().any(|(p, _)| p == path);
    let new = lines.iter().map(|(path, remove)| {
        let before = old.iter().find(|o| o.path == *path).map(|o| o.hash.clone());
        Conffile {
            path: path.clone(),
            hash: before.unwrap_or_else(|| "newconffile".into()),
            obsolete: false,
            remove_on_upgrade: *remove,
        }
    });
    let obsolete = old.iter().filter(|o| !known(&o.path)).map(|o| Conffile { obsolete: true, ..o.clone() });
    new.chain(obsolete).collect()
}

impl Dpkg<'_> {
    /// Decides each shipped conffile and gives the stanza's lines after configuration.
    pub(super) fn settle_conffiles(&mut self, number: usize) -> Result<Vec<Conffile>> {
        let (locked, contents) = self.change(number)?;
        self.root.set_author(Author::Package(number));
        let shipped = shipped(contents);
        let mut listed = self.progress_of(number)?.conffiles.clone();
        for conffile in listed.iter_mut().filter(|c| shipped.contains(&c.path)) {
            let fresh = format!("{}.dpkg-new", conffile.path);
            let Ok((new, _)) = self.root.read(fresh.as_bytes()) else { continue };
            let new_hash = info::md5(&new);
            let now = self.root.read(conffile.path.as_bytes()).ok().map(|(bytes, _)| info::md5(&bytes));
            let before = (conffile.hash != "newconffile").then(|| conffile.hash.clone());
            match settle(before.as_deref(), &new_hash, now.as_deref()) {
                Settled::New => {
                    self.root.rename(fresh.as_bytes(), conffile.path.as_bytes())?;
                    self.move_place(number, &fresh, &conffile.path)?;
                }
                Settled::Keep => {
                    self.root.remove(fresh.as_bytes())?;
                    self.drop_place(number, &fresh)?;
                }
                Settled::Ask => {
                    return Err(DpkgError::Conffile { package: locked.name.clone(), path: conffile.path.clone() }.into());
                }
            }
            conffile.hash = new_hash;
        }
        listed.retain(|c| !c.obsolete || self.root.exists(c.path.as_bytes()));
        debug_assert!(contents.entries.iter().all(|e| !matches!(e.kind, Kind::File { .. }) || !e.path.is_root()));
        Ok(listed)
    }

    fn move_place(&mut self, number: usize, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.spot(from)?, self.spot(to)?);
        for place in self.progress_of(number)?.places.iter_mut().filter(|p| p.as_ref() == Some(&from)) {
            *place = Some(to.clone());
        }
        Ok(())
    }

    fn drop_place(&mut self, number: usize, path: &str) -> Result<()> {
        let path = self.spot(path)?;
        for place in self.progress_of(number)?.places.iter_mut().filter(|p| p.as_ref() == Some(&path)) {
            *place = None;
        }
        Ok(())
    }

    fn spot(&self, path: &str) -> Result<EntryPath> {
        Ok(self.root.resolve(path.as_bytes(), crate::layer::root::Last::Keep)?)
    }
}

/// What becomes of a conffile.
#[derive(Debug, PartialEq, Eq)]
enum Settled {
    New,
    Keep,
    Ask,
}

/// `before` is the hash that the old version shipped, `new` that of the new one, `now` that of the file, if it is there.
fn settle(before: Option<&str>, new: &str, now: Option<&str>) -> Settled {
    match (before, now) {
        (None, None) => Settled::New,
        (_, Some(now)) if now == new => Settled::New,
        (Some(before), _) if before == new => Settled::Keep,
        (Some(before), Some(now)) if before == now => Settled::New,
        _ => Settled::Ask,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_change_stays_and_an_unchanged_file_follows() {
        for (before, new, now, settled) in [
            (None, "a", None, Settled::New),
            (None, "a", Some("a"), Settled::New),
            (None, "a", Some("user"), Settled::Ask),
            (Some("a"), "b", Some("a"), Settled::New),
            (Some("a"), "a", Some("user"), Settled::Keep),
            (Some("a"), "a", None, Settled::Keep),
            (Some("a"), "b", Some("user"), Settled::Ask),
            (Some("a"), "b", None, Settled::Ask),
        ] {
            assert_eq!(settle(before, new, now), settled, "{before:?} {new} {now:?}");
        }
    }
}
