//! The account files as commands change them, on a tree in memory.

use super::*;
use crate::stream::Owner;
use crate::system::Tree;

const LOGIN: &str =
    "UMASK 022\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\nPASS_WARN_AGE\t7\nUSERGROUPS_ENAB yes\nSUB_UID_COUNT 65536\n";

fn base() -> Tree {
    Tree::with_files([
        (
            "/etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\nubuntu:x:1000:1000::/home/ubuntu:/bin/bash\n",
        ),
        ("/etc/group", "root:x:0:\nsudo:x:27:\nusers:x:100:\nubuntu:x:1000:\nnogroup:x:65534:\n"),
        ("/etc/shadow", "root:*:20000:0:99999:7:::\n_apt:*:20000:0:99999:7:::\n"),
        ("/etc/gshadow", "root:*::\nsudo:*::\nusers:*::\nnogroup:*::\n"),
        ("/etc/subuid", "ubuntu:100000:65536\n"),
        ("/etc/login.defs", LOGIN),
        ("/etc/default/useradd", "SHELL=/bin/sh\n"),
        ("/etc/skel/.profile", "# hello\n"),
    ])
}

fn accounts() -> (Accounts, Defaults) {
    let base = base();
    (Accounts::of(&base, Some(20781)).expect("accounts"), Defaults::of(&base).expect("defaults"))
}

fn line(accounts: &Accounts, file: File, name: &str) -> String {
    let fields = accounts.database(file).and_then(|d| d.find(name)).unwrap_or_default();
    String::from_utf8(fields.join(&b':')).expect("text")
}

#[test]
fn a_system_user_gets_the_lowest_free_numbers_each_on_its_own() {
    let (mut accounts, defaults) = accounts();
    let words = AddSystemUser { name: "messagebus".into(), grouping: Grouping::Own, ..AddSystemUser::default() };
    let (owner, home) = accounts.add_system_user(&words, Gecos::Plain, &defaults, &base()).expect("made");
    assert_eq!((owner, home), (Owner { uid: 100, gid: 101 }, vec![]));
    let words = AddSystemUser { name: "sshd".into(), home: Some("/run/sshd".into()), ..AddSystemUser::default() };
    let (owner, home) = accounts.add_system_user(&words, Gecos::Plain, &defaults, &base()).expect("made");
    assert_eq!(home, [Write::directory("/run/sshd").mode(0o755).owner(owner)]);
    assert_eq!(line(&accounts, File::Passwd, "sshd"), "sshd:x:101:65534::/run/sshd:/usr/sbin/nologin");
    assert_eq!(line(&accounts, File::Shadow, "sshd"), "sshd:!:20781::::::");
    assert_eq!(line(&accounts, File::Gshadow, "messagebus"), "messagebus:!::");
    let again = accounts.clone();
    accounts.add_system_user(&words, Gecos::Plain, &defaults, &base()).expect("is there");
    assert_eq!(accounts.writes(), again.writes());
    let not_system = AddSystemUser { name: "ubuntu".into(), ..AddSystemUser::default() };
    assert!(accounts.add_system_user(&not_system, Gecos::Plain, &defaults, &base()).is_err_and(|e| e.is_refusal()));
}

#[test]
fn a_backup_is_the_file_before_its_last_change() {
    let (mut accounts, defaults) = accounts();
    accounts.add_system_group("_ssh", None, &defaults).expect("made");
    let words = AddSystemUser { name: "sshd".into(), ..AddSystemUser::default() };
    accounts.add_system_user(&words, Gecos::FullName, &defaults, &base()).expect("made");
    let mut tree = base();
    tree.apply(&Write::file("/etc/shadow", "").mode(0o640).owner(Owner { uid: 0, gid: 42 }));
    tree.apply_all(&accounts.writes());
    let text = |path: &str| tree.text(path).expect("bytes").expect("a file");
    assert_eq!(text("/etc/group-"), base().text("/etc/group").expect("bytes").expect("a file"));
    assert_eq!(text("/etc/passwd-"), base().text("/etc/passwd").expect("bytes").expect("a file"));
    assert_eq!(tree.get("/etc/shadow-").map(|p| (p.mode, p.owner.gid)), Some((0o640, 42)));
    assert_eq!(tree.get("/etc/subuid-"), None);
}

