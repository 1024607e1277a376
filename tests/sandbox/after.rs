//! What apt and dpkg do in a running container of ours, beside one in which real apt installed the same, on a base that lags.
//!
//! Invariant: both containers are asked the same; the lists of packages come from apt's own words.

use std::collections::BTreeSet;

use crate::support::base;
use crate::support::engine::{Container, Engine};
use crate::support::program::Plywood;
use crate::support::tools;

/// What is installed: accounts, units, conffiles, alternatives, a bundle; some are new, some upgrade what the base has.
const ASKED: &[&str] = &["cron", "wget", "dbus", "ca-certificates", "rsync", "ed"];

/// What apt would do, as its own words say it.
const STEPS: &str = "| grep -E '^(Inst|Remv|Purg|Conf) '";

/// Every file's sum, but for what an engine writes, for the day of an account, and for backups.
const FILES: &str = "find /etc /usr /var/lib /var/cache/debconf -xdev \\( -path /var/lib/apt/lists -o -name __pycache__ \\) -prune \
                     -o -type f -exec md5sum {} + | grep -v -e '-old$' -e '/etc/[a-z]*-$' -e '/machine-id$' \
                     -e '/etc/\\(hostname\\|hosts\\|resolv.conf\\|shadow\\)$'";

struct Pair<'e> {
    ours: Container<'e>,
    real: Container<'e>,
}

impl Pair<'_> {
    /// Both say the same.
    fn same(&self, line: &str) -> String {
        let (ours, real) = (self.ours.try_bash(line), self.real.try_bash(line));
        let sorted = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        let (a, b) = (sorted(&ours.stdout), sorted(&real.stdout));
        let only = |x: &BTreeSet<String>, y: &BTreeSet<String>| x.difference(y).cloned().collect::<Vec<_>>();
        assert_eq!(ours.status, real.status, "{line}\n{}{}", ours.stderr, real.stderr);
        assert!(a == b, "{line}\nonly ours: {:#?}\nonly real: {:#?}", only(&a, &b), only(&b, &a));
        ours.stdout
    }

    /// Both do the same, and are in the same state afterwards.
    fn both(&self, line: &str) {
        for container in [&self.ours, &self.real] {
            container.bash(&format!("export DEBIAN_FRONTEND=noninteractive; {line}"));
        }
        self.same("dpkg-query -W -f '${Package} ${Version} ${Status} ${Conffiles}\\n'");
        self.same("dpkg -V");
        assert_eq!(self.same("dpkg --audit"), "");
        self.same("apt-get -qq check");
    }

    /// apt announces the same steps, then takes them.
    fn apt(&self, words: &str) -> String {
        let steps = self.same(&format!("apt-get -s {words} {STEPS}"));
        self.both(&format!("apt-get -qq -y {words}"));
        steps
    }
}

fn pair(engine: &Engine) -> Pair<'_> {
    let debian = base::aged("bookworm");
    let plywood = Plywood::new();
    let image = |name: &str| plywood.word(name);
    let asked = ASKED.join(",");
    let words = ["build", &debian.name(), "--profile", "none", "--no-recommends", "--apt", &asked, "-t", "lab/ours:1"];
    plywood.ok(words.into_iter().chain(["-o", "ours.tar"]));
    tools::skopeo(["copy", &debian.name(), &format!("docker-archive:{}:lab/aged:1", image("aged.tar"))]);
    for name in ["ours.tar", "aged.tar"] {
        engine.docker(["load", "-i", &image(name)]);
    }
    let start = |name| engine.container(name, &["--network", "host"], &["sleep", "infinity"]);
    let pair = Pair { ours: start("lab/ours:1"), real: start("lab/aged:1") };
    for container in [&pair.ours, &pair.real] {
        container.bash("apt-get -qq update");
    }
    let install = format!("apt-get -qq -y --no-install-recommends install {}", ASKED.join(" "));
    pair.real.bash(&format!("export DEBIAN_FRONTEND=noninteractive; {install}"));
    pair
}

#[test]
#[ignore = "minutes; make acceptance"]
fn apt_goes_on_in_our_image_as_after_a_real_install() {
    let pair = pair(Engine::shared());
    pair.both("true");
    pair.same(FILES);
    pair.same("cat /var/lib/apt/extended_states");
    pair.same("cat /var/lib/dpkg/triggers/* /var/lib/dpkg/diversions /var/lib/dpkg/statoverride");
    pair.same("cd /var/lib/dpkg/info && stat -c '%n %a %u:%g %s' *");
    pair.same("cd /var/lib/dpkg/info && cat *.list *.md5sums | md5sum");
    pair.same("md5sum /var/lib/dpkg/available /var/lib/dpkg/arch 2>&1");
    assert!(pair.same(&format!("apt-get -s upgrade {STEPS}")).contains("Inst "), "nothing lags");
    assert!(pair.apt("install --no-install-recommends less").contains("Inst less "));
    assert!(pair.apt("remove wget").contains("Remv wget "));
    pair.apt("autoremove");
    assert!(pair.apt("purge cron ed").contains("Purg cron "));
    let listed = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run -o -path /root -o -path /var/log \
                  -o -path /var/cache -o -path /var/lib/apt/lists -o -name __pycache__ \\) -prune -o -printf '%p %y %m %U:%G %l\\n' \
                  | grep -v -e '^/var/lib/dpkg/[a-z]*-old ' -e '^/etc/[a-z]*- ' -e '/machine-id '";
    pair.same(listed);
    pair.apt("upgrade");
}
