//! `install-info`: the menu of all Info manuals, `/usr/share/info/dir`.
//!
//! Invariant: bytes as install-info of Texinfo 6 and 7 writes them, its wrapping included; a menu that it did not make itself is
//! not covered.

use super::error::{Result, SystemError};

const COMMAND: &str = "install-info";
/// Columns of a line.
const WIDTH: usize = 79;

const HEAD: &str = "This is the file .../info/dir, which contains the\ntopmost node of the Info hierarchy, called (dir)Top.\nThe first time you invoke Info you start off looking at this node.\n\u{1f}\nFile: dir,\tNode: Top\tThis is the top of the INFO tree\n\n  This (the Directory node) gives a menu of major topics.\n  Typing \"q\" exits, \"H\" lists all Info commands, \"d\" returns here,\n  \"h\" gives a primer for first-timers,\n  \"mEmacs<Return>\" visits the Emacs manual, etc.\n\n  In Emacs, you can click mouse button 2 on a menu item or cross reference\n  to select it.\n\n* Menu:\n";

type Text = Vec<u8>;

/// An entry of a manual.
struct Entry {
    text: Text,
    /// Where it belongs.
    sections: Vec<Text>,
}

/// A section of the menu: its name and its lines, without the blank line before it.
struct Section {
    name: Text,
    lines: Vec<Text>,
}

/// A menu without entries, which is made also for a manual that has none.
pub fn empty() -> Vec<u8> {
    HEAD.as_bytes().to_vec()
}

/// The menu with a manual's entries; `None` where the manual has none.
pub fn install(menu: Option<&[u8]>, manual: &[u8]) -> Result<Option<Vec<u8>>> {
    let (head, mut sections) = match menu {
        None => (HEAD.as_bytes().to_vec(), Vec::new()),
        Some(menu) => read(menu)?,
    };
    let (all, mut entries) = of_manual(manual)?;
    if entries.is_empty() {
        return Ok(None);
    }
    for entry in &mut entries {
        let is_wide = entry.sections.iter().any(|name| name == b"Individual utilities");
        let (first, others) = if is_wide { (48, 50) } else { (32, 34) };
        let (name, description) = split(&entry.text).ok_or_else(|| SystemError::uncovered(COMMAND, "an entry without a period"))?;
        entry.text = formatted(&name, &description, first, others);
    }
    let mut missing = vec![true; all.len()];
    for section in &mut sections {
        if let Some(at) = all.iter().position(|name| *name == section.name) {
            missing[at] = false;
            section.add(&entries);
        }
    }
    let added: Vec<&Text> = all.iter().zip(missing).filter(|(_, missing)| *missing).map(|(name, _)| name).collect();
    Ok(Some(written(&head, &sections, added, &entries)))
}

/// A menu as this module writes it.
fn read(menu: &[u8]) -> Result<(Text, Vec<Section>)> {
    let own = || SystemError::uncovered(COMMAND, "a menu that install-info did not make");
    let mark = b"\n* Menu:\n";
    let at = menu.windows(mark.len()).position(|window| window == mark).ok_or_else(own)?;
    let (head, rest) = menu.split_at(at + mark.len());
    let mut sections: Vec<Section> = Vec::new();
    let mut is_blank = false;
    for line in rest.split_inclusive(|byte| *byte == b'\n') {
        match (line.first(), sections.last_mut()) {
            (Some(b'\n'), _) if !is_blank => is_blank = true,
            (Some(b'*' | b' ' | b'\t'), Some(section)) if !is_blank => section.lines.push(line.to_vec()),
            (Some(first), _) if is_blank && !matches!(first, b'*' | b' ' | b'\t' | b'\n' | 0x1f) && line.ends_with(b"\n") => {
                is_blank = false;
                sections.push(Section { name: line.trim_ascii_end().to_vec(), lines: Vec::new() });
            }
            _ => return Err(own()),
        }
    }
    if is_blank { Err(own()) } else { Ok((head.to_vec(), sections)) }
}

