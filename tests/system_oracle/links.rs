//! update-alternatives, deb-systemd-helper, systemctl, update-rc.d, ldconfig, OpenSSL's hash links.

use plywood::rootfs::ElfNote;
use plywood::system::alternatives::{self, Action, Slave};
use plywood::system::units::{Helper, Search, enable, preset};
use plywood::system::{ca_certificates, ldconfig, rc};

use crate::lab::{Lab, has};

fn action(words: &[&str]) -> (String, Action) {
    let own = |n: usize| words[n].to_owned();
    match words[0] {
        "--install" => {
            let slaves = words[5..].chunks(4).map(|s| Slave { link: s[1].into(), name: s[2].into(), path: s[3].into() }).collect();
            (own(2), Action::Install { link: own(1), path: own(3), priority: words[4].parse().expect("a number"), slaves })
        }
        "--remove" => (own(1), Action::Remove { path: own(2) }),
        "--set" => (own(1), Action::Set { path: own(2) }),
        "--auto" => (own(1), Action::Auto),
        "--remove-all" => (own(1), Action::RemoveAll),
        other => panic!("{other}"),
    }
}

#[test]
fn alternatives_end_in_the_same_links_and_files() {
    if !has(&["update-alternatives"]) {
        return;
    }
    let mut lab = Lab::new(&[
        ("/usr/bin/a", ""),
        ("/usr/bin/b", ""),
        ("/usr/bin/c", ""),
        ("/usr/bin/real", "mine"),
        ("/usr/share/man/man1/a.1.gz", ""),
        ("/usr/share/man/man1/b.1.gz", ""),
        ("/etc/alternatives/", ""),
        ("/var/lib/dpkg/alternatives/", ""),
    ]);
    let man = "--slave /usr/share/man/man1/x.1.gz x.1.gz /usr/share/man/man1";
    let steps = [
        format!("--install /usr/bin/x x /usr/bin/a 10 {man}/a.1.gz"),
        format!("--install /usr/bin/x x /usr/bin/b 10 {man}/b.1.gz"),
        "--install /usr/bin/x x /usr/bin/c 5 --slave /usr/bin/y y /usr/bin/none".into(),
        format!("--install /usr/bin/x x /usr/bin/b 20 {man}/b.1.gz --slave /usr/bin/y y /usr/bin/c"),
        "--set x /usr/bin/c".into(),
        format!("--install /usr/bin/x x /usr/bin/a 99 {man}/a.1.gz"),
        "--auto x".into(),
        "--set x /usr/bin/c".into(),
        "--remove x /usr/bin/c".into(),
        "--install /usr/bin/moved x /usr/bin/a 99".into(),
        "--install /usr/bin/real r /usr/bin/a 1".into(),
        "--install /usr/bin/x bad /usr/bin/none 1".into(),
        "--set x /usr/bin/none".into(),
        "--remove nothing /usr/bin/a".into(),
        "--remove x /usr/bin/b".into(),
        "--remove-all x".into(),
        "--remove r /usr/bin/a".into(),
    ];
    for step in &steps {
        let real = lab.run(&format!("update-alternatives --root {{}} --log /log --quiet {step}"));
        let words: Vec<&str> = step.split(' ').collect();
        let (name, action) = action(&words);
        let model = alternatives::run(&lab.model, &name, &action, false);
        assert_eq!(real.status.success(), model.is_ok(), "{step}: {model:?} {}", String::from_utf8_lossy(&real.stderr));
        lab.apply(&model.unwrap_or_default());
        lab.compare(&["/log"]);
    }
}

const SSH: &str = "[Unit]\nDescription=x\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n";

