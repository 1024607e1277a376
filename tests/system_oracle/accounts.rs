//! shadow-utils, systemd-sysusers, systemd-tmpfiles, setcap.

use plywood::system::accounts::{
    Accounts, Defaults, GroupAdd, UserAdd, UserMod, apply_sysusers, home_from_skeleton, parse_sysusers,
};
use plywood::system::capabilities::Capabilities;
use plywood::system::tmpfiles;

use crate::lab::{DAY, Lab, has, is_root};

const BASE: [(&str, &str); 10] = [
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nold:x:998:998::/:/bin/sh\nubuntu:x:1000:1000::/home/ubuntu:/bin/bash\nbroken line\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin",
    ),
    ("/etc/group", "root:x:0:\ndaemon:x:1:\nsudo:x:27:ubuntu\nusers:x:100:\nold:x:998:\nubuntu:x:1000:\nnogroup:x:65534:\n"),
    ("/etc/shadow", "root:*:20000:0:99999:7:::\nubuntu:!:20000:0:99999:7:::\n"),
    ("/etc/gshadow", "root:*::\nsudo:*::ubuntu\nubuntu:!::\nnogroup:*::\n"),
    ("/etc/subuid", "ubuntu:100000:65536\n"),
    ("/etc/subgid", "other:165536:65536\n"),
    (
        "/etc/login.defs",
        "UMASK 022\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\nPASS_WARN_AGE\t7\nUID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nSUB_UID_MIN 100000\nSUB_UID_MAX 600100000\nSUB_UID_COUNT 65536\nSUB_GID_MIN 100000\nSUB_GID_MAX 600100000\nSUB_GID_COUNT 65536\nUSERGROUPS_ENAB yes\n",
    ),
    ("/etc/default/useradd", "SHELL=/bin/sh\n"),
    ("/etc/skel/.profile", "# hello\n"),
    ("/home/", ""),
];

#[test]
fn useradd_and_its_kin_write_the_same_lines_and_backups() {
    if !is_root() || !has(&["useradd", "groupadd", "usermod", "userdel"]) {
        return;
    }
    let mut lab = Lab::new(&BASE);
    let defaults = Defaults::of(&lab.model).expect("defaults");
    let mut accounts = Accounts::of(&lab.model, Some(DAY)).expect("accounts");
    let user = |name: &str| UserAdd { name: name.into(), ..UserAdd::default() };

    lab.must("useradd -P {} -r sys");
    accounts.user_add(&UserAdd { system: true, ..user("sys") }, &defaults).expect("sys");
    lab.must("useradd -P {} -m -k {}/etc/skel -s /bin/bash -G sudo,users -c A~B me");
    let me = UserAdd {
        shell: Some("/bin/bash".into()),
        groups: vec!["sudo".into(), "users".into()],
        comment: "A B".into(),
        ..user("me")
    };
    let owner = accounts.user_add(&me, &defaults).expect("me");
    let home = home_from_skeleton(&lab.model, "/home/me", owner, &defaults).expect("a home");
    lab.apply(&home);
    lab.must("useradd -P {} -r -M -d /srv/x -g root -G sudo -u 1500 fixed");
    let fixed = UserAdd {
        system: true,
        home: Some("/srv/x".into()),
        group: Some("root".into()),
        groups: vec!["sudo".into()],
        uid: Some(1500),
        ..user("fixed")
    };
    accounts.user_add(&fixed, &defaults).expect("fixed");
    assert!(!lab.run("useradd -P {} -u 1500 taken").status.success());
    assert!(accounts.user_add(&UserAdd { uid: Some(1500), ..user("taken") }, &defaults).is_err());
    for (words, system, gid) in [("-r sysgroup", true, None), ("plain", false, None), ("-g 77 fixedgroup", false, Some(77))] {
        lab.must(&format!("groupadd -P {{}} {words}"));
        let name = words.rsplit(' ').next().expect("a name").to_owned();
        accounts.group_add(&GroupAdd { name, gid, system, ..GroupAdd::default() }, &defaults).expect("a group");
    }
    lab.must("usermod -P {} -a -G users ubuntu");
    accounts.user_modify(&UserMod { name: "ubuntu".into(), join: vec!["users".into()], ..UserMod::default() }).expect("joined");
    lab.must("usermod -P {} -l openhands -d /home/openhands ubuntu");
    let rename = UserMod {
        name: "ubuntu".into(),
        rename: Some("openhands".into()),
        home: Some("/home/openhands".into()),
        ..UserMod::default()
    };
    accounts.user_modify(&rename).expect("renamed");
    lab.apply(&accounts.writes());
    lab.compare(&["/var", "/etc/.pwd.lock"]);
    lab.must("userdel -P {} fixed");
    accounts.user_delete("fixed", &defaults).expect("deleted");
    lab.apply(&accounts.writes());
    lab.compare(&["/var", "/etc/.pwd.lock"]);
}

