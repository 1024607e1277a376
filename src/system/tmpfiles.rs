//! `systemd-tmpfiles --create` for the files that a package's script names.
//!
//! Invariant: only what tmpfiles.d(5) creates at install time: lines marked `!` (boot only) are skipped, nothing is aged or
//! removed, and what is there keeps its bytes.

use std::collections::BTreeSet;

use super::accounts::Accounts;
use super::error::{Result, SystemError};
use super::view::{Status, View, Write, directory_of};
use crate::stream::Owner;

/// Folders below that of a line that is for all below it.
const MAX_DEPTH: usize = 64;
const COMMAND: &str = "systemd-tmpfiles";

/// The types of lines that decide what a path is (`takes_ownership` in tmpfiles.c).
const OWNING: &str = "fFdDvqQpLcbCweXxrR";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The letter of the type.
    pub kind: char,
    /// `+` after the letter: what is there is replaced or added to.
    pub plus: bool,
    /// `!`: at boot only.
    pub boot_only: bool,
    /// `-`: a failure is no error.
    pub lenient: bool,
    /// Absolute path.
    pub path: String,
    /// Permission bits, if given.
    pub mode: Option<u32>,
    /// User and group, by name or number.
    pub owners: [Option<String>; 2],
    /// The last field.
    pub argument: Option<String>,
}

/// Reads one tmpfiles.d file; `name` is for errors.
pub fn parse(name: &str, text: &str) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (at, text) in text.lines().enumerate() {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        lines.extend(line(text).map_err(|cause| SystemError::malformed(name, format!("line {}: {cause}", at + 1)))?);
    }
    Ok(lines)
}

/// One line; nothing for a line that waits for the running system: one of a credential (`^`), which a build has none of, and one
/// that names the machine, which has no identity yet. systemd-tmpfiles passes over both in such a root.
fn line(text: &str) -> Result<Option<Line>, String> {
    // The argument is the rest of the line, quotes and all.
    let mut rest = text;
    let mut fields = Vec::new();
    while fields.len() < 6 && !rest.is_empty() {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        fields.push(rest[..end].trim_matches('"'));
        rest = rest[end..].trim_start();
    }
    let field = |at: usize| fields.get(at).copied().filter(|f| *f != "-" && !f.is_empty());
    let (kind, modifiers) = fields.first().and_then(|f| f.chars().next().map(|c| (c, &f[c.len_utf8()..]))).ok_or("no type")?;
    if let Some(unknown) = modifiers.chars().find(|c| !matches!(c, '+' | '!' | '-' | '=' | '~' | '^' | '$')) {
        return Err(format!("modifier '{unknown}' is unknown"));
    }
    let mode = field(2)
        .map(|m| u32::from_str_radix(m.trim_start_matches(['~', ':']), 8).map_err(|_| format!("mode '{m}'")))
        .transpose()?;
    if modifiers.contains('^') || fields.iter().skip(1).any(|f| names_the_machine(f)) || names_the_machine(rest) {
        return Ok(None);
    }
    let path = expand(field(1).ok_or("no path")?)?;
    if !path.starts_with('/') {
        return Err(format!("path '{path}' is not absolute"));
    }
    let name = |at| field(at).map(|n: &str| n.trim_start_matches(':').to_owned());
    let argument = Some(rest).filter(|r| !r.is_empty() && *r != "-").map(expand).transpose()?;
    Ok(Some(Line {
        kind,
        plus: modifiers.contains('+'),
        boot_only: modifiers.contains('!'),
        lenient: modifiers.contains('-'),
        path: path.trim_end_matches('/').to_owned(),
        mode: mode.map(|m| m & 0o7777),
        owners: [name(3), name(4)],
        argument,
    }))
}

/// Whether a field has a specifier of the running machine: boot and machine ID, host names, kernel.
fn names_the_machine(field: &str) -> bool {
    let mut rest = field;
    while let Some((_, after)) = rest.split_once('%') {
        if after.starts_with(['b', 'm', 'H', 'l', 'q', 'v']) {
            return true;
        }
        rest = after.strip_prefix('%').unwrap_or(after);
    }
    false
}

/// The specifiers that mean the same on every machine; those that name the running host have no answer in an image.
fn expand(text: &str) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let specifier = after.chars().next().unwrap_or(' ');
        out.push_str(match specifier {
            '%' => "%",
            't' => "/run",
            'S' => "/var/lib",
            'C' => "/var/cache",
            'L' => "/var/log",
            'T' => "/tmp",
            'V' => "/var/tmp",
            'h' => "/root",
            'g' | 'u' => "root",
            'G' | 'U' => "0",
            other => return Err(format!("specifier '%{other}' has no answer in an image")),
        });
        rest = after.get(specifier.len_utf8()..).unwrap_or_default();
    }
    Ok(out + rest)
}

