//! dpkg's registries, debconf, ucf, shells.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use plywood::system::debconf::{Debconf, Session};
use plywood::system::dpkg::{Conffile, Diversion, Diversions, Override, Overrides, State, StatusFile, info};
use plywood::system::ucf::{self, Ucf};
use plywood::system::{View, Write, shells};

use crate::lab::{Lab, has, is_root};

#[test]
fn a_package_stands_in_status_as_dpkg_prints_it() {
    if !is_root() || !has(&["dpkg", "dpkg-deb"]) {
        return;
    }
    let control = "Package: b\nVersion:  2:1.0-1\nsection: misc\nPriority: optional\nArchitecture: all\nMaintainer: A <a@b.c>\nX-Own:  1 \nDepends: a(>>1)|c , d:any\n , e\nProvides: f (= 1)\nBreaks: g (<2)\nHomepage: http://b\nTag: one, two,\n three\nInstalled-Size: 5\nDescription: B  \n long\n .\n  more\n";
    let lab = Lab::new(&[
        ("/b/DEBIAN/control", control),
        ("/b/DEBIAN/conffiles", "/etc/b.conf\n/etc/a b\n"),
        ("/b/etc/b.conf", "b\n"),
        ("/b/etc/a b", "ab\n"),
        ("/b/usr/share/b/x", "x\n"),
        (
            "/root/var/lib/dpkg/status",
            "Package: a\nStatus: install ok installed\nMaintainer: A <a@b.c>\nArchitecture: all\nVersion: 2\nDescription: A\n\nPackage: c\nStatus: install ok installed\nMaintainer: A <a@b.c>\nArchitecture: all\nVersion: 2\nDescription: C\n\n",
        ),
        ("/root/var/lib/dpkg/updates/", ""),
        ("/root/var/lib/dpkg/info/", ""),
        ("/root/var/lib/dpkg/triggers/", ""),
    ]);
    fs::set_permissions(lab.path().join("b/DEBIAN"), fs::Permissions::from_mode(0o755)).expect("mode");
    lab.must("dpkg-deb --root-owner-group -b {}/b {}/b.deb");
    let before = fs::read(lab.path().join("root/var/lib/dpkg/status")).expect("status");
    lab.must("dpkg --root={}/root --log=/dev/null --force-depends -i {}/b.deb");
    let conffile =
        |path: &str, text: &[u8]| Conffile { path: path.into(), hash: info::md5(text), obsolete: false, remove_on_upgrade: false };
    let mut model = StatusFile::parse(&before).expect("status");
    model
        .insert(control.as_bytes(), &State::Installed, &[conffile("/etc/b.conf", b"b\n"), conffile("/etc/a b", b"ab\n")])
        .expect("in");
    let real = fs::read(lab.path().join("root/var/lib/dpkg/status")).expect("status");
    assert_eq!(String::from_utf8_lossy(&model.bytes()), String::from_utf8_lossy(&real));
    let list = fs::read(lab.path().join("root/var/lib/dpkg/info/b.list")).expect("list");
    let members = lab.must("dpkg-deb --fsys-tarfile {}/b.deb");
    assert!(!members.is_empty());
    let names: Vec<Vec<u8>> = info::paths(&list).map(<[u8]>::to_vec).collect();
    let all: Vec<&[u8]> = std::iter::once(b"./".as_slice()).chain(names.iter().map(Vec::as_slice)).collect();
    assert_eq!(info::list(all, []), list);
    let sums = fs::read(lab.path().join("root/var/lib/dpkg/info/b.md5sums")).expect("sums");
    let files = names.iter().filter_map(|name| {
        let path = lab.path().join("root").join(String::from_utf8_lossy(name).trim_start_matches('/'));
        Some((name.as_slice(), info::md5(&fs::read(path).ok()?)))
    });
    assert_eq!(String::from_utf8_lossy(&info::md5sums(files)), String::from_utf8_lossy(&sums));
}

