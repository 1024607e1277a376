//! A Debian base that knows one further archive, signed and served by the test.
//!
//! Invariant: the archive's name is not one of this network; the program is told where it is served.

use crate::archive::Archive;
use crate::deb::Deb;
use crate::repository::{Repository, signed};

use crate::support::base::{self, Debian};
use crate::support::layout::Change;
use crate::support::program::Plywood;

/// What the base's sources call the archive.
const NAME: &str = "http://archive.test/debian/";

/// The base, the archive, and a program that finds both.
pub(crate) struct OwnArchive {
    pub(crate) plywood: Plywood,
    /// `oci:DIR:TAG`
    pub(crate) base: String,
    uri: String,
    _archive: Archive,
}

impl OwnArchive {
    /// With these packages.
    pub(crate) fn over(suite: &'static str, packages: &[Deb]) -> Self {
        Self::of(&base::debian(suite), suite, signed(packages))
    }

    /// With this repository, on a given base.
    pub(crate) fn of(debian: &Debian, tag: &str, repository: Repository) -> Self {
        let plywood = Plywood::new();
        let source = format!("deb [signed-by=/usr/share/keyrings/probe.gpg] {NAME} stable main\n");
        let folder = plywood.path("base");
        debian.with(
            &[
                Change::File("etc/apt/sources.list.d/probe.list", 0o644, source.into_bytes()),
                Change::File("usr/share/keyrings/probe.gpg", 0o644, repository.key),
            ],
            &folder,
        );
        let archive = Archive::serving(repository.files);
        Self { base: format!("oci:{}:{tag}", folder.display()), uri: archive.uri(), plywood, _archive: archive }
    }

    /// The words of a build of `packages`, between commas, and nothing else.
    pub(crate) fn words(&self, packages: &str, more: &[&str]) -> Vec<String> {
        let mirror = format!("{NAME}={}", self.uri);
        let words = ["build", &self.base, "--profile", "none", "--no-recommends", "--apt", packages, "--apt-mirror", &mirror];
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }
}
