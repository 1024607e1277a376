//! `ldconfig`: `/etc/ld.so.cache` in the format of glibc 2.32 and later, without running the loader.
//!
//! Invariant: the same directories, objects and generator text give the same bytes as ldconfig; without a cache in the base
//! there is none (the loader then searches its default directories).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::error::{Result, SystemError};
use super::view::View;
use crate::rootfs::ElfNote;

const CONF: &str = "/etc/ld.so.conf";
/// `include` lines nest this deep at most.
const MAX_INCLUDES: usize = 16;
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
const HEADER: usize = 48;
const ENTRY: usize = 24;

/// A shared object that the cache shall name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// ABI flags ([`flags_of`]).
    pub flags: i32,
    /// `DT_SONAME`, or the file's name.
    pub soname: String,
    /// Directory and soname.
    pub path: String,
}

/// The directories in ldconfig's order, as spelled: those of `ld.so.conf`, then the loader's own. A second spelling of a
/// directory is left out.
pub fn directories(view: &dyn View) -> Result<Vec<String>> {
    let mut all = Vec::new();
    read_conf(view, CONF, &mut all, 0)?;
    all.extend(["/lib", "/usr/lib"].map(String::from));
    let mut seen = BTreeSet::new();
    all.retain(|directory| view.is_directory(directory) && view.resolve(directory).is_some_and(|real| seen.insert(real)));
    Ok(all)
}

fn read_conf(view: &dyn View, path: &str, out: &mut Vec<String>, depth: usize) -> Result<()> {
    if depth > MAX_INCLUDES {
        return Err(SystemError::malformed(path, "includes are nested too deeply"));
    }
    for line in view.text(path)?.unwrap_or_default().lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(patterns) = line.strip_prefix("include").filter(|rest| rest.starts_with(char::is_whitespace)) {
            for pattern in patterns.split_whitespace() {
                for file in glob(view, pattern) {
                    read_conf(view, &file, out, depth + 1)?;
                }
            }
        } else if line.starts_with('/') {
            // `dir=type` is the old way to name a library type; the type is ignored.
            let directory = line.split('=').next().unwrap_or_default().trim_end();
            let trimmed = directory.trim_end_matches('/');
            out.push(if trimmed.is_empty() { "/".into() } else { trimmed.into() });
        }
    }
    Ok(())
}

/// Files that match a pattern with `*` in its last component, sorted; relative ones start at `/etc`.
fn glob(view: &dyn View, pattern: &str) -> Vec<String> {
    let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/{pattern}") };
    let (directory, last) = (super::view::directory_of(&pattern), super::view::name_of(&pattern));
    let Some((before, after)) = last.split_once('*') else {
        return if view.is_file(&pattern) { vec![pattern] } else { Vec::new() };
    };
    let hit = |name: &String| {
        name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after) && !name.starts_with('.')
    };
    view.list(directory).into_iter().filter(hit).map(|name| format!("{directory}/{name}")).collect()
}

/// Whether ldconfig looks at a file of this name.
pub fn is_candidate(name: &str) -> bool {
    let temporary = name.ends_with(".dpkg-new") || name.ends_with(".dpkg-tmp") || {
        let at = name.len().saturating_sub(9);
        name.get(at..).is_some_and(|tail| tail.starts_with(';') && tail[1..].bytes().all(|b| b.is_ascii_hexdigit()))
    };
    (name.starts_with("lib") || name.starts_with("ld-")) && name.contains(".so") && !temporary
}

/// The cache's flags for an object: the ABI of its machine and class, as glibc's `ldconfig.h` has them.
pub fn flags_of(note: &ElfNote) -> Option<i32> {
    const ARM_HARD_FLOAT: u32 = 0x400;
    const RISCV_DOUBLE: u32 = 0x4;
    Some(match (note.machine, note.bits) {
        (62, 64) => 0x0303,                                     // x86-64
        (62, 32) => 0x0803,                                     // x32
        (3, 32) => 0x0003,                                      // i386
        (183, 64) => 0x0a03,                                    // aarch64
        (40, 32) if note.flags & ARM_HARD_FLOAT != 0 => 0x0903, // armhf
        (40, 32) => 0x0b03,                                     // armel
        (21, 64) => 0x0503,                                     // ppc64
        (22, 64) => 0x0403,                                     // s390x
        (243, 64) if note.flags & RISCV_DOUBLE != 0 => 0x1003,  // riscv64, double float
        _ => return None,
    })
}

