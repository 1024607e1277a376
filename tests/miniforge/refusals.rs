//! Installers and packages that are not what they say: refused with their name, before anything is written; each has a twin that passes.

use crate::conda::installer::{Dialect, Installer};
use crate::conda::package::{Form, Package};
use crate::conda::tarball::{Item, What};
use crate::conda::{md5, sha256};
use crate::lab::{self, few, installer_of, project};
use crate::support::program::Plywood;

/// Builds a project and expects a refusal that names these words, and no output.
pub(crate) fn refused(what: &str, plywood: &Plywood, class: i32, words: &[&str]) {
    let out = plywood.run(["build", "-f", "plywood.toml", "-o", "oci:out:made"]);
    assert_eq!(out.status, class, "{what}: {}{}", out.stdout, out.stderr);
    for word in words {
        assert!(out.stderr.contains(word), "{what}: `{word}` is not in\n{}", out.stderr);
    }
    assert!(!plywood.path("out").exists(), "{what}");
}

/// Packages in which one thing is different.
pub(crate) fn changed(change: impl FnOnce(&mut Vec<Package>)) -> Vec<Package> {
    let mut packages = few();
    change(&mut packages);
    packages
}

/// The package that the tables change.
const TOOL: usize = 1;

#[test]
fn a_good_installer_passes_whatever_is_odd_about_it() {
    let late = installer_of(&few());
    let pinned = |bytes: &[u8]| format!("sha256 = {{ x86_64 = \"{}\" }}", sha256(bytes));
    let cases: Vec<(&str, Installer)> = vec![
        ("plain", late.clone()),
        ("`$` in an archive is no shell text", Installer { condarc: "envs_dirs: [$HOME/envs]\n".into(), ..late.clone() }),
        ("early", Installer { dialect: Dialect::Early, ..late.clone() }),
        // As tar does, which takes the slash off.
        ("a path from the root", Installer { preconda: vec![Item::file("/etc/inside", "x")], ..late.clone() }),
        ("MD5 in capitals", {
            let bytes = late.write();
            let end = bytes.windows(17).position(|w| w == b"\n@@END_HEADER@@\n\x7f").unwrap() + 16;
            Installer { header_md5: Some(md5(&bytes[end..]).to_uppercase()), ..late }
        }),
    ];
    for (what, installer) in cases {
        let bytes = installer.write();
        let plywood = project(&bytes);
        lab::write_project(&plywood, &format!("installer = \"miniforge.sh\"\n{}", pinned(&bytes)));
        let found = lab::built(&plywood, &[]);
        assert!(found.contains_key("openhands/miniforge3/bin/tool") && !found.contains_key("etc/inside"), "{what}");
    }
}

