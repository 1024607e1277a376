//! `[[apt.source]]` as apt's own words: a stanza with the key inside, read from the file that the document names.
//!
//! Invariant: what is asked of an archive depends on the stanza alone, so its digest stands for it in keys and locks.

use std::fmt::Write as _;

use base64::Engine as _;

use crate::error::{IoFault, Result};
use crate::http::is_internal;
use crate::pin::NamedSource;
use crate::recipe::{ArchiveKey, Resolved};

use super::{BuildError, Location};

/// The longest key file; real ones have some kilobytes.
const MAX_KEY: u64 = 1 << 20;
/// Characters of base64 in a line of armour.
const ARMOUR_LINE: usize = 64;

/// Every archive that the units name, in order.
pub(super) fn take(resolved: &Resolved) -> Result<Vec<NamedSource>> {
    let mut taken: Vec<NamedSource> = Vec::new();
    for source in resolved.units.iter().flat_map(|unit| &unit.packages.sources) {
        let key = match &source.key {
            ArchiveKey::Text(text) => text.clone(),
            ArchiveKey::File { path, folder } => key_file(path, folder.as_deref())?,
        };
        let mut stanza = format!("Types: deb\nURIs: {}\nSuites: {}\n", source.uris, source.suites);
        if !source.components.is_empty() {
            let _ = writeln!(stanza, "Components: {}", source.components);
        }
        stanza.push_str("Signed-By:\n");
        for line in key.trim().lines().map(str::trim_end) {
            let _ = writeln!(stanza, " {}", if line.is_empty() { "." } else { line });
        }
        let uris = source.uris.split(' ').map(str::to_owned).collect();
        taken.push(NamedSource { said_by: source.said_by.clone(), stanza, uris });
    }
    Ok(taken)
}

/// The key as armoured text, whichever form the file has.
fn key_file(path: &str, folder: Option<&std::path::Path>) -> Result<String> {
    let place = folder.map_or_else(|| path.into(), |folder| folder.join(path));
    let refused = |reason: &str| BuildError::File { path: path.to_owned(), reason: reason.to_owned() };
    let absent = |cause: std::io::Error| match cause.kind() {
        std::io::ErrorKind::NotFound => crate::Error::from(BuildError::Absent { path: path.to_owned(), cause }),
        _ => IoFault::new(path, cause).into(),
    };
    let size = std::fs::metadata(&place).map_err(absent)?.len();
    if size > MAX_KEY {
        return Err(refused("is too large for a key").into());
    }
    let bytes = std::fs::read(&place).map_err(absent)?;
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        return String::from_utf8(bytes).map_err(|_| refused("is no armoured key").into());
    }
    let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
    let mut armoured = String::from("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n");
    for line in text.as_bytes().chunks(ARMOUR_LINE) {
        armoured.push_str(&String::from_utf8_lossy(line));
        armoured.push('\n');
    }
    armoured.push_str("-----END PGP PUBLIC KEY BLOCK-----\n");
    Ok(armoured)
}

/// Whether a base lies in this machine or its network: then its sources may name archives there as well. What comes from
/// elsewhere may not make us ask addresses that only we can reach.
pub(super) async fn is_ours(base: &Location, allowed: &[String]) -> bool {
    let Location::Registry(name) = base else { return true };
    let place = &name.repository.registry;
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().unwrap_or(443)),
        _ => (place.as_str(), 443),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if allowed.iter().any(|a| a.eq_ignore_ascii_case(host) || a.eq_ignore_ascii_case(place)) {
        return true;
    }
    if let Ok(address) = host.parse() {
        return is_internal(address);
    }
    tokio::net::lookup_host((host, port)).await.is_ok_and(|mut found| found.any(|address| is_internal(address.ip())))
}

/// The mirrors of the request, and what may be inside this network: the archives that the user names, and those of an own base.
pub(super) fn mirrors(asked: &[(String, String)], sources: &[NamedSource], own_base: bool) -> Vec<(String, String)> {
    let mut mirrors = asked.to_vec();
    if own_base {
        mirrors.extend(["http://", "https://"].map(|any| (any.to_owned(), any.to_owned())));
    }
    for uri in sources.iter().flat_map(|source| &source.uris) {
        let fixed = uri.split("$(").next().unwrap_or_default();
        if !own_base && !asked.iter().any(|(from, _)| !from.is_empty() && fixed.starts_with(from.as_str())) {
            mirrors.push((fixed.to_owned(), fixed.to_owned()));
        }
    }
    mirrors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_of_the_user_is_named_unless_a_mirror_stands_for_it() {
        let source = NamedSource {
            said_by: "plywood.toml".into(),
            stanza: String::new(),
            uris: vec!["https://a.test/x/$(ARCH)".into(), "https://b.test/y".into()],
        };
        let asked = [("https://b.test/".to_owned(), "http://m.test/".to_owned())];
        let expected = [("https://b.test/", "http://m.test/"), ("https://a.test/x/", "https://a.test/x/")];
        assert_eq!(mirrors(&asked, &[source], false), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[tokio::test]
    async fn a_base_of_this_network_is_ours_and_one_from_elsewhere_is_not() {
        for (base, expected) in [
            ("oci:folder:tag", true),
            ("docker-daemon:debian:12", true),
            ("127.0.0.1:5000/debian:12", true),
            ("localhost:5000/debian:12", true),
            ("[::1]:5000/debian:12", true),
            ("10.1.2.3/debian:12", true),
            ("198.51.100.7:5000/debian:12", false),
            ("[2001:db8::7]/debian:12", false),
            ("named.invalid/debian:12", true),
            ("unknown.invalid/debian:12", false),
        ] {
            let base = base.parse().expect("a place");
            assert_eq!(is_ours(&base, &["named.invalid".into()]).await, expected, "{base:?}");
        }
    }
}
