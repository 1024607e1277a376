//! Real software as conda packages: Debian's Python with its libraries, and wheels.
//!
//! Invariant: what is fetched lies below `target/lab/conda`, written by `tests/conda-parts` alone, which holds a lock.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::package::{Form, Package, Packed};
use super::tarball::{Item, What};
use crate::support::tools;

/// Runs `tests/conda-parts`; the path that it prints.
pub(crate) fn fetch(words: &[&str]) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conda-parts");
    tools::output(Command::new(script).args(words)).expect_success("tests/conda-parts").into()
}

/// Every file and link below a folder, in the order of their paths.
pub(crate) fn items(folder: &Path) -> Vec<Item> {
    fn walk(root: &Path, folder: &Path, items: &mut Vec<Item>) {
        let mut entries: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
        entries.sort();
        for path in entries {
            let metadata = path.symlink_metadata().expect("metadata");
            let what = if metadata.is_dir() {
                walk(root, &path, items);
                continue;
            } else if metadata.is_symlink() {
                What::Link(std::fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes())
            } else {
                What::File(std::fs::read(&path).expect("a file"))
            };
            let name = path.strip_prefix(root).expect("below").display().to_string().into_bytes();
            let mode = if metadata.is_symlink() { 0o777 } else { metadata.permissions().mode() & 0o777 | 0o020 };
            items.push(Item { path: name, mode, mtime: metadata.mtime() as u64, what });
        }
    }
    let mut items = Vec::new();
    walk(folder, folder, &mut items);
    items
}

/// The names of conda's platforms by Debian's architecture.
pub(crate) fn subdir(arch: &str) -> &'static str {
    if arch == "arm64" { "linux-aarch64" } else { "linux-64" }
}

/// Python and what it needs, python first; by Debian's architecture.
pub(crate) fn python(arch: &str) -> Vec<Package> {
    let folder = fetch(&["tree", arch]);
    let placeholder = std::fs::read_to_string(folder.join("placeholder")).expect("a placeholder");
    let versions = std::fs::read_to_string(folder.join("versions")).expect("versions");
    let mut packages = Vec::new();
    for line in versions.lines().chain(folder.join("where").exists().then_some("where 1.0")) {
        let (name, version) = line.split_once(' ').expect("name and version");
        let items = items(&folder.join(name));
        assert!(!items.is_empty(), "{name} has no files");
        let package =
            Package { subdir: subdir(arch).into(), placeholder: placeholder.clone(), ..Package::new(name, version, items) };
        // A release of 2022 has both forms.
        packages.push(if name == "libffi" { package.form(Form::TarBz2) } else { package });
    }
    packages
}

/// The wheels as noarch packages, with their console scripts.
pub(crate) fn wheels() -> Vec<Package> {
    let folder = fetch(&["wheels"]);
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("wheels").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| wheel(file)).collect()
}

fn wheel(file: &Path) -> Package {
    let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut parts = name.split('-');
    let (name, version) = (parts.next().expect("a name").to_lowercase(), parts.next().expect("a version").to_owned());
    let unpacked = tempfile::tempdir().expect("a folder");
    tools::run("python3", ["-m", "zipfile", "-e", &file.display().to_string(), &unpacked.path().display().to_string()]);
    let mut found = items(unpacked.path());
    let listed = found.iter().find(|i| i.name().ends_with(".dist-info/entry_points.txt")).expect("console scripts");
    let What::File(text) = &listed.what else { panic!("{name}: no file") };
    let points = console_scripts(&String::from_utf8_lossy(text));
    assert!(!points.is_empty(), "{name} has no console scripts");
    for item in &mut found {
        item.path = [b"site-packages/", item.path.as_slice()].concat();
        (item.mode, item.mtime) = (0o664, 1_690_000_000);
    }
    let points: Vec<&str> = points.iter().map(String::as_str).collect();
    Package::noarch_python(&name, &version, found, &points)
}

/// `name = module:function` of `[console_scripts]`.
fn console_scripts(text: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|l| l.trim() != "[console_scripts]").skip(1);
    let lines = lines.take_while(|l| !l.starts_with('['));
    lines.filter(|l| l.contains('=')).map(|l| l.split('=').map(str::trim).collect::<Vec<_>>().join(" = ")).collect()
}

/// The files of the package `conda` that stand around it: they are data with a placeholder, made when conda is built.
pub(crate) fn shell(arch: &str) -> Package {
    let mut package = Package::new("conda", "24.1.0", Vec::new());
    package.subdir = subdir(arch).into();
    let prefix = package.placeholder.clone();
    let activate = format!("export CONDA_PREFIX='{prefix}'\nexport PATH=\"{prefix}/bin:$PATH\"\n");
    package.items = vec![
        Item::file("bin/conda", format!("#!{prefix}/bin/python\nimport sys\nprint('conda of', sys.prefix)\n")),
        Item::file("bin/activate", format!("#!/bin/sh\n{activate}")),
        Item { mode: 0o775, ..Item::file("condabin/conda", format!("#!{prefix}/bin/python\nprint('conda')\n")) },
        Item::file("etc/profile.d/conda.sh", format!("export CONDA_EXE='{prefix}/bin/conda'\n")),
    ];
    package
}

/// All of them, packed: what a release would hold.
pub(crate) fn release(arch: &str) -> Vec<Packed> {
    let mut packages = python(arch);
    packages.push(shell(arch));
    packages.iter().chain(&wheels()).map(Package::pack).collect()
}