/// The objects of one directory: one for each soname, and one for each link of ld(1) (`libz.so` for `libz.so.1`). `notes`: name
/// in the directory and facts of the file behind it; `is_link`: whether a name is a link.
pub fn objects<'a>(
    directory: &str,
    notes: impl IntoIterator<Item = (&'a str, &'a ElfNote)>,
    is_link: impl Fn(&str) -> bool,
) -> Vec<Object> {
    let mut found: BTreeSet<(i32, String)> = BTreeSet::new();
    for (name, note) in notes.into_iter().filter(|(name, _)| is_candidate(name)) {
        let soname = note.soname.as_ref().map_or(name.into(), |s| String::from_utf8_lossy(s));
        if let Some(flags) = flags_of(note).filter(|_| !soname.contains('/') && !soname.is_empty()) {
            if name.ends_with(".so") && soname.starts_with(name) && is_link(name) {
                found.insert((flags, name.to_owned()));
                continue;
            }
            found.insert((flags, soname.into_owned()));
        }
    }
    let object = |(flags, soname): (i32, String)| Object { flags, path: format!("{directory}/{soname}"), soname };
    found.into_iter().map(object).collect()
}

/// The text that names the ldconfig that made a cache; `None` if it has none.
pub fn generator(cache: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| Some(u32::from_le_bytes(cache.get(at..at.checked_add(4)?)?.try_into().ok()?));
    // Releases before 2.32 may put the old format in front.
    let extension = cache.starts_with(MAGIC).then(|| word(32)).flatten()? as usize;
    if word(extension)? != EXTENSION_MAGIC {
        return None;
    }
    let sections = (word(extension.checked_add(4)?)? as usize).min(16);
    (0..sections).find_map(|n| {
        let at = extension.checked_add(8 + 16 * n)?;
        let (tag, offset, size) = (word(at)?, word(at + 8)? as usize, word(at + 12)? as usize);
        (tag == 0).then(|| cache.get(offset..offset.checked_add(size)?)).flatten()
    })
}

/// The cache's bytes. `objects` in the order of their directories.
pub fn cache(objects: &[Object], generator: &[u8]) -> Vec<u8> {
    let mut entries: Vec<&Object> = objects.iter().collect();
    entries.sort_by(|a, b| compare(b.soname.as_bytes(), a.soname.as_bytes()).then(b.flags.cmp(&a.flags)));
    let (strings, offsets) = string_table(&entries);
    let start = HEADER + ENTRY * entries.len();
    let end = start + strings.len();
    let extension = end.next_multiple_of(4);
    let mut out = Vec::with_capacity(extension + 24 + generator.len());
    let word = |out: &mut Vec<u8>, value: usize| out.extend_from_slice(&(value as u32).to_le_bytes());
    out.extend_from_slice(MAGIC);
    word(&mut out, entries.len());
    word(&mut out, strings.len());
    out.extend_from_slice(&[2, 0, 0, 0]); // little endian
    word(&mut out, extension);
    out.extend_from_slice(&[0; 12]);
    for entry in entries {
        let at = |text: &str| start + offsets.get(text).copied().unwrap_or_default();
        out.extend_from_slice(&entry.flags.to_le_bytes());
        word(&mut out, at(&entry.soname));
        word(&mut out, at(&entry.path));
        out.extend_from_slice(&[0; 12]); // OS version and hardware capabilities: none
    }
    out.extend_from_slice(&strings);
    out.resize(extension, 0);
    for value in [EXTENSION_MAGIC as usize, 1, 0, 0, extension + 24, generator.len()] {
        word(&mut out, value);
    }
    out.extend_from_slice(generator);
    out
}

/// The strings by falling reversed text, so that one which ends another shares its bytes.
fn string_table<'a>(entries: &[&'a Object]) -> (Vec<u8>, BTreeMap<&'a str, usize>) {
    let unique: BTreeSet<&str> = entries.iter().flat_map(|e| [e.soname.as_str(), e.path.as_str()]).collect();
    let mut sorted: Vec<&str> = unique.into_iter().collect();
    sorted.sort_by(|a, b| b.bytes().rev().cmp(a.bytes().rev()));
    let (mut bytes, mut offsets) = (Vec::new(), BTreeMap::new());
    let mut previous: Option<(&str, usize)> = None;
    for text in sorted {
        let at = match previous {
            Some((longer, at)) if longer.ends_with(text) => at + longer.len() - text.len(),
            _ => {
                let at = bytes.len();
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(0);
                at
            }
        };
        offsets.insert(text, at);
        previous = Some((text, at));
    }
    (bytes, offsets)
}