/// What `--create` makes of the lines, in the order of their paths' depth as given.
pub fn create(view: &dyn View, lines: &[Line], accounts: &Accounts) -> Result<Vec<Write>> {
    let mut writes = Vec::new();
    let mut owned = BTreeSet::new();
    for line in lines.iter().filter(|line| !line.boot_only) {
        // The first line that makes a path stands; `+` adds to it.
        if OWNING.contains(line.kind) && !owned.insert(&line.path) && !line.plus {
            continue;
        }
        let [uid, gid] = match owner(line, accounts) {
            Ok(owner) => owner,
            Err(_) if line.lenient => continue,
            Err(error) => return Err(error),
        };
        one(view, line, [uid, gid], &mut writes)?;
    }
    Ok(writes)
}

fn one(view: &dyn View, line: &Line, ids: [Option<u32>; 2], writes: &mut Vec<Write>) -> Result<()> {
    let owner = Owner { uid: ids[0].unwrap_or_default(), gid: ids[1].unwrap_or_default() };
    let there = view.status(&line.path);
    match line.kind {
        'd' | 'D' | 'v' | 'q' | 'Q' => match there {
            None => writes.push(Write::directory(&line.path).mode(line.mode.unwrap_or(0o755)).owner(owner)),
            Some(_) => adjust(view, &line.path, line, ids, writes)?,
        },
        'f' | 'F' => {
            let bytes = line.argument.clone().unwrap_or_default();
            match there {
                Some(_) if line.kind == 'f' && !line.plus => adjust(view, &line.path, line, ids, writes)?,
                _ => writes.push(Write::file(&line.path, unescaped(&bytes)).mode(line.mode.unwrap_or(0o644)).owner(owner)),
            }
        }
        'w' if there.is_some() => {
            let mut bytes = if line.plus { view.bytes(&line.path)? } else { Vec::new() };
            bytes.extend_from_slice(unescaped(line.argument.as_deref().unwrap_or_default()).as_bytes());
            writes.push(Write::file(&line.path, bytes));
        }
        'L' => {
            let name = line.path.trim_start_matches('/');
            let target = line.argument.clone().unwrap_or_else(|| format!("/usr/share/factory/{name}"));
            let replaces = line.plus && there != Some(Status::Symlink(target.clone()));
            if there.is_none() || replaces {
                if there.is_some() {
                    writes.push(Write::remove(&line.path));
                }
                writes.push(Write::symlink(&line.path, target));
            }
        }
        'z' | 'm' => adjust(view, &line.path, line, ids, writes)?,
        'C' if there.is_none() => {
            let name = line.path.trim_start_matches('/');
            let from = line.argument.clone().unwrap_or_else(|| format!("/usr/share/factory/{name}"));
            match view.status(&from) {
                Some(Status::File) => {
                    writes.push(Write::file(&line.path, view.bytes(&from)?).mode(line.mode.unwrap_or(0o644)).owner(owner));
                }
                None => {}
                Some(_) => return Err(SystemError::uncovered(COMMAND, format!("a copy of {from}, which is no file,"))),
            }
        }
        // Waits for later (x X r R), needs a running kernel or file system (e h H p c b t T a A), or has nothing to write to.
        'x' | 'X' | 'r' | 'R' | 'e' | 'w' | 'C' | 'h' | 'H' | 't' | 'T' | 'a' | 'A' => {}
        'Z' => adjust_below(view, &line.path, line, ids, writes, 0)?,
        other => return Err(SystemError::uncovered(COMMAND, format!("type '{other}' for {}", line.path))),
    }
    Ok(())
}

/// Mode and owner of what is there, where the line gives them.
fn adjust(view: &dyn View, path: &str, line: &Line, ids: [Option<u32>; 2], writes: &mut Vec<Write>) -> Result<()> {
    if line.mode.is_none() && ids == [None, None] {
        return Ok(());
    }
    let mut write = match view.status(path) {
        Some(Status::Directory) => Write::directory(path),
        Some(Status::File) => Write::file(path, view.bytes(path)?),
        _ => return Ok(()),
    };
    write.mode = line.mode;
    write.owner = (ids != [None, None]).then(|| Owner { uid: ids[0].unwrap_or_default(), gid: ids[1].unwrap_or_default() });
    writes.push(write);
    Ok(())
}

