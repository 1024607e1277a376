//! Conffiles: what the archive and the status file say of them, and which text stays (dpkg, `deferred_configure_conffile`).

use std::collections::BTreeSet;

use crate::error::Result;
use crate::layer::Contents;
use crate::layer::root::{Author, Last};
use crate::stream::{EntryPath, Kind};
use crate::system::dpkg::{Conffile, info};

use super::forces::Forces;
use super::{Dpkg, DpkgError};

/// Stands for the hash of a conffile that no version was configured with.
const NEW: &str = "newconffile";

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
        Conffile { path: path.clone(), hash: before.unwrap_or_else(|| NEW.into()), obsolete: false, remove_on_upgrade: *remove }
    });
    let obsolete = old.iter().filter(|o| !known(&o.path)).map(|o| Conffile { obsolete: true, ..o.clone() });
    new.chain(obsolete).collect()
}

impl Dpkg<'_> {
    /// Decides each shipped conffile and gives the stanza's lines after configuration.
    pub(super) fn settle_conffiles(&mut self, number: usize) -> Result<Vec<Conffile>> {
        let (_, contents) = self.change(number)?;
        self.root.set_author(Author::Package(number));
        let shipped = shipped(contents);
        let mut listed = self.progress_of(number)?.conffiles.clone();
        for conffile in listed.iter_mut().filter(|c| shipped.contains(&c.path)) {
            let fresh = format!("{}.dpkg-new", conffile.path);
            let Ok((new, _)) = self.root.read(fresh.as_bytes()) else { continue };
            let new_hash = info::md5(&new);
            let now = self.root.read(conffile.path.as_bytes()).ok().map(|(bytes, _)| info::md5(&bytes));
            let before = (conffile.hash != NEW).then(|| conffile.hash.clone());
            let settled = settle(before.as_deref(), &new_hash, now.as_deref(), self.forces);
            self.settle_conffile(number, &conffile.path, settled)?;
            conffile.hash = new_hash;
        }
        for conffile in listed.iter().filter(|c| c.remove_on_upgrade && c.hash != NEW) {
            self.remove_conffile(conffile)?;
        }
        listed.retain(|c| !c.obsolete || self.root.exists(c.path.as_bytes()));
        debug_assert!(contents.entries.iter().all(|e| !matches!(e.kind, Kind::File { .. }) || !e.path.is_root()));
        Ok(listed)
    }

    /// Puts the new text where it belongs, with the mode and owner of the file that it replaces.
    fn settle_conffile(&mut self, number: usize, path: &str, settled: Settled) -> Result<()> {
        let fresh = format!("{path}.dpkg-new");
        if let (Some(now), Settled::New | Settled::NewBeside) = (self.root.stat(path.as_bytes()).ok(), settled) {
            let is_own = self.root.stat(fresh.as_bytes()).is_ok_and(|new| (new.mode, new.owner) == (now.mode, now.owner));
            if !is_own {
                self.root.chmod(fresh.as_bytes(), now.mode)?;
                self.root.chown(fresh.as_bytes(), now.owner, now.provenance.ids, Last::Keep)?;
            }
        }
        match settled {
            Settled::New => self.move_new(number, &fresh, path),
            Settled::NewBeside => {
                if self.root.exists(path.as_bytes()) {
                    self.root.rename(path.as_bytes(), format!("{path}.dpkg-old").as_bytes())?;
                }
                self.move_new(number, &fresh, path)
            }
            Settled::KeepBeside => self.move_new(number, &fresh, &format!("{path}.dpkg-dist")),
            Settled::Keep => {
                self.root.remove(fresh.as_bytes())?;
                self.drop_place(number, &fresh)
            }
            Settled::Ask => {
                let (locked, _) = self.change(number)?;
                Err(DpkgError::Conffile { package: locked.name.clone(), path: path.to_owned() }.into())
            }
        }
    }

    /// A conffile that the new version wants gone: one that was changed stays under another name.
    fn remove_conffile(&mut self, conffile: &Conffile) -> Result<()> {
        let path = conffile.path.as_bytes();
        let Ok((now, _)) = self.root.read(path) else { return Ok(()) };
        if info::md5(&now) == conffile.hash {
            self.root.remove(path)?;
        } else {
            self.root.rename(path, format!("{}.dpkg-old", conffile.path).as_bytes())?;
        }
        Ok(())
    }

    fn move_new(&mut self, number: usize, from: &str, to: &str) -> Result<()> {
        self.root.rename(from.as_bytes(), to.as_bytes())?;
        self.move_place(number, from, to)
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
        Ok(self.root.resolve(path.as_bytes(), Last::Keep)?)
    }
}

/// What becomes of a conffile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    New,
    /// The base's file stays as `.dpkg-old`.
    NewBeside,
    Keep,
    /// The new one lies beside it as `.dpkg-dist`.
    KeepBeside,
    Ask,
}

/// `before` is the hash that the old version shipped, `new` that of the new one, `now` that of the file, if it is there.
fn settle(before: Option<&str>, new: &str, now: Option<&str>, forces: Forces) -> Settled {
    match (before, now) {
        (None, None) => Settled::New,
        (_, Some(now)) if now == new => Settled::New,
        (_, None) if forces.bring_back => Settled::New,
        (Some(before), _) if before == new => Settled::Keep,
        (Some(before), Some(now)) if before == now => Settled::New,
        _ if forces.keep => Settled::KeepBeside,
        _ if forces.replace => Settled::NewBeside,
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
            assert_eq!(settle(before, new, now, Forces::default()), settled, "{before:?} {new} {now:?}");
            // A word of the configuration only answers the question; confmiss is about files that are gone.
            let answered = |told| if settled == Settled::Ask { told } else { settled };
            let keep = Forces { keep: true, ..Forces::default() };
            assert_eq!(settle(before, new, now, keep), answered(Settled::KeepBeside));
            let replace = Forces { replace: true, ..Forces::default() };
            assert_eq!(settle(before, new, now, replace), answered(Settled::NewBeside));
            let bring_back = Forces { bring_back: true, ..Forces::default() };
            assert_eq!(settle(before, new, now, bring_back), if now.is_none() { Settled::New } else { settled });
        }
    }
}
