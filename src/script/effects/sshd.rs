//! `sshd -G`, `sshd -T`: the server's configuration, as scripts ask it for single options.
//!
//! Invariant: the first word on an option stands, as in `sshd_config(5)`; what needs a connection (`Match`) is uncovered. The
//! server itself never runs.

use super::bridge::{RootView, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::View;

pub(super) const PROGRAMS: Table = &[("sshd", &sshd)];

const CONFIG: &str = "/etc/ssh/sshd_config";

/// Files that include each other nest this deep at most (`servconf.c`).
const MAX_INCLUDES: usize = 16;

/// Options that may stand more than once.
const REPEATED: [&str; 4] = ["hostkey", "port", "listenaddress", "acceptenv"];

/// What holds where the configuration is silent (`sshd_config(5)`).
const DEFAULTS: [(&str, &str); 6] = [
    ("port", "22"),
    ("permitrootlogin", "without-password"),
    ("passwordauthentication", "yes"),
    ("hostkey", "/etc/ssh/ssh_host_rsa_key"),
    ("hostkey", "/etc/ssh/ssh_host_ecdsa_key"),
    ("hostkey", "/etc/ssh/ssh_host_ed25519_key"),
];

fn sshd(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    if !matches!(words(call).iter().map(String::as_str).collect::<Vec<_>>()[..], ["-G" | "-T"]) {
        return Err(call.uncovered("only the question for the configuration is covered"));
    }
    let mut options = Vec::new();
    read(&RootView(call.root), CONFIG, 0, &mut options).map_err(|reason| call.uncovered(reason))?;
    let unset = DEFAULTS.iter().filter(|(name, _)| !options.iter().any(|(known, _)| known == name));
    let unset: Vec<(String, String)> = unset.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for (name, value) in options.iter().chain(&unset) {
        call.out(format!("{name} {value}\n").as_bytes(), true)?;
    }
    Ok(ExitStatus::SUCCESS)
}

/// Adds the options of a file, and of those that it includes.
fn read(view: &dyn View, path: &str, depth: usize, options: &mut Vec<(String, String)>) -> Result<(), String> {
    if depth > MAX_INCLUDES {
        return Err(format!("{path} is included too deeply"));
    }
    let text = view.text(path).map_err(|error| error.to_string())?.unwrap_or_default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
        let name = line[..end].to_ascii_lowercase();
        let value = line[end..].trim_start_matches(|c: char| c.is_whitespace() || c == '=').to_owned();
        match name.as_str() {
            "match" => return Err(format!("{path} has conditions on a connection")),
            "include" => {
                for pattern in value.split_whitespace() {
                    for file in included(view, pattern).ok_or_else(|| format!("{path}: include of {pattern}"))? {
                        read(view, &file, depth + 1, options)?;
                    }
                }
            }
            _ if REPEATED.contains(&name.as_str()) || !options.iter().any(|(known, _)| *known == name) => {
                let value = if value == "prohibit-password" { "without-password".to_owned() } else { value };
                options.push((name, value));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The files of `DIRECTORY/*SUFFIX`, or the one file named; nothing for other patterns.
fn included(view: &dyn View, pattern: &str) -> Option<Vec<String>> {
    let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
    let (directory, file) = pattern.rsplit_once('/')?;
    let special = |text: &str| text.contains(['*', '?', '[', '"']);
    match file.strip_prefix('*') {
        Some(suffix) if !special(suffix) && !special(directory) => {
            let names = view.list(directory).into_iter().filter(|name| name.ends_with(suffix) && !name.starts_with('.'));
            Some(names.map(|name| format!("{directory}/{name}")).collect())
        }
        _ if special(&pattern) => None,
        _ => Some(vec![pattern]),
    }
}

#[cfg(test)]
mod tests {
    use crate::system::Tree;

    use super::*;

    #[test]
    fn the_first_word_stands_and_includes_come_where_they_are_named() {
        let tree = Tree::with_files([
            (CONFIG, "Include /etc/ssh/sshd_config.d/*.conf\n#Port 22\nPermitRootLogin no\nHostKey /a\nHostKey /b\nUsePAM=yes\n"),
            ("/etc/ssh/sshd_config.d/a.conf", "permitrootlogin prohibit-password\n"),
            ("/etc/ssh/sshd_config.d/note", "Match all\n"),
        ]);
        let mut options = Vec::new();
        read(&tree, CONFIG, 0, &mut options).expect("read");
        let lines: Vec<String> = options.iter().map(|(name, value)| format!("{name} {value}")).collect();
        assert_eq!(lines, ["permitrootlogin without-password", "hostkey /a", "hostkey /b", "usepam yes"]);
    }

    #[test]
    fn conditions_and_circles_are_not_covered() {
        for text in ["Match user a\n", "Include sshd_config\n", "Include a?c\n"] {
            let tree = Tree::with_files([(CONFIG, text)]);
            assert!(read(&tree, CONFIG, 0, &mut Vec::new()).is_err(), "{text}");
        }
    }
}
