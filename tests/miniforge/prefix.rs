//! What stands in the layer: both dialects and every form, modes, owners, times, links, records.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::conda::installer::Dialect;
use crate::conda::package::{Form, Listing, Package, placeholder};
use crate::conda::tarball::{Item, What};
use crate::conda::{parts, sha256};
use crate::lab::{self, Entry, PREFIX, built, few, in_prefix, installer_of, project};
use crate::oracle;
use crate::support::program::Plywood;

fn text(entry: &Entry) -> String {
    String::from_utf8(entry.bytes.clone()).unwrap()
}

/// Our prefix is the one that an installation leaves, but for what is left out on purpose; and the comparison sees what is not so.
fn compare_with_an_installation(plywood: &Plywood) {
    let tree = plywood.word("tree");
    lab::python("linker.py", &[&plywood.word("miniforge.sh"), &tree, PREFIX, "--installed"]);
    let told = lab::compared(plywood, &tree, &["--installed"]);
    assert!(told.status == 0 && told.stdout.contains(" 0 differences"), "{}{}", told.stdout, told.stderr);
    for (line, seen) in [
        ("printf x >>bin/pydoc3.11", "bin/pydoc3.11: "),
        ("ln -sfn python bin/python3", "bin/python3: "),
        ("chmod o+w lib/python3.11/os.py", "lib/python3.11/os.py: mode 666 and 664"),
        ("touch -d @5 lib/python3.11/abc.py", "lib/python3.11/abc.py: time 5 and "),
        ("rm lib/python3.11/ast.py", "lib/python3.11/ast.py: only in the second"),
        ("touch lib/new", "lib/new: only in the first"),
        ("sed -i s/3.11.2/3.11.3/ conda-meta/python-3.11.2-*.json", "conda-meta/python-3.11.2-h0000001_0.json: version"),
    ] {
        crate::support::tools::run("bash", ["-c", &format!("cd {tree}; {line}")]);
        let told = lab::compared(plywood, &tree, &["--installed"]);
        assert!(told.status == 1 && told.stdout.contains(seen), "{line}: {}{}", told.stdout, told.stderr);
    }
}

#[test]
fn every_dialect_of_a_real_release_gives_one_prefix_that_an_independent_linker_has_too() {
    let mut seen: Option<lab::Entries> = None;
    for dialect in [Dialect::Early, Dialect::Middle, Dialect::Late] {
        let plywood = project(&lab::installer(dialect, "amd64").write());
        let mut found = built(&plywood, &[]);
        let own = ["conda-meta/initial-state.explicit.txt", ".installer.info"]
            .map(|name| found.remove(&format!("{}/{name}", &PREFIX[1..])));
        assert_eq!(own.map(|entry| entry.is_some()), [dialect == Dialect::Late; 2], "{dialect:?}");
        if dialect == Dialect::Late {
            oracle::reads_records(&in_prefix(&found), lab::release("amd64"));
            compare_with_an_installation(&plywood);
        }
        if let Some(before) = &seen {
            for (path, entry) in before {
                assert_eq!(found.get(path), Some(entry), "{dialect:?} {path}");
            }
            assert_eq!(before.len(), found.len());
        }
        seen = Some(found);
    }
}

#[test]
fn text_and_binary_prefixes_are_replaced_and_links_kept() {
    let found = in_prefix(&built(&project(&installer_of(&few()).write()), &[]));
    assert_eq!(text(&found["bin/tool"]), format!("#!{PREFIX}/bin/python -I\nprint('{PREFIX}')\n"));
    let long = 2 * (placeholder("build").len() - PREFIX.len());
    assert_eq!(text(&found["lib/data.bin"]), format!("\x7fELF\0{PREFIX}/a:{PREFIX}/b{}\0tail\0", "\0".repeat(long)));
    assert_eq!((found["lib/link.so"].kind, found["lib/link.so"].target.as_str()), (tar::EntryType::Symlink, "plain.so"));
    assert_eq!(found["lib/hard.so"].bytes, found["lib/plain.so"].bytes);
    let entry_point = text(&found["bin/pure"]);
    assert!(entry_point.starts_with(&format!("#!{PREFIX}/bin/python3.11\n")), "{entry_point}");
    assert!(entry_point.contains("\nfrom pure import main\n") && entry_point.contains("\n    sys.exit(main())\n"), "{entry_point}");
    assert_eq!(text(&found["lib/python3.11/site-packages/pure.py"]), "def main():\n    return 0\n");
    assert!(found.keys().all(|path| !path.starts_with("pkgs") && !path.starts_with("info")), "{:?}", found.keys());
}

