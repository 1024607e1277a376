//! The same table with real bases: what the sandbox's layers share between images that people have.

use std::collections::BTreeSet;

use crate::lab::{Layer, layers};
use crate::support::base;
use crate::support::layout::Change;
use crate::support::program::Plywood;

/// The lines by which slim images leave documentation out.
const SLIM: &str = "path-exclude /usr/share/doc/*\npath-exclude /usr/share/info/*\npath-exclude /usr/share/linda/*\n\
                    path-exclude /usr/share/lintian/overrides/*\npath-exclude /usr/share/locale/*\npath-exclude /usr/share/man/*\n\
                    path-include /usr/share/locale/locale.alias\npath-include /usr/share/doc/*/copyright\n";

/// A base by name, and the layers of the sandbox that differ from those on the plain one. A base that has packages of a ply already, or
/// needs more of them, has another ply there, and only there.
const ROWS: &[(&str, &[&str])] = &[
    ("plain", &[]),
    ("UID 1000 taken", &["glue"]),
    ("slim", &["sshd", "sudo", "wget"]),
    ("a package outside the set", &["state", "glue"]),
    ("python", &["sshd", "state", "glue"]),
    ("lagging", &["sshd", "state", "glue"]),
];

fn build(plywood: &Plywood, base: &str) -> Vec<Layer> {
    let words = ["build", base, "--without", "miniforge", "--no-recommends", "--user-id", "1001", "--json", "-t", "probe"];
    layers(plywood.ok(words).as_bytes())
}

#[test]
#[ignore = "minutes; make acceptance"]
fn real_bases_share_what_the_model_says() {
    let plywood = Plywood::new();
    let debian = base::debian("bookworm");
    debian.with(&[Change::File("etc/dpkg/dpkg.cfg.d/docker", 0o644, SLIM.into())], &plywood.path("slim"));
    debian.with_ubuntu(&plywood.path("taken"));
    for (package, folder) in [("busybox", "oci:more:bookworm"), ("python3-minimal", "oci:python:bookworm")] {
        plywood.ok(["build", &debian.name(), "--profile", "none", "--no-recommends", "--apt", package, "-o", folder]);
    }
    let plain = build(&plywood, &debian.name());
    for (name, differs) in ROWS {
        let own = |folder: &str| format!("oci:{}:bookworm", plywood.word(folder));
        let base = match *name {
            "plain" => debian.name(),
            "UID 1000 taken" => own("taken"),
            "slim" => own("slim"),
            "a package outside the set" => own("more"),
            "python" => own("python"),
            _ => base::aged("bookworm").name(),
        };
        let layers = build(&plywood, &base);
        let shared: BTreeSet<&str> = plain.iter().filter(|layer| layers.contains(layer)).map(|layer| layer.name.as_str()).collect();
        let all = plain.iter().chain(&layers).map(|layer| layer.name.as_str());
        let differing: BTreeSet<&str> = all.filter(|layer| !shared.contains(layer)).collect();
        assert_eq!(differing, differs.iter().copied().collect(), "{name}");
    }
}