/// The same for all that is below a directory; links are not followed.
fn adjust_below(
    view: &dyn View,
    path: &str,
    line: &Line,
    ids: [Option<u32>; 2],
    writes: &mut Vec<Write>,
    depth: usize,
) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(SystemError::uncovered(COMMAND, format!("more than {MAX_DEPTH} folders below {}", line.path)));
    }
    adjust(view, path, line, ids, writes)?;
    if view.status(path) == Some(Status::Directory) {
        for name in view.list(path) {
            adjust_below(view, &format!("{}/{name}", path.trim_end_matches('/')), line, ids, writes, depth + 1)?;
        }
    }
    Ok(())
}

fn owner(line: &Line, accounts: &Accounts) -> Result<[Option<u32>; 2]> {
    let unknown = |what: &str, name: &str| {
        SystemError::refused(
            COMMAND,
            format!("Failed to resolve {what} '{name}' for {} in {}", line.path, directory_of(&line.path)),
        )
    };
    let [user, group] = &line.owners;
    let number = |name: &Option<String>, what: &str, known: &dyn Fn(&str) -> Option<u32>| match name {
        None => Ok(None),
        Some(name) => name.parse().ok().or_else(|| known(name)).map(Some).ok_or_else(|| unknown(what, name)),
    };
    Ok([number(user, "user", &|name| accounts.uid_of(name))?, number(group, "group", &|name| accounts.gid_of(name))?])
}

/// C escapes of the argument.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    #[test]
    fn lines_make_what_is_missing_and_leave_the_rest() {
        let mut tree = Tree::with_files([
            ("/etc/passwd", "root:x:0:0::/root:/bin/sh\nd:x:7:8::/:/bin/sh\n"),
            ("/etc/group", "root:x:0:\njournal:x:9:\n"),
            ("/var/there", "kept"),
        ]);
        tree.apply(&Write::directory("/run/old").mode(0o700));
        let text = "# x\nd /run/sshd 0755 root root - -\nd! /run/boot\nf /var/there - - - - new\nf /var/new 0600 d - - a\\n\nL /etc/mtab - - - - ../proc/self/mounts\nd /run/old 2755 root journal\nL+ %t/shm - - - - /dev/shm\nz /none 0700\nr! /x*\nd- /run/no - nobody\n";
        let lines = parse("x.conf", text).expect("lines");
        let accounts = Accounts::of(&tree, None).expect("accounts");
        let writes = create(&tree, &lines, &accounts).expect("made");
        tree.apply_all(&writes);
        assert_eq!(tree.list("/run"), ["old", "shm", "sshd"]);
        assert_eq!(tree.text("/var/there").expect("bytes").as_deref(), Some("kept"));
        assert_eq!(tree.get("/var/new").map(|p| (p.mode, p.owner.uid)), Some((0o600, 7)));
        assert_eq!(tree.status("/etc/mtab"), Some(Status::Symlink("../proc/self/mounts".into())));
        assert_eq!(tree.list("/var"), ["new", "there"]);
    }

    #[test]
    fn the_first_line_on_a_path_stands() {
        let text = "d /run/lock 1777\nd /run/lock 0755\nz /run/lock - - -\n";
        let lines = parse("x", text).expect("lines");
        let mut tree = Tree::new();
        let writes = create(&tree, &lines, &Accounts::of(&tree, None).expect("none")).expect("made");
        tree.apply_all(&writes);
        assert_eq!(tree.get("/run/lock").map(|placed| placed.mode), Some(0o1777));
    }

    #[test]
    fn lines_of_the_running_machine_wait() {
        let text =
            "h /var/log/journal/%m - - - - +C\nd /%b\nf^ /root/.ssh/keys 0600 - - - ssh.keys\nf /etc/x - - - - %v\nd /100%%m\n";
        let lines = parse("x", text).expect("lines");
        assert_eq!(lines.iter().map(|line| line.path.as_str()).collect::<Vec<_>>(), ["/100%m"]);
    }

    #[test]
    fn what_cannot_be_known_is_an_error() {
        for bad in ["d relative", "d /%W", "f /x - - - - %o", "d /x 9", "d* /x", "d"] {
            assert!(parse("x", bad).is_err(), "{bad}");
        }
        let accounts = Accounts::of(&Tree::new(), None).expect("none");
        let lines = parse("x", "d /x - nobody\n").expect("a line");
        assert!(create(&Tree::new(), &lines, &accounts).is_err_and(|e| e.is_refusal()));
    }
}
