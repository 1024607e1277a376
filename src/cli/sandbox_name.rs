//! The default name of a sandbox image: `od_sandbox:…`, exactly as `OpenHands` names it, so that it finds the image.
//!
//! Invariant: where `OpenHands`' rule gives a legal name, that name comes out. Where it gives none (a registry's port, a digest,
//! a tag of more than 128 characters), the name is `od_sandbox:READABLE-HASH`: BASE with `/` as `___`, `:` as `__` and what a
//! tag cannot have left out, cut to 115 characters, and 12 hex digits of the SHA-256 of BASE.

use crate::oci::{Digest, Reference, ReferenceError};

/// Characters of the readable part: with `-` and the hash they make the longest tag, 128.
const READABLE: usize = 115;
/// Hex digits of the hash.
const HASH: usize = 12;

/// The name for a base as it was typed, less `docker://`.
pub(super) fn sandbox_name(base: &str) -> Result<Reference, ReferenceError> {
    let base = base.strip_prefix("docker://").unwrap_or(base);
    match as_openhands(base).parse::<Reference>() {
        Ok(name) => Ok(name),
        Err(_) => extended(base).parse(),
    }
}

/// `image_agnostic_util.py`, `_get_new_image_name`, in its last form. A base with several colons raises there.
fn as_openhands(base: &str) -> String {
    let tagged = if base.contains(':') { base.to_owned() } else { format!("{base}:latest") };
    match tagged.split_once(':') {
        Some((repository, tag)) if !tag.contains(':') => format!("od_sandbox:{}__{tag}", repository.replace('/', "___")),
        _ => String::new(),
    }
}

fn extended(base: &str) -> String {
    let readable: String = base.replace('/', "___").replace(':', "__");
    let legal = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let readable: String = readable.chars().filter(legal).collect();
    // A tag has no dot or dash first.
    let readable: String = readable.trim_start_matches(['.', '-']).chars().take(READABLE).collect();
    let readable = if readable.is_empty() { "_".to_owned() } else { readable };
    let hash: String = Digest::of(base.as_bytes()).hex().chars().take(HASH).collect();
    format!("od_sandbox:{readable}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(base: &str) -> String {
        sandbox_name(base).expect("a legal name").familiar()
    }

    #[test]
    fn bases_that_openhands_can_name_get_its_name() {
        for (base, name) in [
            ("debian:11", "od_sandbox:debian__11"),
            ("ubuntu:22.04", "od_sandbox:ubuntu__22.04"),
            ("ubuntu", "od_sandbox:ubuntu__latest"),
            ("node:20", "od_sandbox:node__20"),
            ("nikolaik/python-nodejs:python3.11-nodejs22", "od_sandbox:nikolaik___python-nodejs__python3.11-nodejs22"),
            ("ghcr.io/rails/devcontainer/images/ruby:3.3.4", "od_sandbox:ghcr.io___rails___devcontainer___images___ruby__3.3.4"),
            ("Custom_Image:Latest", "od_sandbox:Custom_Image__Latest"),
            ("", "od_sandbox:__latest"),
            ("docker://debian:11", "od_sandbox:debian__11"),
            ("oci:layout", "od_sandbox:oci__layout"),
        ] {
            assert_eq!(named(base), name, "{base:?}");
        }
    }

    #[test]
    fn bases_that_it_cannot_name_get_a_readable_name_with_a_hash() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (base, readable) in [
            ("localhost:5000/foo/bar:1", "localhost__5000___foo___bar__1".to_owned()),
            ("localhost:5000/foo/bar", "localhost__5000___foo___bar".to_owned()),
            (&format!("debian@{digest}"), format!("debiansha256__{}", "a".repeat(64))),
            (&format!("debian:11@{digest}"), format!("debian__11sha256__{}", "a".repeat(64))),
            ("image_personnalisée", "image_personnalise".to_owned()),
            (&"r".repeat(130), "r".repeat(115)),
            ("..", "_".to_owned()),
        ] {
            let name = named(base);
            let hash = &Digest::of(base.as_bytes()).hex()[..12];
            assert_eq!(name, format!("od_sandbox:{readable}-{hash}"), "{base:?}");
        }
    }

    #[test]
    fn two_bases_that_are_read_alike_have_two_names() {
        assert_ne!(named("localhost:5000/a"), named("localhost:5000:a"));
    }
}
