//! The bases: a real Debian, made once for all test processes, and a small one for what needs no packages.
//!
//! Invariant: `target/lab` is written by `tests/debian-base` alone, which holds a lock; a test gets copies or names, never a file to change.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::docker_registry::DockerRegistry;
use super::layout::{Change, Layout, tar};
use super::tools;

/// A real Debian base in an OCI layout.
#[derive(Debug, Clone)]
pub(crate) struct Debian {
    folder: PathBuf,
    suite: &'static str,
    variant: &'static str,
}

/// The base of a suite; made with debootstrap at the first call on this machine.
pub(crate) fn debian(suite: &'static str) -> Debian {
    made(suite, "full")
}

/// One that lags behind the archive that its sources name.
pub(crate) fn aged(suite: &'static str) -> Debian {
    made(suite, "aged")
}

fn made(suite: &'static str, variant: &'static str) -> Debian {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/debian-base");
    let variants: &[&str] = if variant == "full" { &[] } else { &[variant] };
    let folder = tools::output(Command::new(script).arg(suite).args(variants)).expect_success("tests/debian-base");
    Debian { folder: folder.into(), suite, variant }
}

impl Debian {
    /// `oci:DIR:SUITE`
    pub(crate) fn name(&self) -> String {
        format!("oci:{}:{}", self.folder.display(), self.suite)
    }

    /// The text of a file in it.
    pub(crate) fn file(&self, path: &str) -> String {
        let tar = self.folder.with_file_name("truth").join(format!("base-{}-{}.tar", self.suite, self.variant));
        tools::run("tar", ["-xOf", &tar.display().to_string(), &format!("./{path}")]) + "\n"
    }

    /// Pushes it with skopeo; its name there.
    pub(crate) fn push(&self, registry: &DockerRegistry, path: &str) -> String {
        push(&self.name(), registry, path)
    }

    /// This base with one more layer, in a layout of its own below `folder`.
    pub(crate) fn with(&self, changes: &[Change], folder: &Path) -> Layout {
        tools::run("cp", ["-r", &self.folder.display().to_string(), &folder.display().to_string()]);
        let layer = folder.join("layer.tar");
        std::fs::write(&layer, tar(changes)).expect("a layer");
        let image = format!("{}:{}", folder.display(), self.suite);
        tools::run("umoci", ["raw", "add-layer", "--image", &image, &layer.display().to_string()]);
        Layout::new(folder)
    }

    /// This base with the user and group `ubuntu` 1000:1000, as Ubuntu's images have them.
    pub(crate) fn with_ubuntu(&self, folder: &Path) -> Layout {
        let plus = |path: &str, line: &str| format!("{}{line}\n", self.file(path)).into_bytes();
        self.with(
            &[
                Change::File("etc/passwd", 0o644, plus("etc/passwd", "ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash")),
                Change::File("etc/group", 0o644, plus("etc/group", "ubuntu:x:1000:")),
                Change::File("etc/shadow", 0o640, plus("etc/shadow", "ubuntu:!:19000:0:99999:7:::")),
                Change::File("etc/gshadow", 0o640, plus("etc/gshadow", "ubuntu:!::")),
                Change::Directory("home/ubuntu", 0o755, 1000, 1000),
            ],
            folder,
        )
    }
}

/// Pushes any image with skopeo; its name there.
pub(crate) fn push(source: &str, registry: &DockerRegistry, path: &str) -> String {
    let name = registry.name(path);
    tools::skopeo(["copy", "--all", "--preserve-digests", source, &format!("docker://{name}")]);
    name
}

/// What a small base holds: accounts, skel, a merged /usr, and no dpkg.
pub(crate) fn small_tree() -> Vec<Change> {
    let file = |path, text: &str| Change::File(path, 0o644, text.into());
    vec![
        Change::Directory("etc", 0o755, 0, 0),
        file("etc/group", "root:x:0:\ndaemon:x:1:\nsudo:x:27:\nnogroup:x:65534:\n"),
        file("etc/gshadow", "root:*::\ndaemon:*::\nsudo:*::\nnogroup:*::\n"),
        file(
            "etc/login.defs",
            "UID_MIN 1000\nUID_MAX 60000\nSYS_UID_MIN 100\nSYS_UID_MAX 999\nGID_MIN 1000\nGID_MAX 60000\nSYS_GID_MIN 100\nSYS_GID_MAX 999\nUMASK 022\nENCRYPT_METHOD YESCRYPT\n",
        ),
        file("etc/os-release", "ID=small\nVERSION_ID=1\n"),
        file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"),
        file("etc/shadow", "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n"),
        Change::Directory("etc/skel", 0o755, 0, 0),
        file("etc/skel/.bashrc", "# from skel\n"),
        Change::Directory("home", 0o755, 0, 0),
        Change::Directory("root", 0o700, 0, 0),
        Change::Directory("usr", 0o755, 0, 0),
        Change::Directory("usr/bin", 0o755, 0, 0),
        Change::File("usr/bin/tool", 0o755, b"#!/bin/sh\n".to_vec()),
        Change::Link("bin", "usr/bin"),
        Change::Directory("usr/local", 0o755, 0, 0),
        Change::Directory("usr/local/bin", 0o755, 0, 0),
    ]
}

/// The config of small bases.
pub(crate) fn small_config() -> Value {
    json!({"Env": ["PATH=/usr/local/bin:/usr/bin", "KEPT=yes"], "Cmd": ["bash"], "Entrypoint": ["/usr/bin/tool"], "Labels": {"kept": "yes"}})
}

/// A layout with one small image, tag `small`, and an index of two platforms, tag `both`.
pub(crate) fn small(folder: &Path) -> Layout {
    let layout = Layout::new(folder);
    let amd64 = layout.image("amd64", &[tar(&small_tree())], &small_config());
    let mut other = small_tree();
    other.push(Change::File("usr/bin/only-arm64", 0o755, b"arm64\n".to_vec()));
    let arm64 = layout.image("arm64", &[tar(&other)], &small_config());
    layout.tag("small", amd64.clone());
    layout.tag("both", layout.index(&[amd64, arm64]));
    layout
}
