//! The main job on real parts: a Debian base in a registry becomes a sandbox in which `OpenHands` does what it does.
//!
//! Invariant: one image is built once for all tests of this binary; each test has a container of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "sandbox/after.rs"]
mod after;
#[path = "support/archive.rs"]
#[allow(dead_code, reason = "faults and the log are other tests'")]
mod archive;
#[path = "support/deb.rs"]
#[allow(dead_code, reason = "other tests need more of it")]
mod deb;
#[path = "sandbox/deferred.rs"]
mod deferred;
#[path = "support/own_archive.rs"]
mod own_archive;
#[path = "sandbox/renamed.rs"]
mod renamed;
#[path = "support/repository.rs"]
mod repository;
mod support;

use std::sync::OnceLock;

use serde_json::Value;

use support::base;
use support::docker_registry::DockerRegistry;
use support::engine::{Container, Engine};
use support::layout::hex;
use support::program::{Plywood, digest};
use support::tools::{self, Output};

/// The words that the first user would type; Miniforge's installer is on the internet.
const SANDBOX: [&str; 2] = ["--without", "miniforge"];
/// Where sshd listens; each container has a network of its own.
const PORT: u16 = 63710;
const PASSWORD: &str = "3d0c1f5e-0b8a-4b6e-9a53-2f6d7c1f2a10";

/// What the one build left behind.
struct Built {
    plywood: Plywood,
    base: String,
    pushed: String,
    digest: String,
}

/// Name of the loaded image: the one that `OpenHands` looks for.
const LOADED: &str = "od_sandbox:debian__12";

fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let registry = DockerRegistry::shared();
        let plywood = Plywood::new().with("DOCKER_HOST", &Engine::shared().address);
        let base = base::debian("bookworm").push(registry, "library/debian:12");
        let pushed = registry.name("sandbox/debian:12");
        let words = ["build", &base].into_iter().chain(SANDBOX).chain(["-t", LOADED, "-t", &pushed, "--load", "--push"]);
        let printed = plywood.ok(words);
        let digests: Vec<_> = printed.lines().map(digest).collect();
        assert!(digests.len() == 2 && digests[0] == digests[1], "{printed}");
        let digest = digests[0].to_owned();
        Built { plywood, base, pushed, digest }
    })
}

/// A container whose first process is sshd, started as `OpenHands` starts it.
fn sshd(network: &str) -> Container<'static> {
    built();
    let port = PORT.to_string();
    let command = ["/usr/sbin/sshd", "-D", "-p", &port, "-o", "PermitRootLogin=yes"];
    let container = Engine::shared().container(LOADED, &["--network", network, "--workdir", "/workspace"], &command);
    for _ in 0..100 {
        if container.try_bash(&format!("exec 3<>/dev/tcp/127.0.0.1/{PORT}")).status == 0 {
            return container;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("sshd does not answer:\n{}", container.logs());
}

/// A container that waits, with the host's network.
fn idle() -> Container<'static> {
    built();
    Engine::shared().container(LOADED, &["--network", "host"], &["sleep", "infinity"])
}

fn login(container: &Container<'_>, user: &str, command: &str) -> Output {
    tools::ssh(&container.pid(), PORT, user, PASSWORD, command)
}

#[test]
fn the_pushed_image_is_the_one_that_was_printed_and_holds_the_base_untouched() {
    let built = built();
    let raw = |name: &str| tools::skopeo(["inspect", "--raw", &format!("docker://{name}")]);
    let (manifest, base) = (raw(&built.pushed), raw(&built.base));
    assert_eq!(format!("sha256:{}", hex(manifest.as_bytes())), built.digest);
    let layers = |text: &str| serde_json::from_str::<Value>(text).unwrap()["layers"].as_array().unwrap().clone();
    assert_eq!(layers(&manifest)[0], layers(&base)[0]);
    assert!(layers(&manifest).len() <= 8, "each layer costs an engine time: {manifest}");
    let config: Value = serde_json::from_str(&built.plywood.ok(["inspect", &built.pushed, "--config"])).unwrap();
    assert_eq!((&config["config"]["User"], config["config"].get("Entrypoint")), (&Value::from("root"), None));
    built.plywood.ok(["verify", &built.pushed]);
}

#[test]
fn root_and_the_user_log_in_by_ssh() {
    let container = sshd("none");
    for user in ["root", "openhands"] {
        assert_ne!(login(&container, user, "true").status, 0, "{user} has a password before one was set");
        container.bash(&format!("echo '{user}:{PASSWORD}' | chpasswd"));
        assert_eq!(login(&container, user, "whoami").expect_success("ssh"), user);
    }
    let asked = "sudo -n true && wget --version | head -1 && id -un && id -Gn && pwd && test -w /openhands/logs";
    let said = login(&container, "openhands", asked).expect_success(asked);
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("GNU Wget "), "{said}");
    assert_eq!(lines[1..], ["openhands", "root sudo", "/home/openhands"]);
}

