use clap::Parser as _;

use super::*;
use crate::build::Destination;
use crate::cli::args::{Cli, Command};
use crate::cli::host::tests::host;
use crate::error::Class;

fn asked(words: &[&str]) -> Result<Asked> {
    let words = ["plywood", "build"].iter().chain(words);
    let Command::Build(args) = Cli::try_parse_from(words).expect("words of build").command else { panic!("another command") };
    of(&args, &host(&[("HOME", "/nowhere")]))
}

fn class(words: &[&str]) -> Option<Class> {
    asked(words).err().map(|e| e.class())
}

fn names(asked: &Asked) -> Vec<String> {
    asked.request.names.iter().map(Reference::familiar).collect()
}

#[test]
fn only_a_sandbox_that_is_loaded_has_a_default_name() {
    let loaded = asked(&["debian:12", "--load"]).expect("a request");
    assert_eq!(names(&loaded), ["od_sandbox:debian__12"]);
    assert_eq!(names(&asked(&["docker://debian:12", "--load=podman"]).expect("a request")), ["od_sandbox:debian__12"]);
    for words in [
        &["debian:12", "--load", "--profile", "none"][..],
        &["debian:12", "--load", "--push"],
        &["debian:12", "--push"],
        &["debian:12", "--load", "-o", "x.tar"],
    ] {
        assert_eq!(class(words), Some(Class::Usage), "{words:?}");
    }
    assert!(names(&asked(&["debian:12", "-o", "x.tar"]).expect("a request")).is_empty());
}

#[test]
fn push_sends_the_names_that_have_a_slash_and_load_all() {
    let both =
        asked(&["debian", "-t", "plain", "-t", "host:5000/a/b:c", "-t", "plain:latest2", "--push", "--load"]).expect("a request");
    let name = |text: &str| text.parse::<Reference>().expect("a name");
    let all = vec![name("plain"), name("host:5000/a/b:c"), name("plain:latest2")];
    assert_eq!(both.request.destinations, [Destination::Push(vec![name("host:5000/a/b:c")]), Destination::Load(all)]);
    assert_eq!(class(&["debian", "-t", "plain", "--push"]), Some(Class::Usage));
    assert_eq!(class(&["debian", "-t", &format!("a@sha256:{}", "a".repeat(64))]), Some(Class::Usage));
}

#[test]
fn outputs_are_layouts_tars_or_stdout() {
    for (words, wanted) in [
        (vec!["-o", "oci:dir"], Some(Destination::Layout("dir".into(), "latest".into()))),
        (vec!["-o", "oci:dir", "-t", "a/b:c"], Some(Destination::Layout("dir".into(), "c".into()))),
        (vec!["-o", "oci:dir:tag"], Some(Destination::Layout("dir".into(), "tag".into()))),
        (vec!["-o", "x.tar"], Some(Destination::Tar("x.tar".into()))),
        (vec!["-o", "docker-archive:x.tar"], Some(Destination::Tar("x.tar".into()))),
        (vec!["-o", "-"], Some(Destination::Stdout)),
        (vec!["-o", "docker-daemon:x"], None),
        (vec!["-o", "docker://x/y"], None),
        (vec!["-o", "oci:"], None),
        (vec!["-o", ""], None),
    ] {
        let found = asked(&[&["debian"], &words[..]].concat()).ok().map(|a| a.request.destinations);
        assert_eq!(found, wanted.map(|w| vec![w]), "{words:?}");
    }
    assert_eq!(class(&["debian", "-o", "no/such/folder/x.tar"]), Some(Class::Local));
    assert_eq!(class(&["debian", "-o", "x.tar", "-o", "x.tar"]), Some(Class::Usage));
}

