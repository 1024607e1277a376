//! Which files' bytes a catalogue keeps: one table, a reason per row.
//!
//! Invariant: the rule looks at a path and a size alone, never at content; what it does not name is listed without bytes.

use crate::stream::EntryPath;

/// Bytes that one catalogue keeps at most; files beyond are only listed. A large Debian image keeps under 20 MiB.
pub(super) const TOTAL: u64 = 64 << 20;

const SMALL: u64 = 64 << 10;
const MEDIUM: u64 = 1 << 20;
/// dpkg's status grows by a kilobyte per package, debconf's templates by four.
const DATABASE: u64 = 32 << 20;

struct Row {
    /// The file itself or any file below; `lib/...` is found by `usr/lib/...` as well, and `sbin` likewise.
    place: &'static str,
    /// Only file names that end so.
    suffix: &'static str,
    /// Kept up to this size; 0 excludes.
    most: u64,
}

const fn row(place: &'static str, suffix: &'static str, most: u64) -> Row {
    Row { place, suffix, most }
}

/// The first row that fits decides.
const TABLE: &[Row] = &[
    // Accounts, sources, conffiles, alternatives' links, ld.so.conf, skel: what every script asks for.
    row("etc", "", MEDIUM),
    // Half of all bytes of info/, and no decision rests on them.
    row("var/lib/dpkg/info", ".md5sums", 0),
    // What is installed: solver, unpack, triggers, diversions, alternatives, maintainer scripts.
    row("var/lib/dpkg", "", DATABASE),
    // Indexes of the archive are fetched anew; tens of megabytes.
    row("var/lib/apt/lists", "", 0),
    // extended_states: automatic marks.
    row("var/lib/apt", "", MEDIUM),
    // pam-auth-update's seen profiles.
    row("var/lib/pam", "", SMALL),
    // ucf's registry and hash file.
    row("var/lib/ucf", "", MEDIUM),
    // deb-systemd-helper's state of enabled units.
    row("var/lib/systemd", "", SMALL),
    // The shells that update-shells added.
    row("var/lib/shells.state", "", SMALL),
    // Answers and templates of debconf.
    row("var/cache/debconf", "", DATABASE),
    // Keys that `signed-by` names.
    row("usr/share/keyrings", "", MEDIUM),
    // Which distribution and release.
    row("usr/lib/os-release", "", SMALL),
    // pam-auth-update reads all of them.
    row("usr/share/pam-configs", "", SMALL),
    // Units, for enable, mask and presets.
    row("usr/lib/systemd/system", "", SMALL),
    // Units of users, likewise.
    row("usr/lib/systemd/user", "", SMALL),
    // Which units are enabled at first install.
    row("usr/lib/systemd/system-preset", "", SMALL),
    // Likewise for users.
    row("usr/lib/systemd/user-preset", "", SMALL),
    // `journalctl --update-catalog` reads all of them.
    row("usr/lib/systemd/catalog", "", MEDIUM),
    // Accounts by systemd-sysusers.
    row("usr/lib/sysusers.d", "", SMALL),
    // Directories by systemd-tmpfiles.
    row("usr/lib/tmpfiles.d", "", SMALL),
    // confmodule, which scripts source.
    row("usr/share/debconf", "", MEDIUM),
    // Shells of debianutils.
    row("usr/share/debianutils", "", SMALL),
    // Originals that PAM's scripts copy or compare by hash.
    row("usr/share/pam", "", SMALL),
    // Certificates that go into the CA bundle.
    row("usr/share/ca-certificates", "", SMALL),
    // ucf's own helper files.
    row("usr/share/ucf", "", SMALL),
    // The base's own CAs, which go into the bundle.
    row("usr/local/share/ca-certificates", "", MEDIUM),
    // The default adduser.conf.
    row("usr/share/adduser", "", MEDIUM),
    // Manuals, whose entries `install-info` puts into the menu.
    row("usr/share/info", "", MEDIUM),
    // Programs for file types, which `update-mime` and `update-desktop-database` read.
    row("usr/lib/mime", "", SMALL),
    row("usr/share/applications", ".desktop", SMALL),
    // Frames of catalogues, and binary formats.
    row("usr/share/xml-core", "", SMALL),
    row("usr/share/sgml-base", "", SMALL),
    row("usr/share/binfmts", "", SMALL),
    // Whether services may start.
    row("usr/sbin/policy-rc.d", "", SMALL),
];

/// The largest size at which a regular file at `path` is kept; nothing for a file that is only listed.
pub(super) fn most(path: &EntryPath) -> Option<u64> {
    let bytes = path.as_bytes();
    if let Some(name) = bytes.strip_prefix(b"root/") {
        // The shell's start files of root, which recipes append to.
        return (name.starts_with(b".") && !name.contains(&b'/')).then_some(MEDIUM);
    }
    if path.file_name() == b"bash.bashrc" {
        // The same of a sandbox, in whatever folder it has.
        return Some(SMALL);
    }
    let spelled = [b"usr/".as_slice(), bytes].concat();
    let row = TABLE.iter().find(|row| {
        let place = row.place.as_bytes();
        let alias = (row.place.starts_with("usr/lib/") || row.place.starts_with("usr/sbin/")) && is_below(&spelled, place);
        (is_below(bytes, place) || alias) && bytes.ends_with(row.suffix.as_bytes())
    })?;
    (row.most > 0).then_some(row.most)
}

fn is_below(path: &[u8], place: &[u8]) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_keeps_what_decides_and_nothing_else() {
        let most = |path: &str| most(&EntryPath::new(path).expect("a path"));
        for (path, size) in [
            ("etc/passwd", Some(MEDIUM)),
            ("etcetera/passwd", None),
            ("var/lib/dpkg/status", Some(DATABASE)),
            ("var/lib/dpkg/info/bash.list", Some(DATABASE)),
            ("var/lib/dpkg/info/bash.md5sums", None),
            ("var/lib/apt/extended_states", Some(MEDIUM)),
            ("var/lib/apt/lists/x_Packages", None),
            ("lib/systemd/system/ssh.service", Some(SMALL)),
            ("usr/lib/systemd/system/ssh.service", Some(SMALL)),
            ("usr/lib/systemd/systemd-logind", None),
            ("usr/lib/os-release", Some(SMALL)),
            ("sbin/policy-rc.d", Some(SMALL)),
            ("share/keyrings/x.gpg", None),
            ("root/.bashrc", Some(MEDIUM)),
            ("root/.cache/x", None),
            ("root/notes", None),
            ("opt/sandbox/bash.bashrc", Some(SMALL)),
            ("usr/share/info/coreutils.info.gz", Some(MEDIUM)),
            ("usr/lib/mime/packages/tar", Some(SMALL)),
            ("usr/share/applications/icons", None),
            ("usr/bin/env", None),
        ] {
            assert_eq!(most(path), size, "{path}");
        }
    }
}
