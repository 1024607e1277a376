//! Fixed inputs give these digests, on every machine and in every release.
//!
//! Where one changes, users' images change: the commit that does it raises `plan::RULES`, adds a line "digests change" to
//! CHANGELOG.md, and puts in the constants that `PLYWOOD_BLESS=1 cargo test --test golden -- --nocapture` prints. The same
//! command signs `fixtures/golden/InRelease` anew where the packages themselves changed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "new constants are read by people")]
#![allow(dead_code, reason = "rows and faults are other tests'")]

#[path = "support/archive.rs"]
mod archive;
#[path = "support/deb.rs"]
mod deb;
#[path = "support/elf.rs"]
mod elf;
#[path = "support/repository.rs"]
mod repository;
#[path = "support/tree.rs"]
mod tree;

#[path = "sharing/bases.rs"]
mod bases;
#[path = "sharing/lab.rs"]
mod lab;
#[path = "sharing/packages.rs"]
mod packages;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::Lab;
use repository::Repository;

/// Time of everything that the plan makes.
const EPOCH: &str = "1700000001";

/// Layers, bottom to top, config and manifest.
const GOLDEN: &str = "\
tools sha256:adb77c608ec1a2c961473706a76ce8ae549573e86146edebfcde3c9e418ef54c
site sha256:38aad95fb8f321a08e9cbddad0d991e7abe443dd4f7103dcb2b8884df74535fa
local sha256:f2a7375ab3eb9d4faf0847107156c6339a635ae4eae97e03d3f2f7c956c5dd60
large sha256:184d51ad8fce9a9d9a1dbde104535ffe2b7af889b6cb14f30286ce79131bcaa7
state sha256:37cdf17567f8f6438fffca6d8fe1b9aa85937c3103ddcbddd8fb93740f35915c
glue sha256:896599b57f927a1c1d683f34d7a2a0775d03d8414aeb6e97924fd80c60a0e959
config sha256:0528a2d76d1e86733ae548c085dbac3f8fa4df72a9f159153a2387860b6851f3
manifest sha256:6275a07b839e053ad13b18da811faa35b57dccf1dba914afb7045d946e294585
";

/// The same with `--fold`.
const FOLDED: &str = "\
glue sha256:bf3f6460e0fc73e4bfeed669fa724a35c33597b45dc0c98232d63ecc79f1e696
config sha256:748a2ead93f118c06a2501809311ec9743d3ad7184bf74734c85eea680d0205d
manifest sha256:4f87acd31aaa9c00fdfbcc7334dad0f74cde0a1d387f608fa060a1c9b480598c
";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden")
}

fn blessing() -> bool {
    std::env::var_os("PLYWOOD_BLESS").is_some()
}

/// The archive with the signature that was made once, so that the key, which lies in the base, stays the same.
fn repository() -> Repository {
    let folder = fixtures();
    let packages = packages::archive();
    let (mut files, release) = repository::unsigned(&packages);
    let signed = std::fs::read(folder.join("InRelease")).unwrap_or_default();
    let is_known = String::from_utf8_lossy(&signed).contains(&release);
    if blessing() && !is_known {
        let repository = repository::signed(&packages);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("InRelease"), &repository.files["dists/stable/InRelease"]).unwrap();
        std::fs::write(folder.join("key.gpg"), &repository.key).unwrap();
        return repository;
    }
    assert!(is_known, "the packages of the tests changed: see the head of this file");
    files.insert("dists/stable/InRelease".into(), signed);
    Repository { files, key: std::fs::read(folder.join("key.gpg")).unwrap() }
}

/// Builds, and gives the digests as the constants have them.
fn digests(lab: &Lab, out: &str, words: &[&str], adjust: impl FnOnce(Command) -> Command) -> String {
    let mut command = lab.command(&bases::base(true, &lab.key), out);
    command.args(words).env("SOURCE_DATE_EPOCH", EPOCH);
    let output = adjust(command).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut text = String::new();
    for layer in lab::layers(&output.stdout) {
        writeln!(text, "{} {}", layer.name, layer.digest).unwrap();
    }
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let digest = json["images"][0]["digest"].as_str().unwrap();
    let manifest = lab.path(out).join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    writeln!(text, "config {}\nmanifest {digest}", manifest["config"]["digest"].as_str().unwrap()).unwrap();
    text
}

#[test]
fn fixed_inputs_give_the_digests_of_every_release() {
    let lab = Lab::over(repository());
    for (out, words, golden) in [("plain", &[][..], GOLDEN), ("folded", &["--fold"], FOLDED)] {
        let text = digests(&lab, out, words, |command| command);
        if blessing() {
            #[expect(clippy::print_stdout, reason = "what to write into this file")]
            {
                println!("{out}:\n{text}");
            }
        } else {
            assert_eq!(text, golden, "{out}: see the head of this file");
        }
    }
}

#[test]
fn umask_time_zone_language_and_number_of_processors_change_nothing() {
    let labs = [Lab::over(repository()), Lab::over(repository())];
    let [plain, other] = &labs;
    let first = digests(plain, "x", &[], |command| command);
    let second = digests(other, "x", &[], |command| {
        let mut strange = Command::new("sh");
        strange.args(["-c", "umask 077; exec taskset -c 0 \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
        strange.env_clear().envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        strange.env("PATH", "/usr/bin:/bin").env("TZ", "Pacific/Apia").env("LC_ALL", "tr_TR.UTF-8").current_dir("/");
        strange
    });
    assert_eq!(first, second);
}
