//! Package files of this machine as arguments.

use plywood::error::Class;
use plywood::oci::Digest;
use plywood::pin::{Action, LocalPackage, SolverRequest};

use crate::bench::{Bench, names, request, told};

fn file(word: &str, control: &str) -> LocalPackage {
    let bytes = format!("the package {control}");
    LocalPackage {
        word: word.into(),
        digest: Digest::of(bytes.as_bytes()),
        size: bytes.len() as u64,
        control: control.as_bytes().into(),
    }
}

fn asking(words: &[&str], files: Vec<LocalPackage>) -> SolverRequest {
    SolverRequest { files, ..request(&[words]) }
}

#[tokio::test]
async fn a_package_file_comes_with_what_it_needs_from_the_archives() {
    let bench = Bench::new();
    // What it says of its own size and place does not count.
    let control = "Package: mine\nVersion: 7\nArchitecture: amd64\nDepends: beta\nFilename: pool/evil\nSHA256: 00\nSize: 1\n";
    let local = file("./mine.deb", control);
    let chosen = bench.choose(vec![asking(&["./mine.deb"], vec![local.clone()])]).await.unwrap();
    assert_eq!(names(&chosen), ["delta 1.0", "beta 2.0", "mine 7"]);
    let mine = &chosen.packages[2];
    assert_eq!((mine.location.as_deref(), mine.sha256, mine.size), (Some("./mine.deb"), Some(local.digest), local.size));
    assert!(!mine.auto && mine.action == Action::Install && chosen.packages[1].auto);
}

#[tokio::test]
async fn a_package_file_wins_over_the_archives_version_of_the_same_number() {
    let bench = Bench::new();
    let local = file("/tmp/delta.deb", "Package: delta\nVersion: 1.0\nArchitecture: amd64\n");
    let chosen = bench.choose(vec![asking(&["alpha", "/tmp/delta.deb"], vec![local.clone()])]).await.unwrap();
    let delta = chosen.packages.iter().find(|package| package.name == "delta").unwrap();
    assert_eq!((delta.sha256, delta.location.as_deref()), (Some(local.digest), Some("/tmp/delta.deb")));
    // Where no word names it, the archive's is taken.
    let chosen = bench.choose(vec![asking(&["alpha"], vec![local])]).await.unwrap();
    assert!(chosen.packages.iter().all(|package| package.location.as_deref().unwrap().starts_with("http://")));
}

#[tokio::test]
async fn a_package_file_upgrades_what_is_installed_and_never_downgrades_it() {
    let bench = Bench::new();
    for (version, expected) in [("1.5", Ok(Action::Upgrade)), ("0.5", Err(Class::Refused))] {
        let control = format!("Package: toollib\nSource: toolbox\nVersion: {version}\nArchitecture: amd64\n");
        let found = bench.choose(vec![asking(&["../toollib.deb"], vec![file("../toollib.deb", &control)])]).await;
        match found {
            Ok(chosen) => assert_eq!(Ok(chosen.packages[0].action), expected),
            Err(error) => assert_eq!(Err(error.class()), expected, "{}", told(&error)),
        }
    }
}

#[tokio::test]
async fn a_package_file_that_does_not_fit_says_why() {
    let bench = Bench::new();
    for (control, parts) in [
        ("Package: mine\nVersion: 7\nArchitecture: riscv64\n", ["./mine.deb is no package for amd64", "control file"]),
        ("Package: mine\nArchitecture: amd64\n", ["./mine.deb is no package for amd64", "Version"]),
        ("Package: mine\nVersion: 7\nArchitecture: all\nDepends: absent (>= 3)\n", ["mine depends on absent (>= 3)", "no absent"]),
        ("Package: mine\nVersion: 7\nArchitecture: all\nConflicts: core\n", ["mine conflicts with core", "is installed"]),
    ] {
        let error = bench.choose(vec![asking(&["./mine.deb"], vec![file("./mine.deb", control)])]).await.unwrap_err();
        assert_eq!(error.class(), Class::Input, "{}", told(&error));
        for part in parts {
            assert!(told(&error).contains(part), "{part:?} in {}", told(&error));
        }
    }
}

#[tokio::test]
async fn a_damaged_status_stops_the_choice_with_its_place() {
    let whole = "Package: core\nStatus: install ok installed\nEssential: yes\nArchitecture: amd64\nVersion: 1.0\n";
    for (status, part) in [
        (whole.to_owned(), None),
        (whole.trim_end().to_owned(), Some("status:5: the file is cut")),
        (format!("{whole}\n{whole}"), Some("status:7: package \"core\" has an entry already in line 1")),
    ] {
        let mut bench = Bench::new();
        bench.files.push(("var/lib/dpkg/status", status));
        match (bench.choose(vec![request(&[&["alpha"]])]).await, part) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => {
                assert!(error.class() == Class::Input && told(&error).contains(part), "{}", told(&error));
            }
            (found, part) => panic!("{found:?} but {part:?}"),
        }
    }
}
