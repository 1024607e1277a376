//! An environment out of an `@EXPLICIT` list, as conda-lock and `conda list --explicit --md5` write it.

use std::collections::BTreeMap;

use crate::archive::Archive;
use crate::conda::installer::Installer;
use crate::lab::{self, build, built, few, in_prefix, installer_of, project};
use crate::refusals::refused;
use crate::support::program::Plywood;

/// A project whose list names the packages of an installer; they lie in `packages/` unless named in `absent`.
fn listed(installer: &Installer, list: &str, absent: &[&str]) -> Plywood {
    let plywood = project(b"");
    plywood.write("lock.txt", list);
    std::fs::create_dir(plywood.path("packages")).unwrap();
    for packed in installer.packages.iter().filter(|p| !absent.contains(&p.name.as_str())) {
        plywood.write(&format!("packages/{}", packed.file), &packed.bytes);
    }
    lab::write_project(&plywood, "explicit = \"lock.txt\"\npackages = \"packages\"");
    plywood
}

#[test]
fn a_list_and_an_installer_of_the_same_packages_link_to_the_same_files() {
    let installer = installer_of(&few());
    let of_installer = in_prefix(&built(&project(&installer.write()), &[]));
    let of_list = in_prefix(&built(&listed(&installer, &installer.explicit(), &[]), &[]));
    let made = ["conda-meta/history", "conda-meta/initial-state.explicit.txt", ".condarc", ".installer.info", "LICENSE.txt"];
    for (path, entry) in of_installer.iter().filter(|(path, _)| !made.contains(&path.as_str())) {
        assert_eq!(of_list.get(path), Some(entry), "{path}");
    }
    assert!(of_list.contains_key("conda-meta/history"), "without it conda sees no environment");
}

#[test]
fn packages_come_from_a_mirror_where_no_folder_has_them() {
    let installer = installer_of(&few());
    let here = build(&listed(&installer, &installer.explicit(), &[]), &[]);
    let files = installer.packages.iter().map(|p| (format!("c/{}/{}", p.subdir, p.file), p.bytes.clone()));
    let server = Archive::serving(files.collect::<BTreeMap<_, _>>());
    let plywood = listed(&installer, &installer.explicit(), &["tool", "pure"]);
    refused("offline and nothing cached", &plywood_offline(&plywood), 6, &["tool-1.0", "conda.example.org"]);
    let mirror = format!("https://conda.example.org/main/={}c/", server.uri());
    assert_eq!(build(&plywood, &["--conda-mirror", &mirror]), here);
    let mut log = server.log();
    log.sort();
    assert_eq!(log, ["c/linux-64/tool-1.0-h0000001_0.conda", "c/noarch/pure-2.0-pyhd8ed1ab_0.conda"]);
    assert_eq!(build(&plywood, &["--offline"]), here);
}

/// The same project with a proxy that refuses, so that a public name is not asked for.
fn plywood_offline(plywood: &Plywood) -> Plywood {
    let copy = Plywood::new().with("HTTPS_PROXY", "http://127.0.0.1:1");
    crate::support::tools::run("cp", ["-r", &plywood.word("."), &copy.word(".")]);
    std::fs::remove_dir_all(copy.path("out")).ok();
    copy
}

#[test]
fn a_list_that_cannot_be_linked_is_refused() {
    let installer = installer_of(&few());
    let good = installer.explicit();
    let tool = installer.packages[1].md5();
    let cases: Vec<(&str, String, i32, &[&str])> = vec![
        ("another MD5", good.replace(&tool, &"0".repeat(32)), 3, &["tool-1.0", "MD5"]),
        ("an MD5 that is none", good.replace(&tool, "xyz"), 3, &["lock.txt", "xyz"]),
        ("no list", "hello\n".into(), 3, &["lock.txt"]),
        ("no packages", "@EXPLICIT\n".into(), 3, &[]),
        ("an environment of another kind", "name: x\ndependencies: [python]\n".into(), 3, &["lock.txt"]),
        ("a wheel", good.clone() + "https://conda.example.org/x-1.0-py3-none-any.whl\n", 3, &["x-1.0-py3-none-any.whl"]),
    ];
    for (what, list, class, words) in cases {
        refused(what, &listed(&installer, &list, &[]), class, words);
    }
    for twin in [
        good.replace('\n', "\r\n"),
        format!("\n\n# comment\n{good}\n"),
        good.lines().map(|l| l.split('#').next().unwrap().to_owned() + "\n").collect(),
    ] {
        let plywood = listed(&installer, &twin, &[]);
        assert!(plywood.run(["build", "-f", "plywood.toml", "-o", "oci:out:made"]).status == 0, "{twin}");
    }
}
