//! Scripts that are not covered: the build stops and says what helps, or leaves the package to dpkg in the container.

use std::process::Output;

use crate::bases::base;
use crate::deb::Deb;
use crate::lab::{Entry, Lab, image, layers};
use crate::packages::archive;
use crate::repository::signed;

/// A command that nobody models.
const UNKNOWN: &str = "if [ \"$1\" = configure ]; then\n    # one line above\n    reticulate --splines\nfi";

/// Packages whose scripts are not covered, in the ways that matter.
fn uncovered() -> Vec<Deb> {
    let handler = "if [ \"$1\" = triggered ]; then\n    reticulate $2\nfi";
    vec![
        Deb::new("leaf", "1.0")
            .control("conffiles", "/etc/leaf.conf\n")
            .file("etc/leaf.conf", 0o644, "leaf\n")
            .file("usr/bin/leaf", 0o755, "leaf\n")
            .script("postinst", &format!("touch /var/lib/half-done\n{UNKNOWN}")),
        Deb::new("needs-leaf", "1.0").field("Depends: leaf"),
        Deb::new("early", "1.0").script("preinst", "reticulate --first"),
        Deb::new("cache", "1.0").control("triggers", "interest /usr/share/cached\n").script("postinst", handler),
        Deb::new("cached", "1.0").file("usr/share/cached/one", 0o644, "one\n"),
        Deb::new("needs-cached", "1.0").field("Depends: cached"),
    ]
}

struct Try {
    lab: Lab,
}

impl Try {
    fn new() -> Self {
        Self { lab: Lab::over(signed(&[archive(), uncovered()].concat())) }
    }

    fn build(&self, out: &str, packages: &str, more: &[&str]) -> Output {
        let mut tree = base(true, &self.lab.key);
        for program in ["reticulate", "touch"] {
            tree.file(&format!("usr/bin/{program}"), 0o755, "");
        }
        let words = ["--without", "tools,site,local,large,small", "--apt", packages];
        self.lab.command(&tree, out).args(words).args(more).output().unwrap()
    }

    fn refused(&self, out: &str, packages: &str, more: &[&str], told: &[&str]) {
        let output = self.build(out, packages, more);
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(8), "{packages} {more:?}: {talk}");
        for told in told {
            assert!(talk.contains(told), "{packages} {more:?}: `{told}` is not in\n{talk}");
        }
        assert!(!self.lab.path(out).exists(), "{packages} {more:?} left an image");
    }

    /// The entry of a path in whichever layer has it.
    fn entry(&self, out: &str, output: &Output, path: &str) -> Option<Entry> {
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{out}: {talk}");
        let all = image(&self.lab.path(out), &layers(&output.stdout));
        all.into_iter().find(|((_, at), _)| at == path).map(|(_, entry)| entry)
    }

    fn status(&self, out: &str, output: &Output) -> String {
        String::from_utf8(self.entry(out, output, "var/lib/dpkg/status").unwrap().bytes).unwrap()
    }
}

/// The stanza of a package.
fn stanza<'a>(status: &'a str, name: &str) -> &'a str {
    status.split("\n\n").find(|stanza| stanza.starts_with(&format!("Package: {name}\n"))).unwrap()
}

#[test]
fn an_uncovered_command_stops_the_build_with_its_line_and_three_ways_out() {
    let told = ["package leaf 1.0", "postinst", "line 6: `reticulate --splines`", "recipe", "--scripts=defer", "leave out"];
    Try::new().refused("stopped", "leaf", &[], &told);
}

