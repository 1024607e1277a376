//! Debian's commands in scripts, from the script's text to the nodes of the virtual root.

use std::sync::Arc;

use crate::layer::root::{Author, NoBodies, VirtualRoot};
use crate::rootfs::{ElfNote, Node, RootFs};
use crate::script::{Answers, Commands, Environment, Outcome, Package, Uncovered, evaluate, parse};
use crate::stream::{Entry, EntryPath, Kind};
use crate::system::ldconfig;

const COMMANDS: [&str; 22] = [
    "adduser",
    "addgroup",
    "useradd",
    "usermod",
    "update-alternatives",
    "deb-systemd-helper",
    "systemctl",
    "update-rc.d",
    "ucf",
    "ucfr",
    "dpkg",
    "dpkg-query",
    "dpkg-statoverride",
    "dpkg-divert",
    "dpkg-trigger",
    "dpkg-maintscript-helper",
    "ldconfig",
    "invoke-rc.d",
    "ssh-keygen",
    "setcap",
    "add-shell",
    "systemd-tmpfiles",
];

fn node(path: &str, text: &str, mode: u32) -> Node {
    let path = EntryPath::new(path).expect("a path");
    let entry = Entry::new(path, Kind::File { size: text.len() as u64 }, mode);
    Node { entry, bytes: Some(Arc::from(text.as_bytes())), digest: None, elf: None, layer: 0 }
}

fn root() -> VirtualRoot {
    let mut nodes: Vec<Node> = COMMANDS.iter().map(|name| node(&format!("usr/bin/{name}"), "#!/bin/sh\n", 0o755)).collect();
    nodes.push(node("usr/bin/localedef", "\u{7f}ELF", 0o755));
    nodes.push(node("usr/lib/emacsen-common/emacs-package-install", "#!/usr/bin/perl\n", 0o755));
    nodes.push(node("usr/lib/emacsen-common/packages/install/p", "#!/bin/sh\necho $1 >/etc/set-up\n", 0o755));
    let status = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21\n\nPackage: p\nStatus: install ok unpacked\nArchitecture: amd64\nMulti-Arch: same\nVersion: 2\nConffiles:\n /etc/old 9dd4e461268c8034f5c8564e155c67a6\n\n";
    for (path, text) in [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/sh\n"),
        ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
        ("etc/shadow", "root:*:20000:0:99999:7:::\n"),
        ("etc/gshadow", "root:*::\n"),
        ("etc/shells", "/bin/sh\n"),
        ("etc/debian_version", "12.11\n"),
        ("etc/init.d/a", "### BEGIN INIT INFO\n# Default-Start: 2\n# Default-Stop: 1\n### END INIT INFO\n"),
        ("usr/lib/systemd/system/a.service", "[Install]\nWantedBy=multi-user.target\n"),
        ("usr/share/a/conf", "new\n"),
        ("usr/share/debconf/confmodule", "exec frontend\n"),
        ("usr/bin/tool", "x"),
        ("usr/lib/libx.so.1", "elf"),
        ("etc/ld.so.conf", "/usr/lib\n"),
        ("etc/old", "x"),
        ("var/lib/ucf/hashfile", ""),
        ("var/lib/dpkg/status", status),
        ("var/lib/dpkg/info/p:amd64.list", "/.\n/etc\n"),
        ("var/lib/dpkg/info/p:amd64.templates", "Template: p/yes\nType: boolean\nDefault: true\nDescription: Yes?\n"),
    ] {
        nodes.push(node(path, text, 0o644));
    }
    let cache = ldconfig::cache(&[], b"ldconfig (test)");
    let mut file = node("etc/ld.so.cache", "", 0o644);
    file.entry.kind = Kind::File { size: cache.len() as u64 };
    file.bytes = Some(cache.into());
    nodes.push(file);
    if let Some(library) = nodes.iter_mut().find(|n| n.entry.path.as_bytes() == b"usr/lib/libx.so.1") {
        library.elf = Some(ElfNote { soname: Some(b"libx.so.1".to_vec()), bits: 64, machine: 62, flags: 0 });
    }
    let mut root = VirtualRoot::new(Arc::new(RootFs::from_nodes(nodes)), Arc::new(NoBodies));
    root.set_author(Author::Package(1));
    root
}

