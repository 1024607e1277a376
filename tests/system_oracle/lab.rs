//! A temporary root on disk and the same root in memory.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use plywood::stream::Owner;
use plywood::system::{Item, Tree, Write};

/// The seconds that every command is told: 2026-11-24.
pub(crate) const EPOCH: u64 = 20_781 * 86_400;
/// The same in days.
pub(crate) const DAY: u32 = 20_781;

/// A root on disk and its model.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
    /// What the models have made.
    pub(crate) model: Tree,
}

impl Lab {
    /// A root with these files; a text that starts with `->` is a link.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("mode");
        for (path, text) in files {
            let at = folder.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(at.parent().expect("a parent")).expect("directories");
            match text.strip_prefix("->") {
                Some(target) => symlink(target, at).expect("a link"),
                None if path.ends_with('/') => fs::create_dir_all(at).expect("a directory"),
                None => fs::write(at, text).expect("a file"),
            }
        }
        let model = read(folder.path());
        Self { folder, model }
    }
    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
    /// Runs a command; `{}` in its words stands for the root.
    pub(crate) fn run(&self, words: &str) -> Output {
        let root = self.folder.path().to_str().expect("text");
        let words: Vec<String> = words.split(' ').map(|word| word.replace("{}", root).replace('~', " ")).collect();
        Command::new(&words[0])
            .args(&words[1..])
            .env("DPKG_ROOT", root)
            .env("DPKG_MAINTSCRIPT_PACKAGE", "a")
            .env("SOURCE_DATE_EPOCH", EPOCH.to_string())
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .expect("the command starts")
    }
    /// Runs a command that has to succeed.
    pub(crate) fn must(&self, words: &str) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
    /// Applies what a model wants.
    pub(crate) fn apply(&mut self, writes: &[Write]) {
        self.model.apply_all(writes);
    }
    /// Both roots are equal but for these paths (and all below them).
    pub(crate) fn compare(&self, except: &[&str]) {
        let disk = read(self.folder.path());
        let left_out = |path: &str| except.iter().any(|e| path == *e || path.starts_with(&format!("{e}/")));
        let shown = |tree: &Tree| -> Vec<String> {
            let nodes = tree.nodes().filter(|(path, _)| !left_out(path));
            nodes
                .map(|(path, placed)| match &placed.item {
                    Item::File(bytes) => format!("{path} {:o} {}", placed.mode, String::from_utf8_lossy(bytes)),
                    Item::Symlink(target) => format!("{path} -> {target}"),
                    Item::Directory => format!("{path}/"),
                })
                .collect()
        };
        let (model, disk) = (shown(&self.model), shown(&disk));
        let only = |a: &[String], b: &[String]| a.iter().filter(|x| !b.contains(x)).cloned().collect::<Vec<_>>().join("\n");
        assert!(model == disk, "only in the model:\n{}\n\nonly on disk:\n{}", only(&model, &disk), only(&disk, &model));
    }
}

/// Whether all these commands are there.
pub(crate) fn has(commands: &[&str]) -> bool {
    let there = |name: &&str| ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|folder| Path::new(folder).join(name).exists());
    commands.iter().all(there)
}

/// Whether this is root, which some commands ask for even in a folder of their own.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn read(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = format!("/{}", path.strip_prefix(root).expect("below").to_str().expect("text"));
            let data = fs::symlink_metadata(&path).expect("metadata");
            let write = if data.is_symlink() {
                Write::symlink(name, fs::read_link(&path).expect("a link").to_str().expect("text"))
            } else if data.is_dir() {
                todo.push(path);
                Write::directory(name).mode(data.mode() & 0o7777)
            } else {
                Write::file(name, fs::read(&path).expect("a file")).mode(data.mode() & 0o7777)
            };
            tree.apply(&write.owner(Owner { uid: data.uid(), gid: data.gid() }));
        }
    }
    tree
}
