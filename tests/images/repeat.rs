//! Same inputs, same digest; another input, another digest; and what a repeated build asks for.

use crate::build::project;
use crate::support::base::{self, small};
use crate::support::docker_registry::DockerRegistry;
use crate::support::layout::{Change, tar};
use crate::support::program::{Plywood, digest};

#[test]
fn the_digest_depends_on_nothing_of_the_machine() {
    let registry = DockerRegistry::shared();
    let folder = tempfile::tempdir().unwrap();
    let name = base::push(&small(&folder.path().join("base")).name("small"), registry, "repeat/base:1");
    let worlds = [
        Plywood::new(),
        Plywood::new().with("TZ", "Asia/Kathmandu").with("LC_ALL", "tr_TR.UTF-8").with("LANG", "tr_TR.UTF-8"),
        Plywood::new().below(&["bash", "-c", "umask 077; exec \"$@\"", "umask"]),
        Plywood::new().below(&["bash", "-c", "umask 000; exec \"$@\"", "umask"]).with("USER", "somebody"),
        Plywood::new().below(&["taskset", "--cpu-list", "0"]),
    ];
    let mut digests = Vec::new();
    for plywood in &worlds {
        let file = project(plywood, &name);
        digests.push(digest(&plywood.ok(["build", "-f", &file, "-o", "oci:out:made"])).to_owned());
    }
    assert!(digests.iter().all(|d| *d == digests[0]), "{digests:#?}");
}

#[test]
fn a_base_whose_tag_moved_gives_a_new_digest_and_then_the_same_again() {
    let registry = DockerRegistry::shared();
    let plywood = Plywood::new();
    let start = small(&plywood.path("base"));
    let name = base::push(&start.name("small"), registry, "moved/base:1");
    let file = project(&plywood, &name);
    let target = registry.name("moved/made:1");
    let build = || digest(&plywood.ok(["build", "-f", &file, "-t", &target, "--push"])).to_owned();
    let first = build();
    assert_eq!(build(), first);

    let mut tree = base::small_tree();
    tree.push(Change::File("usr/bin/newer", 0o755, b"newer\n".to_vec()));
    start.tag("small", start.image("amd64", &[tar(&tree)], &base::small_config()));
    base::push(&start.name("small"), registry, "moved/base:1");
    let second = build();
    assert_ne!(second, first);
    assert_eq!(build(), second);
    assert_eq!(plywood.ok(["cat", &target, "/usr/bin/newer"]), "newer");
}

#[test]
fn one_byte_of_the_project_gives_a_new_digest() {
    let plywood = Plywood::new();
    let start = small(&plywood.path("base"));
    let file = project(&plywood, &start.name("small"));
    let mut tag = 0;
    let mut build = || {
        tag += 1;
        digest(&plywood.ok(["build", "-f", &file, "-o", &format!("oci:{}:t{tag}", plywood.word("out"))])).to_owned()
    };
    let mut seen = vec![build()];
    for (name, bytes) in [
        ("tree/deep/data", b"dat4\n".to_vec()),
        ("more.tar", tar(&[Change::File("srv/more", 0o640, b"m0re\n".to_vec())])),
        ("plywood.toml", std::fs::read(&file).map(|t| String::from_utf8(t).unwrap().replace("0777", "0775").into_bytes()).unwrap()),
    ] {
        plywood.write(name, bytes);
        let digest = build();
        assert!(!seen.contains(&digest), "{name} changed, but the digest did not");
        seen.push(digest);
    }
}

#[test]
fn a_second_push_asks_two_things_and_sends_nothing() {
    let registry = DockerRegistry::start();
    let plywood = Plywood::new();
    let start = small(&plywood.path("base"));
    let name = base::push(&start.name("small"), &registry, "warm/base:1");
    let file = project(&plywood, &name);
    let words = ["build", "-f", &file, "-t", &registry.name("warm/made:1"), "--push"];
    let first = plywood.ok(words);
    let before = registry.requests().len();
    assert_eq!(plywood.ok(words), first);
    let requests = registry.requests().split_off(before);
    assert_eq!(requests, ["HEAD /v2/warm/base/manifests/1 200", "HEAD /v2/warm/made/manifests/1 200"]);
    let document = plywood.json(words);
    assert_eq!(document["images"][0]["sent_bytes"], 0, "{document}");
}

#[test]
fn a_second_repository_gets_our_layers_by_mount() {
    let registry = DockerRegistry::shared();
    let plywood = Plywood::new();
    let name = base::push(&small(&plywood.path("base")).name("small"), registry, "homes/base:1");
    let file = project(&plywood, &name);
    let push = |target: &str| {
        let told = plywood.json(["build", "-f", &file, "-t", &registry.name(target), "--push"]);
        let image = &told["images"][0];
        let layers: u64 = image["layers"].as_array().unwrap().iter().map(|layer| layer["size"].as_u64().unwrap()).sum();
        (image["sent_bytes"].as_u64().unwrap(), image["mounted_bytes"].as_u64().unwrap(), layers)
    };
    let (sent, mounted, layers) = push("homes/first:1");
    assert!(sent >= layers, "{sent} bytes for layers of {layers}");
    let (again, more, _) = push("homes/second:1");
    assert_eq!((again, more), (sent - layers, mounted + layers));
}

#[test]
fn building_on_our_own_output_changes_nothing() {
    let plywood = Plywood::new();
    let start = small(&plywood.path("base"));
    let file = project(&plywood, &start.name("small"));
    // Of an account of the base, so that it goes to the state, out of the archive.
    plywood.write("tree/large", vec![b'x'; 2 << 20]);
    let out = format!("oci:{}:made", plywood.word("out"));
    let first = plywood.ok(["build", "-f", &file, "-o", &out]);
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace(&format!("base = \"{}\"", start.name("small")), &format!("base = \"{out}\""));
    plywood.write("plywood.toml", text);
    let again = plywood.ok(["build", "-f", &file, "-o", &format!("oci:{}:again", plywood.word("out"))]);
    assert_eq!(digest(&again), digest(&first));

    plywood.write("tree/deep/data", "more data\n");
    let changed = plywood.ok(["build", "-f", &file, "-o", &format!("oci:{}:changed", plywood.word("out"))]);
    assert_ne!(digest(&changed), digest(&first), "what changed is placed");
}
