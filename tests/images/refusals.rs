//! Bad input: each kind ends with the exit class of the design and words that name it; nothing is written and no secret shown.

use serde_json::json;

use crate::support::base::{small, small_config, small_tree};
use crate::support::docker_registry::DockerRegistry;
use crate::support::layout::{Change, Layout, tar};
use crate::support::program::Plywood;

/// A layout with a base for each kind of trouble.
fn bases(plywood: &Plywood) -> Layout {
    let layout = small(&plywood.path("base"));
    let mut config = small_config();
    config["OnBuild"] = json!(["RUN true"]);
    layout.tag("onbuild", layout.image("amd64", &[tar(&small_tree())], &config));
    let mut many = vec![tar(&small_tree())];
    many.extend((1..125).map(|i| tar(&[Change::File("etc/number", 0o644, format!("{i}\n").into_bytes())])));
    layout.tag("many", layout.image("amd64", &many, &small_config()));
    let mut taken = small_tree();
    for change in &mut taken {
        match change {
            Change::File("etc/passwd", _, text) => text.extend(b"ubuntu:x:1000:1000::/home/ubuntu:/bin/bash\n"),
            Change::File("etc/group", _, text) => text.extend(b"ubuntu:x:1000:\n"),
            _ => {}
        }
    }
    layout.tag("taken", layout.image("amd64", &[tar(&taken)], &small_config()));
    layout.tag("arm", layout.image("arm64", &[tar(&small_tree())], &small_config()));
    layout
}

/// A project with one user on a base.
fn with_user(base: &str) -> String {
    format!("base = \"{base}\"\nprofile = \"none\"\n[[user]]\nname = \"worker\"\nuid = 1000\n")
}

#[test]
fn every_bad_word_or_file_has_its_exit_class() {
    let plywood = Plywood::new();
    let layout = bases(&plywood);
    let name = |tag| layout.name(tag);
    let (small, onbuild, many, arm) = (name("small"), name("onbuild"), name("many"), name("arm"));
    plywood.write("user.toml", with_user(&small));
    plywood.write("many.toml", with_user(&many));
    plywood.write("onbuild.toml", with_user(&onbuild));
    plywood.write("typo.toml", with_user(&small) + "shel = \"/bin/sh\"\n");
    plywood.write("table.toml", with_user(&small) + "[confg]\n");
    plywood.write("double.toml", with_user(&small) + "uid = 2\n");
    plywood.write("broken.toml", "base = \n");
    plywood.write("there.tar", "mine");
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["build", "--no-such-flag"], 2, &["--no-such-flag"]),
        (&["build"], 2, &["plywood.toml"]),
        (&["build", "-f", "absent.toml", "-o", "oci:out:a"], 2, &["absent.toml"]),
        (&["build", "-f", "user.toml", "--push"], 2, &["-t"]),
        (&["build", "-f", "user.toml", "-t", "Bad_Name:1", "-o", "x.tar"], 2, &["Bad_Name"]),
        (&["build", "-f", "typo.toml", "-o", "oci:out:a"], 3, &["typo.toml:6:1", "`shel`", "`shell`"]),
        (&["build", "-f", "table.toml", "-o", "oci:out:a"], 3, &["table.toml:6", "`confg`", "`config`"]),
        (&["build", "-f", "double.toml", "-o", "oci:out:a"], 3, &["double.toml:6:1", "duplicate key"]),
        (&["build", "-f", "broken.toml", "-o", "oci:out:a"], 3, &["broken.toml"]),
        (&["build", "-f", "many.toml", "-o", "oci:out:a"], 3, &["125"]),
        (&["build", &small, "--profile", "none", "--apt", "hello", "-o", "oci:out:a"], 3, &["dpkg"]),
        (
            &["build", &arm, "--profile", "none", "--platform", "linux/amd64", "--env", "A=b", "-o", "oci:out:a"],
            3,
            &["arm64", "amd64"],
        ),
        (&["build", &name("none"), "--profile", "none", "--env", "A=b", "-o", "oci:out:a"], 5, &["none"]),
        (
            &["build", &name("both"), "--profile", "none", "--platform", "linux/s390x", "--env", "A=b", "-o", "oci:out:a"],
            5,
            &["s390x"],
        ),
        (&["build", "127.0.0.1:1/no/registry:1", "--profile", "none", "--env", "A=b", "-o", "oci:out:a"], 6, &["127.0.0.1:1"]),
        (&["build", "-f", "user.toml", "-o", "no/such/folder/x.tar"], 7, &["no/such/folder"]),
        (&["build", "-f", "user.toml", "--lock", "no/such/folder/x.lock", "-o", "oci:out:a"], 7, &["no/such/folder"]),
        (&["build", "-f", "user.toml", "-o", "there.tar"], 8, &["there.tar"]),
        (&["build", "-f", "onbuild.toml", "-o", "oci:out:a"], 8, &["ONBUILD", "--ignore-onbuild"]),
    ];
    for (words, status, expected) in cases {
        plywood.refuses(*words, *status, expected);
        assert!(!plywood.path("out").exists(), "{words:?} has written its output");
    }
    assert_eq!(std::fs::read_to_string(plywood.path("there.tar")).unwrap(), "mine");
    // The legitimate twins.
    plywood.ok(["build", "-f", "user.toml", "-o", "oci:out:a"]);
    plywood.ok(["build", "-f", "onbuild.toml", "--ignore-onbuild", "-o", "oci:out:b"]);
    plywood.ok(["build", &arm, "--profile", "none", "--platform", "linux/arm64", "--env", "A=b", "-o", "oci:out:c"]);
    plywood.ok(["build", "-f", "user.toml", "--lock", "x.lock", "-o", "oci:out:d"]);
    assert!(plywood.path("x.lock").exists());
}