#[test]
fn useradd_as_openhands_calls_it() {
    let (mut accounts, defaults) = accounts();
    let words = UserAdd {
        name: "openhands".into(),
        uid: Some(1001),
        group: Some("root".into()),
        groups: vec!["sudo".into()],
        home: Some("/home/openhands".into()),
        shell: Some("/bin/bash".into()),
        system: true,
        ..UserAdd::default()
    };
    let owner = accounts.user_add(&words, &defaults).expect("made");
    assert_eq!(line(&accounts, File::Passwd, "openhands"), "openhands:x:1001:0::/home/openhands:/bin/bash");
    assert_eq!(line(&accounts, File::Shadow, "openhands"), "openhands:!:20781::::::");
    assert_eq!(line(&accounts, File::Group, "sudo"), "sudo:x:27:openhands");
    assert_eq!(line(&accounts, File::Gshadow, "sudo"), "sudo:*::openhands");
    let home = home_from_skeleton(&base(), "/home/openhands", owner, &defaults).expect("a home");
    assert_eq!(home[0], Write::directory("/home/openhands").mode(0o755).owner(owner));
    assert_eq!(home[1].path, "/home/openhands/.profile");
    assert_eq!(accounts.user_delete("openhands", &defaults).as_deref(), Ok("/home/openhands"));
    assert_eq!(line(&accounts, File::Group, "sudo"), "sudo:x:27:");
}

#[test]
fn a_taken_uid_names_its_owner_and_changes_nothing() {
    let (mut accounts, defaults) = accounts();
    let words = UserAdd { name: "me".into(), uid: Some(1000), ..UserAdd::default() };
    let error = accounts.user_add(&words, &defaults).expect_err("taken");
    assert_eq!(error, SystemError::UidTaken { uid: 1000, owner: "ubuntu".into() });
    assert_eq!(accounts.writes(), []);
    let free = UserAdd { uid: None, ..words };
    assert_eq!(accounts.user_add(&free, &defaults), Ok(Owner { uid: 1001, gid: 1001 }));
    assert_eq!(line(&accounts, File::Shadow, "me"), "me:!:20781:0:99999:7:::");
    let subuid = accounts.writes().into_iter().find(|w| w.path == "/etc/subuid").map(|w| w.change);
    assert_eq!(subuid, Some(super::super::view::Change::File(b"ubuntu:100000:65536\nme:165536:65536\n".to_vec())));
}

#[test]
fn names_and_fields_cannot_break_a_line() {
    let (mut accounts, defaults) = accounts();
    for name in ["a:b", "a\nb", "", "-a", "+", "a b", "a,b"] {
        let user = UserAdd { name: name.into(), ..UserAdd::default() };
        assert!(accounts.user_add(&user, &defaults).is_err(), "{name:?}");
        assert!(accounts.group_add(&GroupAdd { name: name.into(), ..GroupAdd::default() }, &defaults).is_err(), "{name:?}");
    }
    let user = UserAdd { name: "a".into(), comment: "x:0:0".into(), ..UserAdd::default() };
    assert!(accounts.user_add(&user, &defaults).is_err());
    assert_eq!(accounts.writes(), []);
}

#[test]
fn a_rename_keeps_groups_and_gives_the_new_home() {
    let (mut accounts, _) = accounts();
    accounts.add_member("ubuntu", "sudo").expect("joined");
    let words = UserMod {
        name: "ubuntu".into(),
        rename: Some("openhands".into()),
        home: Some("/home/openhands".into()),
        ..UserMod::default()
    };
    accounts.user_modify(&words).expect("renamed");
    assert_eq!(line(&accounts, File::Passwd, "openhands"), "openhands:x:1000:1000::/home/openhands:/bin/bash");
    assert_eq!(line(&accounts, File::Group, "sudo"), "sudo:x:27:openhands");
}

#[test]
fn sysusers_go_downwards_and_groups_come_first() {
    let (mut accounts, defaults) = accounts();
    let text = "u! labz - \"Lab z\"\ng labg -\nu fixed 77 - /srv /bin/sh\nm labz sudo\nu ng 78:100\n";
    let lines = parse_sysusers("x.conf", text).expect("lines");
    apply_sysusers(&mut accounts, &lines, &defaults, "/usr/sbin/nologin").expect("made");
    assert_eq!(line(&accounts, File::Group, "labg"), "labg:x:999:");
    assert_eq!(line(&accounts, File::Passwd, "labz"), "labz:x:998:998:Lab z:/:/usr/sbin/nologin");
    assert_eq!(line(&accounts, File::Shadow, "labz"), "labz:!*:20781:::::1:");
    assert_eq!(line(&accounts, File::Passwd, "fixed"), "fixed:x:77:77::/srv:/bin/sh");
    assert_eq!(line(&accounts, File::Passwd, "ng"), "ng:x:78:100::/:/usr/sbin/nologin");
    assert_eq!(line(&accounts, File::Gshadow, "sudo"), "sudo:*::labz");
    for bad in ["q x -", "u \"x -", "u x %m", "u x abc", "r - 5-4", "m x"] {
        assert!(parse_sysusers("x.conf", bad).is_err(), "{bad}");
    }
}