#[test]
fn with_defer_the_package_stays_unpacked_and_nothing_of_its_script_is_there() {
    let lab = Try::new();
    let output = lab.build("left", "leaf,editor", &["--scripts=defer"]);
    let status = lab.status("left", &output);
    let leaf = stanza(&status, "leaf");
    assert!(leaf.contains("\nStatus: install ok unpacked\n") && !leaf.contains("Config-Version"), "{leaf}");
    assert!(leaf.contains("\nConffiles:\n /etc/leaf.conf newconffile\n"), "{leaf}");
    assert!(stanza(&status, "editor").contains("\nStatus: install ok installed\n"));
    for (path, is_there) in [
        ("etc/leaf.conf.dpkg-new", true),
        ("etc/leaf.conf", false),
        ("usr/bin/leaf", true),
        ("var/lib/dpkg/info/leaf.postinst", true),
        ("var/lib/half-done", false),
        ("etc/alternatives/edit", true),
    ] {
        assert_eq!(lab.entry("left", &output, path).is_some(), is_there, "{path}");
    }
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(talk.contains("leaf is left unpacked"), "{talk}");
    let again = lab.build("again", "leaf,editor", &["--scripts=defer"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("leaf is left unpacked"), "a warm build says it, too");
    assert_eq!(layers(&again.stdout), layers(&output.stdout));
}

#[test]
fn what_dpkg_cannot_do_later_stops_the_build_with_defer_too() {
    let lab = Try::new();
    lab.refused("needed", "needs-leaf", &["--scripts=defer"], &["package leaf 1.0", "needs-leaf depends on leaf"]);
    lab.refused("early", "early", &["--scripts=defer"], &["package early 1.0", "preinst", "while it unpacks"]);
    lab.refused(
        "waits",
        "cache,needs-cached",
        &["--scripts=defer"],
        &["triggered /usr/share/cached", "needs-cached depends on cached"],
    );
}

#[test]
fn triggers_that_are_not_covered_stay_pending_and_those_who_wait_for_them_awaited() {
    let lab = Try::new();
    let output = lab.build("pending", "cache,cached", &["--scripts=defer"]);
    let status = lab.status("pending", &output);
    let (cache, cached) = (stanza(&status, "cache"), stanza(&status, "cached"));
    assert!(
        cache.contains("Status: install ok triggers-pending\n") && cache.contains("Triggers-Pending: /usr/share/cached"),
        "{cache}"
    );
    assert!(cached.contains("Status: install ok triggers-awaited\n") && cached.contains("Triggers-Awaited: cache"), "{cached}");
}

#[test]
fn a_base_in_which_dpkg_has_not_finished_is_refused_and_one_that_only_waits_may_be_left_so() {
    let lab = Try::new();
    let changed = |change: &dyn Fn(&mut String)| {
        let mut tree = base(true, &lab.lab.key);
        change(tree.status());
        tree
    };
    let state = |status: &'static str| {
        changed(&|text: &mut String| {
            let keeper = stanza(text, "keeper").to_owned();
            *text = text.replace(&keeper, &keeper.replace("install ok installed", status));
        })
    };
    let cut = |length: usize| changed(&|text: &mut String| text.truncate(text.len() - length));
    let twice = changed(&|text: &mut String| *text = text.repeat(2));
    let mut journal = base(true, &lab.lab.key);
    journal.file("var/lib/dpkg/updates/0000", 0o644, "Package: keeper\n");
    for (number, (tree, more, code, told)) in [
        (state("install ok half-installed"), "stop", Some(3), "package keeper is 'install ok half-installed'"),
        (state("install reinstreq installed"), "defer", Some(3), "reinstreq"),
        (state("install ok unpacked"), "stop", Some(3), "--scripts=defer leaves it so"),
        (state("install ok unpacked"), "defer", Some(0), ""),
        (state("hold ok installed"), "stop", Some(0), ""),
        (cut(3), "stop", Some(3), "the file is cut within the entry of package"),
        (twice, "stop", Some(3), "has an entry already in line"),
        (journal, "stop", Some(3), "dpkg was interrupted in the base"),
        (cut(0), "stop", Some(0), ""),
    ]
    .into_iter()
    .enumerate()
    {
        let words = ["--without", "tools,site,local,large,small", "--apt", "editor", "--scripts", more];
        let output = lab.lab.command(&tree, &format!("state{number}")).args(words).output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), code, "{number} {told}: {talk}");
        assert!(talk.contains(told), "{number} {told}: {talk}");
    }
}
