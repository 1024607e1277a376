//! A signed package archive as files: pool, `Packages.xz`, `InRelease`, and the key of a throw-away key ring.
//!
//! Invariant: the secret key lives as long as the signing; times but the signature's are fixed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use plywood::oci::Digest;

use crate::deb::Deb;

/// When the archive says that it was made.
const DATE: &str = "Mon, 01 Jan 2024 00:00:00 UTC";

/// The archive's files by path, and the public key.
pub(crate) struct Repository {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) key: Vec<u8>,
}

/// An archive `stable main` for amd64, signed with a new key.
pub(crate) fn signed(packages: &[Deb]) -> Repository {
    sign(unsigned(packages))
}

/// An archive as its index says, without the pool. Only the acceptance of large packages needs it.
#[allow(dead_code, reason = "each test target uses its own part of the support")]
pub(crate) fn signed_index(listing: &str) -> Repository {
    sign(index(listing))
}

fn sign((mut files, release): (BTreeMap<String, Vec<u8>>, String)) -> Repository {
    let home = tempfile::tempdir().unwrap();
    gpg(home.path(), &["--quick-generate-key", "archive <archive@test>", "ed25519", "cert,sign", "never"], b"");
    files.insert("dists/stable/InRelease".into(), gpg(home.path(), &["--clearsign"], release.as_bytes()));
    let key = gpg(home.path(), &["--export"], b"");
    // The agent that gpg started for this key ring alone.
    let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", home.path()).status();
    Repository { files, key }
}

/// The files but `InRelease`, and the text that it signs.
pub(crate) fn unsigned(packages: &[Deb]) -> (BTreeMap<String, Vec<u8>>, String) {
    let (mut files, mut listing) = (BTreeMap::new(), String::new());
    for package in packages {
        let bytes = package.bytes();
        listing += &package.listing(&bytes);
        files.insert(package.filename(), bytes);
    }
    let (indexes, release) = index(&listing);
    files.extend(indexes);
    (files, release)
}

/// `Packages.xz`, and the text of the Release that lists it.
fn index(listing: &str) -> (BTreeMap<String, Vec<u8>>, String) {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(listing.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let mut release = format!(
        "Origin: Test\nSuite: stable\nCodename: stable\nDate: {DATE}\nArchitectures: amd64\nComponents: main\nAcquire-By-Hash: yes\nSHA256:\n"
    );
    for (name, bytes) in [("Packages", listing.as_bytes()), ("Packages.xz", packed.as_slice())] {
        release += &format!(" {} {} main/binary-amd64/{name}\n", Digest::of(bytes).hex(), bytes.len());
    }
    (BTreeMap::from([("dists/stable/main/binary-amd64/Packages.xz".to_owned(), packed)]), release)
}

fn gpg(home: &Path, words: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gpg")
        .args(["--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""])
        .args(words)
        .env("GNUPGHOME", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("gpg (tests/setup installs it): {e}"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "gpg {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
