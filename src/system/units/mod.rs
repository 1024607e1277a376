//! systemd units: what enabling one means, by `systemctl` and by `deb-systemd-helper`.
//!
//! Invariant: only links below `/etc/systemd` and Debian's own state files are made; no unit is started.

mod helper;
mod install;
mod preset;

pub use helper::{Helper, Question};
pub use install::{Link, disable, enable, link_closure};
pub use preset::{Presets, preset};

use super::view::{Status, View};

/// Whose units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Instance {
    /// The system's.
    #[default]
    System,
    /// Every user's (`--user`, `--global`).
    User,
}

impl Instance {
    /// `system` or `user`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
        }
    }
    /// Where links go.
    pub fn directory(self) -> String {
        format!("/etc/systemd/{}", self.name())
    }
}

/// Where units are looked for, and for whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Search {
    /// Whose units.
    pub instance: Instance,
    /// Whether `/usr/lib` stands before `/lib` (trixie); links then spell it so.
    pub usr_first: bool,
}

impl Search {
    fn directories(self) -> [String; 3] {
        let name = self.instance.name();
        let (first, second) = if self.usr_first { ("/usr/lib", "/lib") } else { ("/lib", "/usr/lib") };
        [self.instance.directory(), format!("{first}/systemd/{name}"), format!("{second}/systemd/{name}")]
    }
    /// The path of a unit file as the tools spell it.
    pub fn find(self, view: &dyn View, unit: &str) -> Option<String> {
        let name = super::view::name_of(unit);
        self.directories().into_iter().map(|directory| format!("{directory}/{name}")).find(|path| view.is_file(path))
    }
    /// Whether a link to `/dev/null` masks the unit.
    pub fn is_masked(self, view: &dyn View, unit: &str) -> bool {
        view.status(&format!("{}/{unit}", self.instance.directory())) == Some(Status::Symlink("/dev/null".into()))
    }
}

#[cfg(test)]
mod tests;
