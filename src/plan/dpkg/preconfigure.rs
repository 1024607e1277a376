//! What `dpkg-preconfigure` leaves, which apt calls before it unpacks: the templates of all packages in debconf's database.
//!
//! Invariant: only where the root has the program that takes them out of the archives; without it debconf waits until a package
//! is configured. A `config` script is evaluated then as well, and its answers are the same.

use crate::error::Result;
use crate::layer::root::Author;
use crate::system::debconf::Debconf;

use super::super::view::{RootView, apply};
use super::Dpkg;

/// Where `dpkg-preconfigure` looks for it (of apt-utils, and of apt itself since 2.9).
const EXTRACTORS: [&[u8]; 2] = [b"/usr/lib/apt/apt-extracttemplates", b"/usr/bin/apt-extracttemplates"];

const PRECONFIGURE: &[u8] = b"/usr/sbin/dpkg-preconfigure";

/// Where the templates are taken to; it stays, empty.
const FOLDER: &[u8] = b"/var/cache/debconf/tmp.ci";

impl Dpkg<'_> {
    /// Loads the templates of every package that is to be unpacked.
    pub(super) fn preconfigure(&mut self) -> Result<()> {
        let has = |path: &&[u8]| self.root.exists(path);
        let unpacks = self.changes.iter().any(|change| change.contents.is_some());
        if !unpacks || !has(&PRECONFIGURE) || !EXTRACTORS.iter().any(has) {
            return Ok(());
        }
        self.root.set_author(Author::Dpkg);
        self.root.mkdir_p(FOLDER, 0o755)?;
        let mut database = Debconf::of(&RootView(self.root))?;
        for change in self.changes {
            let Some(file) = change.contents.as_deref().and_then(|contents| Self::control_file(contents, "templates")) else {
                continue;
            };
            let name = &change.locked.name;
            database.load_templates(&format!("the templates of {name}"), &file.bytes, name)?;
        }
        apply(self.root, &database.writes(), true)
    }
}
