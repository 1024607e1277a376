//! `/etc/shells`: `add-shell`, `remove-shell`, `update-shells`.
//!
//! Invariant: comments and local additions keep their bytes and places; a shell that a user took out does not come back.

use std::collections::BTreeSet;

use super::error::Result;
use super::view::{View, Write, directory_of, name_of};

const SHELLS: &str = "/etc/shells";
const STATE: &str = "/var/lib/shells.state";
const TEMPLATE: &str = "/usr/share/debianutils/shells";
const PACKAGES: &str = "/usr/share/debianutils/shells.d";

/// `add-shell SHELL...`: each in both spellings of a merged `/usr`.
pub fn add(view: &dyn View, shells: &[&str]) -> Result<Vec<Write>> {
    let mut text = view.text(SHELLS)?.unwrap_or_default();
    let mut changed = false;
    for shell in shells {
        for spelling in [(*shell).to_owned(), real(view, shell)] {
            if !text.lines().any(|line| line == spelling) {
                text.push_str(&spelling);
                text.push('\n');
                changed = true;
            }
        }
    }
    Ok(if changed { vec![Write::file(SHELLS, text)] } else { Vec::new() })
}

/// `remove-shell SHELL...`: each in both spellings of a merged `/usr`.
pub fn remove(view: &dyn View, shells: &[&str]) -> Result<Vec<Write>> {
    let text = view.text(SHELLS)?.unwrap_or_default();
    let gone: BTreeSet<String> = shells.iter().flat_map(|shell| [(*shell).to_owned(), real(view, shell)]).collect();
    let kept: String = text.split_inclusive('\n').filter(|line| !gone.contains(line.trim_end_matches('\n'))).collect();
    Ok(if kept == text { Vec::new() } else { vec![Write::file(SHELLS, kept)] })
}

/// `update-shells`: the shells that packages list below `/usr/share/debianutils`.
pub fn update(view: &dyn View) -> Result<Vec<Write>> {
    let mut packaged: Vec<String> = Vec::new();
    let lists =
        std::iter::once(TEMPLATE.to_owned()).chain(view.list(PACKAGES).into_iter().map(|name| format!("{PACKAGES}/{name}")));
    for list in lists.filter(|path| view.is_file(path)) {
        for shell in view.text(&list)?.unwrap_or_default().lines().map(before_comment).filter(|line| !line.is_empty()) {
            packaged.push(shell.to_owned());
            packaged.extend(Some(real(view, shell)).filter(|real| real != shell));
        }
    }
    let state: BTreeSet<String> =
        view.text(STATE)?.unwrap_or_default().lines().map(before_comment).filter(|l| !l.is_empty()).map(Into::into).collect();
    let source = if view.exists(SHELLS) { SHELLS } else { TEMPLATE };
    let (mut text, mut listed) = (String::new(), BTreeSet::new());
    for line in view.text(source)?.unwrap_or_default().lines() {
        let shell = line.split('#').next().unwrap_or_default();
        let keep = shell.is_empty() || packaged.iter().any(|p| p == shell) || !state.contains(shell);
        if keep && (shell.is_empty() || listed.insert(shell.to_owned())) {
            text.push_str(line);
            text.push('\n');
        }
    }
    for shell in &packaged {
        if !listed.contains(shell) && !state.contains(shell) {
            text.push_str(shell);
            text.push('\n');
        }
    }
    let new_state: String = packaged.iter().map(|shell| format!("{shell}\n")).collect();
    Ok(vec![Write::file(SHELLS, text), Write::file(STATE, new_state)])
}

fn before_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default()
}

/// The path with links of its directory followed; the shell itself may be a link.
fn real(view: &dyn View, shell: &str) -> String {
    let directory = directory_of(shell);
    let real = view.resolve(directory).unwrap_or_else(|| directory.to_owned());
    format!("{}/{}", real.trim_end_matches('/'), name_of(shell))
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::with_files([
            ("/etc/shells", "# valid login shells\n/bin/sh\n/opt/mine\n/bin/gone\n"),
            ("/usr/share/debianutils/shells", "# valid login shells\n/bin/sh\n"),
            ("/usr/share/debianutils/shells.d/dash", "/bin/dash\n"),
            ("/var/lib/shells.state", "/bin/sh\n/bin/gone\n/bin/taken-out\n"),
            ("/usr/share/debianutils/shells.d/out", "/bin/taken-out\n"),
            ("/usr/bin/dash", ""),
        ]);
        tree.apply(&Write::symlink("/bin", "usr/bin"));
        tree
    }

    #[test]
    fn both_spellings_are_added_once_and_removed() {
        let mut tree = tree();
        let writes = add(&tree, &["/bin/zsh"]).expect("added");
        tree.apply_all(&writes);
        assert!(tree.text(SHELLS).expect("bytes").is_some_and(|t| t.ends_with("/bin/zsh\n/usr/bin/zsh\n")));
        assert_eq!(add(&tree, &["/usr/bin/zsh"]), Ok(vec![]));
        let writes = remove(&tree, &["/bin/zsh"]).expect("removed");
        tree.apply_all(&writes);
        assert!(tree.text(SHELLS).expect("bytes").is_some_and(|t| !t.contains("zsh")));
    }

    #[test]
    fn packages_shells_come_and_go_and_a_users_choice_stays() {
        let mut tree = tree();
        let writes = update(&tree).expect("updated");
        tree.apply_all(&writes);
        let shells = tree.text(SHELLS).expect("bytes").unwrap_or_default();
        assert_eq!(shells, "# valid login shells\n/bin/sh\n/opt/mine\n/usr/bin/sh\n/bin/dash\n/usr/bin/dash\n/usr/bin/taken-out\n");
        let state = tree.text(STATE).expect("bytes").unwrap_or_default();
        assert_eq!(state, "/bin/sh\n/usr/bin/sh\n/bin/dash\n/usr/bin/dash\n/bin/taken-out\n/usr/bin/taken-out\n");
        assert_eq!(update(&tree).map(|w| w[0].clone()), Ok(Write::file(SHELLS, shells)));
    }
}
