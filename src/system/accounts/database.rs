//! One of the four account files (passwd, group, shadow, gshadow) as lines.
//!
//! Invariant: a line that nobody changes keeps every byte, malformed ones too; new entries stand before a trailing block of
//! NIS lines (`+...`, `-...`), as shadow-utils and systemd put them.

use super::super::error::{Result, SystemError};
use super::super::view::MAX_DOCUMENT;

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum File {
    /// `/etc/passwd`: name, password, UID, GID, comment, home, shell.
    Passwd,
    /// `/etc/group`: name, password, GID, members.
    Group,
    /// `/etc/shadow`: name, password and seven numbers.
    Shadow,
    /// `/etc/gshadow`: name, password, administrators, members.
    Gshadow,
}

impl File {
    /// All four, in the order in which they are written.
    pub const ALL: [Self; 4] = [Self::Passwd, Self::Shadow, Self::Group, Self::Gshadow];

    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Passwd => "/etc/passwd",
            Self::Group => "/etc/group",
            Self::Shadow => "/etc/shadow",
            Self::Gshadow => "/etc/gshadow",
        }
    }
    /// Fields of a line.
    const fn fields(self) -> usize {
        match self {
            Self::Passwd => 7,
            Self::Group | Self::Gshadow => 4,
            Self::Shadow => 9,
        }
    }
}

/// The lines of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    file: File,
    lines: Vec<Vec<u8>>,
}

impl Database {
    /// Reads `bytes`; any line is taken.
    pub fn parse(file: File, bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_DOCUMENT {
            return Err(SystemError::malformed(file.path(), "too large"));
        }
        let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        // What follows the last newline is a line only if it is not empty: the tools end every file with one.
        lines.pop_if(|last| last.is_empty());
        Ok(Self { file, lines })
    }
    /// The file's bytes, every line ended.
    pub fn bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
    }
    /// The well-formed entries, as fields.
    pub fn entries(&self) -> impl Iterator<Item = Vec<&[u8]>> {
        self.lines.iter().filter_map(|line| self.split(line))
    }
    fn split<'a>(&self, line: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        if matches!(line.first(), None | Some(b'+' | b'-' | b'#')) {
            return None;
        }
        let fields: Vec<&[u8]> = line.split(|b| *b == b':').collect();
        (fields.len() == self.file.fields()).then_some(fields)
    }
    /// The fields of the first entry of this name.
    pub fn find(&self, name: &str) -> Option<Vec<&[u8]>> {
        self.entries().find(|fields| fields.first() == Some(&name.as_bytes()))
    }
    /// The number in the third field (UID of passwd, GID of group).
    pub fn number_of(&self, name: &str) -> Option<u32> {
        number(self.find(name)?.get(2)?)
    }
    /// All pairs of name and number.
    pub fn numbers(&self) -> impl Iterator<Item = (String, u32)> {
        self.entries().filter_map(|f| Some((String::from_utf8_lossy(f.first()?).into_owned(), number(f.get(2)?)?)))
    }
    /// The first name that has this number.
    pub fn name_of(&self, wanted: u32) -> Option<String> {
        self.numbers().find(|(_, n)| *n == wanted).map(|(name, _)| name)
    }
    /// Adds an entry.
    pub fn append(&mut self, fields: &[&[u8]]) {
        let nis = self.lines.iter().rposition(|line| !matches!(line.first(), Some(b'+' | b'-'))).map_or(0, |at| at + 1);
        self.lines.insert(nis, fields.join(&b':'));
    }
    /// Changes the fields of the first entry of this name; whether there is one.
    pub fn change(&mut self, name: &str, edit: impl FnOnce(&mut Vec<Vec<u8>>)) -> bool {
        let Some(at) = self.position(name) else { return false };
        let mut fields: Vec<Vec<u8>> = self.lines[at].split(|b| *b == b':').map(<[u8]>::to_vec).collect();
        edit(&mut fields);
        self.lines[at] = fields.join(&b':');
        true
    }
    /// Gives an entry another name; as with `usermod`, it then stands where a new one would.
    pub fn rename(&mut self, old: &str, new: &str) {
        let Some(at) = self.position(old) else { return };
        let line = self.lines.remove(at);
        let rest: Vec<&[u8]> = line.split(|b| *b == b':').skip(1).collect();
        let fields: Vec<&[u8]> = std::iter::once(new.as_bytes()).chain(rest).collect();
        self.append(&fields);
    }
    /// Removes the first entry of this name; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.position(name).map(|at| self.lines.remove(at)).is_some()
    }
    fn position(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|line| self.split(line).is_some_and(|f| f.first() == Some(&name.as_bytes())))
    }
    /// Adds `user` to the member list (last field) of the group `name`, unless it is there; whether the group exists.
    pub fn add_member(&mut self, name: &str, user: &str) -> bool {
        self.change(name, |fields| {
            let Some(members) = fields.last_mut() else { return };
            if members.split(|b| *b == b',').any(|m| m == user.as_bytes()) {
                return;
            }
            if !members.is_empty() {
                members.push(b',');
            }
            members.extend_from_slice(user.as_bytes());
        })
    }
    /// Sorts the member list of a group, as systemd does when it adds to it.
    pub fn sort_members(&mut self, name: &str) {
        self.change(name, |fields| {
            let Some(members) = fields.last_mut() else { return };
            let mut sorted: Vec<&[u8]> = members.split(|b| *b == b',').collect();
            sorted.sort_unstable();
            sorted.dedup();
            *members = sorted.join(&b',');
        });
    }
    /// Rewrites `user` in every member list: under another name, then last in the list, or out of it.
    pub fn replace_member(&mut self, user: &str, new: Option<&str>) {
        for line in &mut self.lines {
            let Some(colon) = line.iter().rposition(|b| *b == b':') else { continue };
            let members: Vec<&[u8]> = line[colon + 1..].split(|b| *b == b',').collect();
            if !members.contains(&user.as_bytes()) {
                continue;
            }
            let others = members.into_iter().filter(|member| *member != user.as_bytes());
            let list = others.chain(new.map(str::as_bytes)).collect::<Vec<_>>().join(&b',');
            line.truncate(colon + 1);
            line.extend(list);
        }
    }
}

