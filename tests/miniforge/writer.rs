//! The lab's own writers, read by others: what we feed to the program is what conda's world has.

use crate::conda::installer::Dialect;
use crate::conda::package::{Form, Listing, Package};
use crate::conda::tarball::Item;
use crate::lab;
use crate::support::tools;

/// A package with one of everything.
fn sample() -> Package {
    let mut package = Package::new("sample", "1.0", vec![]);
    let prefix = package.placeholder.clone();
    package.items = vec![
        Item::file("bin/say", format!("#!{prefix}/bin/python\nprint('{prefix}')\n")),
        Item::file("lib/data.bin", format!("head\0{prefix}/a:{prefix}/b\0tail")),
        Item::file(&format!("share/{}/plain", "long/".repeat(40)), "plain"),
        Item::link("lib/link", "data.bin"),
        Item::hard("lib/hard", "lib/data.bin"),
    ];
    package
}

#[test]
fn packages_are_what_others_read() {
    let folder = tempfile::tempdir().unwrap();
    for (form, listing) in [(Form::Conda, Listing::Paths), (Form::TarBz2, Listing::Paths), (Form::TarBz2, Listing::Files)] {
        let packed = sample().form(form).listing(listing).pack();
        let file = folder.path().join(&packed.file);
        std::fs::write(&file, &packed.bytes).unwrap();
        let said = lab::python("read_package.py", &[&file.display().to_string()]);
        assert_eq!(said.lines().next(), Some("sample 1.0 h0000001_0 5 files"), "{said}");
        assert_eq!(said.lines().any(|l| l == "paths.json agrees"), listing == Listing::Paths, "{said}");
    }
}

#[test]
fn both_dialects_link_to_one_tree_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let trees = [Dialect::Early, Dialect::Late].map(|dialect| {
        let file = folder.path().join(format!("{dialect:?}.sh"));
        std::fs::write(&file, lab::installer(dialect, "amd64").write()).unwrap();
        let out = folder.path().join(format!("{dialect:?}"));
        lab::python("linker.py", &[file.to_str().unwrap(), out.to_str().unwrap(), lab::PREFIX]);
        let mut tree = lab::tree(&out);
        tree.remove(".installer.info");
        tree.remove("conda-meta/initial-state.explicit.txt");
        tree
    });
    assert!(trees[0].len() > 1000, "{}", trees[0].len());
    for (path, found) in &trees[0] {
        assert_eq!(trees[1].get(path), Some(found), "{path}");
    }
    assert_eq!(trees[0].len(), trees[1].len());
}

#[test]
fn a_linked_tree_runs_where_it_was_linked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("installer.sh");
    std::fs::write(&file, lab::installer(Dialect::Late, "amd64").write()).unwrap();
    let prefix = folder.path().join("p").display().to_string();
    lab::python("linker.py", &[file.to_str().unwrap(), &prefix, &prefix]);
    assert_eq!(
        tools::run("bash", ["-c", &format!("{prefix}/bin/tabulate <<<'a b' && {prefix}/bin/where | head -1")]),
        format!("-  -\na  b\n-  -\n{prefix}")
    );
}
