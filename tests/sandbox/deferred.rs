//! What `--scripts=defer` leaves is what dpkg in a running container finishes.

use crate::deb::Deb;
use crate::own_archive::OwnArchive;
use crate::support::engine::{Container, Engine};

/// What no interpreter of shell scripts can know, and what the base can run.
const REAL: &str = "perl -e 'open my $made, \">\", \"/var/lib/left.made\" or die; print $made \"done\\n\"'";

fn packages() -> Vec<Deb> {
    let on = |word: &str, body: &str| format!("if [ \"$1\" = {word} ]; then\n    {body}\nfi");
    vec![
        Deb::new("left", "1.0")
            .control("conffiles", "/etc/left.conf\n")
            .file("etc/left.conf", 0o640, "left\n")
            .script("postinst", &on("configure", REAL)),
        Deb::new("handler", "1.0")
            .control("triggers", "interest /usr/share/handled\n")
            .script("postinst", &on("triggered", &REAL.replace("left", "handled"))),
        Deb::new("waits", "1.0").file("usr/share/handled/one", 0o644, "one\n"),
        Deb::new("whole", "1.0").file("usr/share/whole/one", 0o644, "one\n").script("postinst", "touch /var/lib/whole.made"),
    ]
}

fn states(container: &Container<'_>) -> String {
    container.bash("dpkg-query -W -f '${Package} ${Status}\\n' left handler waits whole")
}

/// The packages that dpkg has something to say about.
fn audited(container: &Container<'_>) -> Vec<String> {
    let said = container.bash("dpkg --audit");
    let mut names: Vec<String> =
        said.lines().filter_map(|line| line.strip_prefix(' ')).filter_map(|l| l.split(' ').next()).map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn the_containers_own_dpkg_finishes_exactly_what_was_left() {
    let own = OwnArchive::over("bookworm", &packages());
    let engine = Engine::shared();
    let asked = "left,handler,waits,whole";
    let stopped = own.plywood.run(own.words(asked, &["-o", "oci:stopped:made"]));
    assert_eq!(stopped.status, 8, "{}", stopped.stderr);
    assert!(!own.plywood.path("stopped").exists());
    own.plywood.ok(own.words(asked, &["--scripts=defer", "-t", "lab/deferred:1", "-o", "image.tar"]));
    engine.docker(["load", "-i", &own.plywood.word("image.tar")]);
    let start = || engine.container("lab/deferred:1", &["--network", "host"], &["sleep", "infinity"]);

    let container = start();
    assert_eq!(audited(&container), ["handler", "left", "waits"]);
    assert_eq!(container.bash("ls /etc/left.conf* /var/lib/*.made"), "/etc/left.conf.dpkg-new\n/var/lib/whole.made");
    container.bash("dpkg --configure -a");
    assert_eq!(container.bash("dpkg --audit"), "");
    assert!(states(&container).lines().all(|line| line.ends_with(" install ok installed")), "{}", states(&container));
    let made = container.bash("stat -c '%a %n' /etc/left.conf && cat /etc/left.conf /var/lib/left.made /var/lib/handled.made");
    assert_eq!(made, "640 /etc/left.conf\nleft\ndone\ndone");

    let container = start();
    container
        .bash("export DEBIAN_FRONTEND=noninteractive; apt-get -qq check && apt-get -qq update; apt-get -qq -y install -f less");
    assert_eq!(container.bash("dpkg --audit && cat /var/lib/left.made"), "done");
}
