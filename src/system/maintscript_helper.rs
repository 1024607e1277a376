//! `dpkg-maintscript-helper`: conffiles that vanish or move, directories that become links and back, over an upgrade.
//!
//! Invariant: a conffile that a user changed is never lost: it is kept under another name. On a first install nothing
//! happens. Versions are compared by the function that the caller brings.

use std::cmp::Ordering;

use super::dpkg::info::md5;
use super::error::{Result, SystemError};
use super::view::{Status, View, Write, directory_of};

const COMMAND: &str = "dpkg-maintscript-helper";

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// `rm_conffile CONFFILE`.
    RemoveConffile {
        /// The conffile.
        path: String,
    },
    /// `mv_conffile OLD NEW`.
    MoveConffile {
        /// Its old path.
        old: String,
        /// Its new path.
        new: String,
    },
    /// `symlink_to_dir PATH OLD-TARGET`.
    SymlinkToDirectory {
        /// The path.
        path: String,
        /// Where the link pointed.
        target: String,
    },
    /// `dir_to_symlink PATH NEW-TARGET`.
    DirectoryToSymlink {
        /// The path.
        path: String,
        /// Where the link shall point.
        target: String,
    },
}

/// The script that calls, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `preinst`, `postinst`, `postrm`, `prerm`.
    pub script: String,
    /// The script's first argument: `install`, `upgrade`, `configure`, `purge`, ...
    pub action: String,
    /// The script's second argument, the old version; empty on a first install.
    pub old_version: String,
    /// The last version that had the old state; empty is later than any.
    pub prior_version: String,
}

/// What the package database knows, and how versions compare.
pub struct Knowledge<'a> {
    /// Debian's order of versions.
    pub compare: fn(&str, &str) -> Ordering,
    /// The MD5 of a conffile as shipped, by path.
    pub shipped: &'a dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for Knowledge<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Knowledge").finish_non_exhaustive()
    }
}

/// Does a task for a call.
pub fn run(view: &dyn View, task: &Task, call: &Call, knowledge: &Knowledge<'_>) -> Result<Vec<Write>> {
    let at_upgrade = !call.old_version.is_empty() && {
        call.prior_version.is_empty() || (knowledge.compare)(&call.old_version, &call.prior_version) != Ordering::Greater
    };
    match (call.script.as_str(), call.action.as_str()) {
        ("preinst", "install" | "upgrade") if at_upgrade => prepare(view, task, knowledge),
        ("postinst", "configure") if at_upgrade || !matches!(task, Task::RemoveConffile { .. } | Task::MoveConffile { .. }) => {
            finish(view, task)
        }
        ("postrm", "purge") => Ok(forget(view, task)),
        ("postrm", "abort-install" | "abort-upgrade") => Err(SystemError::uncovered(COMMAND, "the abort of an upgrade")),
        ("preinst" | "postinst" | "prerm" | "postrm", _) => Ok(Vec::new()),
        (script, _) => Err(SystemError::refused(COMMAND, format!("script '{script}' is unknown"))),
    }
}

fn prepare(view: &dyn View, task: &Task, knowledge: &Knowledge<'_>) -> Result<Vec<Write>> {
    let unchanged = |path: &str| -> Result<Option<bool>> {
        Ok(view.read(path)?.map(|bytes| (knowledge.shipped)(path).is_some_and(|sum| sum == md5(&bytes))))
    };
    let aside = |path: &str, suffix: &str| vec![Write::moved(path, format!("{path}.{suffix}"))];
    Ok(match task {
        Task::RemoveConffile { path } => match unchanged(path)? {
            Some(true) => aside(path, "dpkg-remove"),
            Some(false) if (knowledge.shipped)(path).is_some() => aside(path, "dpkg-backup"),
            _ => Vec::new(),
        },
        Task::MoveConffile { old, .. } if unchanged(old)? == Some(true) => aside(old, "dpkg-remove"),
        Task::SymlinkToDirectory { path, target } if links_to(view, path, target) => aside(path, "dpkg-backup"),
        Task::DirectoryToSymlink { path, .. } if view.status(path) == Some(Status::Directory) => {
            let mut writes = aside(path, "dpkg-backup");
            writes.push(Write::directory(path));
            writes.push(Write::file(format!("{path}/.dpkg-staging-dir"), ""));
            writes
        }
        _ => Vec::new(),
    })
}

