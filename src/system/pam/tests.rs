//! On a tree in memory: what is written, and what stays.

use super::super::debconf::Debconf;
use super::super::tree::Tree;
use super::*;

const TEMPLATES: &str = "Template: libpam-runtime/profiles\nType: multiselect\nDescription: x\n\nTemplate: libpam-runtime/override\nType: boolean\nDefault: false\nDescription: x\n";
const UNIX: &str = "Name: Unix authentication\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_unix.so nullok try_first_pass\nAuth-Initial:\n\t[success=end default=ignore]\tpam_unix.so nullok\nAccount-Type: Primary\nAccount:\n\t[success=end new_authtok_reqd=done default=ignore]\tpam_unix.so\nSession-Type: Additional\nSession:\n\trequired\tpam_unix.so\n";
const SYSTEMD: &str = "Name: Register user sessions\nDefault: yes\nPriority: 0\nSession-Interactive-Only: yes\nSession-Type: Additional\nSession:\n\toptional\tpam_systemd.so\n";

fn stack(word: &str) -> String {
    format!(
        "# own\n# here are the per-package modules (the \"Primary\" block)\n# here's the fallback if no module succeeds\n{word}\trequisite\tpam_deny.so\n# and here are more per-package modules (the \"Additional\" block)\n# end of pam-auth-update config\n"
    )
}

fn tree() -> Tree {
    let mut tree = Tree::with_files([("/usr/share/pam-configs/unix", UNIX)]);
    for (_, name, _) in STACKS {
        let word = name.split('-').next().unwrap_or_default();
        tree.apply(&Write::file(format!("/etc/pam.d/common-{name}"), stack(word)));
    }
    tree
}

fn run(tree: &mut Tree, words: &Words) -> usize {
    let mut debconf = Debconf::of(tree).expect("a database");
    debconf.load_templates("x", TEMPLATES.as_bytes(), "libpam-runtime").expect("loaded");
    let writes = update(tree, words, &mut Session::new(&mut debconf, "libpam-runtime")).expect("updated");
    tree.apply_all(&writes);
    tree.apply_all(&debconf.writes());
    writes.len()
}

fn text(tree: &Tree, path: &str) -> String {
    tree.text(path).expect("bytes").unwrap_or_default()
}

#[test]
fn a_new_profile_joins_and_a_users_option_stays() {
    let mut tree = tree();
    let force = Words { force: true, ..Words::default() };
    run(&mut tree, &force);
    let auth = text(&tree, "/etc/pam.d/common-auth");
    assert!(auth.contains("block)\nauth\t[success=1 default=ignore]\tpam_unix.so nullok\n# here's"), "{auth}");
    assert!(text(&tree, "/etc/pam.d/common-password").contains("password\t[default=1]\t\t\tpam_permit.so\n"));
    assert_eq!(text(&tree, "/var/lib/pam/auth"), "Module: unix\n[success=end default=ignore]\tpam_unix.so nullok\n");
    tree.apply(&Write::file("/etc/pam.d/common-auth", auth.replace("nullok", "nodelay")));
    tree.apply(&Write::file("/usr/share/pam-configs/systemd", SYSTEMD));
    run(&mut tree, &Words::default());
    assert!(text(&tree, "/etc/pam.d/common-auth").contains("pam_unix.so nodelay\n"));
    assert!(
        text(&tree, "/etc/pam.d/common-session")
            .contains("session\trequired\tpam_unix.so \nsession\toptional\tpam_systemd.so \n# end")
    );
    assert!(!text(&tree, "/etc/pam.d/common-session-noninteractive").contains("pam_systemd"));
    assert_eq!(text(&tree, "/var/lib/pam/seen"), "unix\nsystemd\n");
    let config = text(&tree, "/var/cache/debconf/config.dat");
    assert!(config.contains("Value: unix, systemd\n") && config.contains(" profile_names = unix, systemd\n"), "{config}");
    run(&mut tree, &Words { remove: ["systemd".to_owned()].into(), ..Words::default() });
    assert!(!text(&tree, "/etc/pam.d/common-session").contains("pam_systemd"));
}

#[test]
fn a_stack_with_foreign_lines_is_left_alone() {
    let mut tree = tree();
    run(&mut tree, &Words { force: true, ..Words::default() });
    let auth = text(&tree, "/etc/pam.d/common-auth").replace("block)\nauth", "block)\nauth\trequired\tpam_mine.so\nauth");
    tree.apply(&Write::file("/etc/pam.d/common-auth", auth.clone()));
    assert_eq!(run(&mut tree, &Words::default()), 0);
    assert_eq!(text(&tree, "/etc/pam.d/common-auth"), auth);
}
