//! `update-mime`: the programs for file types in `/etc/mailcap`, from what packages and desktop files say.
//!
//! Invariant: the part above and the users' own part of the file stay byte for byte; without their marks nothing is written.

use super::error::Result;
use super::view::{View, Write};

const FILE: &str = "/etc/mailcap";
const DEFAULT: &str = "/usr/lib/mime/mailcap";
const PACKAGES: &str = "/usr/lib/mime/packages";
const APPLICATIONS: &str = "/usr/share/applications";
const ORDER: &str = "/etc/mailcap.order";
/// Of an entry that names none.
const PRIORITY: u32 = 5;
/// Folders of applications nest this deep at most.
const MAX_DEPTH: usize = 8;

/// A line with what it is sorted by.
struct Entry {
    package: String,
    text: String,
    priority: u32,
}

/// About how many bytes [`update`] reads.
pub fn size(view: &dyn View) -> usize {
    view.list(PACKAGES).len().saturating_add(view.list(APPLICATIONS).len()).saturating_mul(4096)
}

/// The new file, if there is one with its marks.
pub fn update(view: &dyn View) -> Result<Vec<Write>> {
    let old = match view.text(FILE)? {
        Some(text) => Some(text),
        None => view.text(DEFAULT)?,
    };
    let Some(mut text) = old.as_deref().and_then(kept) else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    for name in view.list(PACKAGES).into_iter().filter(|name| is_read(name)) {
        of_package(&view.text(&format!("{PACKAGES}/{name}"))?.unwrap_or_default(), &name, &mut entries);
    }
    let mut seen: Vec<String> = entries.iter().map(|entry: &Entry| entry.package.clone()).collect();
    for (name, path) in desktop_files(view, APPLICATIONS, 0) {
        if !seen.contains(&name) {
            of_application(&view.text(&path)?.unwrap_or_default(), &name, &mut entries);
            seen.push(name);
        }
    }
    entries.sort_by_key(|entry| (std::cmp::Reverse(entry.priority), breadth(&entry.text)));
    if let Some(order) = view.text(ORDER)? {
        entries = ordered(entries, &order);
    }
    text.push_str(&format!("\n{}\n\n", "#".repeat(79)));
    for entry in entries {
        text.push_str(&shown(&entry.text));
        text.push('\n');
    }
    Ok(vec![Write::file(FILE, text)])
}

/// Names that a shell's `*` gives, but for backups.
fn is_read(name: &str) -> bool {
    !name.starts_with(['.', '#']) && !name.ends_with('~')
}

/// Everything up to the mark that ends the users' part; nothing without the marks.
fn kept(text: &str) -> Option<String> {
    let (mut kept, mut begun) = (String::new(), false);
    for line in text.split_inclusive('\n') {
        kept.push_str(&line.replace("install-mime", "update-mime"));
        let mark = line.starts_with("# ----- ");
        if begun && mark && line.contains(" Ends ") {
            return Some(kept);
        }
        begun |= mark && line.contains(" Begins ");
    }
    None
}

fn of_package(text: &str, package: &str, entries: &mut Vec<Entry>) {
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        let priority = priority(line).map_or(PRIORITY, |(_, _, number)| number);
        let priority = if priority > 9 { PRIORITY } else { priority };
        entries.push(Entry { package: package.into(), text: line.into(), priority });
    }
}

/// The desktop files below a folder with their names, those of folders first.
fn desktop_files(view: &dyn View, folder: &str, depth: usize) -> Vec<(String, String)> {
    if depth > MAX_DEPTH {
        return Vec::new();
    }
    let names: Vec<String> = view.list(folder).into_iter().filter(|name| is_read(name)).collect();
    let (folders, files): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| view.is_directory(&format!("{folder}/{name}")));
    let below = folders.iter().flat_map(|name| desktop_files(view, &format!("{folder}/{name}"), depth + 1));
    let own = files.iter().filter_map(|name| Some((name.strip_suffix(".desktop")?.to_owned(), format!("{folder}/{name}"))));
    below.chain(own).collect()
}

/// The value of `KEY=` at the start of a line, whatever the case.
fn value<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    let head = line.get(..key.len())?;
    line.get(key.len()..)?.strip_prefix('=').filter(|_| head.eq_ignore_ascii_case(key))
}

fn of_application(text: &str, package: &str, entries: &mut Vec<Entry>) {
    let (mut terminal, mut name, mut icon) = (false, package.to_owned(), String::new());
    let (mut exec, mut types, mut inside) = (None, Vec::new(), false);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        if line.starts_with('[') && line.ends_with(']') {
            inside = line == "[Desktop Entry]";
        } else if !inside {
        } else if let Some(text) = value(line, "Terminal") {
            terminal |= text.split(|c: char| !c.is_alphanumeric()).next() == Some("true");
        } else if let Some(text) = value(line, "Name").filter(|text| !text.is_empty()) {
            text.clone_into(&mut name);
        } else if let Some(text) = value(line, "Icon").filter(|text| !text.is_empty()) {
            text.clone_into(&mut icon);
        // The command looks for these two anywhere in a line: `TryExec=` counts as well.
        } else if let Some((_, text)) = line.to_ascii_lowercase().find("exec=").map(|at| line.split_at(at + 5)) {
            let mut words = ["%f", "%F", "%u", "%U"].iter().fold(text.to_owned(), |text, sign| text.replace(sign, "%s"));
            if !words.contains("%s") {
                words.push_str(" %s");
            }
            exec = Some(words);
        } else if let Some((_, text)) = line.to_ascii_lowercase().find("mimetype=").map(|at| line.split_at(at + 9)) {
            types.extend(text.split(';').map(str::trim).filter(|kind| !kind.is_empty()).map(str::to_owned));
        }
    }
    let Some(exec) = exec else { return };
    let exec = exec.replace("%c", &name).replace("%i", &format!("--icon {icon}"));
    let needs = if terminal { "needsterminal" } else { "test=test -n \"$DISPLAY\"" };
    let made = types.iter().map(|kind| format!("{kind}; {exec}; {needs}"));
    entries.extend(made.map(|text| Entry { package: package.into(), text, priority: PRIORITY }));
}