#[test]
fn sysusers_allocate_the_same_numbers() {
    if !is_root() || !has(&["systemd-sysusers"]) {
        return;
    }
    let text = "g labg -\nu labz - \"Lab z\"\nu fixed 77 - /srv /bin/sh\nu taken 998\nm labz sudo\nu pair 78:sudo\ng systemd-journal -\nu old -\n";
    let text = text.replace("pair 78", "pair 79");
    let mut lab = Lab::new(&BASE);
    lab.apply(&[]);
    let file = lab.path().join("x.conf");
    std::fs::write(&file, &text).expect("a file");
    // A line that is no entry is an error for systemd.
    let passwd = BASE[0].1.replace("broken line\n", "") + "\n+::::::\n";
    std::fs::write(lab.path().join("etc/passwd"), &passwd).expect("a file");
    lab.apply(&[plywood::system::Write::file("/etc/passwd", passwd), plywood::system::Write::file("/x.conf", text.as_bytes())]);
    let output = lab.run("systemd-sysusers --root={} {}/x.conf");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut accounts = Accounts::of(&lab.model, Some(DAY)).expect("accounts");
    let defaults = Defaults::of(&lab.model).expect("defaults");
    apply_sysusers(&mut accounts, &parse_sysusers("x.conf", &text).expect("lines"), &defaults, "/usr/sbin/nologin").expect("made");
    lab.apply(&accounts.writes());
    lab.compare(&["/etc/.pwd.lock", "/etc/group-", "/etc/passwd-", "/etc/shadow-", "/etc/gshadow-"]);
}

#[test]
fn tmpfiles_make_the_same_paths() {
    if !is_root() || !has(&["systemd-tmpfiles"]) {
        return;
    }
    let text = "d /run/sshd 0755 root root - -\nd! /run/boot\nf /var/there - - - - new\nf /var/new 0600 - - - text\nL /etc/mtab - - - - ../proc/self/mounts\nd /run/old 2755 root sudo\nL+ /run/shm - - - - /dev/shm\nz /none 0700\nC /etc/copied 0640 - - - /usr/share/from\n";
    let mut lab =
        Lab::new(&[("/var/there", "kept"), ("/run/old/", ""), ("/usr/share/from", "x"), BASE[0], BASE[1], ("/x.conf", text)]);
    lab.must("systemd-tmpfiles --root={} --create {}/x.conf");
    let accounts = Accounts::of(&lab.model, None).expect("accounts");
    let lines = tmpfiles::parse("x.conf", text).expect("lines");
    let writes = tmpfiles::create(&lab.model, &lines, &accounts).expect("made");
    lab.apply(&writes);
    lab.compare(&[]);
}

#[test]
fn setcap_writes_the_same_attribute() {
    if !is_root() || !has(&["setcap"]) {
        return;
    }
    for text in ["cap_net_raw+ep", "cap_net_bind_service,cap_bpf=p", "cap_chown=eip"] {
        let lab = Lab::new(&[("/file", "")]);
        if !lab.run(&format!("setcap {text} {{}}/file")).status.success() {
            return; // a file system without attributes
        }
        let mut bytes = [0; 64];
        let file = lab.path().join("file");
        let length = rustix::fs::getxattr(&file, "security.capability", &mut bytes).expect("the attribute");
        let model = Capabilities::parse(text).and_then(|c| c.attribute()).expect("valid");
        assert_eq!(bytes[..length], model, "{text}");
    }
}
