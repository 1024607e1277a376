//! Constructor's self-extracting installers, in the forms of the releases of 2022 to 2026.
//!
//! Invariant: a plain [`Installer`] is laid out byte range by byte range as constructor does it; its header is not meant to be run.
//! Fields with a lie are `None` there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::md5;
use super::package::Packed;
use super::tarball::{Item, bzip2, tar};

/// Which releases of constructor made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// To 3.3: `$boundary0`, two payloads, `env.txt` of `name=version=build`, `.condarc` in the header.
    Early,
    /// 3.4 to 3.12: two payloads, `env.txt` of URLs, `.condarc` in the header.
    Middle,
    /// From 3.16: three payloads, `initial-state.explicit.txt`, `.condarc` and `.installer.info` in the archives.
    Late,
}

/// An installer to be.
#[derive(Clone, Debug)]
pub(crate) struct Installer {
    pub(crate) dialect: Dialect,
    pub(crate) version: String,
    pub(crate) platform: String,
    /// In the order of their installation.
    pub(crate) packages: Vec<Packed>,
    /// Lines of the prefix's `.condarc`.
    pub(crate) condarc: String,
    /// Packages that the lists name and the archive lacks, by file name.
    pub(crate) absent: Vec<String>,
    /// MD5s that the lists state, by file name.
    pub(crate) stated: BTreeMap<String, String>,
    /// Further members of preconda.
    pub(crate) preconda: Vec<Item>,
    /// Further members of postconda.
    pub(crate) postconda: Vec<Item>,
    /// Further members of the archive.
    pub(crate) further: Vec<Item>,
    /// The MD5 that the header states.
    pub(crate) header_md5: Option<String>,
}

/// The start-up program's bytes: no header line, though they contain the marker.
const PROGRAM: &[u8] = b"\x7fELF a program that nobody runs\n grep @@END_HEADER@@\n\0\x01\x02\xff";

/// Times in the lists; constants of a release.
const MADE: u64 = 1_700_000_000;

impl Installer {
    pub(crate) fn new(dialect: Dialect, platform: &str, packages: Vec<Packed>) -> Self {
        Self {
            dialect,
            version: "26.3.2-3".into(),
            platform: platform.into(),
            packages,
            condarc: "channels:\n  - main\nmirrored_channels:\n  main:\n    - https://conda.example.org/main\n".into(),
            absent: Vec::new(),
            stated: BTreeMap::new(),
            preconda: Vec::new(),
            postconda: Vec::new(),
            further: Vec::new(),
            header_md5: None,
        }
    }

    /// What conda writes of an installation: a constant of the installer.
    pub(crate) fn history(&self) -> String {
        let lines: String =
            self.packages.iter().map(|p| format!("+https://conda.example.org/main/{}::{}\n", p.subdir, p.dist)).collect();
        format!("==> 2023-11-14 22:13:20 <==\n# cmd: constructor\n{lines}# update specs: ['python']\n")
    }

    /// URL and MD5 of each package, a line each.
    pub(crate) fn urls(&self) -> String {
        let stated = |p: &Packed| self.stated.get(&p.file).cloned().unwrap_or_else(|| p.md5());
        self.packages.iter().map(|p| format!("{}#{}\n", p.url(), stated(p))).collect()
    }

    /// The lock, as `conda list --explicit` writes one.
    pub(crate) fn explicit(&self) -> String {
        format!("# This file may be used to create an environment.\n# platform: {}\n@EXPLICIT\n{}", self.platform, self.urls())
    }

