//! `copy` between all places, and what `inspect`, `ls`, `cat` and `verify` say there.

use crate::support::base;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;
use crate::support::layout::{Layout, hex};
use crate::support::program::Plywood;
use crate::support::tools::{self, Podman};

/// Digest of what a registry has under a name, as skopeo sees it.
fn digest_there(name: &str) -> String {
    format!("sha256:{}", hex(tools::skopeo(["inspect", "--raw", &format!("docker://{name}")]).as_bytes()))
}

#[test]
fn an_index_goes_round_all_places_that_hold_one_and_keeps_its_digest() {
    let plywood = Plywood::new();
    let start = base::small(&plywood.path("base"));
    let registry = DockerRegistry::shared();
    let (first, last) = (registry.name("round/first:1"), registry.name("round/last:1"));
    let layout = format!("oci:{}:copy", plywood.word("layout"));
    let archive = format!("oci-archive:{}", plywood.word("archive.tar"));
    for (source, destination) in [(&start.name("both"), &first), (&first, &layout), (&layout, &archive), (&archive, &last)] {
        plywood.ok(["copy", source, destination]);
        plywood.ok(["verify", destination]);
    }
    assert_eq!(digest_there(&first), start.root("both")["digest"]);
    assert_eq!(digest_there(&last), start.root("both")["digest"]);
    assert_eq!(Layout::new(&plywood.path("layout")).root("copy")["digest"], start.root("both")["digest"]);
}

#[test]
fn an_image_goes_into_an_engine_and_comes_back() {
    let plywood = Plywood::new().with("DOCKER_HOST", &Engine::shared().address);
    let start = base::small(&plywood.path("base"));
    plywood.ok(["copy", &start.name("small"), "docker-daemon:lab/small:1"]);
    let label = Engine::shared().docker(["image", "inspect", "--format", "{{.Config.Labels.kept}}", "lab/small:1"]);
    assert_eq!(label, "yes");
    let back = format!("oci:{}:back", plywood.word("back"));
    plywood.ok(["copy", "docker-daemon:lab/small:1", &back]);
    assert_eq!(plywood.ok(["cat", &back, "/etc/os-release"]), "ID=small\nVERSION_ID=1");
}

#[test]
fn an_archive_is_read_by_everybody() {
    let plywood = Plywood::new();
    let start = base::small(&plywood.path("base"));
    let file = plywood.word("image.tar");
    plywood.ok(["copy", &start.name("small"), &format!("docker-archive:{file}")]);
    let config: serde_json::Value =
        serde_json::from_str(&tools::skopeo(["inspect", "--config", &format!("docker-archive:{file}")])).unwrap();
    assert_eq!(config["config"]["Labels"]["kept"], "yes", "{config}");
    let said = Engine::shared().docker(["load", "-i", &file]);
    let id = said.strip_prefix("Loaded image ID: ").unwrap_or_else(|| panic!("{said}"));
    assert_eq!(Engine::shared().docker(["image", "inspect", "--format", "{{.Config.Labels.kept}}", id]), "yes");
    let podman = Podman::new();
    podman.run(["load", "-i", &file]);
    assert_eq!(podman.run(["images", "--quiet"]).lines().count(), 1);
    assert_eq!(plywood.ok(["cat", &format!("docker-archive:{file}"), "/bin/tool"]), "#!/bin/sh");
}

#[test]
fn one_registry_mounts_and_another_one_gets_a_stream() {
    let plywood = Plywood::new();
    let start = base::small(&plywood.path("base"));
    let (here, there) = (DockerRegistry::start(), DockerRegistry::start());
    base::push(&start.name("small"), &here, "mount/from:1");
    let before = here.requests().len();
    plywood.ok(["copy", &here.name("mount/from:1"), &here.name("mount/to:1")]);
    let requests = here.requests().split_off(before);
    let layer = start.document(&start.root("small")["digest"])["layers"][0]["digest"].as_str().unwrap().to_owned();
    let hex = layer.strip_prefix("sha256:").unwrap();
    assert!(
        requests.iter().any(|r| r.starts_with("POST ") && r.contains("mount=") && r.contains(hex) && r.ends_with(" 201")),
        "{requests:#?}"
    );
    assert!(!requests.iter().any(|r| r.starts_with("GET ") && r.contains("/blobs/") && r.contains(hex)), "{requests:#?}");

    plywood.ok(["copy", &here.name("mount/to:1"), &there.name("streamed/to:1")]);
    assert_eq!(digest_there(&there.name("streamed/to:1")), start.root("small")["digest"]);
}

#[test]
fn an_image_can_be_looked_into_wherever_it_is() {
    let plywood = Plywood::new();
    let start = base::small(&plywood.path("base"));
    let name = base::push(&start.name("both"), DockerRegistry::shared(), "looked/into:1");
    for image in [&name, &start.name("both")] {
        let raw = plywood.ok(["inspect", image, "--raw"]);
        assert_eq!(format!("sha256:{}", hex(raw.as_bytes())), start.root("both")["digest"]);
        let config = plywood.ok(["inspect", image, "--config", "--platform", "linux/arm64"]);
        assert!(config.contains(r#""architecture":"arm64""#), "{config}");
        let listed = plywood.ok(["ls", image, "/usr/bin", "--platform", "linux/arm64"]);
        assert!(listed.contains("only-arm64") && listed.contains("tool"), "{listed}");
        let all = plywood.ok(["ls", image, "--recursive", "--platform", "linux/amd64"]);
        assert!(all.contains("etc/skel/.bashrc") && !all.contains("only-arm64"), "{all}");
        assert_eq!(plywood.ok(["cat", image, "/bin/only-arm64", "--platform", "linux/arm64"]), "arm64");
        plywood.refuses(["cat", image, "/no/such/file"], 5, &["/no/such/file"]);
    }
}

/// That `verify` ends with damage and says which blob it is.
fn verify_names(plywood: &Plywood, layout: &Layout, digest: &str) {
    let out = plywood.refuses(["verify", &layout.name("both")], 3, &[]);
    let said = out.stdout + &out.stderr;
    assert!(said.lines().any(|l| l.contains(digest) && !l.starts_with("ok")), "{digest} is not blamed in\n{said}");
}

#[test]
fn a_flipped_byte_in_any_kind_of_blob_is_found() {
    let plywood = Plywood::new();
    let layout = base::small(&plywood.path("base"));
    plywood.ok(["verify", &layout.name("both")]);
    let root = layout.root("both")["digest"].clone();
    let manifest = layout.document(&root)["manifests"][0]["digest"].clone();
    let document = layout.document(&manifest);
    for digest in [root, manifest, document["config"]["digest"].clone(), document["layers"][0]["digest"].clone()] {
        let file = layout.blob(digest.as_str().unwrap());
        let whole = std::fs::read(&file).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            std::fs::write(&file, &flipped).unwrap();
            verify_names(&plywood, &layout, digest.as_str().unwrap());
        }
        std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        verify_names(&plywood, &layout, digest.as_str().unwrap());
        std::fs::write(&file, &whole).unwrap();
    }
    plywood.ok(["verify", &layout.name("both")]);
}
