//! The layer in a real container: Python, its entry points, its byte code, and a user who may write.

use std::sync::OnceLock;

use crate::conda::installer::Dialect;
use crate::lab::{self, PREFIX};
use crate::support::base;
use crate::support::engine::{Container, Engine};
use crate::support::program::Plywood;

const IMAGE: &str = "lab/miniforge:1";

/// A container of a Debian base with the recipe's layer.
fn container() -> Container<'static> {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let plywood = Plywood::new().with("DOCKER_HOST", &Engine::shared().address);
        plywood.write("miniforge.sh", lab::installer(Dialect::Late, "amd64").write());
        let base = base::debian("bookworm").name();
        plywood.ok([
            "build",
            &base,
            "--profile",
            "none",
            "--with",
            "miniforge",
            "--miniforge-installer",
            "miniforge.sh",
            "-t",
            IMAGE,
            "--load",
        ]);
    });
    Engine::shared().container(IMAGE, &["--network", "none"], &["sleep", "infinity"])
}

#[test]
fn python_and_every_library_of_it_run_from_the_prefix() {
    let container = container();
    let modules = "ssl, sqlite3, ctypes, bz2, lzma, readline, hashlib, uuid, curses, decimal, pyexpat, zlib, asyncio";
    let asked = format!("{PREFIX}/bin/python -c 'import sys, {modules}; print(sys.prefix, ssl.OPENSSL_VERSION.split()[0])'");
    assert_eq!(container.bash(&asked), format!("{PREFIX} OpenSSL"));
    // A base of this kind has none of these libraries, so they are ours.
    let maps =
        format!("{PREFIX}/bin/python -c 'import ssl, sqlite3; print(open(\"/proc/self/maps\").read())' | grep -c {PREFIX}/lib/lib");
    assert!(container.bash(&maps).parse::<u32>().unwrap() > 3);
    let sysconfig = format!("{PREFIX}/bin/python -c 'import sysconfig; print(sysconfig.get_config_var(\"BINDIR\"))'");
    assert_eq!(container.bash(&sysconfig), format!("{PREFIX}/bin"));
}

#[test]
fn entry_points_of_wheels_and_patched_programs_run() {
    let container = container();
    let login = |line: &str| container.bash(&format!("bash -ic '{line}' 2>/dev/null"));
    // By the PATH line in root's .bashrc.
    assert_eq!(login("command -v python"), format!("{PREFIX}/bin/python"));
    assert_eq!(login("echo a b | tabulate"), "-  -\na  b\n-  -");
    assert_eq!(login("echo \"select a from b\" | sqlformat -k upper -"), "SELECT a FROM b");
    assert_eq!(login("echo \"# Title\" | markdown_py"), "<h1>Title</h1>");
    assert!(login("pydoc json | head -1").contains("json"));
    assert_eq!(login("conda"), format!("conda of {PREFIX}"));
    let told = login("where");
    let expected = [
        PREFIX,
        &format!("{PREFIX}/share/where"),
        &format!("{PREFIX}/bin:{PREFIX}/sbin"),
        PREFIX,
        "what follows the end stays where it is",
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
    assert_eq!(container.bash(&format!(". {PREFIX}/etc/profile.d/conda.sh; echo $CONDA_EXE")), format!("{PREFIX}/bin/conda"));
}

#[test]
fn shipped_byte_code_is_not_stale() {
    let container = container();
    container.bash(&format!("{PREFIX}/bin/python -c 'import json, ssl, asyncio, unittest, sqlite3, email.message, http.client'"));
    let written = format!("find {PREFIX}/lib/python3.11 -name '*.pyc' -mmin -60 ! -path '*/site-packages/*'");
    assert_eq!(container.bash(&written), "");
    // The twin: what is touched is compiled anew, so the check can fail.
    container.bash(&format!("touch {PREFIX}/lib/python3.11/json/__init__.py; {PREFIX}/bin/python -c 'import json'"));
    assert!(container.bash(&written).contains("json/__pycache__/__init__"));
}

#[test]
fn a_user_of_the_group_may_write_and_another_may_not() {
    let container = container();
    let as_user =
        |group: u32, line: &str| container.try_bash(&format!("setpriv --reuid 1234 --regid {group} --clear-groups {line}"));
    for path in ["lib/python3.11/site-packages", "bin", "envs", "conda-meta", "."] {
        assert_eq!(as_user(0, &format!("touch {PREFIX}/{path}/new")).status, 0, "{path}");
        assert_ne!(as_user(1234, &format!("touch {PREFIX}/{path}/new2")).status, 0, "{path}");
    }
    assert_eq!(as_user(1234, &format!("{PREFIX}/bin/python -c 'print(1)'")).stdout.trim(), "1");
    assert_eq!(container.bash(&format!("find {PREFIX} ! -user 0 ! -name 'new*' -o ! -group 0 ! -name 'new*' | head -3")), "");
}