    fn repodata(&self) -> String {
        let of = |extension: &str| -> Value {
            self.packages
                .iter()
                .filter(|p| p.file.ends_with(extension))
                .map(|p| (p.file.clone(), p.record()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        json!({"_url": "https://conda.example.org/main", "info": {"subdir": self.platform}, "packages": of(".tar.bz2"), "packages.conda": of(".conda")})
            .to_string()
    }

    fn before(&self) -> Vec<Item> {
        let plain: String = self.packages.iter().map(|p| p.url() + "\n").collect();
        let file = |path: &str, text: String| Item { mode: 0o644, mtime: MADE, ..Item::file(path, text) };
        let mut items = vec![
            file("pkgs/.constructor-build.info", "{\"constructor\": \"of the tests\"}".into()),
            file("pkgs/urls", self.urls()),
            file("pkgs/urls.txt", plain),
        ];
        match self.dialect {
            Dialect::Early => {
                let line = |p: &Packed| {
                    let text = |name: &str| p.index[name].as_str().expect("text").to_owned();
                    format!("{}={}={}\n", text("name"), text("version"), text("build"))
                };
                items.push(file("pkgs/env.txt", self.packages.iter().map(line).collect()));
            }
            Dialect::Middle => items.push(file("pkgs/env.txt", self.explicit())),
            Dialect::Late => {
                items.push(file("conda-meta/initial-state.explicit.txt", self.explicit()));
                let info = json!({"name": "Miniforge3", "version": self.version, "platform": self.platform, "type": "sh"});
                items.push(file(".installer.info", info.to_string()));
            }
        }
        items.push(file("pkgs/cache/0badcafe.json", self.repodata()));
        for package in &self.packages {
            let mut record = package.record();
            record["url"] = package.url().into();
            record["fn"] = package.file.clone().into();
            record["channel"] = format!("https://conda.example.org/main/{}", package.subdir).into();
            let path = format!("pkgs/{}/info/repodata_record.json", package.dist);
            items.push(file(&path, serde_json::to_string_pretty(&record).expect("JSON")));
        }
        items.push(file("conda-meta/history", String::new()));
        items.extend(self.preconda.iter().cloned());
        items
    }

    fn after(&self) -> Vec<Item> {
        let file = |path: &str, text: String| Item { mode: 0o644, mtime: MADE, ..Item::file(path, text) };
        let mut items = vec![file("conda-meta/history", self.history())];
        if self.dialect == Dialect::Late {
            items.push(file(".condarc", self.condarc.clone()));
        }
        items.extend(self.postconda.iter().cloned());
        items
    }

    /// The last payload.
    pub(crate) fn tar(&self) -> Vec<u8> {
        let file = |path: &str, bytes: Vec<u8>| Item { mode: 0o644, mtime: MADE, ..Item::file(path, bytes) };
        let mut items = vec![
            file("preconda.tar.bz2", bzip2(&tar(&self.before(), true))),
            file("postconda.tar.bz2", bzip2(&tar(&self.after(), true))),
            file("LICENSE.txt", b"BSD 3-clause, for instance.\n".to_vec()),
        ];
        let there = self.packages.iter().filter(|p| !self.absent.contains(&p.file));
        items.extend(there.map(|p| file(&format!("pkgs/{}", p.file), p.bytes.clone())));
        items.extend(self.further.iter().cloned());
        tar(&items, true)
    }

    /// The header for payloads of these sizes.
    pub(crate) fn header(&self, sizes: &[usize], md5: &str) -> String {
        let (program, rest) = (sizes[0], &sizes[1..]);
        let inner = if self.dialect == Dialect::Early { "$boundary" } else { "boundary" };
        let created = if self.dialect == Dialect::Early { "" } else { "# Created by constructor of the tests\n#\n" };
        let mut text = format!(
            "#!/bin/sh\n#\n{created}# NAME:  Miniforge3\n# VER:   {}\n# PLAT:  {}\n# MD5:   {md5}\n\nset -eu\n\
             echo 'This installer is data for tests.' >&2\nexit 1\n",
            self.version, self.platform
        );
        text += "boundary0=$(head -n \"$(grep -an '^@@END_HEADER@@' \"$0\" | cut -d: -f1)\" \"$0\" | wc -c)\n";
        text += &format!("boundary1=$(( {inner}0 + {program} ))\n");
        for (number, size) in rest.iter().enumerate() {
            text += &format!("boundary{}=$(( {inner}{} + {size} ))\n", number + 2, number + 1);
        }
        if self.dialect != Dialect::Late {
            let to = if self.dialect == Dialect::Early { "$PREFIX/.condarc" } else { "\"$PREFIX/.condarc\"" };
            text += &format!("cat <<EOF >{to}\n{}EOF\n", self.condarc);
        }
        text + "POSTCONDA=\"$PREFIX/postconda.tar.bz2\"\nexit 0\n@@END_HEADER@@\n"
    }

    /// The whole file.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut payloads = vec![PROGRAM.to_vec()];
        if self.dialect == Dialect::Late {
            payloads.push(Vec::new());
        }
        payloads.push(self.tar());
        let body = payloads.concat();
        let md5 = self.header_md5.clone().unwrap_or_else(|| md5(&body));
        let sizes: Vec<usize> = payloads.iter().map(Vec::len).collect();
        [self.header(&sizes, &md5).as_bytes(), &body].concat()
    }
}