#[test]
fn old_packages_list_their_files_and_prefixes_in_their_own_way() {
    let modern = in_prefix(&built(&project(&installer_of(&few()).write()), &[]));
    let mut old = few();
    for package in &mut old[..2] {
        (package.form, package.listing) = (Form::TarBz2, Listing::Files);
    }
    // Quoted, as builders wrote it for paths with blanks; and the form of 2013, which has no placeholder of its own.
    let prefix = placeholder("build");
    old[1].items.push(Item::file("share/with blank", format!("{prefix}/x\n")));
    old[1].items.push(Item::file("share/ancient", "/opt/anaconda1anaconda2anaconda3/y\n"));
    let lines = ["bin/tool", "share/with blank"].map(|path| format!("\"{prefix}\" \"text\" \"{path}\"\n")).concat();
    old[1] = old[1].clone().info("has_prefix", format!("{lines}\"{prefix}\" \"binary\" \"lib/data.bin\"\nshare/ancient\n"));
    let found = in_prefix(&built(&project(&installer_of(&old).write()), &[]));
    assert_eq!(text(&found["share/with blank"]), format!("{PREFIX}/x\n"));
    assert_eq!(text(&found["share/ancient"]), format!("{PREFIX}/y\n"));
    for (path, entry) in modern.iter().filter(|(path, _)| !path.starts_with("conda-meta/")) {
        assert_eq!(found.get(path), Some(entry), "{path}");
    }
}

#[test]
fn owner_is_root_modes_are_the_packages_own_and_times_are_kept() {
    let installer = installer_of(&few());
    let [plain, writable] = ["", "group_writable = true"].map(|line| {
        let plywood = project(&installer.write());
        lab::write_project(&plywood, &format!("installer = \"miniforge.sh\"\n{line}"));
        in_prefix(&built(&plywood, &[]))
    });
    for found in [&writable, &plain] {
        assert!(found.values().all(|entry| entry.owner == (0, 0)));
        assert_eq!(found["lib/plain.so"].mtime, 1_690_000_000);
        assert_eq!(found["lib/python3.11/site-packages/pure.py"].mtime, 1_690_000_000);
        assert_eq!(found["lib/link.so"].mtime, 1_690_000_001);
    }
    let modes = |found: &lab::Entries, path: &str| found[path].mode;
    for (path, group, alone) in [
        ("", 0o775, 0o755),
        ("bin", 0o775, 0o755),
        ("lib/python3.11/site-packages", 0o775, 0o755),
        ("envs", 0o775, 0o755),
        ("bin/tool", 0o775, 0o775),
        ("bin/pure", 0o775, 0o775),
        ("lib/plain.so", 0o664, 0o664),
        ("conda-meta/history", 0o664, 0o644),
        (".condarc", 0o664, 0o644),
        ("LICENSE.txt", 0o664, 0o644),
    ] {
        assert_eq!((modes(&writable, path), modes(&plain, path)), (group, alone), "{path}");
    }
}

#[test]
fn of_two_packages_with_one_path_the_later_wins() {
    let both =
        |name: &str| Package::new(name, "1", vec![Item::file("share/both", name), Item::file(&format!("share/{name}"), name)]);
    let [python, ..] = &few()[..] else { panic!("python is first") };
    for order in [["a", "b"], ["b", "a"]] {
        let packages = [python.clone(), both(order[0]), both(order[1])];
        let found = in_prefix(&built(&project(&installer_of(&packages).write()), &[]));
        assert_eq!(text(&found["share/both"]), order[1]);
        assert!(found.contains_key("share/a") && found.contains_key("share/b"));
    }
}

#[test]
fn a_hard_link_keeps_its_bytes_where_a_later_package_takes_its_targets_path() {
    let later = |items| {
        let mut packages = few();
        packages.push(Package::new("later", "1", items));
        in_prefix(&built(&project(&installer_of(&packages).write()), &[]))
    };
    let found = later(vec![Item::file("lib/plain.so", "later\0")]);
    assert_eq!((found["lib/plain.so"].bytes.as_slice(), found["lib/hard.so"].bytes.as_slice()), (&b"later\0"[..], &b"plain\0"[..]));
    let found = later(vec![Item::link("lib/plain.so", "data.bin")]);
    assert_eq!((found["lib/plain.so"].target.as_str(), found["lib/hard.so"].bytes.as_slice()), ("data.bin", &b"plain\0"[..]));
    let found = later(vec![Item::file("lib/hard.so", "later\0")]);
    assert_eq!((found["lib/plain.so"].bytes.as_slice(), found["lib/hard.so"].bytes.as_slice()), (&b"plain\0"[..], &b"later\0"[..]));
}