#[test]
fn an_installer_that_is_not_what_it_says_is_refused() {
    let good = installer_of(&few());
    let bytes = good.write();
    let early = Installer { dialect: Dialect::Early, ..good.clone() };
    let tool = good.packages[TOOL].file.clone();
    let lied = |from: &str, to: &str| String::from_utf8_lossy(&bytes[..2000]).replace(from, to).into_bytes();
    let size = good.tar().len();
    let mut flipped = bytes.clone();
    let last = flipped.len() - 2000;
    flipped[last] ^= 1;
    let script = |name: &str| vec![Item::file(name, "#!/bin/sh\nexit 0\n")];
    let cases: Vec<(&str, Vec<u8>, i32, Vec<&str>)> = vec![
        (
            "for another machine",
            Installer { platform: "linux-aarch64".into(), ..good.clone() }.write(),
            3,
            vec!["linux-aarch64", "linux-64"],
        ),
        ("truncated", bytes[..bytes.len() - 1].to_vec(), 3, vec!["bytes"]),
        ("only a header", bytes[..900].to_vec(), 3, vec![]),
        ("two in one", [bytes.as_slice(), &bytes].concat(), 3, vec!["bytes"]),
        ("damaged", flipped, 3, vec!["MD5"]),
        ("MD5 of another", Installer { header_md5: Some("0".repeat(32)), ..good.clone() }.write(), 3, vec!["MD5"]),
        (
            "size lies upwards",
            [lied(&format!("+ {size} "), "+ 10000000000 "), bytes[2000..].to_vec()].concat(),
            3,
            vec!["10000000"],
        ),
        ("size overflows", [lied(&format!("+ {size} "), "+ 18446744073709551615 "), bytes[2000..].to_vec()].concat(), 3, vec![]),
        ("a web page", b"<html>not found</html>".to_vec(), 3, vec!["constructor"]),
        ("empty", Vec::new(), 3, vec!["constructor"]),
        ("a package is missing", Installer { absent: vec![tool.clone()], ..good.clone() }.write(), 3, vec![&tool]),
        (
            "MD5 of a package",
            Installer { stated: [(tool.clone(), "1".repeat(32))].into(), ..good.clone() }.write(),
            3,
            vec![&tool, "MD5"],
        ),
        (
            "shell text in .condarc",
            Installer { condarc: "envs_dirs: [$HOME/envs]\n".into(), ..early.clone() }.write(),
            3,
            vec![".condarc"],
        ),
        ("backquotes in .condarc", Installer { condarc: "a: `id`\n".into(), ..early }.write(), 3, vec![".condarc"]),
        ("pre_install", Installer { preconda: script("pkgs/pre_install.sh"), ..good.clone() }.write(), 8, vec!["pre_install"]),
        ("post_install", Installer { preconda: script("pkgs/post_install.sh"), ..good.clone() }.write(), 8, vec!["post_install"]),
        ("a path above", Installer { postconda: vec![Item::file("../evil", "x")], ..good.clone() }.write(), 3, vec!["evil"]),
    ];
    for (what, bytes, class, words) in cases {
        refused(what, &project(&bytes), class, &words);
    }
}

#[test]
fn the_sha256_that_a_recipe_pins_is_the_installers() {
    let bytes = installer_of(&few()).write();
    let plywood = project(&bytes);
    let line =
        |hex: &str| lab::write_project(&plywood, &format!("installer = \"miniforge.sh\"\nsha256 = {{ x86_64 = \"{hex}\" }}"));
    line(&"0".repeat(64));
    refused("pinned", &plywood, 3, &["miniforge.sh", &sha256(&bytes), &"0".repeat(64)]);
    line(&sha256(&bytes));
    let quiet = plywood.run(["build", "-f", "plywood.toml", "-o", "oci:out:made"]);
    assert!(quiet.status == 0 && !quiet.stderr.contains("pinned by nobody"), "{}", quiet.stderr);
    lab::write_project(&plywood, "installer = \"miniforge.sh\"");
    let told = plywood.run(["build", "-f", "plywood.toml", "-o", "oci:out:again"]);
    assert!(told.status == 0 && told.stderr.contains(&sha256(&bytes)), "{}", told.stderr);
}

/// Puts a file into the package of the tables.
fn with(item: Item) -> impl FnOnce(&mut Vec<Package>) {
    move |packages: &mut Vec<Package>| packages[TOOL].items.push(item)
}