fn units(systemctl: bool) -> Lab {
    let mut files = vec![
        ("/usr/lib/systemd/system/ssh.service", SSH),
        ("/usr/lib/systemd/system/a.timer", "[Install]\nWantedBy=timers.target\nAlso=b.service\n"),
        ("/usr/lib/systemd/system/b.service", "[Install]\nRequiredBy=c.target\nAlso=a.timer\n"),
        ("/usr/lib/systemd/system/getty@.service", "[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n"),
        ("/usr/lib/systemd/system-preset/90-systemd.preset", "disable off*.service\n"),
        ("/usr/lib/systemd/system/off-now.service", "[Install]\nWantedBy=multi-user.target\n"),
        ("/lib", "->usr/lib"),
        ("/bin", "->usr/bin"),
        ("/usr/bin/env", ""),
    ];
    if systemctl {
        files.push(("/usr/bin/systemctl", ""));
    }
    let lab = Lab::new(&files);
    if systemctl {
        let _ = std::process::Command::new("chmod").arg("755").arg(lab.path().join("usr/bin/systemctl")).status();
    }
    lab
}

#[test]
fn the_helper_keeps_the_same_state_and_links() {
    if !has(&["deb-systemd-helper"]) {
        return;
    }
    for systemctl in [false, has(&["systemctl"])] {
        let mut lab = units(systemctl);
        for unit in ["ssh.service", "a.timer", "off-now.service", "getty@.service"] {
            lab.must(&format!("deb-systemd-helper enable {unit}"));
            let writes = Helper::new(&lab.model, Search::default()).enable(unit).expect("enabled");
            lab.apply(&writes);
            lab.compare(&["/usr/bin/systemctl"]);
        }
        lab.must("deb-systemd-helper update-state ssh.service");
        let writes = Helper::new(&lab.model, Search::default()).update_state("ssh.service").expect("updated");
        lab.apply(&writes);
        for verb in ["mask", "unmask"] {
            lab.must(&format!("deb-systemd-helper {verb} b.service"));
            let helper = Helper::new(&lab.model, Search::default());
            let writes = if verb == "mask" { helper.mask("b.service") } else { helper.unmask("b.service") };
            lab.apply(&writes);
        }
        lab.must("deb-systemd-helper purge ssh.service");
        let writes = Helper::new(&lab.model, Search::default()).disable("ssh.service", true).expect("purged");
        lab.apply(&writes);
        // The helper also removes directories that are empty then; a layer cannot hold such a removal of its own directory.
        lab.compare(&["/usr/bin/systemctl", "/etc/systemd", "/var/lib/systemd"]);
    }
}

#[test]
fn systemctl_makes_the_same_links() {
    if !has(&["systemctl"]) {
        return;
    }
    let mut lab = units(false);
    for unit in ["ssh.service", "a.timer", "getty@.service", "getty@tty7.service"] {
        lab.must(&format!("systemctl --root={{}} enable {unit}"));
        let writes = enable(&lab.model, Search { usr_first: target_is_usr(&lab), ..Search::default() }, unit).expect("enabled");
        lab.apply(&writes);
    }
    lab.must("systemctl --root={} --preset-mode=enable-only preset off-now.service");
    let writes = preset(&lab.model, Search::default(), "off-now.service").expect("preset");
    lab.apply(&writes);
    lab.compare(&[]);
}

/// Whether this machine's systemctl spells unit paths with `/usr`.
fn target_is_usr(lab: &Lab) -> bool {
    let link = std::fs::read_link(lab.path().join("etc/systemd/system/sshd.service")).expect("the first link");
    link.starts_with("/usr")
}

#[test]
fn init_scripts_get_the_same_links() {
    if !has(&["update-rc.d"]) {
        return;
    }
    let script = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: a\n# Default-Start:\t2 3 S\n# Default-Stop: 1\n### END INIT INFO\n";
    for (word, action) in [("defaults", rc::Action::Defaults), ("defaults-disabled", rc::Action::DefaultsDisabled)] {
        let mut lab = Lab::new(&[("/etc/init.d/a", script), ("/etc/rc2.d/S01aa", "")]);
        for (word, action) in [(word, action), ("remove", rc::Action::Remove)] {
            lab.must(&format!("update-rc.d a {word}"));
            let writes = rc::update(&lab.model, "a", action).expect("links");
            lab.apply(&writes);
            lab.compare(&[]);
        }
    }
}