#[test]
fn a_tag_that_is_taken_is_refused_before_a_blob_is_written_or_a_name_is_given() {
    let plywood = Plywood::new();
    let layout = bases(&plywood);
    plywood.write("user.toml", with_user(&layout.name("small")));
    plywood.ok(["build", "-f", "user.toml", "-o", "oci:out:a"]);
    let blobs = || std::fs::read_dir(plywood.path("out/blobs/sha256")).unwrap().count();
    let before = blobs();
    let changed = |tag: &str| ["build", "-f", "user.toml", "--env", "A=b", "-t", "lab/kept:1", "-o", tag].map(str::to_owned);
    plywood.refuses(changed("oci:out:a"), 8, &["oci:out", "\"a\"", "hint:"]);
    assert_eq!(blobs(), before);
    plywood.refuses(["inspect", "store:lab/kept:1"], 5, &["lab/kept:1"]);
    plywood.ok(changed("oci:out:b"));
    assert!(blobs() > before);
    plywood.ok(["inspect", "store:lab/kept:1"]);
}

#[test]
fn a_taken_uid_names_its_owner_and_the_ways_out() {
    let plywood = Plywood::new();
    let layout = bases(&plywood);
    let file = plywood.write("user.toml", with_user(&layout.name("taken")));
    let out = plywood.refuses(["build", "-f", &file, "-o", "oci:out:a"], 8, &["1000", "`ubuntu`", "hint:"]);
    assert!(out.stderr.contains("--uid-taken"), "{}", out.stderr);
    assert!(out.stderr.trim_end().lines().last().unwrap().starts_with("hint: --"), "{}", out.stderr);
    for (policy, account) in [("rename", "worker:x:1000:1000:"), ("replace", "worker:x:1000:"), ("reuse", "ubuntu:x:1000:1000:")] {
        let image = format!("oci:out:{policy}");
        plywood.ok(["build", "-f", &file, "--uid-taken", policy, "-o", &image]);
        let passwd = plywood.ok(["cat", &image, "/etc/passwd"]);
        let owners: Vec<_> = passwd.lines().filter(|l| l.split(':').nth(2) == Some("1000")).collect();
        assert!(owners.len() == 1 && owners[0].starts_with(account), "{policy}: {passwd}");
    }
}

#[test]
fn a_password_that_a_registry_refuses_is_never_shown() {
    let registry = DockerRegistry::start_with_password("robot", "canary-7f3a");
    let wrong = "cm9ib3Q6Y2FuYXJ5LXdyb25n"; // robot:canary-wrong
    let auths = |auth: &str| format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, registry.host);
    let name = registry.name("locked/made:1");
    for plywood in [Plywood::new(), Plywood::new().with("DOCKER_AUTH_CONFIG", &auths(wrong))] {
        let start = small(&plywood.path("base"));
        let out = plywood.refuses(["copy", &start.name("small"), &name], 4, &[&registry.host, "plywood login"]);
        assert!(!(out.stdout + &out.stderr).contains("canary"));
    }
    let right = "cm9ib3Q6Y2FuYXJ5LTdmM2E="; // robot:canary-7f3a
    let plywood = Plywood::new().with("DOCKER_AUTH_CONFIG", &auths(right));
    let start = small(&plywood.path("base"));
    plywood.ok(["copy", &start.name("small"), &name]);
    plywood.ok(["verify", &name]);
}

#[test]
fn a_registry_of_an_unknown_authority_is_refused_until_it_is_known() {
    let registry = DockerRegistry::start_with_tls();
    let plywood = Plywood::new();
    let start = small(&plywood.path("base"));
    let name = registry.name("tls/made:1");
    plywood.refuses(["copy", &start.name("small"), &name], 6, &[&registry.host]);
    // Where Podman and skopeo look for the authorities of a registry.
    let known = format!("home/.config/containers/certs.d/{}/ca.crt", registry.host);
    plywood.write(&known, std::fs::read(registry.authority()).unwrap());
    plywood.ok(["copy", &start.name("small"), &name]);
    plywood.ok(["verify", &name]);
}

#[test]
fn an_engine_that_is_not_there_is_named_with_all_that_was_tried() {
    let plywood = Plywood::new().with("DOCKER_HOST", "unix:///no/such/socket");
    let start = small(&plywood.path("base"));
    plywood.refuses(["copy", &start.name("small"), "docker-daemon:lab/none:1"], 6, &["/no/such/socket"]);
}

#[test]
fn a_truncated_layer_is_refused_and_nothing_is_left() {
    let plywood = Plywood::new();
    let start = small(&plywood.path("base"));
    let layer = start.document(&start.root("small")["digest"])["layers"][0]["digest"].clone();
    let file = start.blob(layer.as_str().unwrap());
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let project = plywood.write("user.toml", with_user(&start.name("small")));
    plywood.refuses(["build", "-f", &project, "-o", "oci:out:a"], 3, &[layer.as_str().unwrap()]);
    assert!(!plywood.path("out").exists());
    let target = DockerRegistry::shared().name("truncated/made:1");
    plywood.refuses(["copy", &start.name("small"), &target], 3, &[layer.as_str().unwrap()]);
    plywood.refuses(["verify", &target], 5, &["truncated/made"]);
    std::fs::write(&file, whole).unwrap();
    plywood.ok(["build", "-f", &project, "-o", "oci:out:a"]);
}