#[test]
fn diversions_and_overrides_stand_in_the_same_order() {
    if !is_root() || !has(&["dpkg-divert", "dpkg-statoverride"]) {
        return;
    }
    let lab = Lab::new(&[("/var/lib/dpkg/info/", "")]);
    let (mut diversions, mut overrides) = (Diversions::default(), Overrides::default());
    for n in 0..40 {
        let path = format!("/usr/share/x{}/file-{}.{n}", n % 7, n * 31);
        lab.must(&format!(
            "dpkg-divert --admindir {{}}/var/lib/dpkg --quiet --no-rename --package p --divert {path}.d --add {path}"
        ));
        let new = Diversion { from: path.clone(), to: format!("{path}.d"), package: Some("p".into()) };
        assert_eq!(diversions.add(new), Ok(true));
        lab.must(&format!("dpkg-statoverride --admindir {{}}/var/lib/dpkg --quiet --add root root 02755 {path}"));
        overrides.add(Override { user: "root".into(), group: "root".into(), mode: 0o2755, path }, false).expect("added");
    }
    let read = |name: &str| fs::read_to_string(lab.path().join("var/lib/dpkg").join(name)).expect("a file");
    assert_eq!(String::from_utf8_lossy(&diversions.bytes()), read("diversions"));
    assert_eq!(String::from_utf8_lossy(&overrides.bytes()), read("statoverride"));
    assert_eq!(Overrides::parse(read("statoverride").as_bytes()).expect("read").bytes(), overrides.bytes());
}

/// debconf's configuration with all files below a root.
const RC: &str = "Config: configdb\nTemplates: templatedb\n\nName: config\nDriver: File\nMode: 644\nReject-Type: password\nFilename: ROOT/var/cache/debconf/config.dat\n\nName: passwords\nDriver: File\nMode: 600\nBackup: false\nRequired: false\nAccept-Type: password\nFilename: ROOT/var/cache/debconf/passwords.dat\n\nName: configdb\nDriver: Stack\nStack: config, passwords\n\nName: templatedb\nDriver: File\nMode: 644\nFilename: ROOT/var/cache/debconf/templates.dat\n";

/// The words that let a command use a debconf database of its own.
fn own_debconf(lab: &Lab) -> &'static str {
    fs::write(lab.path().join("rc"), RC.replace("ROOT", lab.path().to_str().expect("text"))).expect("a file");
    "env -u DPKG_ROOT DEBCONF_SYSTEMRC={}/rc DEBIAN_FRONTEND=noninteractive"
}

const TEMPLATES: &str = "Template: a/where\nType: select\nChoices: ${list}\nDefault: two\n_Description: x\nDescription: Where?\n A long\n text.\n .\n  as it is\n  too\n end\nDescription-pt_BR.UTF-8: Onde?\n\nTemplate: a/yes\nType: boolean\nDefault: true\nDescription: Yes?\n\nTemplate: a/empty\nType: string\nDefault:\nDescription: Empty\\n?\n\nTemplate: a/secret\nType: password\nDescription: Secret?\n\nTemplate: a/note\nType: note\nDescription: Note\n\nTemplate: a/text\nType: text\nDescription: Text\n";

#[test]
fn debconf_keeps_the_same_database_and_gives_the_same_answers() {
    if !has(&["debconf-communicate", "debconf-loadtemplate"]) {
        return;
    }
    let templates = TEMPLATES.replace("_Description: x\n", "");
    let mut lab = Lab::new(&[("/var/cache/debconf/", ""), ("/a.templates", &templates)]);
    let environment = own_debconf(&lab);
    lab.must(&format!("{environment} debconf-loadtemplate a {{}}/a.templates"));
    let mut model = Debconf::of(&lab.model).expect("empty");
    model.load_templates("a", templates.as_bytes(), "a").expect("loaded");
    lab.apply(&model.writes());
    lab.compare(&["/rc", "/var/cache/debconf/config.dat-old", "/var/cache/debconf/templates.dat-old"]);
    let talk = "get a/yes|get a/none|fget a/yes seen|input high a/yes|input low a/where|input critical a/note|input high a/text|input high a/empty|input high a/secret|subst a/where list one, two\\, b, three|metaget a/where choices|metaget a/where description|metaget a/where type|go|get a/where|get a/yes|set a/yes false|fset a/yes seen true|fget a/yes seen|register a/yes a/other|get a/other|exist a/other|exist a/none|reset a/yes|get a/yes|set a/secret s3cret|nonsense|unregister a/other";
    let script = talk.replace('|', "\n");
    fs::write(lab.path().join("talk"), format!("{script}\n")).expect("a file");
    let shell = format!("{environment} sh -c debconf-communicate~a~<~{{}}/talk");
    let real = lab.must(&shell);
    let mut session = Session::new(&mut model, "a");
    for (line, real) in script.lines().zip(real.lines()) {
        let words: Vec<&str> = line.split(' ').collect();
        let reply = session.command(&words);
        let real = real.split_once(' ').map_or((real, ""), |(code, text)| (code, text));
        assert_eq!(reply.code.to_string(), real.0, "{line}: {real:?}");
        if !line.contains("nonsense") && !line.contains("a/none") {
            assert_eq!(reply.text, real.1, "{line}");
        }
    }
    lab.apply(&model.writes());
    let old = ["/rc", "/talk", "/var/cache/debconf/config.dat-old", "/var/cache/debconf/templates.dat-old"];
    lab.compare(&old);
}