/// A shared object of x86-64 with nothing but a soname.
fn shared_object(soname: &str) -> Vec<u8> {
    let (strings_at, dynamic_at) = (64 + 2 * 56, 64 + 2 * 56 + 64);
    let size = dynamic_at + 4 * 16;
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |n: u64| n.to_le_bytes();
    elf.extend([3u16, 62].iter().flat_map(|n| n.to_le_bytes()));
    elf.extend(1u32.to_le_bytes());
    elf.extend([0u64, 64, 0].iter().flat_map(|n| half(*n)));
    elf.extend(0u32.to_le_bytes());
    elf.extend([64u16, 56, 2, 64, 0, 0].iter().flat_map(|n| n.to_le_bytes()));
    let mut segment = |kind: u32, at: u64, length: u64| {
        elf.extend(kind.to_le_bytes());
        elf.extend(4u32.to_le_bytes());
        elf.extend([at, at, at, length, length, 8].iter().flat_map(|n| half(*n)));
    };
    segment(1, 0, size);
    segment(2, dynamic_at, 64);
    elf.push(0);
    elf.extend(soname.bytes());
    elf.resize(dynamic_at as usize, 0);
    for (tag, value) in [(5u64, strings_at), (10, 64), (14, 1), (0, 0)] {
        elf.extend(half(tag));
        elf.extend(half(value));
    }
    elf
}

#[test]
fn the_loaders_cache_is_the_same() {
    if !has(&["ldconfig"]) || cfg!(not(target_arch = "x86_64")) {
        return;
    }
    let mut lab = Lab::new(&[
        ("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n"),
        ("/etc/ld.so.conf.d/a.conf", "# x\n/usr/local/lib\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n"),
        ("/usr/lib/x86_64-linux-gnu/", ""),
        ("/usr/local/lib/note", ""),
        ("/lib", "->usr/lib"),
        ("/var/cache/", ""),
    ]);
    let folders: [(&str, &[&str]); 3] = [
        (
            "/usr/lib/x86_64-linux-gnu",
            &["libc.so.6", "libz.so.1", "libz.so.10", "libz.so.9", "ld-linux-x86-64.so.2", "libfoo-2.1.so.0"],
        ),
        ("/usr/local/lib", &["libz.so.1", "libown.so.3"]),
        ("/usr/lib", &["libtop.so.1"]),
    ];
    for (folder, names) in folders {
        for name in names {
            let at = lab.path().join(folder.trim_start_matches('/')).join(name);
            std::fs::write(at, shared_object(name)).expect("a file");
            lab.apply(&[plywood::system::Write::file(format!("{folder}/{name}"), shared_object(name))]);
        }
    }
    lab.must("ldconfig -X -r {}");
    let real = std::fs::read(lab.path().join("etc/ld.so.cache")).expect("a cache");
    let mut objects = Vec::new();
    for directory in ldconfig::directories(&lab.model).expect("directories") {
        let notes: Vec<(String, ElfNote)> = plywood::system::View::list(&lab.model, &directory)
            .into_iter()
            .filter(|name| name.contains(".so"))
            .map(|name| (name.clone(), ElfNote { soname: Some(name.into_bytes()), bits: 64, machine: 62, flags: 0 }))
            .collect();
        objects.extend(ldconfig::objects(&directory, notes.iter().map(|(name, note)| (name.as_str(), note)), |_| false));
    }
    assert!(ldconfig::cache(&objects, ldconfig::generator(&real).expect("a generator")) == real);
}

#[test]
fn subjects_hash_as_openssl_hashes_them() {
    if !has(&["openssl"]) {
        return;
    }
    for subject in ["/C=US/O=~My~~Org~/CN=Root~CA", "/CN=\u{c4}B~c", "/C=DE/O=a/OU=b+CN=c", "/emailAddress=A@B.c/CN=x"] {
        let lab = Lab::new(&[("/x", "")]);
        let options =
            "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -utf8 -multivalue-rdn -keyout {}/key -out {}/pem -days 9";
        lab.must(&format!("openssl req -x509 {options} -subj {subject}"));
        let pem = std::fs::read(lab.path().join("pem")).expect("a certificate");
        let hash = lab.must("openssl x509 -noout -hash -in {}/pem");
        assert_eq!(ca_certificates::subject_hash(&pem).as_deref(), Some(hash.trim()), "{subject}");
    }
}