/// The record of a package.
fn record(found: &lab::Entries, dist: &str) -> Value {
    serde_json::from_slice(&found[&format!("conda-meta/{dist}.json")].bytes).unwrap()
}

#[test]
fn records_are_complete_and_sorted() {
    let packages = few();
    let installer = installer_of(&packages);
    let found = in_prefix(&built(&project(&installer.write()), &[]));
    let mut owned: BTreeMap<String, String> = BTreeMap::new();
    for packed in &installer.packages {
        let record = record(&found, &packed.dist);
        let expected = packed.record();
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&record[key], value, "{} {key}", packed.dist);
        }
        assert_eq!((record["url"].as_str(), record["fn"].as_str()), (Some(packed.url().as_str()), Some(packed.file.as_str())));
        let keys: Vec<_> = record.as_object().unwrap().keys().collect();
        assert!(keys.is_sorted(), "{keys:?}");
        let files: Vec<&str> = record["files"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        let paths = record["paths_data"]["paths"].as_array().unwrap();
        assert_eq!((record["paths_data"]["paths_version"].as_u64(), paths.len()), (Some(1), files.len()));
        for (path, file) in paths.iter().zip(&files) {
            let name = path["_path"].as_str().unwrap();
            assert_eq!(name, *file);
            let entry = &found[name];
            if entry.kind != tar::EntryType::Symlink && name != "bin/pure" {
                assert_eq!(path["sha256_in_prefix"], sha256(&entry.bytes), "{name}");
            }
            let kind = match (entry.kind, name) {
                (tar::EntryType::Symlink, _) => "softlink",
                (_, "bin/pure") => "unix_python_entry_point",
                _ => "hardlink",
            };
            assert_eq!(path["path_type"], kind, "{name}");
        }
        owned.extend(files.iter().map(|f| ((*f).to_owned(), packed.dist.clone())));
    }
    let made = ["conda-meta/", ".condarc", ".installer.info", "LICENSE.txt"];
    for (path, entry) in found.iter().filter(|(_, entry)| entry.kind != tar::EntryType::Directory) {
        assert!(owned.contains_key(path) || made.iter().any(|m| path.starts_with(m)), "{path} {:?}", entry.kind);
    }
    assert_eq!(text(&found["conda-meta/history"]), installer.history());
    assert_eq!(text(&found["conda-meta/initial-state.explicit.txt"]), installer.explicit());
    assert_eq!(text(&found[".condarc"]), installer.condarc);
}

#[test]
fn an_arm64_layer_made_here_is_complete() {
    let plywood = project(&lab::installer(Dialect::Late, "arm64").write());
    let found = in_prefix(&built(&plywood, &["--platform", "linux/arm64"]));
    let mut programs = 0;
    let marks = parts::python("arm64")[0].placeholder.clone();
    for (path, entry) in &found {
        assert!(memchr::memmem::find(&entry.bytes, b"_placehold_placehold").is_none(), "{path} has a builder's prefix");
        if entry.bytes.starts_with(b"\x7fELF") {
            programs += 1;
            assert_eq!(u16::from_le_bytes([entry.bytes[18], entry.bytes[19]]), 183, "{path} is not for AArch64");
        }
    }
    assert!(programs > 40, "{programs}");
    let mut patched = 0;
    for packed in lab::release("arm64") {
        let record = record(&found, &packed.dist);
        for path in record["files"].as_array().unwrap() {
            assert!(found.contains_key(path.as_str().unwrap()), "{path}");
        }
    }
    for package in parts::python("arm64") {
        for item in &package.items {
            let What::File(bytes) = &item.what else { continue };
            if memchr::memmem::find(bytes, marks.as_bytes()).is_some() {
                let now = &found[&item.name()].bytes;
                assert!(memchr::memmem::find(now, PREFIX.as_bytes()).is_some(), "{}", item.name());
                assert!(now.len() == bytes.len() || !bytes.contains(&0), "{}", item.name());
                patched += 1;
            }
        }
    }
    assert!(patched >= 3, "{patched}");
}