#[test]
fn each_container_has_host_keys_of_its_own() {
    let built = built();
    let listed = built.plywood.ok(["ls", &built.pushed, "/etc/ssh"]);
    assert!(listed.contains("sshd_config") && !listed.contains("ssh_host_"), "{listed}");
    let keys = || sshd("none").bash("cat /etc/ssh/ssh_host_ed25519_key.pub");
    assert_ne!(keys(), keys());
}

#[test]
fn what_openhands_does_at_each_start_works() {
    let container = sshd("none");
    for line in [
        "echo '%sudo ALL=(ALL) NOPASSWD:ALL' >> /etc/sudoers",
        "id -u openhands",
        "userdel -r openhands",
        "useradd -rm -d /home/openhands -s /bin/bash -g root -G sudo -u 1000 openhands",
        &format!("echo 'openhands:{PASSWORD}' | chpasswd"),
        "chown openhands:root /home/openhands",
        "chown openhands:root /workspace",
        "echo opendevin-sandbox > /etc/hostname",
    ] {
        container.bash(line);
    }
    let asked = "sudo -n true && stat -c '%U %G' /workspace && id -un";
    assert_eq!(login(&container, "openhands", asked).expect_success(asked), "openhands root\nopenhands");
}

/// What dpkg finds amiss, less what it finds in the base itself.
fn amiss(container: &Container<'_>, in_base: &str) -> Vec<String> {
    let found = container.try_bash("dpkg -V").stdout;
    found.lines().filter(|line| !in_base.lines().any(|l| l == *line)).map(str::to_owned).collect()
}

#[test]
fn dpkg_and_apt_find_what_they_find_after_a_real_install() {
    let container = idle();
    assert_eq!(container.bash("dpkg --audit"), "");
    container.bash("apt-get -qq check");
    let engine = Engine::shared();
    let base = &built().base;
    engine.docker(["pull", base]);
    let plain = engine.container(base, &["--network", "host"], &["sleep", "infinity"]);
    let in_base = plain.try_bash("dpkg -V").stdout;
    let quiet = "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update";
    plain.bash(&format!("{quiet} && apt-get -qq -y install openssh-server wget sudo"));
    assert_eq!(amiss(&container, &in_base), amiss(&plain, &in_base));
    for ask in ["dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'", "apt-mark showmanual", "apt-mark showauto"] {
        assert_eq!(container.bash(ask), plain.bash(ask), "{ask}");
    }

    let more = "apt-get -qq -y install --no-install-recommends less && dpkg --audit && less --version | head -1";
    assert!(container.bash(&format!("{quiet} && {more}")).contains("less "));
    plain.bash(more);
    let gone = "apt-get -y autoremove | grep -c '^Removing'";
    assert_eq!(container.try_bash(gone).stdout, plain.try_bash(gone).stdout);
    container.bash("apt-get -qq -y purge wget && dpkg --audit && ! command -v wget");
}

#[test]
fn a_base_with_uid_1000_is_refused_with_a_way_out_that_works() {
    let plywood = Plywood::new();
    let taken = base::debian("bookworm").with_ubuntu(&plywood.path("taken"));
    let name = taken.name("bookworm");
    let build = |more: &[&str]| {
        let words: Vec<String> =
            ["build", &name].iter().chain(&SANDBOX).chain(more).chain(&["-o", "oci:out:made"]).map(|w| (*w).to_owned()).collect();
        words
    };
    plywood.refuses(build(&[]), 8, &["1000", "`ubuntu`", "--user-id"]);
    assert!(!plywood.path("out").exists());
    plywood.ok(build(&["--user-id", "1001"]));
    let passwd = plywood.ok(["cat", "oci:out:made", "/etc/passwd"]);
    assert!(passwd.contains("\nubuntu:x:1000:1000:") && passwd.contains("\nopenhands:x:1001:0:"), "{passwd}");
}

#[test]
fn building_on_our_own_output_gives_its_own_digest() {
    let built = built();
    let words = ["build", &built.pushed].into_iter().chain(SANDBOX).chain(["-o", "oci:again:made"]);
    assert_eq!(digest(&built.plywood.ok(words)), built.digest);
}

#[test]
fn an_ordinary_user_without_capabilities_gets_the_same_image() {
    let built = built();
    let plywood = Plywood::as_nobody();
    let words = ["build", &built.base].into_iter().chain(SANDBOX).chain(["-o", "oci:out:made"]);
    assert_eq!(digest(&plywood.ok(words)), built.digest);
}