#[test]
fn a_package_that_could_write_elsewhere_or_run_something_is_refused() {
    let raw = |path: &[u8]| Item { path: path.to_vec(), ..Item::file("x", "x") };
    let another = |items: Vec<Item>| move |packages: &mut Vec<Package>| packages.push(Package::new("second", "1", items));
    let cases: Vec<(&str, Vec<Package>, i32, &[&str])> = vec![
        ("post-link", changed(with(Item::file("bin/.tool-post-link.sh", "#!/bin/sh\n"))), 8, &["tool", "post-link"]),
        ("pre-link", changed(with(Item::file("bin/.tool-pre-link.sh", "#!/bin/sh\n"))), 8, &["tool", "pre-link"]),
        ("a path above", changed(with(raw(b"../evil"))), 3, &["tool", "evil"]),
        ("a path above, further in", changed(with(raw(b"lib/../../evil"))), 3, &["tool", "evil"]),
        ("a path from the root", changed(with(raw(b"/etc/evil"))), 3, &["tool", "evil"]),
        ("a name that is no text", changed(with(raw(b"lib/\xff\xfe"))), 3, &["tool"]),
        ("a pipe", changed(with(Item { what: What::Fifo, ..raw(b"lib/pipe") })), 3, &["tool", "lib/pipe"]),
        ("a link without a target", changed(with(Item::link("lib/none", ""))), 3, &["tool", "lib/none"]),
        ("a hard link to nothing", changed(with(Item::hard("lib/lost", "lib/absent"))), 3, &["tool", "lib/lost"]),
        ("a hard link out of the package", changed(with(Item::hard("lib/out", "../../etc/shadow"))), 3, &["tool"]),
        ("a path twice", changed(with(Item::file("lib/plain.so", "other\0"))), 3, &["tool", "lib/plain.so"]),
        (
            "through a link that leads out",
            changed(|p| {
                p[TOOL].items.push(Item::link("share/out", "/etc"));
                another(vec![Item::file("share/out/evil", "x")])(p);
            }),
            3,
            &["second", "share/out"],
        ),
        (
            "through a link of its own",
            changed(|p| p[TOOL].items.extend([Item::link("share/up", "../.."), Item::file("share/up/evil", "x")])),
            3,
            &["tool", "share/up"],
        ),
        ("a file in place of a folder", changed(another(vec![Item::file("lib", "x")])), 3, &["second", "lib"]),
        ("a folder in place of a file", changed(another(vec![Item::file("bin/tool/x", "x")])), 3, &["bin/tool"]),
        (
            "a record of another",
            changed(with(Item::file("conda-meta/python-3.11.9-h1_0_cpython.json", "{}"))),
            3,
            &["tool", "conda-meta"],
        ),
        ("no Python", changed(|p| drop(p.remove(0))), 3, &["pure", "Python"]),
        ("one package twice", changed(|p| p.push(Package { build: "other_1".into(), ..p[TOOL].clone() })), 3, &["tool"]),
        ("another machine's", changed(|p| p[TOOL].subdir = "linux-aarch64".into()), 3, &["tool", "linux-aarch64", "linux-64"]),
    ];
    for (what, packages, class, words) in cases {
        refused(what, &project(&installer_of(&packages).write()), class, words);
    }
    let twins = changed(|p| {
        p[TOOL].items.extend([
            Item::file("bin/tool-post-link.sh", "#!/bin/sh\n"),
            Item::file("lib/..evil", "x"),
            Item::file("lib/Case", "upper"),
            Item::file("lib/case", "lower"),
            Item::file("lib/\u{fc}", "x"),
            Item::link("share/out", "/etc"),
            Item::link("share/nowhere", "../../../absent"),
            Item::hard("share/same.so", "lib/plain.so"),
        ]);
        another(vec![Item::file("share/in/good", "x"), Item::file("conda-meta/notes.txt", "x")])(p);
    });
    assert!(lab::built(&project(&installer_of(&twins).write()), &[]).len() > 30);
}

