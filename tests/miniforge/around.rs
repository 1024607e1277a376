//! Around the prefix: the network and the cache, settings of root, profiles, and bases that have it already.

use std::collections::BTreeMap;

use crate::archive::{Archive, Fault};
use crate::lab::{self, PREFIX, build, built, entries, few, installer_of, project, tars};
use crate::support::base::{self, small_config, small_tree};
use crate::support::layout::{Change, Layout, tar};
use crate::support::program::{Plywood, digest};

/// The installer of a few packages, beside a small base; the words before the output.
fn sandbox(installer: &[u8]) -> (Plywood, Layout) {
    let plywood = Plywood::new();
    let layout = base::small(&plywood.path("base"));
    plywood.write("miniforge.sh", installer);
    (plywood, layout)
}

fn text(found: &lab::Entries, path: &str) -> String {
    let entry = found.get(path).unwrap_or_else(|| panic!("no {path} in {:?}", found.keys()));
    String::from_utf8(entry.bytes.clone()).unwrap()
}

#[test]
fn the_recipe_leaves_what_a_dockerfile_leaves() {
    let installer = installer_of(&few());
    let (plywood, layout) = sandbox(&installer.write());
    let line = |prefix: &str| format!("export PATH={prefix}/bin:/usr/local/bin:/usr/bin\n");
    let profile = |name: &'static str| -> Vec<&'static str> { vec!["--profile", name, "--without", "sshd,wget,sudo"] };
    let cases = [
        (vec!["--profile", "none", "--with", "miniforge"], PREFIX, "openhands", Some(line(PREFIX)), line(PREFIX)),
        (
            profile("opendevin-0.7"),
            "/opendevin/miniforge3",
            "opendevin",
            Some(line("/opendevin/miniforge3")),
            line("/opendevin/miniforge3"),
        ),
        (profile("opendevin-0.8"), "/opendevin/miniforge3", "opendevin", None, "\n".into()),
    ];
    for (number, (words, prefix, root, bashrc, own)) in cases.into_iter().enumerate() {
        let out = format!("oci:out:made{number}");
        let before = ["build", &layout.name("small"), "--miniforge-installer", "miniforge.sh", "-o", &out].map(str::to_owned);
        plywood.ok(before.into_iter().chain(words.iter().map(|w| (*w).to_owned())));
        let found = entries(&tars(&plywood, &format!("made{number}")));
        assert_eq!(text(&found, "root/.condarc"), format!("{}changeps1: false\n", installer.condarc), "{words:?}");
        assert_eq!(found["root/.condarc"].mode, 0o644);
        assert_eq!(found.get("root/.bashrc").map(|_| text(&found, "root/.bashrc")), bashrc, "{words:?}");
        assert_eq!(text(&found, &format!("{root}/bash.bashrc")), own, "{words:?}");
        assert_eq!(text(&found, &format!("{}/.condarc", &prefix[1..])), installer.condarc);
        assert!(text(&found, &format!("{}/bin/tool", &prefix[1..])).starts_with(&format!("#!{prefix}/bin/python")));
        let group = words.contains(&"opendevin-0.7");
        assert_eq!(found[&format!("{}/bin", &prefix[1..])].mode, if group { 0o755 } else { 0o775 }, "{words:?}");
    }
}

#[test]
fn a_base_that_has_the_prefix_keeps_it_and_nothing_is_asked_for() {
    let plywood = Plywood::new();
    let layout = base::small(&plywood.path("base"));
    let mut tree = small_tree();
    tree.extend([
        Change::Directory("openhands", 0o755, 0, 0),
        Change::Directory("openhands/miniforge3", 0o755, 0, 0),
        Change::File("openhands/miniforge3/mine", 0o644, b"mine\n".to_vec()),
    ]);
    layout.tag("has", layout.image("amd64", &[tar(&tree)], &small_config()));
    let words = |base: &str| -> Vec<String> {
        ["build", &layout.name(base), "--profile", "none", "--with", "miniforge", "--offline", "-o", "oci:out:made"]
            .map(str::to_owned)
            .into()
    };
    // Nothing is cached, so a base without the prefix cannot have it.
    plywood.refuses(words("small"), 6, &["--offline"]);
    let plan: Vec<String> = ["plan".to_owned()].into_iter().chain(words("has")[1..7].iter().cloned()).collect();
    assert!(plywood.ok(plan).contains("/openhands/miniforge3 already"));
    plywood.ok(words("has"));
    let found = entries(&tars(&plywood, "made"));
    assert!(!found.keys().any(|path| path.starts_with("openhands/miniforge3/")), "{:?}", found.keys());
    assert!(text(&found, "root/.bashrc").contains("/openhands/miniforge3/bin:"), "the rest of the recipe is there");
}

