//! On a tree in memory: what is written, and what stays.

use super::super::tree::Tree;
use super::super::view::Write;
use super::*;

const SSH: &str = "[Unit]\nDescription=x\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n";

fn tree(systemctl: bool) -> Tree {
    let mut tree = Tree::with_files([
        ("/usr/lib/systemd/system/ssh.service", SSH),
        ("/usr/lib/systemd/system/a.timer", "[Install]\nWantedBy=timers.target\nAlso=b.service a.timer\n"),
        ("/usr/lib/systemd/system/b.service", "[Install]\nRequiredBy=\"c.target\"\nAlso=a.timer\n"),
        ("/usr/lib/systemd/system/getty@.service", "[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n"),
        ("/usr/lib/systemd/system-preset/90-systemd.preset", "# x\ndisable off*.service\nenable *\n"),
        ("/usr/lib/systemd/system/off-now.service", SSH),
    ]);
    tree.apply(&Write::symlink("/lib", "usr/lib"));
    if systemctl {
        tree.apply(&Write::file("/usr/bin/systemctl", ""));
    }
    tree
}

fn enable_all(tree: &mut Tree, units: &[&str]) {
    for unit in units {
        let writes = Helper::new(tree, Search::default()).enable(unit).expect("enabled");
        tree.apply_all(&writes);
    }
}

#[test]
fn enabling_makes_links_markers_and_a_note_in_closure_order() {
    for systemctl in [false, true] {
        let mut tree = tree(systemctl);
        enable_all(&mut tree, &["ssh.service", "a.timer"]);
        let link = |path: &str| tree.status(path);
        let ssh = Some(Status::Symlink("/lib/systemd/system/ssh.service".into()));
        assert_eq!(link("/etc/systemd/system/sshd.service"), ssh);
        assert_eq!(link("/etc/systemd/system/multi-user.target.wants/ssh.service"), ssh);
        let state = "/var/lib/systemd/deb-systemd-helper-enabled";
        let note = tree.text(&format!("{state}/ssh.service.dsh-also")).expect("bytes").expect("a note");
        assert_eq!(note, "/etc/systemd/system/sshd.service\n/etc/systemd/system/multi-user.target.wants/ssh.service\n");
        assert!(tree.is_file(&format!("{state}/multi-user.target.wants/ssh.service")));
        let note = tree.text(&format!("{state}/a.timer.dsh-also")).expect("bytes").expect("a note");
        assert_eq!(note, "/etc/systemd/system/timers.target.wants/a.timer\n/etc/systemd/system/c.target.requires/b.service\n");
    }
}

#[test]
fn what_a_user_removed_stays_removed() {
    let mut tree = tree(true);
    enable_all(&mut tree, &["ssh.service"]);
    tree.apply(&Write::remove("/etc/systemd/system/multi-user.target.wants/ssh.service"));
    let helper = Helper::new(&tree, Search::default());
    for (question, answer) in [(Question::IsEnabled, false), (Question::WasEnabled, false), (Question::DebianInstalled, true)] {
        assert_eq!(helper.ask(question, "ssh.service"), Ok(answer), "{question:?}");
    }
    assert_eq!(helper.enable("ssh.service"), Ok(vec![]));
    assert_eq!(helper.ask(Question::WasEnabled, "never.service"), Ok(true));
}

#[test]
fn a_unit_that_presets_turn_off_or_a_mask_hides_gets_state_but_no_link() {
    let mut tree = tree(true);
    tree.apply(&Write::symlink("/etc/systemd/system/b.service", "/dev/null"));
    enable_all(&mut tree, &["off-now.service", "b.service"]);
    assert!(!tree.is_symlink("/etc/systemd/system/multi-user.target.wants/off-now.service"));
    assert!(tree.is_file("/var/lib/systemd/deb-systemd-helper-enabled/multi-user.target.wants/off-now.service"));
    assert!(tree.is_file("/var/lib/systemd/deb-systemd-helper-enabled/c.target.requires/b.service"));
    assert!(!tree.is_symlink("/etc/systemd/system/c.target.requires/b.service"));
}

#[test]
fn masks_are_undone_only_if_the_helper_made_them() {
    let mut tree = tree(false);
    let masked = Helper::new(&tree, Search::default()).mask("ssh.service");
    tree.apply_all(&masked);
    assert!(Search::default().is_masked(&tree, "ssh.service"));
    let unmasked = Helper::new(&tree, Search::default()).unmask("ssh.service");
    tree.apply_all(&unmasked);
    assert!(!Search::default().is_masked(&tree, "ssh.service"));
    tree.apply(&Write::symlink("/etc/systemd/system/ssh.service", "/dev/null"));
    assert_eq!(Helper::new(&tree, Search::default()).unmask("ssh.service"), vec![]);
}

#[test]
fn templates_are_enabled_as_instances() {
    let tree = tree(true);
    let trixie = Search { usr_first: true, ..Search::default() };
    let unit = "/usr/lib/systemd/system/getty@.service";
    assert_eq!(
        enable(&tree, trixie, "getty@.service"),
        Ok(vec![Write::symlink("/etc/systemd/system/getty.target.wants/getty@tty1.service", unit)])
    );
    assert_eq!(
        enable(&tree, trixie, "getty@tty7.service"),
        Ok(vec![Write::symlink("/etc/systemd/system/getty.target.wants/getty@tty7.service", unit)])
    );
    assert!(enable(&tree, trixie, "none.service").is_err_and(|e| e.is_refusal()));
}

#[test]
fn purge_forgets_everything() {
    let mut tree = tree(false);
    let before = tree.clone();
    enable_all(&mut tree, &["ssh.service"]);
    let writes = Helper::new(&tree, Search::default()).disable("ssh.service", true).expect("purged");
    tree.apply_all(&writes);
    let files = |tree: &Tree| tree.nodes().filter(|(_, p)| p.item != super::super::tree::Item::Directory).count();
    assert_eq!(files(&tree), files(&before));
}
