//! Rows of `plywood ls`.
//!
//! Invariant: a row is one line whatever the name holds, and equal on every machine: times are UTC, owners are numbers.

use std::fmt;

use crate::oci::Civil;
use crate::stream::{EntryPath, Kind};

use super::{Node, RootFs};

/// One node, to be shown as a line.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a>(pub &'a Node);

impl RootFs {
    /// What `path` leads to: the nodes directly in a directory, or the one node that is no directory. Nothing if there
    /// is nothing. Links are followed, as `ls DIR/` does; a link that leads nowhere is shown itself.
    pub fn list(&self, path: &EntryPath) -> Option<Vec<Row<'_>>> {
        let found = self.resolve(path, true);
        let children: Vec<_> = self.children(&found.path).map(Row).collect();
        match found.node {
            Some(node) if node.entry.is_directory() => Some(children),
            Some(node) => Some(vec![Row(node)]),
            None if found.path.is_root() || !children.is_empty() => Some(children),
            None => self.resolve(path, false).node.map(|node| vec![Row(node)]),
        }
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = &self.0.entry;
        let owner = format!("{}:{}", entry.owner.uid, entry.owner.gid);
        let size = match entry.kind {
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => format!("{major},{minor}"),
            _ => entry.size().to_string(),
        };
        write!(f, "{} {owner:>9} {size:>10} {} {}", mode(&entry.kind, entry.mode), Time(entry.mtime), entry.path)?;
        match &entry.kind {
            Kind::Symlink { target } => write!(f, " -> {}", target.escape_ascii()),
            Kind::HardLink { target } => write!(f, " link to {target}"),
            _ => Ok(()),
        }
    }
}

/// `drwxr-xr-t`, as `ls -l` has it.
fn mode(kind: &Kind, mode: u32) -> String {
    let first = match kind {
        Kind::File { .. } => '-',
        Kind::Directory => 'd',
        Kind::Symlink { .. } => 'l',
        Kind::HardLink { .. } => 'h',
        Kind::CharDevice { .. } => 'c',
        Kind::BlockDevice { .. } => 'b',
        Kind::Fifo => 'p',
    };
    let mut text = String::from(first);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Seconds since 1970 as `2024-02-29 23:59` in UTC.
struct Time(i64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = Civil::of(self.0);
        write!(f, "{} {:02}:{:02}", civil.date(), civil.hour, civil.minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Entry;

    #[test]
    fn a_row_is_one_line_whatever_the_name_holds() {
        let path = EntryPath::new("a\nb\u{1b}[31m").expect("a path");
        let target = b"x\ny".to_vec();
        let node =
            Node { entry: Entry::new(path, Kind::Symlink { target }, 0o7655), bytes: None, digest: None, elf: None, layer: 0 };
        let row = Row(&node).to_string();
        assert_eq!(row, "lrwSr-sr-t       0:0          0 1970-01-01 00:00 /a\\nb\\u{1b}[31m -> x\\ny");
    }
}
