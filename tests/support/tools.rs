//! The peers and tools of Debian that stand beside the program.
//!
//! Invariant: a tool that is missing or fails ends the test, with its package or its words.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Program, and the Debian package that brings it.
const PACKAGES: &[(&str, &str)] = &[
    ("bash", "bash"),
    ("debootstrap", "debootstrap"),
    ("docker", "docker.io"),
    ("docker-registry", "docker-registry"),
    ("dockerd", "docker.io"),
    ("htpasswd", "apache2-utils"),
    ("nsenter", "util-linux"),
    ("openssl", "openssl"),
    ("podman", "podman"),
    ("python3", "python3"),
    ("setpriv", "util-linux"),
    ("skopeo", "skopeo"),
    ("ssh", "openssh-client"),
    ("sshpass", "sshpass"),
    ("strace", "strace"),
    ("tar", "tar"),
    ("umoci", "umoci"),
];

/// What a command came to.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// The exit status; a signal counts 128 and its number.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Standard output without the last line end, if it ended well.
    pub(crate) fn expect_success(self, what: &str) -> String {
        assert_eq!(self.status, 0, "{what}\n{}{}", self.stdout, self.stderr);
        self.stdout.trim_end_matches('\n').to_owned()
    }
}

/// Where a program is; daemons are in /usr/sbin, which an ordinary PATH leaves out.
pub(crate) fn program(name: &str) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .map(|p| p.join(name))
        .find(|p| p.is_file());
    let package = PACKAGES.iter().find(|(program, _)| *program == name).map_or(name, |(_, package)| package);
    found.unwrap_or_else(|| panic!("`{name}` is missing: apt-get install {package} (or `make setup`)")).display().to_string()
}

/// Runs a command to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    use std::os::unix::process::ExitStatusExt as _;
    let out = command.stdin(std::process::Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    Output {
        status: out.status.code().or_else(|| out.status.signal().map(|s| 128 + s)).expect("a status"),
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    }
}

/// Runs a tool that has to succeed; what it printed, without the last line end.
pub(crate) fn run<S: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = S>) -> String {
    let mut command = Command::new(program(name));
    command.args(arguments);
    let what = format!("{command:?}");
    output(&mut command).expect_success(&what)
}

/// `skopeo` against loopback registries, whose certificates it does not check.
pub(crate) fn skopeo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    let mut words: Vec<_> = arguments.into_iter().map(|a| a.as_ref().to_owned()).collect();
    let flags: &[&str] = match words.first().and_then(|w| w.to_str()) {
        Some("copy") => &["--src-tls-verify=false", "--dest-tls-verify=false"],
        Some("inspect" | "list-tags") => &["--tls-verify=false"],
        _ => &[],
    };
    words.splice(1..1, flags.iter().map(Into::into));
    run("skopeo", [OsStr::new("--insecure-policy")].into_iter().chain(words.iter().map(AsRef::as_ref)))
}

/// Podman with a storage of its own, driver vfs, so that it needs no mounts.
#[derive(Debug)]
pub(crate) struct Podman {
    folder: tempfile::TempDir,
}

impl Podman {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// `podman ARGUMENTS`, which has to succeed.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let below = |name: &str| self.folder.path().join(name).into_os_string();
        let flags = ["--root".into(), below("root"), "--runroot".into(), below("run"), "--storage-driver".into(), "vfs".into()];
        run("podman", flags.into_iter().chain(arguments.into_iter().map(|a| a.as_ref().to_owned())))
    }
}

/// `sshpass … ssh -p PORT USER@127.0.0.1 COMMAND` inside the network of the process `pid`, a password being the only way in.
pub(crate) fn ssh(pid: &str, port: u16, user: &str, password: &str, command: &str) -> Output {
    let mut line = Command::new(program("nsenter"));
    line.args(["--net", "--target", pid, "--", &program("sshpass"), "-e", &program("ssh"), "-F", "none"]);
    for option in [
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "PubkeyAuthentication=no",
        "LogLevel=ERROR",
        "ConnectTimeout=10",
    ] {
        line.args(["-o", option]);
    }
    line.args(["-p", &port.to_string(), &format!("{user}@127.0.0.1"), command]).env("SSHPASS", password);
    output(&mut line)
}

/// A script of `tests/fidelity`.
pub(crate) fn fidelity(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fidelity").join(name)
}
