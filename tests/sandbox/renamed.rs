//! Real packages under other names have the same effects: no name of a package, user or unit stands in the program.

use std::path::Path;
use std::process::Command;

use crate::own_archive::OwnArchive;
use crate::repository::signed_index;
use crate::support::base;
use crate::support::program::Plywood;
use crate::support::tools;

/// A closure with an account, a group, units, an init script, conffiles, a file of ucf, questions of debconf and alternatives.
const PACKAGES: &[&str] = &["openssh-server", "openssh-client", "openssh-sftp-server"];
/// What is asked for, under either name.
const ASKED: &str = "openssh-server";
const FROM: &str = "ssh";
const TO: &str = "gat";
/// Programs that scripts call, and what other packages call theirs.
const KEEP: &str = "ssh-keygen|libssh|/run/sshd";

#[test]
#[ignore = "minutes; make acceptance"]
fn packages_users_and_units_under_other_names_have_the_same_effects() {
    let debian = base::debian("bookworm");
    let plywood = Plywood::new();
    let folder = plywood.path("debs");
    std::fs::create_dir_all(&folder).unwrap();
    let run = |command: &mut Command, what: &str| tools::output(command).expect_success(what);
    run(Command::new("apt-get").args(["-qq", "download"]).args(PACKAGES).current_dir(&folder), "apt-get download");
    let debs: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(debs.len(), PACKAGES.len());
    let repacked = plywood.path("repacked");
    run(Command::new(tools::fidelity("repack.sh")).args([FROM, TO, KEEP]).arg(&repacked).args(&debs), "repack.sh");

    let mut repository = signed_index(&std::fs::read_to_string(repacked.join("Packages")).unwrap());
    for entry in std::fs::read_dir(repacked.join("pool")).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("pool/{}", path.file_name().unwrap().to_str().unwrap());
        repository.files.insert(name, std::fs::read(&path).unwrap());
    }
    let own = OwnArchive::of(&debian, "bookworm", repository);
    let layers = layers_without_host_keys(&own.plywood);
    let more = ["--layers-dir", &layers, "-o", "oci:made:x"];
    own.plywood.ok(own.words(&ASKED.replace(FROM, TO), &more));
    let words = ["build", &debian.name(), "--profile", "none", "--no-recommends", "--apt", ASKED, "--layers-dir", &layers];
    own.plywood.ok(words.into_iter().chain(["-o", "oci:real:x"]));
    let compared = tools::output(
        Command::new(tools::fidelity("renamed.py"))
            .args([own.plywood.word("real"), own.plywood.word("made")])
            .args([FROM, TO, KEEP]),
    );
    assert_eq!(compared.status, 0, "{}{}", compared.stdout, compared.stderr);
}

/// The recipe that puts a wrapper before sshd names that path; it has no say in what packages do.
fn layers_without_host_keys(plywood: &Plywood) -> String {
    let recipe = Path::new(&plywood.word("layers")).join("host-keys");
    std::fs::create_dir_all(&recipe).unwrap();
    std::fs::write(recipe.join("layer.toml"), "").unwrap();
    plywood.word("layers")
}