/// The sections that a manual names, newest first, and its entries, last first.
fn of_manual(manual: &[u8]) -> Result<(Vec<Text>, Vec<Entry>)> {
    let (mut all, mut group, mut entries): (Vec<Text>, Vec<Text>, Vec<Entry>) = (Vec::new(), Vec::new(), Vec::new());
    let (mut is_closed, mut open): (bool, Option<Text>) = (false, None);
    for line in manual.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if let Some(name) = text.strip_prefix(b"INFO-DIR-SECTION ") {
            if std::mem::take(&mut is_closed) {
                group.clear();
            }
            all.insert(0, name.to_vec());
            group.insert(0, name.to_vec());
        } else if text == b"START-INFO-DIR-ENTRY" {
            if all.is_empty() {
                all.push(b"Miscellaneous".to_vec());
                group.clone_from(&all);
            }
            is_closed = true;
            if open.replace(Text::new()).is_some() {
                return Err(SystemError::refused(COMMAND, "START-INFO-DIR-ENTRY without matching END-INFO-DIR-ENTRY"));
            }
        } else if let Some(entry) = &mut open {
            let ends = text == b"END-INFO-DIR-ENTRY";
            if ends || (text.starts_with(b"* ") && !entry.is_empty()) {
                entries.insert(0, Entry { text: std::mem::take(entry), sections: group.clone() });
            }
            if ends {
                open = None;
            } else {
                entry.extend_from_slice(line);
            }
        }
    }
    if open.is_some() {
        return Err(SystemError::refused(COMMAND, "START-INFO-DIR-ENTRY without matching END-INFO-DIR-ENTRY"));
    }
    Ok((all, entries))
}

/// Name, up to the first period that white space follows, and description in one line.
fn split(entry: &[u8]) -> Option<(Text, Text)> {
    let end = entry.windows(2).position(|pair| pair[0] == b'.' && matches!(pair[1], b' ' | b'\t' | b'\n'))?;
    let (name, rest) = entry.split_at(end + 1);
    let mut description = Text::new();
    let mut rest = rest.trim_ascii_start();
    while !rest.is_empty() {
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, after) = rest.split_at(length);
        description.extend_from_slice(line);
        let after = after.get(1..).unwrap_or_default();
        if length > 1 && !after.is_empty() {
            match line.last() {
                Some(b'.') => description.extend_from_slice(b"  "),
                Some(last) if !last.is_ascii_whitespace() => description.push(b' '),
                _ => {}
            }
        }
        rest = after.trim_ascii_start();
    }
    description.push(b'\n');
    Some((name.to_vec(), description))
}

fn columns(column: usize, byte: u8) -> usize {
    match byte {
        8 => column.saturating_sub(1),
        b'\r' => 0,
        b'\t' => column + 8 - column % 8,
        _ => column + 1,
    }
}

/// An entry with its description at `first`, and at `others` on further lines.
fn formatted(name: &[u8], description: &[u8], first: usize, others: usize) -> Text {
    let mut out = name.to_vec();
    if description.len() <= 2 {
        if name.len() > first - 1 && description.len() > 1 {
            out.push(b'\n');
            out.extend(std::iter::repeat_n(b' ', first));
        }
        out.push(b'\n');
        return out;
    }
    let mut column = name.len();
    if name.len() > first - 1 {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', first));
        column = first;
    } else {
        while column < first {
            out.push(b' ');
            column += 1;
        }
    }
    let mut line = Text::new();
    for byte in description {
        if *byte == b'\n' {
            line.push(b'\n');
            out.append(&mut line);
            column = 0;
            continue;
        }
        column = columns(column, *byte);
        while column > WIDTH && !line.is_empty() {
            // The new line's indentation is not counted, as in the program.
            if let Some(blank) = line.iter().rposition(|byte| matches!(byte, b' ' | b'\t')) {
                out.extend(line.drain(..=blank));
                out.push(b'\n');
                out.extend(std::iter::repeat_n(b' ', others));
            } else {
                out.append(&mut line);
                out.push(b'\n');
            }
            column = columns(line.iter().fold(0, |column, byte| columns(column, *byte)), *byte);
        }
        line.push(*byte);
    }
    out.append(&mut line);
    out
}

/// The part of a line up to its first colon.
fn item(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b':').next().unwrap_or_default()
}

