//! A registry in trouble, seen through the program: exit status, words, and nothing half-written.

use std::process::{Command, Output};

use plywood::oci::{Digest, MediaType};

use crate::registry::{Fault, ScriptedRegistry};

const HTML: [(&str, &str); 1] = [("Content-Type", "text/html")];

/// A registry with one small image `a/b:12`.
fn stocked() -> ScriptedRegistry {
    let server = ScriptedRegistry::start();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_path("etc/text").unwrap();
    header.set_size(5);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append(&header, &b"text\n"[..]).unwrap();
    let layer = tar.into_inner().unwrap();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer)]}, "history": [{"created_by": "a test"}]
    });
    let config = config.to_string().into_bytes();
    let described = |bytes: &[u8], kind: &str| {
        server.add_blob("a/b", bytes);
        serde_json::json!({"mediaType": kind, "digest": Digest::of(bytes), "size": bytes.len()})
    };
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": described(&config, "application/vnd.oci.image.config.v1+json"),
        "layers": [described(&layer, "application/vnd.oci.image.layer.v1.tar")]
    });
    server.add_manifest("a/b", "12", MediaType::OCI_MANIFEST, manifest.to_string().as_bytes());
    server
}

/// A run in an empty folder.
fn run(folder: &tempfile::TempDir, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plywood"));
    command.args(words).current_dir(folder.path()).env_clear();
    command.env("HOME", folder.path()).env("PLYWOOD_STORE", folder.path().join("store")).output().unwrap()
}

fn refused(output: &Output, status: i32, told: &[&str], case: &str) {
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{case}: {talk}");
    assert!(output.stdout.is_empty() && !talk.contains("panicked"), "{case}: {talk}");
    for part in told {
        assert!(talk.contains(part), "{case}: {part:?} is not in: {talk}");
    }
}

#[test]
fn a_base_that_cannot_be_had_has_its_exit_status_and_nothing_is_written() {
    let cut = || Fault::answer(200, &[("Content-Type", MediaType::OCI_MANIFEST)], "{\"schemaVersion\":2,");
    for (part, fault, status, told) in [
        ("/manifests/", Fault::status(401), 4, &["said 401", "hint: plywood login"][..]),
        ("/manifests/", Fault::status(404), 5, &["a/b:12", "does not exist"]),
        ("/manifests/", Fault::status(429), 6, &["said 429", "5 attempts"]),
        ("/manifests/", Fault::answer(500, &HTML, "<html>oops"), 6, &["said 500", "an HTML page"]),
        ("/manifests/", Fault::answer(200, &HTML, "<html>log in"), 3, &["text/html"]),
        ("/manifests/", cut(), 3, &["a/b"]),
        ("/blobs/", Fault::status(404), 6, &["has lost blob"]),
        ("/blobs/", Fault::FlipByte(3), 3, &["sha256:"]),
    ] {
        let server = stocked();
        let case = format!("{part} {told:?}");
        server.order("HEAD", part, 99, Fault::status(405));
        server.order("GET", part, 99, fault);
        let folder = tempfile::tempdir().unwrap();
        let base = format!("{}/a/b:12", server.host());
        let words = ["-q", "build", &base, "--profile", "none", "--env", "A=b", "-o", "oci:out:x", "-o", "out.tar"];
        refused(&run(&folder, &words), status, told, &case);
        assert!(!folder.path().join("out").exists() && !folder.path().join("out.tar").exists(), "{case}");
    }
}

#[test]
fn a_busy_registry_is_asked_again_and_the_build_succeeds() {
    let server = stocked();
    let busy = |status| Fault::answer(status, &[("Retry-After", "1")], "");
    server.order("HEAD", "/manifests/", 1, busy(429));
    server.order("GET", "/blobs/", 1, busy(503));
    let folder = tempfile::tempdir().unwrap();
    let words = ["-q", "build", &format!("{}/a/b:12", server.host()), "--profile", "none", "--env", "A=b", "-o", "oci:out:x"];
    let output = run(&folder, &words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.path().join("out/index.json").exists());
}

#[test]
fn a_push_that_fails_leaves_no_tag_and_its_twin_does() {
    for (method, part, fault, status, told) in [
        ("PUT", "/manifests/", Fault::status(403), 4, &["said 403"][..]),
        ("PUT", "/manifests/", Fault::answer(500, &HTML, "<html>"), 6, &["said 500"]),
        ("PUT", "/manifests/", Fault::status(404), 5, &["does not exist"]),
        ("POST", "/blobs/uploads/", Fault::status(401), 4, &["said 401"]),
        ("PUT", "/blobs/uploads/", Fault::status(429), 6, &["said 429"]),
    ] {
        let (from, to) = (stocked(), ScriptedRegistry::start());
        to.order(method, part, 99, fault);
        let folder = tempfile::tempdir().unwrap();
        let (base, target) = (format!("{}/a/b:12", from.host()), format!("{}/c/d:1", to.host()));
        let words = ["-q", "build", &base, "--profile", "none", "--env", "A=b", "-t", &target, "--push"];
        refused(&run(&folder, &words), status, told, &format!("{method} {part} {told:?}"));
        assert!(to.manifest("c/d", "1").is_none(), "{method} {part}");
    }
    let (from, to) = (stocked(), ScriptedRegistry::start());
    let folder = tempfile::tempdir().unwrap();
    let (base, target) = (format!("{}/a/b:12", from.host()), format!("{}/c/d:1", to.host()));
    let output = run(&folder, &["-q", "build", &base, "--profile", "none", "--env", "A=b", "-t", &target, "--push"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(to.manifest("c/d", "1").is_some());
}
