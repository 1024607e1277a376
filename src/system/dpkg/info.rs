//! The files of `/var/lib/dpkg/info`: their names, `.list`, and the `.md5sums` that dpkg makes where a package has none.
//!
//! Invariant: paths stand as shipped, never resolved.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};

/// The directory.
pub const DIRECTORY: &str = "/var/lib/dpkg/info";

/// The path of an information file: with the architecture only for `Multi-Arch: same`.
pub fn path(package: &str, architecture: &str, multi_arch_same: bool, kind: &str) -> String {
    if multi_arch_same { format!("{DIRECTORY}/{package}:{architecture}.{kind}") } else { format!("{DIRECTORY}/{package}.{kind}") }
}

/// `.list`: every member of the archive in its order, `/.` for the root, then obsolete conffiles of an upgrade.
pub fn list<'a>(members: impl IntoIterator<Item = &'a [u8]>, obsolete_conffiles: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for member in members.into_iter().chain(obsolete_conffiles) {
        let path = member.strip_prefix(b"./").or(member.strip_prefix(b"/")).unwrap_or(member);
        let path = path.strip_suffix(b"/").unwrap_or(path);
        out.push(b'/');
        out.extend_from_slice(if path.is_empty() { b"." } else { path });
        out.push(b'\n');
    }
    out
}

/// The paths of a `.list`, with leading `/`; the root is left out.
pub fn paths(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|b| *b == b'\n').filter(|line| !line.is_empty() && *line != b"/.")
}

/// `.md5sums` as dpkg makes it: the regular files with their MD5 in hexadecimal, in the order of `.list`.
pub fn md5sums<'a>(files: impl IntoIterator<Item = (&'a [u8], String)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, hash) in files {
        out.extend_from_slice(hash.as_bytes());
        out.extend_from_slice(b"  ");
        out.extend_from_slice(path.strip_prefix(b"./").or(path.strip_prefix(b"/")).unwrap_or(path));
        out.push(b'\n');
    }
    out
}

/// The MD5 of some bytes in hexadecimal, as dpkg and ucf note it. It guards nothing: it tells whether a user changed a file.
pub fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_the_root_and_no_trailing_slash() {
        let list = list([b"./".as_slice(), b"./usr/", b"usr/bin/a"], [b"/etc/old".as_slice()]);
        assert_eq!(list, b"/.\n/usr\n/usr/bin/a\n/etc/old\n");
        assert_eq!(paths(&list).count(), 3);
        assert_eq!(path("libc6", "amd64", true, "list"), "/var/lib/dpkg/info/libc6:amd64.list");
        assert_eq!(path("wget", "amd64", false, "list"), "/var/lib/dpkg/info/wget.list");
        assert_eq!(md5sums([(b"/usr/a".as_slice(), md5(b""))]), b"d41d8cd98f00b204e9800998ecf8427e  usr/a\n");
    }
}
