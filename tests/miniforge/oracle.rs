//! py-rattler beside us: it links the same packages to the same bytes, and reads the records of our layer.

use std::path::Path;
use std::process::Command;

use crate::conda::installer::Dialect;
use crate::conda::package::Packed;
use crate::conda::parts;
use crate::lab::{self, PREFIX, script};
use crate::support::tools;

/// Runs `oracle.py` with the Python that has py-rattler.
fn oracle(words: &[&str]) -> String {
    let mut command = Command::new(parts::fetch(&["oracle"]));
    command.arg(script("oracle.py")).args(words);
    tools::output(&mut command).expect_success("oracle.py")
}

/// The release, linked by py-rattler below `folder`.
fn linked(arch: &str, folder: &Path) -> String {
    let mut list = Vec::new();
    for packed in lab::release(arch) {
        let file = folder.join(&packed.file);
        std::fs::write(&file, &packed.bytes).unwrap();
        list.push(serde_json::json!({
            "file": file, "url": packed.url(), "channel": "https://conda.example.org/main", "record": packed.record(),
        }));
    }
    let word = |name: &str| folder.join(name).display().to_string();
    std::fs::write(folder.join("packages.json"), serde_json::to_vec(&list).unwrap()).unwrap();
    oracle(&["link", &word("packages.json"), &word("rattler"), PREFIX, parts::subdir(arch)]);
    // It indents the programs that it makes with tabs, conda and mamba with four blanks; records, times and modes are its own.
    let untabbed = r#"cd "$1"; rm -r conda-meta; grep -rlP '^\tsys' bin | xargs sed -i 's/\t/    /g'"#;
    tools::run("bash", ["-c", untabbed, "bash", &word("rattler")]);
    word("rattler")
}

/// py-rattler reads the records of a prefix and finds its packages in them.
pub(crate) fn reads_records(found: &lab::Entries, packages: &[Packed]) {
    let folder = tempfile::tempdir().unwrap();
    for (path, entry) in found {
        if let Some(name) = path.strip_prefix("conda-meta/").filter(|name| name.ends_with(".json")) {
            std::fs::write(folder.path().join(name), &entry.bytes).unwrap();
        }
    }
    let told = oracle(&["records", &folder.path().display().to_string()]);
    for packed in packages {
        let record = packed.record();
        let text = |key: &str| record[key].as_str().unwrap().to_owned();
        let named = format!("{} {} {} {} ", text("name"), text("version"), text("build"), text("subdir"));
        assert!(told.lines().any(|l| l.starts_with(&named) && l.ends_with(&text("sha256"))), "{named} is not in\n{told}");
    }
    assert_eq!(told.lines().count(), packages.len(), "{told}");
}

#[test]
fn py_rattler_and_our_independent_linker_make_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = linked("amd64", folder.path());
    let (file, out) = (folder.path().join("installer.sh"), folder.path().join("own"));
    std::fs::write(&file, lab::installer(Dialect::Late, "amd64").write()).unwrap();
    let out = out.to_str().unwrap();
    lab::python("linker.py", &[file.to_str().unwrap(), out, PREFIX]);
    for own in ["conda-meta", "envs", ".condarc", ".installer.info", "LICENSE.txt"] {
        tools::run("rm", ["-r", &format!("{out}/{own}")]);
    }
    let told = lab::python("compare.py", &[&theirs, out, "--bytes-only"]);
    assert!(told.ends_with(" 0 differences"), "{told}");
}