fn finish(view: &dyn View, task: &Task) -> Result<Vec<Write>> {
    let mut writes = Vec::new();
    match task {
        Task::RemoveConffile { path } => {
            let backup = format!("{path}.dpkg-backup");
            if view.exists(&backup) {
                writes.push(Write::moved(backup, format!("{path}.dpkg-bak")));
            }
            remove_if_there(view, format!("{path}.dpkg-remove"), &mut writes);
        }
        Task::MoveConffile { old, new } => {
            remove_if_there(view, format!("{old}.dpkg-remove"), &mut writes);
            if view.exists(old) {
                if view.exists(new) {
                    writes.push(Write::moved(new, format!("{new}.dpkg-new")));
                }
                writes.push(Write::moved(old, new));
            }
        }
        Task::SymlinkToDirectory { path, target } => {
            let backup = format!("{path}.dpkg-backup");
            if links_to(view, &backup, target) {
                writes.push(Write::remove(backup));
            }
        }
        Task::DirectoryToSymlink { path, target } => {
            let staging = format!("{path}/.dpkg-staging-dir");
            if view.is_directory(&format!("{path}.dpkg-backup"))
                && view.status(path) == Some(Status::Directory)
                && view.exists(&staging)
            {
                let into = if target.starts_with('/') { target.clone() } else { format!("{}/{target}", directory_of(path)) };
                for name in view.list(path).into_iter().filter(|name| name != ".dpkg-staging-dir") {
                    writes.push(Write::moved(format!("{path}/{name}"), format!("{into}/{name}")));
                }
                writes.extend([Write::remove(path), Write::symlink(path, target), Write::remove(format!("{path}.dpkg-backup"))]);
            }
        }
    }
    Ok(writes)
}

fn forget(view: &dyn View, task: &Task) -> Vec<Write> {
    let mut writes = Vec::new();
    match task {
        Task::RemoveConffile { path } => {
            for suffix in ["dpkg-bak", "dpkg-remove", "dpkg-backup"] {
                remove_if_there(view, format!("{path}.{suffix}"), &mut writes);
            }
        }
        Task::MoveConffile { .. } => {}
        Task::SymlinkToDirectory { path, .. } | Task::DirectoryToSymlink { path, .. } => {
            remove_if_there(view, format!("{path}.dpkg-backup"), &mut writes);
        }
    }
    writes
}

fn remove_if_there(view: &dyn View, path: String, writes: &mut Vec<Write>) {
    if view.status(&path).is_some() {
        writes.push(Write::remove(path));
    }
}

/// Whether `path` is a link with this target, as written or followed.
fn links_to(view: &dyn View, path: &str, target: &str) -> bool {
    let Some(Status::Symlink(link)) = view.status(path) else { return false };
    let full = |to: &str| if to.starts_with('/') { to.to_owned() } else { format!("{}/{to}", directory_of(path)) };
    link == target || view.resolve(path).is_some_and(|real| Some(real) == view.resolve(&full(target)))
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    fn call(script: &str, action: &str, old: &str) -> Call {
        Call { script: script.into(), action: action.into(), old_version: old.into(), prior_version: "2".into() }
    }

    fn upgrade(tree: &mut Tree, task: &Task, old: &str, shipped: &str) {
        let shipped = |_: &str| Some(md5(shipped.as_bytes()));
        let knowledge = Knowledge { compare: str::cmp, shipped: &shipped };
        for (script, action) in [("preinst", "upgrade"), ("postinst", "configure")] {
            let writes = run(tree, task, &call(script, action, old), &knowledge).expect("done");
            tree.apply_all(&writes);
        }
    }

    #[test]
    fn a_conffile_goes_but_a_users_change_is_kept() {
        let task = Task::RemoveConffile { path: "/etc/a".into() };
        let table = [("1", "x", vec![]), ("1", "mine", vec!["a.dpkg-bak"]), ("", "x", vec!["a"]), ("3", "x", vec!["a"])];
        for (old, content, left) in table {
            let mut tree = Tree::with_files([("/etc/a", content)]);
            upgrade(&mut tree, &task, old, "x");
            assert_eq!(tree.list("/etc"), left, "{old} {content}");
        }
    }

    #[test]
    fn a_conffile_moves_with_its_changes() {
        let task = Task::MoveConffile { old: "/etc/a".into(), new: "/etc/b".into() };
        let mut tree = Tree::with_files([("/etc/a", "mine"), ("/etc/b", "new")]);
        upgrade(&mut tree, &task, "1", "x");
        assert_eq!(
            (tree.text("/etc/b").expect("bytes").as_deref(), tree.list("/etc")),
            (Some("mine"), vec!["b".into(), "b.dpkg-new".into()])
        );
    }

    #[test]
    fn directories_and_links_change_places() {
        let mut tree = Tree::with_files([("/usr/share/doc/a/x", "x"), ("/usr/share/doc/b/y", "y")]);
        upgrade(&mut tree, &Task::DirectoryToSymlink { path: "/usr/share/doc/a".into(), target: "b".into() }, "1", "");
        assert_eq!(tree.status("/usr/share/doc/a"), Some(Status::Symlink("b".into())));
        assert_eq!(tree.list("/usr/share/doc"), ["a", "b"]);
        let task = Task::SymlinkToDirectory { path: "/usr/share/doc/a".into(), target: "/usr/share/doc/b".into() };
        upgrade(&mut tree, &task, "1", "");
        assert_eq!(tree.list("/usr/share/doc"), ["b"]);
    }
}