fn number(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_other_byte_is_kept_and_nis_lines_stay_last() {
        let text = b"root:x:0:0:root:/root:/bin/bash\nbroken\n\n# note\nd\xff:x:7:7::/:/bin/sh\n+@net::::::\n+::::::\n";
        let mut passwd = Database::parse(File::Passwd, text).expect("lines");
        passwd.append(&[b"a", b"x", b"1", b"1", b"", b"/", b"/bin/sh"]);
        let now = String::from_utf8_lossy(&passwd.bytes()).into_owned();
        assert!(now.ends_with("/bin/sh\na:x:1:1::/:/bin/sh\n+@net::::::\n+::::::\n"), "{now}");
        assert!(passwd.remove("a"));
        assert_eq!(passwd.bytes(), text);
        assert_eq!(passwd.name_of(7).as_deref(), Some("d\u{fffd}"));
    }

    #[test]
    fn members_are_added_once_and_can_be_renamed() {
        let mut group = Database::parse(File::Group, b"sudo:x:27:\nadm:x:4:me,you\n").expect("lines");
        assert!(group.add_member("sudo", "me") && group.add_member("adm", "me") && !group.add_member("none", "me"));
        assert_eq!(group.bytes(), b"sudo:x:27:me\nadm:x:4:me,you\n");
        group.replace_member("me", Some("us"));
        group.replace_member("you", None);
        assert_eq!(group.bytes(), b"sudo:x:27:us\nadm:x:4:us\n");
    }

    proptest! {
        #[test]
        fn unchanged_lines_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let database = Database::parse(File::Group, &bytes).expect("small");
            let mut expected = bytes.clone();
            if !expected.is_empty() && !expected.ends_with(b"\n") { expected.push(b'\n'); }
            prop_assert_eq!(database.bytes(), expected);
        }
    }
}
