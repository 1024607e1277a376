//! What a store remembers of one base and uses for another.

use std::process::Command;

use crate::bases::{base, rows};
use crate::lab::{Lab, layers};

#[test]
fn what_is_remembered_of_other_bases_is_what_a_plan_of_its_own_gives() {
    let lab = Lab::new();
    lab.build(&base(true, &lab.key), "plain", &[]);
    for (number, row) in rows().iter().enumerate() {
        let mut tree = base(row.merged, &lab.key);
        (row.change)(&mut tree);
        let uid = format!("uid={}", row.uid);
        let warm = lab.build(&tree, &format!("warm{number}"), &["--set", &uid]);
        let mut cold = lab.command(&tree, &format!("cold{number}"));
        let output = cold.args(["--set", &uid]).env("PLYWOOD_STORE", lab.path("cold")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(warm, layers(&output.stdout), "{}", row.name);
        std::fs::remove_dir_all(lab.path("cold")).unwrap();
    }
}

#[test]
fn a_base_that_answers_alike_needs_no_package_again_and_another_does() {
    let lab = Lab::new();
    let plain = lab.build(&base(true, &lab.key), "plain", &[]);
    std::fs::remove_dir_all(lab.path("store/memo/contents")).unwrap();
    let blobs = std::fs::read_dir(lab.path("store/blobs/sha256")).unwrap().map(|e| e.unwrap().path());
    for package in blobs.filter(|path| std::fs::read(path).unwrap().starts_with(b"!<arch>")) {
        std::fs::remove_file(package).unwrap();
    }
    let rows_again = [("a file", true), ("entries from the end, etc/ last", true), ("a system group at gid 101", false)];
    for (number, (name, alike)) in rows_again.into_iter().enumerate() {
        let mut tree = base(true, &lab.key);
        (rows().iter().find(|row| row.name == name).unwrap().change)(&mut tree);
        let output = lab.command(&tree, &format!("again{number}")).arg("--offline").output().unwrap();
        assert_eq!(output.status.success(), alike, "{name}: {}", String::from_utf8_lossy(&output.stderr));
        if alike {
            assert_eq!(layers(&output.stdout), plain, "{name}");
        }
    }
}

#[test]
fn layers_with_packages_depend_on_nothing_of_the_machine() {
    let lab = Lab::new();
    let tree = base(true, &lab.key);
    let plain = lab.build(&tree, "plain", &[]);
    let worlds = [
        ("umask 077; exec \"$@\"", [("TZ", "Asia/Kathmandu"), ("LC_ALL", "tr_TR.UTF-8")]),
        ("umask 000; exec \"$@\"", [("USER", "somebody"), ("LANG", "de_DE.UTF-8")]),
        ("exec taskset --cpu-list 0 \"$@\"", [("TZ", "America/St_Johns"), ("TERM", "xterm")]),
        ("HOME=/nonexistent; exec \"$@\"", [("LC_ALL", "C"), ("TMPDIR", "/nonexistent")]),
    ];
    for (number, (script, environment)) in worlds.into_iter().enumerate() {
        let words = lab.command(&tree, &format!("world{number}"));
        let mut command = Command::new("bash");
        command.args(["-c", script, "bash"]).arg(words.get_program()).args(words.get_args()).env_clear();
        command.envs(words.get_envs().filter_map(|(name, value)| Some((name, value?)))).envs(environment);
        command.env("PATH", "/usr/bin:/bin").env("PLYWOOD_STORE", lab.path("another"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(layers(&output.stdout), plain, "{script} {environment:?}");
        std::fs::remove_dir_all(lab.path("another")).unwrap();
    }
}