/// Types with a wildcard come after those without.
fn breadth(entry: &str) -> u8 {
    let kind = entry.split_whitespace().next().unwrap_or_default();
    u8::from(kind.contains("/*")) + 2 * u8::from(kind.starts_with("*/"))
}

/// `priority = N` in a line: where it begins, where its end is, and the number.
fn priority(line: &str) -> Option<(usize, usize, u32)> {
    let lower = line.to_ascii_lowercase();
    lower.match_indices("priority").find_map(|(at, word)| {
        let number = lower.get(at + word.len()..)?.trim_start().strip_prefix('=')?.trim_start();
        let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let after = number.get(digits..)?.trim_start();
        let end = lower.len() - after.strip_prefix(';').unwrap_or(after).len();
        let value = number.get(..digits)?.parse().ok()?;
        (after.is_empty() || after.starts_with(';')).then_some((at, end, value))
    })
}

/// The line as it is written: without its priority, without a semicolon at the end.
fn shown(line: &str) -> String {
    let mut text = line.to_owned();
    if let Some((from, to, _)) = priority(line) {
        let before = line.get(..from).unwrap_or_default().trim_end();
        text = format!("{before}{}", line.get(to..).unwrap_or_default());
    }
    let cut = text.trim_end();
    cut.strip_suffix(';').map_or(text.clone(), |cut| cut.trim_end().to_owned())
}

/// Lines `PACKAGE` or `PACKAGE:TYPE` of the users' order go before all others.
fn ordered(entries: Vec<Entry>, order: &str) -> Vec<Entry> {
    let lines = order.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty());
    let (mut rest, mut first) = (entries, Vec::new());
    for line in lines {
        let (package, kind) = line.split_once(':').unwrap_or((line, ""));
        let kind = if kind.is_empty() { "*/*" } else { kind };
        let (major, minor) = kind.split_once('/').unwrap_or((kind, "*"));
        let fits = |entry: &Entry| {
            let own = entry.text.split([';', ' ', '\t']).next().unwrap_or_default();
            let (own_major, own_minor) = own.split_once('/').unwrap_or((own, ""));
            entry.package == package && (major == "*" || major == own_major) && (minor == "*" || minor == own_minor)
        };
        let (taken, left) = rest.into_iter().partition(|entry| fits(entry));
        first.extend::<Vec<Entry>>(taken);
        rest = left;
    }
    first.extend(rest);
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{Change, Tree};

    const FRAME: &str = "# top by install-mime\n# ----- User Section Begins ----- #\nmine/x; mine\n# -----  User Section Ends  ----- #\nold/x; old\n";

    #[test]
    fn entries_stand_by_priority_and_breadth_below_the_users_own() {
        let tree = Tree::with_files([
            (FILE, FRAME),
            ("/usr/lib/mime/packages/b", "text/*; less '%s'; needsterminal\ntext/html; links %s ; priority=7 ; \n# no\n"),
            ("/usr/lib/mime/packages/a", "text/plain; more %s; priority=2\n*/*; any %s\n"),
            ("/usr/lib/mime/packages/a~", "bad/x; bad\n"),
            (
                "/usr/share/applications/p.desktop",
                "[Desktop Entry]\nName=P\nExec=p --name %c %U\nMimeType=image/p;;image/q\n[Other]\nExec=q\n",
            ),
            ("/usr/share/applications/a.desktop", "[Desktop Entry]\nExec=a\nMimeType=image/a\n"),
            ("/etc/mailcap.order", "b:text/* # first\n"),
        ]);
        let writes = update(&tree).expect("made");
        let [Write { change: Change::File(bytes), .. }] = &writes[..] else { panic!("one file") };
        let text = String::from_utf8_lossy(bytes).into_owned();
        let made = text.strip_prefix(
            "# top by update-mime\n# ----- User Section Begins ----- #\nmine/x; mine\n# -----  User Section Ends  ----- #\n",
        );
        let lines: Vec<&str> = made.expect("the users' part stays").lines().skip(3).collect();
        assert_eq!(
            lines,
            [
                "text/html; links %s",
                "text/*; less '%s'; needsterminal",
                "image/p; p --name P %s; test=test -n \"$DISPLAY\"",
                "image/q; p --name P %s; test=test -n \"$DISPLAY\"",
                "*/*; any %s",
                "text/plain; more %s",
            ]
        );
        assert_eq!(update(&Tree::with_files([(FILE, "no marks\n")])).expect("read"), []);
    }
}
