//! A Docker engine of the lab's own.
//!
//! Invariant: data, state, process id and socket lie below one temporary folder; it makes no bridge and no packet filter rules, so
//! it leaves the machine's network as it found it. Containers have the host's network or none.

use std::process::Command;
use std::sync::OnceLock;

use super::server::{self, Server};
use super::tools::{self, Output};

/// A running `dockerd`.
#[derive(Debug)]
pub(crate) struct Engine {
    server: Server,
    /// `unix:///…`, for `DOCKER_HOST`
    pub(crate) address: String,
}

impl Engine {
    /// The one engine of this test process, stopped when the process ends.
    pub(crate) fn shared() -> &'static Self {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        ENGINE.get_or_init(Self::start)
    }

    fn start() -> Self {
        assert!(rustix::process::geteuid().is_root(), "dockerd needs root: run the tests as root");
        let folder = server::folder();
        let below = |name: &str| folder.join(name).display().to_string();
        let address = format!("unix://{}", below("sock"));
        let mut command = vec![tools::program("dockerd"), "--host".into(), address.clone()];
        for (flag, value) in [
            ("--data-root", below("data")),
            ("--exec-root", below("exec")),
            ("--pidfile", below("pid")),
            ("--storage-driver", "overlay2".into()),
            ("--shutdown-timeout", "1".into()),
            ("--bridge", "none".into()),
        ] {
            command.extend([flag.to_owned(), value]);
        }
        command.extend(["--iptables=false".to_owned(), "--ip6tables=false".to_owned()]);
        let client = tools::program("docker");
        let answers = || Command::new(&client).args(["--host", &address, "version"]).output().is_ok_and(|o| o.status.success());
        let server = Server::start(folder.clone(), &command, answers);
        Self { server, address }
    }

    /// `docker ARGUMENTS`; what it printed, without the last line end. Panics if it fails.
    pub(crate) fn docker<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        self.try_docker(arguments).expect_success("docker")
    }

    /// `docker ARGUMENTS`, whatever comes of it.
    pub(crate) fn try_docker<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        let mut command = Command::new(tools::program("docker"));
        command.args(["--host", &self.address]).args(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        tools::output(&mut command)
    }

    /// Starts a container of `image` in the background.
    pub(crate) fn container(&self, image: &str, options: &[&str], command: &[&str]) -> Container<'_> {
        let words = ["run", "--detach", "--pull", "never"].iter().chain(options).chain([&image]).chain(command);
        Container { engine: self, id: self.docker(words) }
    }
}

/// A container, removed when dropped.
#[derive(Debug)]
pub(crate) struct Container<'e> {
    engine: &'e Engine,
    id: String,
}

impl Container<'_> {
    /// Runs a line of bash in it, as a sandbox does; panics if that fails.
    pub(crate) fn bash(&self, line: &str) -> String {
        self.try_bash(line).expect_success(line)
    }

    /// Runs a line of bash in it, whatever comes of it.
    pub(crate) fn try_bash(&self, line: &str) -> Output {
        self.engine.try_docker(["exec", &self.id, "/bin/bash", "-c", line])
    }

    /// Process id of its first process on the host.
    pub(crate) fn pid(&self) -> String {
        self.engine.docker(["inspect", "--format", "{{.State.Pid}}", &self.id])
    }

    /// What its first process has written.
    pub(crate) fn logs(&self) -> String {
        let Output { stdout, stderr, .. } = self.engine.try_docker(["logs", &self.id]);
        stdout + &stderr
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.engine.try_docker(["rm", "--force", "--volumes", &self.id]);
    }
}
