//! Groups, modes and links, on a tree in memory.

use super::*;
use crate::system::Tree;

fn install(path: &str, priority: i32, slave: bool) -> Action {
    let slave_of = || Slave {
        link: "/usr/share/man/man1/js.1.gz".into(),
        name: "js.1.gz".into(),
        path: format!("/usr/share/man/man1{}.1.gz", path.trim_start_matches("/usr/bin")),
    };
    Action::Install {
        link: "/usr/bin/js".into(),
        path: path.into(),
        priority,
        slaves: if slave { vec![slave_of()] } else { vec![] },
    }
}

fn tree() -> Tree {
    let files = ["/usr/bin/nodejs", "/usr/bin/mujs", "/usr/share/man/man1/nodejs.1.gz", "/etc/alternatives/README"];
    let mut tree = Tree::with_files(files.map(|f| (f, "")));
    tree.apply(&Write::directory(ADMIN));
    tree
}

fn run_on(tree: &mut Tree, action: &Action) -> Result<()> {
    let writes = run(tree, "js", action, false)?;
    tree.apply_all(&writes);
    Ok(())
}

#[test]
fn a_new_group_has_links_and_file_and_goes_without_a_trace() {
    let mut tree = tree();
    let before = tree.clone();
    run_on(&mut tree, &install("/usr/bin/nodejs", 200, true)).expect("installed");
    assert_eq!(current(&tree, "js").as_deref(), Some("/usr/bin/nodejs"));
    assert_eq!(tree.resolve("/usr/share/man/man1/js.1.gz").as_deref(), Some("/usr/share/man/man1/nodejs.1.gz"));
    let text = tree.text(&format!("{ADMIN}/js")).expect("bytes").expect("a file");
    let expected =
        "auto\n/usr/bin/js\njs.1.gz\n/usr/share/man/man1/js.1.gz\n\n/usr/bin/nodejs\n200\n/usr/share/man/man1/nodejs.1.gz\n\n";
    assert_eq!(text, expected);
    assert_eq!(Group::parse("js", &text).map(|g| g.print()).as_deref(), Ok(expected));
    assert_eq!(run(&tree, "js", &install("/usr/bin/nodejs", 200, true), false), Ok(vec![]));
    run_on(&mut tree, &Action::Remove { path: "/usr/bin/nodejs".into() }).expect("removed");
    assert_eq!(tree, before);
}

#[test]
fn the_highest_priority_wins_unless_a_user_has_chosen() {
    let mut tree = tree();
    run_on(&mut tree, &install("/usr/bin/nodejs", 200, true)).expect("installed");
    run_on(&mut tree, &install("/usr/bin/mujs", 200, false)).expect("installed");
    assert_eq!(current(&tree, "js").as_deref(), Some("/usr/bin/nodejs"), "equal priority keeps the current choice");
    run_on(&mut tree, &Action::Set { path: "/usr/bin/mujs".into() }).expect("set");
    assert!(!tree.exists("/usr/share/man/man1/js.1.gz") && group(&tree, "js").expect("read").is_some_and(|g| g.manual));
    run_on(&mut tree, &install("/usr/bin/nodejs", 900, true)).expect("installed");
    assert_eq!(current(&tree, "js").as_deref(), Some("/usr/bin/mujs"));
    run_on(&mut tree, &Action::Auto).expect("auto");
    assert_eq!(current(&tree, "js").as_deref(), Some("/usr/bin/nodejs"));
    assert!(query(&tree, "js").expect("asked").contains("Best: /usr/bin/nodejs\n"));
    assert_eq!(list(&tree, "js").as_deref(), Ok("/usr/bin/mujs\n/usr/bin/nodejs\n"));
    assert!(run_on(&mut tree, &Action::Set { path: "/usr/bin/none".into() }).is_err());
}

#[test]
fn a_slave_without_file_is_skipped_and_a_real_file_stays() {
    let mut tree = tree();
    tree.apply_all(&[Write::remove("/usr/share/man/man1/nodejs.1.gz"), Write::file("/usr/bin/js", "real")]);
    run_on(&mut tree, &install("/usr/bin/nodejs", 200, true)).expect("installed");
    assert!(tree.status("/usr/share/man/man1/js.1.gz").is_none() && tree.status("/etc/alternatives/js.1.gz").is_none());
    assert!(tree.text(&format!("{ADMIN}/js")).expect("bytes").is_some_and(|t| t.contains("js.1.gz")));
    assert_eq!(tree.status("/usr/bin/js"), Some(Status::File));
    assert!(run_on(&mut tree, &install("/usr/bin/absent", 1, false)).is_err_and(|e| e.is_refusal()));
    assert!(run_on(&mut tree, &install("relative", 1, false)).is_err());
}

#[test]
fn broken_files_are_refused() {
    for bad in ["", "auto", "auto\n/x\n", "auto\n/x\n\n/y\nten\n\n", "else\n/x\n\n\n", "auto\n/x\ns\n/s\n\n/y\n1\n"] {
        assert!(Group::parse("x", bad).is_err(), "{bad:?}");
    }
}
