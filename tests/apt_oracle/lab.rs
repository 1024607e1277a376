//! What the oracle stands on: an apt program, its configuration, and the package lists that it and we read.
//!
//! Invariant: nothing of the host is changed. The lists are those of the folder that `PLYWOOD_ORACLE_LAB` names (made by
//! `tests/apt_oracle/lab`), else this machine's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// The archive of one oracle.
pub(crate) struct Lab {
    /// Folder made by `tests/apt_oracle/lab`; none for the host's own lists.
    folder: Option<PathBuf>,
    /// Each index as apt tells of it: file, suite, codename, origin, label, component, site.
    pub(crate) indexes: Vec<[String; 7]>,
    /// The text of each index.
    pub(crate) texts: Vec<Vec<u8>>,
    /// Of all texts and the program's version.
    pub(crate) digest: String,
    pub(crate) architecture: String,
}

pub(crate) fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("the command starts");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Lab {
    /// Nothing where there are no lists.
    pub(crate) fn find() -> Option<Self> {
        let folder = std::env::var_os("PLYWOOD_ORACLE_LAB").map(PathBuf::from).map(|folder| folder.canonicalize().unwrap());
        let architecture = run(Command::new("dpkg").arg("--print-architecture")).1.trim().to_owned();
        let mut lab = Self { folder, indexes: Vec::new(), texts: Vec::new(), digest: String::new(), architecture };
        let mut command = lab.apt();
        if let Some(folder) = &lab.folder {
            command.env("APT_CONFIG", folder.join("apt.conf"));
        }
        let format = "$(FILENAME)|$(SUITE)|$(CODENAME)|$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(SITE)";
        let (_, told) = run(command.args(["indextargets", "--format", format, "Created-By: Packages"]));
        for line in told.lines() {
            let mut fields = line.split('|').map(str::to_owned);
            let index: [String; 7] = std::array::from_fn(|_| fields.next().unwrap_or_default());
            if Path::new(&index[0]).exists() {
                lab.texts.push(plain_text(&index[0]));
                lab.indexes.push(index);
            }
        }
        let mut digest = Sha256::new();
        digest.update(run(lab.apt().arg("--version")).1.lines().next().unwrap_or_default());
        lab.texts.iter().for_each(|text| digest.update(text));
        lab.digest = hex(&digest.finalize());
        (!lab.indexes.is_empty()).then_some(lab)
    }

    /// The apt program, with nothing of this process's environment.
    pub(crate) fn apt(&self) -> Command {
        let root = self.folder.as_ref().map(|folder| folder.join("root")).filter(|root| root.exists());
        let mut command = match root {
            None => Command::new("apt-get"),
            Some(root) => {
                let loader =
                    std::fs::read_dir(root.join("usr/lib64")).ok().and_then(|mut entries| entries.next()).unwrap().unwrap();
                let libraries = std::fs::read_dir(root.join("usr/lib")).unwrap().filter_map(Result::ok).map(|entry| entry.path());
                let triplet = libraries.into_iter().find(|path| path.join("libc.so.6").exists()).unwrap();
                let mut command = Command::new(loader.path());
                command.arg("--library-path").arg(triplet).arg(root.join("usr/bin/apt-get"));
                command
            }
        };
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("LC_ALL", "C");
        command
    }

    /// Writes a folder in which apt sees this status and no configuration but `more`; its `apt.conf`.
    pub(crate) fn system(&self, folder: &Path, status: &str, more: &str, preferences: &str) -> PathBuf {
        let w = folder.display();
        for below in ["state", "cache/archives/partial", "none", "preferences.d"] {
            std::fs::create_dir_all(folder.join(below)).unwrap();
        }
        std::fs::write(folder.join("state/status"), status).unwrap();
        std::fs::write(folder.join("preferences.d/test"), preferences).unwrap();
        let lists = self.folder.as_ref().map_or_else(|| PathBuf::from("/var/lib/apt/lists"), |folder| folder.join("lists"));
        let sources = self.folder.as_ref().map_or_else(String::new, |folder| {
            format!("Dir::Etc::sourcelist \"/dev/null\"; Dir::Etc::sourceparts \"{}/sources.list.d\";\n", folder.display())
        });
        let (architecture, lists) = (&self.architecture, lists.display());
        let configuration = format!(
            r#"APT::Architecture "{architecture}"; APT::Architectures {{"{architecture}";}};
Dir::Etc::main "/dev/null"; Dir::Etc::parts "{w}/none";
Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "{w}/preferences.d";
Dir::State "{w}/state"; Dir::State::status "{w}/state/status"; Dir::State::lists "{lists}";
Dir::State::extended_states "{w}/state/extended_states"; Dir::Cache "{w}/cache"; Dir::Log "{w}/none";
Dir::Log::Planner ""; Dir::Log::Solver ""; Debug::NoLocking "1"; Acquire::Languages "none";
APT::AutoRemove::SuggestsImportant "false";
{sources}{more}
"#
        );
        let file = folder.join("apt.conf");
        std::fs::write(&file, configuration).unwrap();
        file
    }
}

fn plain_text(file: &str) -> Vec<u8> {
    Command::new("/usr/lib/apt/apt-helper").args(["cat-file", file]).output().expect("apt-helper starts").stdout
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