fn run(root: &mut VirtualRoot, answers: &mut Answers, text: &str, words: &[&str]) -> Result<Outcome, Uncovered> {
    let package = Package { name: "p".into(), architecture: "amd64".into(), version: "2".into(), script: words[0].to_owned() };
    let commands = Commands::standard();
    let script = parse(text.as_bytes())?;
    evaluate(&script, words, root, &mut Environment { package: &package, commands: &commands, answers })
}

fn configure(root: &mut VirtualRoot, text: &str) -> Outcome {
    let mut answers = Answers { shadow_day: Some(20781), ..Answers::default() };
    let outcome = run(root, &mut answers, text, &["postinst", "configure", ""]).expect("covered");
    assert!(outcome.status.success(), "{text}: {}", outcome.stderr.text());
    outcome
}

fn text(root: &VirtualRoot, path: &str) -> (String, bool) {
    let (bytes, base) = root.read(path.as_bytes()).expect(path);
    (String::from_utf8_lossy(&bytes).into_owned(), base)
}

#[test]
fn a_service_packages_script_leaves_what_a_real_run_leaves() {
    let mut root = root();
    configure(
        &mut root,
        "set -e\nadduser --quiet --system --no-create-home --home /run/a a\naddgroup --system --quiet _a\nupdate-rc.d a defaults >/dev/null\ninvoke-rc.d --skip-systemd-native a start || exit 1\nssh-keygen -q -f /etc/ssh/key -N '' -t rsa\ndeb-systemd-helper unmask a.service >/dev/null || true\nif deb-systemd-helper --quiet was-enabled a.service; then deb-systemd-helper enable a.service >/dev/null || true; fi\nucf --three-way --debconf-ok /usr/share/a/conf /etc/a.conf\nucfr p /etc/a.conf\ndpkg-statoverride --update --add root _a 2755 /usr/bin/tool\nadd-shell /bin/a\nsetcap cap_net_raw+ep /usr/bin/dpkg\n",
    );
    let (passwd, base) = text(&root, "/etc/passwd");
    assert!(passwd.ends_with("a:x:100:65534::/run/a:/usr/sbin/nologin\n") && base);
    assert!(text(&root, "/etc/shadow").0.ends_with("a:!:20781::::::\n"));
    assert_eq!(text(&root, "/etc/a.conf"), ("new\n".into(), true));
    assert_eq!(text(&root, "/var/lib/ucf/registry").0, "p \t /etc/a.conf\n");
    for link in ["/etc/rc2.d/S01a", "/etc/systemd/system/multi-user.target.wants/a.service"] {
        let inode = root.lstat(link.as_bytes()).expect(link);
        assert!(inode.target().is_some() && !inode.provenance.bytes, "{link}");
    }
    let tool = root.stat(b"/usr/bin/tool").expect("the tool");
    assert_eq!((tool.mode, tool.owner.gid, tool.provenance.ids), (0o2755, 100, true));
    assert_eq!(text(&root, "/var/lib/dpkg/statoverride").0, "root _a 2755 /usr/bin/tool\n");
    assert_eq!(root.stat(b"/usr/bin/dpkg").expect("a file").xattrs.len(), 1);
    assert!(!root.exists(b"/etc/ssh/key"));
}

#[test]
fn debconf_answers_with_the_packages_defaults() {
    let mut root = root();
    let script = "set -e\n. /usr/share/debconf/confmodule\ndb_version 2.0\ndb_input high p/yes || true\ndb_go || true\ndb_get p/yes\n[ \"$RET\" = true ] && echo yes >/etc/answer\ndb_stop\n";
    configure(&mut root, script);
    assert!(root.exists(b"/etc/answer"));
    let expected = "Name: p/yes\nTemplate: p/yes\nValue: true\nOwners: p:amd64\n\n";
    assert_eq!(text(&root, "/var/cache/debconf/config.dat"), (expected.into(), true));
}

#[test]
fn sourcing_confmodule_loads_the_templates() {
    let mut root = root();
    configure(&mut root, ". /usr/share/debconf/confmodule\n");
    let expected = "Name: p/yes\nTemplate: p/yes\nOwners: p:amd64\n\n";
    assert_eq!(text(&root, "/var/cache/debconf/config.dat"), (expected.into(), true));
}

