//! `update-rc.d` without insserv: links of init scripts in `/etc/rc?.d`.
//!
//! Invariant: a script that has any link keeps what it has; sequence numbers are always 01.

use super::error::{Result, SystemError};
use super::view::{View, Write};

const COMMAND: &str = "update-rc.d";
const LEVELS: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "S"];

/// What is asked of a script's links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `defaults`: as the header of the script says.
    Defaults,
    /// `defaults-disabled`: the same, stopped in every level.
    DefaultsDisabled,
    /// `disable` and `enable`: links that start in levels 2 to 5 and S stop there, and the other way round.
    Toggle {
        /// `enable`
        on: bool,
    },
    /// `remove`: no links.
    Remove,
}

/// The changes of `update-rc.d NAME ACTION`.
pub fn update(view: &dyn View, name: &str, action: Action) -> Result<Vec<Write>> {
    if name.is_empty() || name.contains(['/', '\0', '\n']) {
        return Err(SystemError::refused(COMMAND, format!("'{}' is no script's name", name.escape_debug())));
    }
    let there = links(view, name);
    if action == Action::Remove {
        return Ok(there.into_iter().map(Write::remove).collect());
    }
    if let Action::Toggle { on } = action {
        return Ok(toggled(&there, on));
    }
    if !there.is_empty() {
        return Ok(Vec::new());
    }
    let path = format!("/etc/init.d/{name}");
    let text = view.text(&path)?.ok_or_else(|| SystemError::refused(COMMAND, format!("unable to read {path}")))?;
    let (start, stop) = levels(&text);
    let first = if action == Action::Defaults { 'S' } else { 'K' };
    let link = |level: &&str, letter: char| (format!("/etc/rc{level}.d/{letter}01{name}"), format!("../init.d/{name}"));
    let mut links: Vec<(String, String)> = start.iter().map(|l| link(l, first)).chain(stop.iter().map(|l| link(l, 'K'))).collect();
    links.dedup();
    Ok(links.into_iter().map(|(at, to)| Write::symlink(at, to)).collect())
}

fn toggled(links: &[String], on: bool) -> Vec<Write> {
    let (from, to) = if on { ("/K", "/S") } else { ("/S", "/K") };
    let ours = links
        .iter()
        .filter(|link| ["2", "3", "4", "5", "S"].iter().any(|level| link.starts_with(&format!("/etc/rc{level}.d{from}"))));
    ours.map(|link| Write::moved(link.clone(), link.replacen(from, to, 1))).collect()
}

fn links(view: &dyn View, name: &str) -> Vec<String> {
    let is_ours = |link: &String| {
        let bytes = link.as_bytes();
        matches!(bytes, [b'S' | b'K', a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit()) && link.get(3..) == Some(name)
    };
    LEVELS
        .iter()
        .map(|level| format!("/etc/rc{level}.d"))
        .flat_map(|directory| view.list(&directory).into_iter().filter(is_ours).map(move |link| format!("{directory}/{link}")))
        .collect()
}

/// The levels of `Default-Start` and `Default-Stop` in the LSB header.
fn levels(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut start, mut stop) = (Vec::new(), Vec::new());
    let header = text.lines().skip_while(|line| line.trim_end() != "### BEGIN INIT INFO").skip(1);
    for line in header.take_while(|line| line.trim_end() != "### END INIT INFO") {
        let words = |rest: &'static str| {
            line.strip_prefix(rest).map(|levels| levels.split_whitespace().filter(|l| LEVELS.contains(l)).collect())
        };
        if let Some(levels) = words("# Default-Start:") {
            start = levels;
        }
        if let Some(levels) = words("# Default-Stop:") {
            stop = levels;
        }
    }
    (start, stop)
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    const SCRIPT: &str = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: a\n# Default-Start:\t2 3\n# Default-Stop: 1 x\n### END INIT INFO\n# Default-Stop: 6\n";

    #[test]
    fn links_follow_the_header_once() {
        let mut tree = Tree::with_files([("/etc/init.d/a", SCRIPT), ("/etc/rc2.d/S01aa", "")]);
        let names = |writes: &[Write]| writes.iter().map(|w| w.path.clone()).collect::<Vec<_>>();
        let disabled = update(&tree, "a", Action::DefaultsDisabled).expect("links");
        assert_eq!(names(&disabled), ["/etc/rc2.d/K01a", "/etc/rc3.d/K01a", "/etc/rc1.d/K01a"]);
        let writes = update(&tree, "a", Action::Defaults).expect("links");
        assert_eq!(names(&writes), ["/etc/rc2.d/S01a", "/etc/rc3.d/S01a", "/etc/rc1.d/K01a"]);
        tree.apply_all(&writes);
        assert_eq!(tree.status("/etc/rc2.d/S01a"), Some(super::super::view::Status::Symlink("../init.d/a".into())));
        assert_eq!(update(&tree, "a", Action::Defaults), Ok(vec![]));
        assert_eq!(update(&tree, "a", Action::Remove).map(|w| w.len()), Ok(3));
        assert!(update(&tree, "none", Action::Defaults).is_err());
        assert_eq!(update(&tree, "none", Action::Remove), Ok(vec![]));
    }
}
