//! Help, completions, man pages, schema, and words that do not fit.

use crate::program::Place;

const COMMANDS: &[&str] = &[
    "",
    "build",
    "plan",
    "copy",
    "inspect",
    "ls",
    "cat",
    "verify",
    "layers",
    "layers list",
    "layers show",
    "login",
    "logout",
    "store",
    "store path",
    "store check",
    "store gc",
    "schema",
    "completions",
    "man",
];

#[test]
fn every_command_has_this_help() {
    let place = Place::new();
    let mut all = String::new();
    for command in COMMANDS {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        all.extend(["$ plywood ", &words.join(" "), "\n", &place.ok(&words), "\n"]);
    }
    assert!(all.lines().all(|line| line.chars().count() <= 110), "a line is too long");
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("help", all);
    });
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(Place::new().ok(&["--version"]), format!("plywood {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn words_that_do_not_fit_are_exit_2_and_told_on_stderr() {
    let place = Place::new();
    place.write("bad.toml", "[apt]\npakages = []\n");
    for (words, status, told) in [
        (vec![], 2, "Usage"),
        (vec!["bulid"], 2, "build"),
        (vec!["build", "--no-such-flag"], 2, "--no-such-flag"),
        (vec!["build"], 2, "plywood.toml"),
        (vec!["build", "UPPER"], 2, "capital"),
        (vec!["build", "debian", "--push"], 2, "hint: -t"),
        (vec!["build", "debian", "--push", "-t", "plain"], 2, "`/`"),
        (vec!["build", "debian", "--load", "--profile", "none"], 2, "needs a name"),
        (vec!["build", "debian", "--platform", "amd64"], 2, "os/architecture"),
        (vec!["build", "debian", "--file", "a"], 2, "--file SRC:/DST"),
        (vec!["build", "debian", "--env", "A"], 2, "KEY=VALUE"),
        (vec!["build", "debian", "--entrypoint", "sh -c 'a'"], 2, "hint: --entrypoint '["),
        (vec!["build", "debian", "--offline", "--refresh"], 2, "cannot be used with"),
        (vec!["build", "debian", "--profile", "openhand"], 2, "openhands"),
        (vec!["build", "debian", "--locked"], 2, "--lock FILE"),
        (vec!["build", "debian", "-o", "docker://x"], 2, "--push"),
        (vec!["build", "debian", "--digest-file", "no/such/folder"], 7, "no/such"),
        (vec!["build", "-f", "missing.toml"], 2, "missing.toml"),
        (vec!["build", "-f", "bad.toml"], 3, "did you mean `packages`?"),
        (vec!["build", "debian", "--load=what", "-t", "x"], 2, "what"),
        (vec!["copy", "debian"], 2, "DST"),
        (vec!["copy", "oci:", "oci:x"], 2, "no file"),
        (vec!["inspect", "oci:x", "--raw", "--config"], 2, "cannot be used with"),
        (vec!["ls", "oci:x", "../etc"], 3, ".."),
        (vec!["login", "host", "-u", "me"], 2, "--password-stdin"),
        (vec!["login", "user:secret@host", "-u", "me", "--password-stdin"], 2, "is no registry"),
        (vec!["login", "host.example", "-u", "me", "--password-stdin"], 2, "no password"),
        (vec!["layers", "show", "ssdh"], 2, "sshd"),
        (vec!["completions", "tcsh"], 2, "bash"),
        (vec!["store", "gc", "--keep", "-1"], 2, "-1"),
    ] {
        let ran = place.run(&words);
        assert_eq!(ran.status, status, "{words:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{words:?} printed on stdout");
        assert!(ran.stderr.contains(told), "{words:?}: {told:?} is not in {}", ran.stderr);
    }
}

#[test]
fn a_variable_that_makes_no_sense_is_named() {
    let place = Place::new();
    let output = place.command(&["build", "debian", "-o", "x.tar"]).env("SOURCE_DATE_EPOCH", "soon").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("SOURCE_DATE_EPOCH"));
    let output = place.command(&["store", "path"]).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: set PLYWOOD_STORE"));
}

#[test]
fn colour_is_there_when_it_is_asked_for_and_only_then() {
    let place = Place::new();
    assert!(place.refused(&["build", "--color", "always"], 2).contains("\x1b[1;31merror:"));
    assert!(!place.refused(&["build"], 2).contains('\x1b'));
}

#[test]
fn completions_know_every_command_for_every_usual_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let text = place.ok(&["completions", shell]);
        for word in ["build", "verify", "miniforge-installer", "password-stdin"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn every_command_has_a_man_page() {
    let place = Place::new();
    place.ok(&["man", "pages"]);
    for command in COMMANDS {
        let name = format!("plywood {command}").trim().replace(' ', "-");
        let page = std::fs::read_to_string(place.at(&format!("pages/{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME"), "{name}");
    }
}

#[test]
fn the_schema_names_every_table() {
    let schema: serde_json::Value = serde_json::from_str(&Place::new().ok(&["schema"])).unwrap();
    for table in [
        "apt",
        "user",
        "file",
        "directory",
        "divert",
        "stand-in",
        "tar",
        "conda",
        "config",
        "parameters",
        "base",
        "platforms",
        "recipes",
    ] {
        assert!(schema["properties"].get(table).is_some(), "{table}");
    }
}

#[test]
fn recipes_and_profiles_are_listed_and_shown() {
    let place = Place::new();
    let list = place.ok(&["layers", "list"]);
    assert!(list.lines().any(|l| l.starts_with("recipe") && l.contains(" sshd ")));
    assert!(list.lines().any(|l| l.starts_with("profile") && l.contains(" openhands ")));
    let json: serde_json::Value = serde_json::from_str(&place.ok(&["layers", "list", "--json"])).unwrap();
    assert_eq!(json.as_array().unwrap().len(), list.lines().count());
    assert!(place.ok(&["layers", "show", "sshd"]).contains("openssh-server"));
    assert!(place.ok(&["layers", "show", "profiles/openhands"]).contains("recipes = "));
    place.write("own/mine/layer.toml", "description = 'of my own'\n");
    assert_eq!(place.ok(&["layers", "show", "mine", "--layers-dir", "own"]), "description = 'of my own'\n");
    assert!(place.ok(&["layers", "list", "--layers-dir", "own"]).contains("of my own"));
}