#[test]
fn a_second_build_on_our_own_output_changes_nothing() {
    let (plywood, layout) = sandbox(&installer_of(&few()).write());
    let build = |base: &str, out: &str| {
        let words = ["build", base, "--profile", "none", "--with", "miniforge", "--miniforge-installer", "miniforge.sh", "-o", out];
        digest(&plywood.ok(words)).to_owned()
    };
    let first = build(&layout.name("small"), "oci:out:made");
    assert_eq!(build(&format!("oci:{}:made", plywood.word("out")), "oci:again:made"), first);
}

#[test]
fn the_digest_is_the_same_whoever_builds_it_and_where() {
    let bytes = installer_of(&few()).write();
    let here = build(&project(&bytes), &[]);
    let elsewhere = project(&bytes)
        .with("TZ", "Pacific/Chatham")
        .with("LC_ALL", "tr_TR.UTF-8")
        .with("PREFIX", "/evil")
        .with("CONDA_PKGS_DIRS", "/evil")
        .below(&["bash", "-c", "umask 077; export HOME=/nonexistent; exec \"$@\"", "bash"]);
    assert_eq!(build(&elsewhere, &[]), here);
    assert_eq!(build(&project(&bytes).below(&["taskset", "-c", "0"]), &[]), here);
}

#[test]
fn an_installer_from_an_address_resumes_is_kept_and_then_needs_no_network() {
    let bytes = installer_of(&few()).write();
    let server = Archive::serving(BTreeMap::from([("m/miniforge.sh".to_owned(), bytes.clone())]));
    let plywood = project(&bytes);
    let here = build(&plywood, &[]);
    let plywood = project(b"");
    lab::write_project(&plywood, "installer = \"https://conda.example.org/releases/miniforge.sh\"");
    let mirror = format!("https://conda.example.org/releases/={}m/", server.uri());
    let words = ["--conda-mirror", mirror.as_str()];
    plywood.refuses(
        ["build", "-f", "plywood.toml", "-o", "oci:out:made", "--offline"],
        6,
        &["conda.example.org", "--miniforge-installer"],
    );
    server.order("miniforge.sh", 1, Fault::CutAfter(5000));
    assert_eq!(build(&plywood, &words), here);
    let log = server.log();
    assert!(log.len() == 2 && log[1].starts_with("m/miniforge.sh 5"), "{log:?}");
    assert_eq!(digest(&plywood.ok(["build", "-f", "plywood.toml", "-o", "oci:out:second", "--offline"])), here);
    assert!(server.log().is_empty());
    plywood.ok(["build", "-f", "plywood.toml", "-o", "oci:out:third", "--lock", "new.lock", "--offline"]);
    assert!(!std::fs::read_to_string(plywood.path("new.lock")).unwrap().contains("127.0.0.1"), "a mirror is in the lock");
    let absent = project(b"");
    lab::write_project(&absent, "installer = \"https://conda.example.org/releases/absent.sh\"");
    let out = absent.run(["build", "-f", "plywood.toml", "-o", "oci:out:made", words[0], words[1]]);
    assert!([5, 6].contains(&out.status) && out.stderr.contains("absent.sh"), "{} {}", out.status, out.stderr);
}

#[test]
fn a_file_that_is_written_anew_is_read_anew() {
    let plywood = project(&installer_of(&few()).write());
    let first = build(&plywood, &[]);
    let mut packages = few();
    packages[1].items.push(crate::conda::tarball::Item::file("share/new", "new"));
    plywood.write("miniforge.sh", installer_of(&packages).write());
    std::fs::remove_dir_all(plywood.path("out")).unwrap();
    let found = built(&plywood, &[]);
    assert!(found.contains_key("openhands/miniforge3/share/new"), "{first} {:?}", found.keys());
}

#[test]
fn the_cache_of_packages_stays_if_asked_for() {
    let installer = installer_of(&few());
    let plywood = project(&installer.write());
    lab::write_project(&plywood, "installer = \"miniforge.sh\"\nkeep_pkgs = true");
    let found = lab::in_prefix(&built(&plywood, &[]));
    for packed in &installer.packages {
        assert_eq!(found[&format!("pkgs/{}", packed.file)].bytes, packed.bytes, "{}", packed.file);
        assert!(found.contains_key(&format!("pkgs/{}/info/index.json", packed.dist)));
        assert!(found.contains_key(&format!("pkgs/{}/info/repodata_record.json", packed.dist)));
    }
    assert!(found.contains_key("pkgs/urls.txt"), "conda's mark of a cache");
    let tool = &installer.packages[1].dist;
    assert!(found[&format!("pkgs/{tool}/bin/tool")].bytes.starts_with(b"#!/home/builder/"), "the cache has the package as it is");
    assert_eq!(found[&format!("pkgs/{tool}/lib/plain.so")].bytes, found["lib/plain.so"].bytes);
    assert!([&found[&format!("pkgs/{tool}/lib/plain.so")], &found["lib/plain.so"]].iter().any(|e| e.kind == tar::EntryType::Link));
}