/// glibc's `_dl_cache_libcmp`: runs of digits compare as numbers, and a digit sorts after anything else.
fn compare(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while let Some(&x) = a.first() {
        let y = b.first().copied().unwrap_or(0);
        match (x.is_ascii_digit(), y.is_ascii_digit()) {
            (true, true) => {
                let (m, n) = (digits(&mut a), digits(&mut b));
                let order = m.len().cmp(&n.len()).then(m.cmp(n));
                if order != Ordering::Equal {
                    return order;
                }
            }
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) if x != y => return x.cmp(&y),
            (false, false) => {
                a = &a[1..];
                b = &b[1..];
            }
        }
    }
    if b.is_empty() { Ordering::Equal } else { Ordering::Less }
}

/// Takes a run of digits off the front and gives it without leading zeros.
fn digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    let zeros = run.iter().position(|b| *b != b'0').unwrap_or(run.len());
    &run[zeros..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree::Tree;
    use super::super::view::Write;
    use super::*;

    fn note(soname: &str) -> ElfNote {
        ElfNote { soname: Some(soname.into()), bits: 64, machine: 62, flags: 0 }
    }

    #[test]
    fn the_first_spelling_of_a_directory_stays() {
        let mut tree = Tree::with_files([
            ("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf # all\n/opt/x/\n"),
            ("/etc/ld.so.conf.d/b.conf", "/usr/local/lib\n"),
            ("/etc/ld.so.conf.d/a.conf", "# c\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n/absent\n"),
            ("/etc/ld.so.conf.d/c.txt", "/opt/not\n"),
            ("/usr/lib/x86_64-linux-gnu/libc.so.6", ""),
            ("/usr/local/lib/x", ""),
            ("/opt/x/y", ""),
        ]);
        tree.apply(&Write::symlink("/lib", "usr/lib"));
        assert_eq!(directories(&tree).expect("read"), ["/lib/x86_64-linux-gnu", "/usr/local/lib", "/opt/x", "/lib"]);
        tree.apply(&Write::file("/etc/ld.so.conf.d/b.conf", "include /etc/ld.so.conf\n"));
        assert!(directories(&tree).is_err());
    }

    #[test]
    fn numbers_in_sonames_count_as_numbers() {
        let table = [("libx.so.9", "libx.so.10"), ("libx.so", "libx1.so"), ("liba.so.1", "libb.so.1"), ("lib.so", "lib.so.1")];
        for (less, more) in table {
            assert_eq!(compare(less.as_bytes(), more.as_bytes()), Ordering::Less, "{less} {more}");
            assert_eq!(compare(more.as_bytes(), less.as_bytes()), Ordering::Greater, "{less} {more}");
        }
        assert_eq!(compare(b"a01", b"a1"), Ordering::Equal);
    }

    #[test]
    fn a_cache_names_its_generator_and_shares_strings() {
        let notes = [("libfoo.so.1.2", note("libfoo.so.1")), ("libfoo.so", note("libfoo.so.1")), ("x.so", note("x.so"))];
        let objects = objects("/lib", notes.iter().map(|(n, e)| (*n, e)), |_| false);
        assert_eq!(objects.len(), 1);
        let bytes = cache(&objects, b"ldconfig (Debian)");
        assert_eq!(generator(&bytes), Some(b"ldconfig (Debian)".as_slice()));
        assert_eq!(bytes.len(), HEADER + ENTRY + "/lib/libfoo.so.1\0".len() + 3 + 24 + 17);
        assert!(!is_candidate("libx.so.1.dpkg-new") && !is_candidate("libx.so;0123abcd") && is_candidate("ld-linux.so.2"));
    }

    proptest! {
        #[test]
        fn hostile_caches_are_only_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0u32..300) {
            let mut cache = MAGIC.to_vec();
            cache.extend_from_slice(&[0; 12]);
            cache.extend_from_slice(&at.to_le_bytes());
            cache.extend_from_slice(&bytes);
            let _ = generator(&cache);
        }
    }

    #[test]
    fn a_link_of_ld_has_an_entry_of_its_own() {
        let note = ElfNote { soname: Some(b"libz.so.1".to_vec()), bits: 64, machine: 62, flags: 0 };
        let names = ["libz.so", "libz.so.1", "libz.so.1.2"];
        let sonames = |links: bool| -> Vec<String> {
            let found = objects("/lib", names.map(|name| (name, &note)), |name| links && name != "libz.so.1.2");
            found.into_iter().map(|object| object.soname).collect()
        };
        assert_eq!(sonames(true), ["libz.so", "libz.so.1"]);
        assert_eq!(sonames(false), ["libz.so.1"]);
    }
}