#[test]
fn a_project_says_all_and_flags_win_over_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plywood.toml");
    std::fs::write(&file, "base = 'oci:layout:tag'\nplatforms = ['linux/arm64', 'linux/arm64']\n").expect("written");
    let file = file.to_str().expect("text");
    assert_eq!(class(&["-f", file]), Some(Class::Usage), "the layout is not there");
    std::fs::create_dir(folder.path().join("layout")).expect("made");
    let project = asked(&["-f", file]).expect("a request");
    assert_eq!(project.profile, None);
    assert_eq!(project.request.base, Location::Layout(folder.path().join("layout"), Some("tag".into())));
    assert_eq!(project.request.platforms, [Platform::linux("arm64")]);
    let flags = asked(&["debian:12", "-f", file, "--profile", "openhands", "--platform", "linux/amd64"]).expect("a request");
    assert_eq!(flags.profile.as_deref(), Some("openhands"));
    assert_eq!(flags.request.base, "debian:12".parse().expect("a place"));
    assert_eq!(flags.request.platforms, [Platform::linux("amd64")]);
    assert_eq!(asked(&["debian:12"]).expect("a request").profile.as_deref(), Some("openhands"));
    assert_eq!(class(&["-f", "no-such-file.toml"]), Some(Class::Usage));
    std::fs::write(file, "base = 'debian'\nplatforms = ['x']\n").expect("written");
    assert_eq!(class(&["-f", file]), Some(Class::Input));
}

#[test]
fn a_lock_is_used_where_it_is_and_written_where_it_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, lock) = (folder.path().join("plywood.toml"), folder.path().join("plywood.lock"));
    std::fs::write(&file, "base = 'debian'\n").expect("written");
    let (file, lock) = (file.to_str().expect("text"), lock.to_str().expect("text"));
    let new = |words: &[&str]| asked(words).map(|a| (a.request.lock.text.is_some(), a.lock_file.is_some())).map_err(|e| e.class());
    assert_eq!(new(&["debian"]), Ok((false, false)));
    assert_eq!(new(&["debian", "--locked"]), Err(Class::Usage));
    assert_eq!(new(&["-f", file]), Ok((false, false)));
    assert_eq!(new(&["-f", file, "--locked"]), Err(Class::Usage));
    assert_eq!(new(&["-f", file, "--lock", lock]), Ok((false, true)));
    std::fs::write(lock, "{}").expect("written");
    // A lock that is there follows what was asked for, but for `--locked`.
    assert_eq!(new(&["-f", file]), Ok((true, true)));
    assert_eq!(new(&["debian", "--lock", lock, "--locked"]), Ok((true, false)));
}

#[test]
fn own_recipes_win_over_the_built_in_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("wget")).expect("made");
    std::fs::create_dir_all(folder.path().join("profiles")).expect("made");
    std::fs::write(folder.path().join("wget/layer.toml"), "description = 'mine'\n").expect("written");
    std::fs::write(folder.path().join("profiles/own.toml"), "recipes = ['wget']\n").expect("written");
    let path = folder.path().to_str().expect("text");
    let own = asked(&["debian", "--layers-dir", path, "--profile", "own"]).expect("a request");
    let recipe = own.request.library.recipe("wget").expect("a recipe");
    assert_eq!((recipe.document.description.as_deref(), recipe.folder), (Some("mine"), Some(folder.path().join("wget"))));
    std::fs::write(folder.path().join("wget/layer.toml"), "oops = 1\n").expect("written");
    assert_eq!(class(&["debian", "--layers-dir", path]), Some(Class::Input));
    assert_eq!(class(&["debian", "--layers-dir", "no-such-folder"]), Some(Class::Usage));
    assert_eq!(class(&["debian", "--profile", "openhand"]), Some(Class::Usage));
}

#[test]
fn equal_flags_have_equal_words_and_others_have_others() {
    let words = |flags: &[&str]| asked(&[&["debian"], flags].concat()).expect("a request").request.ask.words;
    assert_eq!(words(&["--apt", "a,b"]), words(&["--apt", "a", "--apt", "b"]));
    assert_ne!(words(&["--apt", "a"]), words(&["--with", "a"]));
    assert_ne!(words(&["--entrypoint", ""]), words(&[]));
    assert_ne!(words(&["--env", "A=b", "--env", "C=d"]), words(&["--env", "A=b\nenv C=d"]));
}
