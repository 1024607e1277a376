//! `build` with own files, folders, users, layers and config, and where the image goes.

use serde_json::Value;

use crate::support::base::{self, small};
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;
use crate::support::layout::{Change, Layout, hex, tar};
use crate::support::program::{Plywood, digest};
use crate::support::tools::{self, Podman};

/// Every table that needs no package.
const PROJECT: &str = r#"
base = "@BASE@"
profile = "none"

[[user]]
name = "worker"
uid = 1000
group = "root"
groups = ["sudo"]
shell = "/bin/bash"
sudo = "nopasswd"

[[directory]]
path = "{root}/logs"
mode = "0777"

[[file]]
content = "export PATH={root}/bin:{env.PATH}\n"
to = "{root}/bash.bashrc"

[[file]]
content = "alias ll='ls -l'\n"
to = "/etc/skel/.bashrc"
append = true

[[file]]
from = "tree/"
to = "/opt/tree"
owner = "worker:root"
mode = "a+rX"

[[tar]]
path = "more.tar"

[config]
env = { LANG = "C.UTF-8" }
user = "worker"
workdir = "/opt"
entrypoint = []
labels = { "org.example.title" = "sandbox" }

[parameters]
root = "/work"
"#;

/// Writes the project beside its base; the project file as a word.
pub(crate) fn project(plywood: &Plywood, base: &str) -> String {
    plywood.write("tree/run.sh", "#!/bin/sh\necho run\n");
    plywood.write("tree/deep/data", "data\n");
    std::fs::set_permissions(plywood.path("tree/run.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    plywood.write("more.tar", tar(&[Change::Directory("srv", 0o755, 0, 0), Change::File("srv/more", 0o640, b"more\n".to_vec())]));
    plywood.write("plywood.toml", PROJECT.replace("@BASE@", base))
}

/// `path mode uid gid` of everything that umoci unpacks.
fn unpacked(plywood: &Plywood, layout: &str) -> String {
    let bundle = plywood.word("bundle");
    tools::run("umoci", ["unpack", "--image", layout, &bundle]);
    let script = format!("cd {bundle}/rootfs && find . ! -type l -printf '%P %m %U %G\\n' | sort");
    tools::run("bash", ["-c", &script])
}

#[test]
fn a_project_file_says_all_that_is_in_the_image() {
    let plywood = Plywood::new();
    let start = small(&plywood.path("base"));
    let file = project(&plywood, &start.name("small"));
    let printed = plywood.ok(["build", "-f", &file, "-o", &format!("oci:{}:made", plywood.word("out"))]);

    let out = Layout::new(&plywood.path("out"));
    assert_eq!(out.root("made")["digest"], digest(&printed));
    let manifest = out.document(&out.root("made")["digest"]);
    let base_manifest = start.document(&start.root("small")["digest"]);
    assert_eq!(manifest["layers"][0], base_manifest["layers"][0], "the base's layer is kept as it is");
    let config = out.document(&manifest["config"]["digest"]);
    for (pointer, expected) in [
        ("/config/User", "worker"),
        ("/config/WorkingDir", "/opt"),
        ("/config/Labels/kept", "yes"),
        ("/config/Labels/org.example.title", "sandbox"),
        ("/config/Env/1", "KEPT=yes"),
        ("/config/Env/2", "LANG=C.UTF-8"),
        ("/config/Cmd/0", "bash"),
    ] {
        assert_eq!(config.pointer(pointer).and_then(Value::as_str), Some(expected), "{pointer} in {config}");
    }
    assert_eq!(config.pointer("/config/Entrypoint"), None, "{config}");
    let with_layer = config["history"].as_array().unwrap().iter().filter(|h| h["empty_layer"] != true).count();
    assert_eq!(with_layer, manifest["layers"].as_array().unwrap().len(), "{config}");

    let listed = unpacked(&plywood, &format!("{}:made", plywood.word("out")));
    for line in [
        "etc/sudoers.d/worker 440 0 0",
        "home/worker 755 1000 0",
        "home/worker/.bashrc 644 1000 0",
        "opt/tree/deep 755 1000 0",
        "opt/tree/deep/data 644 1000 0",
        "opt/tree/run.sh 755 1000 0",
        "srv/more 640 0 0",
        "usr/bin/tool 755 0 0",
        "work/bash.bashrc 644 0 0",
        "work/logs 777 0 0",
    ] {
        assert!(listed.lines().any(|l| l == line), "{line} is not in\n{listed}");
    }
    let text = |path: &str| std::fs::read_to_string(plywood.path("bundle/rootfs").join(path)).unwrap();
    assert_eq!(text("work/bash.bashrc"), "export PATH=/work/bin:/usr/local/bin:/usr/bin\n");
    assert_eq!(text("etc/skel/.bashrc"), "# from skel\nalias ll='ls -l'\n");
    assert_eq!(text("etc/sudoers.d/worker"), "worker ALL=(ALL:ALL) NOPASSWD:ALL\n");
    assert!(text("etc/passwd").ends_with("\nworker:x:1000:0::/home/worker:/bin/bash\n"), "{}", text("etc/passwd"));
    assert!(text("etc/group").contains("sudo:x:27:worker\n"), "{}", text("etc/group"));
}

#[test]
fn two_platforms_of_an_index_are_built_in_one_run() {
    let plywood = Plywood::new();
    let start = small(&plywood.path("base"));
    let name = base::push(&start.name("both"), DockerRegistry::shared(), "platforms/base:1");
    let file = project(&plywood, &name);
    let target = DockerRegistry::shared().name("platforms/made:1");
    let printed = plywood.ok(["build", "-f", &file, "--platform", "linux/amd64,linux/arm64", "-t", &target, "--push"]);
    let raw = tools::skopeo(["inspect", "--raw", &format!("docker://{target}")]);
    assert_eq!(format!("sha256:{}", hex(raw.as_bytes())), digest(printed.lines().last().unwrap()));
    let index: Value = serde_json::from_str(&raw).unwrap();
    let platforms: Vec<_> = index["manifests"].as_array().unwrap().iter().map(|m| m["platform"]["architecture"].clone()).collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    for platform in ["linux/amd64", "linux/arm64"] {
        assert_eq!(plywood.ok(["cat", &target, "/opt/tree/deep/data", "--platform", platform]), "data");
    }
    assert!(plywood.ok(["ls", &target, "/usr/bin", "--platform", "linux/arm64"]).contains("only-arm64"));
    plywood.ok(["verify", &target]);
}

#[test]
fn every_output_of_a_build_is_read_by_others() {
    let engine = Engine::shared();
    let plywood = Plywood::new().with("DOCKER_HOST", &engine.address);
    let start = small(&plywood.path("base"));
    let file = project(&plywood, &start.name("small"));
    let (archive, pushed) = (plywood.word("image.tar"), DockerRegistry::shared().name("outputs/made:1"));
    let layout = format!("oci:{}:made", plywood.word("out"));
    let printed = plywood.ok(["build", "-f", &file, "-t", &pushed, "--push", "--load", "-o", &archive, "-o", &layout]);
    let made = digest(printed.lines().next().unwrap());

    assert_eq!(Layout::new(&plywood.path("out")).root("made")["digest"], made);
    let raw = tools::skopeo(["inspect", "--raw", &format!("docker://{pushed}")]);
    assert_eq!(format!("sha256:{}", hex(raw.as_bytes())), made);
    let from_archive = tools::skopeo(["inspect", "--raw", &format!("oci-archive:{archive}")]);
    assert_eq!(format!("sha256:{}", hex(from_archive.as_bytes())), made);
    assert_eq!(engine.docker(["image", "inspect", "--format", "{{.Config.User}}", &pushed]), "worker");
    let podman = Podman::new();
    podman.run(["load", "-i", &archive]);
    assert_eq!(podman.run(["image", "inspect", "--format", "{{.Config.User}}", &pushed]), "worker");
    podman.run(["pull", "--tls-verify=false", &pushed]);
    engine.docker(["rmi", &pushed]);
    engine.docker(["load", "-i", &archive]);
    assert_eq!(engine.docker(["image", "inspect", "--format", "{{.Config.WorkingDir}}", &pushed]), "/opt");
}

#[test]
fn an_ordinary_user_without_capabilities_builds_pushes_and_verifies() {
    let plywood = Plywood::as_nobody();
    let start = small(&plywood.path("base"));
    let name = base::push(&start.name("small"), DockerRegistry::shared(), "nobody/base:1");
    let file = project(&plywood, &name);
    let target = DockerRegistry::shared().name("nobody/made:1");
    let layout = format!("oci:{}:made", plywood.word("out"));
    let printed = plywood.ok(["build", "-f", &file, "-t", &target, "--push", "-o", &plywood.word("image.tar"), "-o", &layout]);
    for image in [&target, &layout] {
        plywood.ok(["verify", image]);
    }
    // The same as root, from scratch.
    let root = Plywood::new();
    let file = project(&root, &name);
    let again = root.ok(["build", "-f", &file, "-t", &target, "--push"]);
    assert_eq!(digest(printed.lines().next().unwrap()), digest(&again));
}