#[test]
fn a_package_whose_words_about_itself_are_wrong_is_refused() {
    let info = |name: &'static str, text: &str| {
        let text = text.to_owned();
        changed(move |p| p[TOOL] = p[TOOL].clone().info(name, text))
    };
    let index = |key: &'static str, value: serde_json::Value| changed(move |p| drop(p[TOOL].index.insert(key, value)));
    let paths = |entry: &str| info("paths.json", &format!("{{\"paths_version\": 1, \"paths\": [{entry}]}}"));
    let cases: Vec<(&str, Vec<Package>, &[&str])> = vec![
        ("no JSON", info("paths.json", "{"), &["paths.json"]),
        ("no object", info("index.json", "[]"), &["index.json"]),
        ("deep JSON", info("paths.json", &"[".repeat(200_000)), &["paths.json"]),
        ("another version", info("paths.json", "{\"paths_version\": 2, \"paths\": []}"), &["paths.json", "2"]),
        ("a path above", paths("{\"_path\": \"../evil\"}"), &["evil"]),
        ("a path with a dot", paths("{\"_path\": \"./bin/tool\"}"), &["bin/tool"]),
        ("a path with NUL", paths("{\"_path\": \"bin/to\\u0000ol\"}"), &["bin/to"]),
        ("not in the archive", paths("{\"_path\": \"bin/absent\"}"), &["bin/absent"]),
        ("listed twice", paths("{\"_path\": \"bin/tool\"}, {\"_path\": \"bin/tool\"}"), &["bin/tool"]),
        (
            "a wrong hash",
            paths(&format!("{{\"_path\": \"lib/plain.so\", \"sha256\": \"{}\"}}", "0".repeat(64))),
            &["lib/plain.so", "SHA-256"],
        ),
        ("a wrong size", paths("{\"_path\": \"lib/plain.so\", \"size_in_bytes\": 7}"), &["lib/plain.so"]),
        ("10 GB", paths("{\"_path\": \"lib/plain.so\", \"size_in_bytes\": 10000000000}"), &["tool"]),
        ("a size below 0", paths("{\"_path\": \"lib/plain.so\", \"size_in_bytes\": -1}"), &["paths.json"]),
        ("an unknown kind", paths("{\"_path\": \"lib/plain.so\", \"path_type\": \"device\"}"), &["lib/plain.so", "device"]),
        ("a link that is a file", paths("{\"_path\": \"lib/plain.so\", \"path_type\": \"softlink\"}"), &["lib/plain.so"]),
        ("a name with a slash", index("name", "../../etc/evil".into()), &["evil"]),
        ("a version with a slash", index("version", "1/../../../evil".into()), &["evil"]),
        ("a build with a line end", index("build", "a\nb".into()), &["build"]),
        (
            "an entry point above",
            changed(|p| p.last_mut().unwrap().entry_points = vec!["../evil = pure:main".into()]),
            &["pure", "evil"],
        ),
        (
            "an entry point that is code",
            changed(|p| p.last_mut().unwrap().entry_points = vec!["x = os; import y:z".into()]),
            &["pure"],
        ),
        ("site-packages above", changed(|p| drop(p[0].index.insert("python_site_packages_path", "../../x".into()))), &["python"]),
    ];
    for (what, packages, words) in cases {
        for form in [Form::Conda, Form::TarBz2] {
            let packages: Vec<Package> = packages.iter().cloned().map(|p| p.form(form)).collect();
            refused(what, &project(&installer_of(&packages).write()), 3, words);
        }
    }
    let free = changed(|p| drop(p[0].index.insert("python_site_packages_path", "lib/python3.11t/site-packages".into())));
    let found = lab::in_prefix(&lab::built(&project(&installer_of(&free).write()), &[]));
    assert!(found.contains_key("lib/python3.11t/site-packages/pure.py"));
}

#[test]
fn a_prefix_that_is_longer_than_the_builders_fits_in_texts_only() {
    let short = "/short_placehold";
    let file =
        |text: String| Package { placeholder: short.into(), ..Package::new("short", "1", vec![Item::file("share/f", text)]) };
    let odd = |bytes: String| installer_of(&changed(|p| p.push(file(bytes)))).write();
    refused("binary", &project(&odd(format!("\0{short}/x\0"))), 3, &["short", "share/f"]);
    let found = lab::in_prefix(&lab::built(&project(&odd(format!("{short}/x{short}\n"))), &[]));
    assert_eq!(found["share/f"].bytes, format!("{0}/x{0}\n", lab::PREFIX).as_bytes());
}