#[test]
fn alternatives_diversions_and_the_cache_are_the_bases() {
    let mut root = root();
    configure(
        &mut root,
        "set -e\nupdate-alternatives --install /usr/bin/editor editor /usr/bin/tool 50\ndpkg-divert --local --no-rename --divert /b --add /a\ndpkg-divert --list >/etc/list\ndpkg-divert --package p --rename --divert /usr/bin/x.distrib --add /usr/bin/dpkg-divert\nldconfig\n",
    );
    assert_eq!(root.lstat(b"/etc/alternatives/editor").expect("a link").target(), Some(b"/usr/bin/tool".as_slice()));
    assert!(root.exists(b"/usr/bin/x.distrib") && !root.exists(b"/usr/bin/dpkg-divert"));
    assert_eq!(text(&root, "/etc/list").0, "local diversion of /a to /b\n");
    let (cache, _) = root.read(b"/etc/ld.so.cache").expect("a cache");
    assert_eq!(ldconfig::generator(&cache), Some(b"ldconfig (test)".as_slice()));
    assert!(cache.windows(17).any(|part| part == b"/usr/lib/libx.so."), "the base's library is in the cache");
}

#[test]
fn questions_to_dpkg_have_answers() {
    let mut root = root();
    let mut answers = Answers { compare_versions: Some(str::cmp), ..Answers::default() };
    let script = "dpkg --print-architecture\ndpkg --compare-versions 1 lt 2 && dpkg --compare-versions '' lt-nl 1 || echo no\ndpkg-query -W -f '${binary:Package} ${db:Status-Status} ${Version}\\n' p\ndpkg-query -W none 2>/dev/null || echo none\ndpkg -L p\ndpkg-trigger --no-await there\n";
    let outcome = run(&mut root, &mut answers, script, &["postinst", "configure"]).expect("covered");
    assert_eq!(outcome.stdout.text(), "amd64\nno\np:amd64 unpacked 2\nnone\n/.\n/etc\n");
    assert_eq!(answers.triggers, [b"there".to_vec()]);
}

#[test]
fn an_upgrade_removes_a_conffile_that_nobody_changed() {
    for (script, left) in [("preinst", vec!["old.dpkg-remove"]), ("postinst", vec![])] {
        let mut root = root();
        let mut answers = Answers { compare_versions: Some(str::cmp), ..Answers::default() };
        let line = "dpkg-maintscript-helper rm_conffile /etc/old 1.5 -- \"$@\"\n";
        run(&mut root, &mut answers, line, &["preinst", "upgrade", "1"]).expect("covered");
        if script == "postinst" {
            run(&mut root, &mut answers, line, &["postinst", "configure", "1"]).expect("covered");
        }
        let names = root.read_dir(b"/etc").expect("names");
        let old: Vec<_> = names.iter().map(|n| String::from_utf8_lossy(n)).filter(|n| n.starts_with("old")).collect();
        assert_eq!(old, left);
    }
}

#[test]
fn an_add_on_is_set_up_for_each_emacs_that_is_there() {
    let mut root = root();
    let line = "/usr/lib/emacsen-common/emacs-package-install --postinst p\n";
    configure(&mut root, line);
    assert!(root.exists(b"/var/lib/emacsen-common/state/package/installed/p") && !root.exists(b"/etc/set-up"));
    root.mkdir_p(b"/var/lib/emacsen-common/state/flavor/installed", 0o755).expect("a folder");
    root.write(b"/var/lib/emacsen-common/state/flavor/installed/emacs", Vec::new(), false, 0o644).expect("a flavor");
    configure(&mut root, line);
    assert_eq!(text(&root, "/etc/set-up").0, "emacs\n");
}

#[test]
fn what_is_not_covered_stops_with_line_and_command() {
    for (line, command) in [
        ("localedef -i de_DE de_DE", "localedef"),
        ("adduser someone", "adduser someone"),
        ("update-alternatives --config editor", "update-alternatives --config"),
        ("systemctl edit a", "systemctl edit"),
        ("dpkg --compare-versions 1 lt 2", "dpkg --compare-versions"),
    ] {
        let text = format!("true\n{line}\n");
        let error = run(&mut root(), &mut Answers::default(), &text, &["postinst", "configure"]).expect_err(line);
        assert!(error.line == 2 && error.command.starts_with(command), "{error}");
    }
}

#[test]
fn a_refusal_of_the_command_is_the_scripts_to_bear() {
    let mut root = root();
    configure(&mut root, "update-alternatives --install /usr/bin/x x /usr/bin/none 1 || true\nuseradd -u 0 twice || true\n");
    let outcome =
        run(&mut root, &mut Answers::default(), "set -e\nuseradd -u 0 twice\n", &["postinst", "configure"]).expect("covered");
    assert!(!outcome.status.success() && outcome.stderr.text().contains("UID 0 is not unique: root has it"));
}
