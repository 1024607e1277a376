//! The lab itself: that its servers answer, that its bases are images to others, and that nothing is left behind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::docker_registry::DockerRegistry;
use support::engine::Engine;
use support::{base, layout, tools};

/// Processes whose command line names a folder.
fn processes_of(folder: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|e| std::fs::read(e.unwrap().path().join("cmdline")).ok());
    all.filter(|line| String::from_utf8_lossy(line).contains(folder)).count()
}

#[test]
fn a_registry_takes_an_image_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let image = base::small(&folder.path().join("base"));
    let registry = DockerRegistry::start();
    let name = base::push(&image.name("both"), &registry, "library/small:1");
    let raw = tools::skopeo(["inspect", "--raw", &format!("docker://{name}")]);
    assert_eq!(format!("sha256:{}", layout::hex(raw.as_bytes())), image.root("both")["digest"]);
    assert!(registry.requests().iter().any(|r| r.starts_with("PUT /v2/library/small/manifests/1 ")), "{:?}", registry.requests());

    let place = registry.authority().parent().unwrap().display().to_string();
    assert!(processes_of(&place) > 0);
    drop(registry);
    assert_eq!(processes_of(&place), 0);
    assert!(!std::path::Path::new(&place).exists());
}

#[test]
fn a_registry_with_a_password_or_a_certificate_lets_only_those_in_who_have_it() {
    let locked = DockerRegistry::start_with_password("robot", "canary-7f3a");
    let curl = |words: &[&str]| tools::run("curl", [&["-s", "-o", "/dev/null", "-w", "%{http_code}"], words].concat());
    assert_eq!(curl(&[&format!("http://{}/v2/", locked.host)]), "401");
    assert_eq!(curl(&["-u", "robot:canary-7f3a", &format!("http://{}/v2/", locked.host)]), "200");

    let tls = DockerRegistry::start_with_tls();
    assert_eq!(curl(&["--cacert", &tls.authority().display().to_string(), &format!("https://{}/v2/", tls.host)]), "200");
}

#[test]
fn a_debian_base_runs_in_the_engine_and_gains_a_user() {
    let debian = base::debian("bookworm");
    let folder = tempfile::tempdir().unwrap();
    let more = debian.with_ubuntu(&folder.path().join("more"));
    let engine = Engine::shared();
    let archive = folder.path().join("image.tar").display().to_string();
    tools::skopeo(["copy", &more.name("bookworm"), &format!("docker-archive:{archive}:lab/debian:12")]);
    engine.docker(["load", "-i", &archive]);
    let container = engine.container("lab/debian:12", &["--network", "none"], &["sleep", "infinity"]);
    assert_eq!(container.bash("id -u ubuntu; . /etc/os-release; echo $VERSION_CODENAME; dpkg --audit"), "1000\nbookworm");
    assert_eq!(container.try_bash("exit 7").status, 7);
}
