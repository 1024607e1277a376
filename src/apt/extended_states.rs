//! Writes `/var/lib/apt/extended_states`, which remembers what was installed automatically.
//!
//! Invariant: entries of the old file stay first, in their order; new ones follow in the order of apt's package hash
//! table. Entries that are not automatic any more are dropped.

use std::collections::BTreeSet;

use super::deb822::stanzas;

/// Bins of apt's package hash table (`APT::Cache-HashTableSize`).
const BINS: u32 = 196_613;

/// The new file. `automatic` are the packages of the native architecture that were newly installed automatically,
/// `manual` those that are not automatic any more, `gone` those that were removed.
pub fn write(old: &[u8], architecture: &str, automatic: &[&str], manual: &[&str], gone: &[&str]) -> Vec<u8> {
    let mut written = Vec::with_capacity(old.len());
    let mut known = BTreeSet::new();
    for stanza in stanzas(old) {
        let Some(name) = stanza.text_of("Package") else { continue };
        let of = stanza.text_of("Architecture").filter(|of| !of.is_empty()).unwrap_or(architecture);
        let of = if of == "all" { architecture } else { of };
        let dropped = of == architecture && (manual.contains(&name) || gone.contains(&name));
        if !dropped && stanza.text_of("Auto-Installed") == Some("1") && known.insert((name, of)) {
            append(&mut written, name, of);
        }
    }
    let mut new: Vec<&str> = automatic.iter().copied().filter(|name| !known.contains(&(*name, architecture))).collect();
    new.sort_by_key(|name| (bin(name), name.len(), *name));
    new.dedup();
    for name in new {
        append(&mut written, name, architecture);
    }
    written
}

fn append(written: &mut Vec<u8>, name: &str, architecture: &str) {
    written.extend_from_slice(format!("Package: {name}\nArchitecture: {architecture}\nAuto-Installed: 1\n\n").as_bytes());
}

fn bin(name: &str) -> u32 {
    let hash = name.bytes().fold(5381_u32, |hash, byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte.to_ascii_lowercase())));
    hash % BINS
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn entries(names: &[(&str, &str)]) -> String {
        let entry = |(name, of): &(&str, &str)| format!("Package: {name}\nArchitecture: {of}\nAuto-Installed: 1\n\n");
        names.iter().map(entry).collect::<Vec<_>>().concat()
    }

    #[test]
    fn old_entries_stay_and_new_ones_follow_in_hash_order() {
        let old = entries(&[("zz", "all"), ("b", "amd64"), ("c", "i386"), ("gone", "amd64")]);
        let written = write(old.as_bytes(), "amd64", &["a", "zz", "e"], &["b", "c"], &["gone"]);
        let expected = entries(&[("zz", "amd64"), ("c", "i386"), ("a", "amd64"), ("e", "amd64")]);
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn nothing_automatic_is_an_empty_file() {
        assert!(write(b"", "amd64", &[], &["a"], &[]).is_empty());
    }

    #[test]
    fn an_entry_that_is_not_automatic_is_dropped() {
        assert!(write(b"Package: a\nArchitecture: amd64\nAuto-Installed: 0\n", "amd64", &[], &[], &[]).is_empty());
    }
}
