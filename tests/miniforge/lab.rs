//! What the tests of this target share: releases, projects around them, and our layers as entries.
//!
//! Invariant: the real release is packed once a process; a test that changes it works on a copy.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::conda::installer::{Dialect, Installer};
use crate::conda::package::{Package, Packed};
use crate::conda::parts;
use crate::conda::tarball::Item;
use crate::support::base;
use crate::support::layout::Layout;
use crate::support::program::Plywood;
use crate::support::tools;

/// Where the first user wants it.
pub(crate) const PREFIX: &str = "/openhands/miniforge3";

/// The real packages of an architecture, packed once.
pub(crate) fn release(arch: &str) -> &'static [Packed] {
    static RELEASES: [OnceLock<Vec<Packed>>; 2] = [const { OnceLock::new() }; 2];
    RELEASES[usize::from(arch == "arm64")].get_or_init(|| parts::release(arch))
}

/// An installer of the real release.
pub(crate) fn installer(dialect: Dialect, arch: &str) -> Installer {
    Installer::new(dialect, parts::subdir(arch), release(arch).to_vec())
}

/// Packages of a few files with one of everything, `python` first.
pub(crate) fn few() -> Vec<Package> {
    let python = vec![Item::file("bin/python3.11", "no real python"), Item::link("bin/python", "python3.11")];
    let mut python = Package::new("python", "3.11.9", python);
    python.build = "h1_0_cpython".into();
    let mut tool = Package::new("tool", "1.0", vec![]);
    let prefix = tool.placeholder.clone();
    tool.items = vec![
        Item::file("bin/tool", format!("#!{prefix}/bin/python -I\nprint('{prefix}')\n")),
        Item::file("lib/data.bin", format!("\x7fELF\0{prefix}/a:{prefix}/b\0tail\0")),
        Item::file("lib/plain.so", "plain\0"),
        Item::link("lib/link.so", "plain.so"),
        Item::hard("lib/hard.so", "lib/plain.so"),
    ];
    let pure = vec![Item::file("site-packages/pure.py", "def main():\n    return 0\n")];
    vec![python, tool, parts::shell("amd64"), Package::noarch_python("pure", "2.0", pure, &["pure = pure:main"])]
}

/// An installer of packages that are not packed yet.
pub(crate) fn installer_of(packages: &[Package]) -> Installer {
    Installer::new(Dialect::Late, "linux-64", packages.iter().map(Package::pack).collect())
}

/// A script of this folder.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/miniforge").join(name)
}

/// Runs a script of this folder with Debian's Python.
pub(crate) fn python(name: &str, words: &[&str]) -> String {
    let script = script(name).display().to_string();
    tools::run("python3", [&[script.as_str()], words].concat())
}

/// Every file and link below a folder.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, String> {
    let items = parts::items(folder);
    items.into_iter().map(|item| (item.name(), format!("{:o} {:?}", item.mode, item.what))).collect()
}

/// The program with a small base of two platforms and an installer beside it.
pub(crate) fn project(installer: &[u8]) -> Plywood {
    let plywood = Plywood::new();
    base::small(&plywood.path("base"));
    plywood.write("miniforge.sh", installer);
    write_project(&plywood, "installer = \"miniforge.sh\"");
    plywood
}

/// Writes `plywood.toml` with these lines in `[conda]`, beside the prefix.
pub(crate) fn write_project(plywood: &Plywood, lines: &str) {
    let base = Layout::new(&plywood.path("base")).name("both");
    plywood.write("plywood.toml", format!("base = \"{base}\"\nprofile = \"none\"\n[conda]\nprefix = \"{PREFIX}\"\n{lines}\n"));
}

/// Builds the project into `oci:out:made`; the digest.
pub(crate) fn build(plywood: &Plywood, more: &[&str]) -> String {
    let words = ["build", "-f", "plywood.toml", "-o", "oci:out:made"].iter().chain(more);
    crate::support::program::digest(&plywood.ok(words)).to_owned()
}

/// An entry of our layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: tar::EntryType,
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) mtime: u64,
    pub(crate) target: String,
    pub(crate) bytes: Vec<u8>,
}

/// Path to entry.
pub(crate) type Entries = BTreeMap<String, Entry>;

/// Our layers as tars, bottom to top: those above the base's one.
pub(crate) fn tars(plywood: &Plywood, tag: &str) -> Vec<Vec<u8>> {
    let layout = Layout::new(&plywood.path("out"));
    let manifest = layout.document(&layout.root(tag)["digest"]);
    let layers = manifest["layers"].as_array().expect("layers");
    let read = |layer: &serde_json::Value| {
        let mut tar = Vec::new();
        let file = std::fs::File::open(layout.blob(layer["digest"].as_str().expect("a digest"))).expect("a blob");
        flate2::read::MultiGzDecoder::new(file).read_to_end(&mut tar).expect("gzip");
        tar
    };
    layers[1..].iter().map(read).collect()
}

/// Every entry of some tars; a path in two of them is a mistake, unless it is a directory.
pub(crate) fn entries(tars: &[Vec<u8>]) -> Entries {
    let mut all = Entries::new();
    for layer in tars {
        for entry in tar::Archive::new(layer.as_slice()).entries().expect("a tar") {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string().trim_end_matches('/').to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("its bytes");
            let header = entry.header();
            let target = entry.link_name().expect("a target").map(|t| t.display().to_string()).unwrap_or_default();
            let owner = (header.uid().expect("uid"), header.gid().expect("gid"));
            let (mode, mtime, kind) = (header.mode().expect("mode"), header.mtime().expect("mtime"), header.entry_type());
            if kind == tar::EntryType::Link {
                bytes.clone_from(&all[&target].bytes);
            }
            let before = all.insert(path.clone(), Entry { kind, mode, owner, mtime, target, bytes });
            assert!(before.is_none_or(|b| b.kind == tar::EntryType::Directory), "{path} stands twice");
        }
    }
    all
}

/// Builds, and what our layers have.
pub(crate) fn built(plywood: &Plywood, more: &[&str]) -> Entries {
    build(plywood, more);
    entries(&tars(plywood, "made"))
}

/// Below the prefix, without it.
pub(crate) fn in_prefix(entries: &Entries) -> Entries {
    let below =
        |(path, entry): (&String, &Entry)| Some((path.strip_prefix(PREFIX.trim_start_matches('/'))?.to_owned(), entry.clone()));
    entries.iter().filter_map(below).map(|(path, entry)| (path.trim_start_matches('/').to_owned(), entry)).collect()
}

/// What `compare.py` says of a tree and our layers.
pub(crate) fn compared(plywood: &Plywood, tree: &str, flags: &[&str]) -> tools::Output {
    let image = format!("oci:{}:made", plywood.word("out"));
    let script = script("compare.py").display().to_string();
    let words = [&[script.as_str(), tree, &image, "--below", PREFIX], flags].concat();
    tools::output(std::process::Command::new(tools::program("python3")).args(words))
}