#[test]
fn ucf_remembers_the_same() {
    if !is_root() || !has(&["ucf", "ucfr"]) {
        return;
    }
    let mut lab = Lab::new(&[("/new.conf", "one\n"), ("/state/hashfile", ""), ("/state/registry", ""), ("/etc/x", "")]);
    let root = lab.path().to_str().expect("text").to_owned();
    let environment = own_debconf(&lab);
    fs::create_dir_all(lab.path().join("var/cache/debconf")).expect("a folder");
    // The model sees the real folder's spelling, and the state where it always is.
    let mut model = plywood::system::Tree::new();
    model.apply_all(&[
        Write::file(format!("{root}/new.conf"), "one\n"),
        Write::file("/var/lib/ucf/hashfile", ""),
        Write::file("/var/lib/ucf/registry", ""),
        Write::directory(format!("{root}/etc")),
    ]);
    let words =
        |three_way| Ucf { new: format!("{root}/new.conf"), destination: format!("{root}/etc/a.conf"), three_way, ..Ucf::default() };
    for (content, user) in [("one\n", None), ("one\n", None), ("two\n", None), ("three\n", Some("three\n")), ("three\n", None)] {
        fs::write(lab.path().join("new.conf"), content).expect("a file");
        model.apply(&Write::file(format!("{root}/new.conf"), content));
        if let Some(user) = user {
            fs::write(lab.path().join("etc/a.conf"), user).expect("a file");
            model.apply(&Write::file(format!("{root}/etc/a.conf"), user));
        }
        lab.must(&format!("{environment} ucf --three-way --state-dir {{}}/state {{}}/new.conf {{}}/etc/a.conf"));
        lab.must("ucfr --state-dir {}/state pkg {}/etc/a.conf");
        let writes = ucf::install(&model, &words(true)).expect("installed");
        model.apply_all(&writes);
        let writes = ucf::register(&model, "pkg", &format!("{root}/etc/a.conf"), false).expect("registered");
        model.apply_all(&writes);
    }
    fs::remove_file(lab.path().join("etc/a.conf")).expect("removed");
    model.apply(&Write::remove(format!("{root}/etc/a.conf")));
    lab.must(&format!("{environment} ucf --three-way --state-dir {{}}/state {{}}/new.conf {{}}/etc/a.conf"));
    let writes = ucf::install(&model, &words(true)).expect("installed");
    model.apply_all(&writes);
    lab.model = plywood::system::Tree::new();
    let files: Vec<(String, Vec<u8>)> =
        model.nodes().filter_map(|(path, _)| Some((path.to_owned(), model.read(path).ok()??.to_vec()))).collect();
    for (path, bytes) in files {
        let name = path.replace("/var/lib/ucf", "/state").replace(&root, "");
        let name = if path.contains("/cache/") { path.replace("/var/lib/ucf", "/state") } else { name };
        lab.apply(&[Write::file(name, bytes)]);
    }
    lab.compare(&["/rc", "/var", "/etc"]);
}

#[test]
fn shells_are_listed_the_same() {
    if !is_root() || !has(&["update-shells"]) {
        return;
    }
    let mut lab = Lab::new(&[
        ("/etc/shells", "# valid login shells\n/bin/sh\n/opt/mine\n/bin/gone\n"),
        ("/usr/share/debianutils/shells", "# valid login shells\n/bin/sh\n"),
        ("/usr/share/debianutils/shells.d/dash", "/bin/dash\n"),
        ("/usr/share/debianutils/shells.d/out", "/bin/taken-out # why\n"),
        ("/var/lib/shells.state", "/bin/sh\n/bin/gone\n/bin/taken-out\n"),
        ("/usr/bin/dash", ""),
        ("/bin", "->usr/bin"),
    ]);
    lab.must("update-shells --root {}");
    let writes = shells::update(&lab.model).expect("updated");
    lab.apply(&writes);
    lab.compare(&[]);
}
