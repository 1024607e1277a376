//! Commands that have no effect in a container image that is being built, by decision, each with its reason.
//!
//! Invariant: only here may a command be passed over; whatever a later program needs is never in this table.

use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

/// Name and reason, for those who ask what was left out.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("deb-systemd-invoke", "no service manager runs in a build"),
    ("invoke-rc.d", "no service is started in a build: policy-rc.d says 101"),
    ("service", "no service is started in a build"),
    ("ssh-keygen", "host keys in an image would be shared by all who use it; they are made at the first start"),
    ("systemd-machine-id-setup", "a machine's identity in an image would be shared; it is made at the first start"),
    ("dbus-uuidgen", "a machine's identity in an image would be shared; it is made at the first start"),
    ("journalctl", "the catalogue of journal messages is a cache of some megabytes; messages lack explanations"),
    ("systemd-hwdb", "a container has no hardware; the database is a cache of ten megabytes"),
    ("udevadm", "a container has no hardware"),
    ("py3compile", "byte code needs the interpreter, and differs between two runs; Python compiles when it imports"),
    ("pypy3compile", "byte code needs the interpreter, and differs between two runs; PyPy compiles when it imports"),
    ("py3clean", "there is no byte code to remove"),
    ("fc-cache", "a cache with times of directories in it; fontconfig makes it when it is asked"),
    ("mandb", "a cache with times in it; man does without"),
    ("gtk-update-icon-cache", "a cache with times in it; GTK does without"),
    ("update-initramfs", "a container has no kernel of its own"),
    ("update-grub", "a container has no boot loader"),
];

pub(super) const PROGRAMS: Table = &[
    ("deb-systemd-invoke", &nothing),
    ("invoke-rc.d", &nothing),
    ("service", &nothing),
    ("ssh-keygen", &nothing),
    ("systemd-machine-id-setup", &nothing),
    ("dbus-uuidgen", &nothing),
    ("journalctl", &nothing),
    ("systemd-hwdb", &nothing),
    ("udevadm", &nothing),
    ("py3compile", &nothing),
    ("pypy3compile", &nothing),
    ("py3clean", &nothing),
    ("fc-cache", &nothing),
    ("mandb", &nothing),
    ("gtk-update-icon-cache", &nothing),
    ("update-initramfs", &nothing),
    ("update-grub", &nothing),
];

fn nothing(_: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    Ok(ExitStatus::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_reason() {
        let names = |table: &[&str]| table.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let reasons: Vec<&str> = LEFT_OUT.iter().map(|(name, _)| *name).collect();
        let programs: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names(&reasons), names(&programs));
    }
}
