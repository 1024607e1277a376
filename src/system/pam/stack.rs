//! The five files `/etc/pam.d/common-*`: the managed blocks between their marks.
//!
//! Invariant: what stands outside of the marks keeps its bytes; options that a user added to or took from a managed line
//! are carried over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::profile::Profile;

/// The marks of the managed blocks, in order.
const PRIMARY: &str = "# here are the per-package modules (the \"Primary\" block)";
const FALLBACK: &str = "# here's the fallback if no module succeeds";
const ADDITIONAL: &str = "# and here are more per-package modules (the \"Additional\" block)";
const END: &str = "# end of pam-auth-update config";

/// What a user changed in managed lines: options by module, added and removed.
pub(super) type Changes = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

/// The file without its managed lines, whose sum tells whether it is Debian's own.
pub(super) fn outline(text: &str) -> String {
    let mut out = String::new();
    walk(text, |part| {
        if let Part::Kept(line) = part {
            out.push_str(line);
            out.push('\n');
        }
    });
    out
}

enum Part<'a> {
    Kept(&'a str),
    Managed(&'a str),
    Begin { primary: bool },
}

/// Goes through a file; whether all marks are there.
fn walk<'a>(text: &'a str, mut each: impl FnMut(Part<'a>)) -> bool {
    let mut state = 0;
    for line in text.lines() {
        let end = match state {
            1 => FALLBACK,
            3 => END,
            _ => "",
        };
        if !end.is_empty() && !line.starts_with(end) {
            each(Part::Managed(line));
            continue;
        }
        each(Part::Kept(line));
        let begins = match state {
            0 => line.starts_with(PRIMARY),
            2 => line.starts_with(ADDITIONAL),
            1 | 3 => true,
            _ => false,
        };
        if begins {
            if state % 2 == 0 {
                each(Part::Begin { primary: state == 0 });
            }
            state += 1;
        }
    }
    state >= 4
}

/// The lines of one block: profile and lines.
fn block<'a>(enabled: &[&'a Profile], kind: &str, position: &str) -> Vec<&'a str> {
    let of_block = enabled.iter().filter(|p| p.field(&format!("{kind}-Type")).trim() == position);
    of_block.enumerate().map(|(at, p)| p.lines(kind, at == 0)).collect()
}

/// Writes the managed blocks anew; nothing if a mark is missing. `kind`: `Auth`, ..., `Session-noninteractive`.
pub(super) fn rewrite(text: &str, enabled: &[&Profile], kind: &str, changes: &Changes) -> Option<String> {
    let word = kind.trim_end_matches("-noninteractive").to_ascii_lowercase();
    let mut out = String::new();
    let mut changes = changes.clone();
    let complete = walk(text, |part| match part {
        Part::Kept(line) => {
            out.push_str(line);
            out.push('\n');
        }
        Part::Managed(_) => {}
        Part::Begin { primary } => {
            let blocks = block(enabled, kind, if primary { "Primary" } else { "Additional" });
            let lines: Vec<&str> = blocks.iter().flat_map(|lines| lines.split('\n')).collect();
            let mut count = blocks.iter().flat_map(|lines| lines.split('\n')).filter(|line| !line.is_empty()).count() as i64;
            if !primary {
                count -= 1;
            }
            if primary && count == 0 {
                let _ = writeln!(out, "{word}\t[default=1]\t\t\tpam_permit.so");
            }
            for line in lines.into_iter().filter(|line| !line.is_empty()) {
                let _ = writeln!(out, "{word}\t{}", merged(line, &mut changes, count));
                count -= 1;
            }
        }
    });
    complete.then_some(out)
}