impl Section {
    /// Puts the entries that belong here before the first greater one; one of the same name goes.
    fn add(&mut self, entries: &[Entry]) {
        let mut before: Vec<Vec<&Text>> = vec![Vec::new(); self.lines.len() + 1];
        let mut gone = vec![false; self.lines.len()];
        // The place of an entry that is greater than all is that of the entry before it.
        let mut at = self.lines.len();
        for entry in entries.iter().filter(|entry| entry.sections.contains(&self.name)) {
            for (index, line) in self.lines.iter().enumerate().rev().filter(|(_, line)| line.starts_with(b"*")) {
                if item(line) == item(&entry.text) && !gone[index] {
                    let length = self.lines[index + 1..].iter().take_while(|line| !line.starts_with(b"*")).count();
                    gone[index..=index + length].fill(true);
                }
                if item(&entry.text) < item(line) {
                    at = index;
                }
            }
            let place = before[at].iter().position(|other| item(&entry.text) < item(other)).unwrap_or(before[at].len());
            before[at].insert(place, &entry.text);
        }
        let mut lines = Vec::new();
        for (index, new) in before.iter().enumerate() {
            lines.extend(new.iter().flat_map(|text| text.split_inclusive(|byte| *byte == b'\n')).map(<[u8]>::to_vec));
            if index < gone.len() && !gone[index] {
                lines.push(self.lines[index].clone());
            }
        }
        self.lines = lines;
    }
}

/// The menu: new sections stand before the first one that is greater.
fn written(head: &[u8], sections: &[Section], mut added: Vec<&Text>, entries: &[Entry]) -> Vec<u8> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| {
        let (left, right) = (item(&a.text), item(&b.text));
        let length = left.len().min(right.len());
        left[..length].to_ascii_lowercase().cmp(&right[..length].to_ascii_lowercase())
    });
    added.sort();
    let lower = |name: &[u8]| name.to_ascii_lowercase();
    let place = |name: &[u8]| sections.iter().position(|known| lower(name) < lower(&known.name)).unwrap_or(sections.len());
    let mut out = head.to_vec();
    for index in 0..=sections.len() {
        for name in added.iter().filter(|name| place(name) == index) {
            out.extend([b"\n", &name[..], b"\n"].concat());
            sorted.iter().filter(|entry| entry.sections.contains(name)).for_each(|entry| out.extend(&entry.text));
        }
        if let Some(section) = sections.get(index) {
            out.extend([b"\n", &section.name[..], b"\n"].concat());
            section.lines.iter().for_each(|line| out.extend(line));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = "INFO-DIR-SECTION Basics\nSTART-INFO-DIR-ENTRY\n* B: (b).  About\n b.\n* A long name of an entry here: (b)Node.  It is.\nEND-INFO-DIR-ENTRY\n";

    fn text(bytes: Option<Vec<u8>>) -> String {
        String::from_utf8(bytes.expect("a menu")).expect("text").split_once("* Menu:\n").expect("a menu").1.to_owned()
    }

    #[test]
    fn entries_are_sorted_into_sections() {
        let first = install(None, MANUAL.as_bytes()).expect("installed");
        let expected = "\nBasics\n* A long name of an entry here: (b)Node.\n                                It is.\n* B: (b).                       About b.\n";
        assert_eq!(text(first.clone()), expected);
        let other = "INFO-DIR-SECTION Aaa\nINFO-DIR-SECTION Basics\nSTART-INFO-DIR-ENTRY\n* Aa: (a).  A.\nEND-INFO-DIR-ENTRY\n";
        let second = install(first.as_deref(), other.as_bytes()).expect("installed");
        let entry = "* Aa: (a).                      A.\n";
        assert_eq!(text(second.clone()), format!("\nAaa\n{entry}{}", expected.replace("* B:", &format!("{entry}* B:"))));
        let again = install(second.as_deref(), other.as_bytes()).expect("installed");
        assert_eq!(again, second, "an entry of the same name is replaced");
        assert_eq!(install(None, b"nothing"), Ok(None));
    }

    #[test]
    fn a_menu_of_another_hand_is_not_covered() {
        for menu in [
            "",
            "x\n* Menu:\n\n\nBasics\n",
            "x\n* Menu:\nBasics\n",
            "x\n* Menu:\n\n* A: (a).\n",
            "x\n* Menu:\n\nBasics\n* A: (a).\n\n",
        ] {
            assert!(install(Some(menu.as_bytes()), MANUAL.as_bytes()).is_err(), "{menu:?}");
        }
    }
}
