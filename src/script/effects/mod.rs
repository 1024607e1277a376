//! Debian's own commands in scripts: bound to the models of `system/`.
//!
//! Invariant: what a command writes carries the provenance that rules.md gives it: registries always count as the base's,
//! links of units and init scripts never do. What a model does not cover is uncovered; what has no effect by decision stands
//! in one table with its reason ([`nothing`]).

mod accounts;
mod alternatives;
mod bridge;
mod catalogs;
mod configuration;
mod debconf;
mod desktop;
mod dpkg;
mod emacsen;
mod help_tags;
mod keystore;
mod libraries;
mod login;
mod manuals;
mod nothing;
mod registries;
mod sshd;
mod units;

pub use nothing::LEFT_OUT;

use super::call::{Commands, Table};

/// What exists if its file does.
const PROGRAMS: &[Table] = &[
    accounts::PROGRAMS,
    alternatives::PROGRAMS,
    catalogs::PROGRAMS,
    configuration::PROGRAMS,
    desktop::PROGRAMS,
    dpkg::PROGRAMS,
    emacsen::PROGRAMS,
    help_tags::PROGRAMS,
    libraries::PROGRAMS,
    login::PROGRAMS,
    manuals::PROGRAMS,
    nothing::AROUND,
    nothing::PROGRAMS,
    registries::PROGRAMS,
    sshd::PROGRAMS,
    units::PROGRAMS,
];

/// Adds all of them to the commands that are known.
pub(super) fn install(commands: &mut Commands) {
    for table in PROGRAMS {
        commands.add_programs(table);
    }
    commands.add_helpers(desktop::HELPERS);
    commands.add_helpers(emacsen::HELPERS);
    commands.add_builtins(keystore::BUILTINS);
    commands.add_library("usr/share/debconf/confmodule", debconf::FUNCTIONS);
}

#[cfg(test)]
mod tests;