/// What `/var/lib/pam/KIND` remembers.
pub(super) fn saved(enabled: &[&Profile], kind: &str) -> String {
    let mut out = String::new();
    for (position, other) in [("Primary", "Additional"), ("Additional", "Primary")] {
        let typed = |p: &&&Profile| {
            let of = p.field(&format!("{kind}-Type"));
            !of.is_empty() && of.trim() != other
        };
        let mut any = false;
        for (at, profile) in enabled.iter().filter(typed).enumerate() {
            any = true;
            let lines = profile.lines(kind, at == 0);
            if !lines.is_empty() {
                let _ = writeln!(out, "Module: {}\n{lines}", profile.id);
            }
        }
        if !any && position == "Primary" {
            out.push_str("Module: null\n[default=1]\t\t\tpam_permit.so\n");
        }
    }
    out
}

/// Control and module of a line, and its options.
fn split(line: &str) -> (String, Vec<&str>) {
    let control = if line.starts_with('[') { line.find(']').map_or(line.len(), |at| at + 1) } else { end_of_word(line, 0) };
    let module = line[control..].find(|c: char| !c.is_whitespace()).map_or(line.len(), |at| control + at);
    let end = end_of_word(line, module);
    (line[..end].to_owned(), line[end..].split_whitespace().collect())
}

fn end_of_word(line: &str, from: usize) -> usize {
    line[from..].find(char::is_whitespace).map_or(line.len(), |at| from + at)
}

/// The line with its jump counted and the user's options. A blank follows even where there is no option.
fn merged(line: &str, changes: &mut Changes, count: i64) -> String {
    let (module, options) = split(line);
    let counted = module.replace("end", &count.to_string());
    let mut nothing = (BTreeSet::new(), BTreeSet::new());
    let (added, removed) = changes.get_mut(&without_jump(&counted)).unwrap_or(&mut nothing);
    let mut kept = Vec::new();
    for option in options {
        added.remove(option);
        if !removed.contains(option) {
            kept.push(option.to_owned());
        }
    }
    kept.extend(added.iter().cloned());
    format!("{counted} {}", kept.join(" "))
}

/// `[success=1 default=ignore]` without its number, so that jumps of other lengths compare equal.
fn without_jump(text: &str) -> String {
    let Some(open) = text.find('[') else { return text.to_owned() };
    let Some(close) = text[open..].rfind(']').map(|at| open + at) else { return text.to_owned() };
    let inside = &text[open..close];
    let Some(digit) = inside.find(|c: char| c.is_ascii_digit()) else { return text.replacen("end", "", 1) };
    let rest = inside[digit..].trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{}{}{rest}{}", &text[..open], &inside[..digit], &text[close..])
}

/// Compares a live file with what was remembered: the enabled profiles in order, and the user's options. Nothing if the
/// file has lines that no package made, or lacks a mark.
pub(super) fn compare(live: &str, saved: &str, kind: &str) -> Option<(Vec<String>, Changes)> {
    let word = kind.trim_end_matches("-noninteractive").to_ascii_lowercase();
    let mut remembered = Vec::new();
    let mut profile = String::new();
    for line in saved.lines() {
        if let Some(name) = line.strip_prefix("Module: ") {
            name.clone_into(&mut profile);
        } else {
            let (module, options) = split(line);
            remembered.push((profile.clone(), without_jump(&module.replace("end", "")), options));
        }
    }
    let (mut order, mut changes, mut known) = (Vec::new(), Changes::new(), true);
    let mut remembered = remembered.into_iter();
    let complete = walk(live, |part| {
        let Part::Managed(line) = part else { return };
        let line = line.strip_prefix(word.as_str()).map_or(line, str::trim_start);
        let (module, options) = split(line);
        let module = without_jump(&module);
        let Some((profile, _, before)) = remembered.find(|(_, other, _)| *other == module) else {
            known = false;
            return;
        };
        order.push(profile);
        let (added, removed) = changes.entry(module).or_default();
        added.extend(options.iter().filter(|o| !before.contains(o)).map(|o| (*o).to_owned()));
        removed.extend(before.iter().filter(|o| !options.contains(o)).map(|o| (*o).to_owned()));
    });
    (complete && known).then_some((order, changes))
}
