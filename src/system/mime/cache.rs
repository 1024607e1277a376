//! `mime.cache`: all of the database in one file that programs map into memory.
//!
//! Invariant: big-endian numbers, offsets from the file's start, strings first and in the order of `GLib`'s hash table.

use std::collections::BTreeMap;

use super::magic::Match;
use super::{Database, Glob};
use crate::system::glib::HashTable;

/// Sections, in the header's order.
const SECTIONS: usize = 10;

struct Cache {
    bytes: Vec<u8>,
    strings: BTreeMap<Vec<u8>, u32>,
}

/// The file; magic is sorted already.
pub(super) fn bytes(database: &Database) -> Vec<u8> {
    let mut cache = Cache { bytes: vec![0; 4 + 4 * SECTIONS], strings: BTreeMap::new() };
    cache.put_strings(&strings(database));
    let mut offsets = Vec::new();
    let pairs = |table: &HashTable<String>| -> Vec<(Vec<u8>, String)> {
        table.iter().map(|(key, value)| (key.to_vec(), value.clone())).collect()
    };
    offsets.push(cache.here());
    cache.map(pairs(&database.aliases));
    offsets.push(cache.here());
    cache.parents(&database.subclasses);
    offsets.push(cache.here());
    cache.globs(&database.globs, Kind::Literal);
    offsets.push(cache.here());
    cache.suffixes(&database.globs);
    offsets.push(cache.here());
    cache.globs(&database.globs, Kind::Full);
    offsets.push(cache.here());
    cache.magic(database);
    offsets.push(cache.here());
    cache.namespaces(&database.namespaces);
    offsets.push(cache.here());
    cache.map(pairs(&database.icons));
    offsets.push(cache.here());
    cache.map(pairs(&database.generic_icons));
    offsets.push(cache.here());
    cache.types(&database.types);
    let head = [vec![0, 1, 0, 2], offsets.iter().flat_map(|offset| offset.to_be_bytes()).collect()].concat();
    cache.bytes.splice(..head.len(), head);
    cache.bytes
}

/// All strings, in the order in which the program collects them.
fn strings(database: &Database) -> HashTable<()> {
    let mut all = HashTable::default();
    for (alias, name) in database.aliases.iter() {
        all.insert(alias, ());
        all.insert(name.as_bytes(), ());
    }
    for (name, parents) in database.subclasses.iter() {
        all.insert(name, ());
        for parent in parents {
            all.insert(parent.as_bytes(), ());
        }
    }
    for (pattern, globs) in database.globs.iter() {
        if kind(pattern) != Kind::Simple {
            all.insert(pattern, ());
        }
        for glob in globs {
            all.insert(glob.name.as_bytes(), ());
        }
    }
    database.magic.iter().for_each(|magic| all.insert(magic.name.as_bytes(), ()));
    for (key, name) in database.namespaces.iter() {
        all.insert(name.as_bytes(), ());
        let mut parts = key.splitn(2, |byte| *byte == b' ');
        parts.by_ref().for_each(|part| all.insert(part, ()));
    }
    for (name, icon) in database.generic_icons.iter().chain(database.icons.iter()) {
        all.insert(name, ());
        all.insert(icon.as_bytes(), ());
    }
    all
}

/// What a pattern is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Literal,
    /// A star, then text.
    Simple,
    Full,
}

fn kind(pattern: &[u8]) -> Kind {
    let rest = pattern.strip_prefix(b"*").unwrap_or(pattern);
    if rest.iter().any(|byte| matches!(byte, b'\\' | b'[' | b'?' | b'*')) {
        Kind::Full
    } else if rest.len() < pattern.len() {
        Kind::Simple
    } else {
        Kind::Literal
    }
}

fn flags(glob: &Glob) -> u32 {
    (glob.weight & 0xff) | if glob.case_sensitive { 0x100 } else { 0 }
}

/// A letter of a suffix, read from its end; 0 ends one.
struct Suffix {
    letter: u32,
    name: String,
    weight: u32,
    flags: u32,
    children: Vec<Suffix>,
}

impl Suffix {
    fn new(letter: u32) -> Self {
        Self { letter, name: String::new(), weight: 0, flags: 0, children: Vec::new() }
    }
    fn depth(&self) -> usize {
        self.children.iter().map(|child| child.depth() + 1).max().unwrap_or(0)
    }
}

fn insert(mut suffixes: &mut Vec<Suffix>, reversed: &[u32], glob: &Glob) {
    for (index, letter) in reversed.iter().enumerate() {
        let at = suffixes.partition_point(|known| known.letter < *letter);
        if suffixes.get(at).is_none_or(|known| known.letter != *letter) {
            suffixes.insert(at, Suffix::new(*letter));
        }
        let Some(entry) = suffixes.get_mut(at) else { return };
        suffixes = &mut entry.children;
        if index + 1 < reversed.len() {
            continue;
        }
        let ends = suffixes.partition_point(|known| known.letter == 0);
        if let Some(known) = suffixes.iter_mut().take(ends).find(|known| known.name == glob.name) {
            known.weight = known.weight.max(glob.weight);
            return;
        }
        let end = Suffix { name: glob.name.clone(), weight: glob.weight, flags: flags(glob) & 0x100, ..Suffix::new(0) };
        suffixes.insert(ends, end);
        return;
    }
}

impl Cache {
    fn here(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }
    fn number(&mut self, number: u32) {
        self.bytes.extend(number.to_be_bytes());
    }
    fn count(&mut self, count: usize) {
        self.number(u32::try_from(count).unwrap_or(u32::MAX));
    }
    fn string(&mut self, text: &[u8]) {
        let offset = self.strings.get(text).copied().unwrap_or(0);
        self.number(offset);
    }
    fn padded(&mut self, data: &[u8]) {
        self.bytes.extend(data);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
    fn put_strings(&mut self, strings: &HashTable<()>) {
        for (text, ()) in strings.iter() {
            self.strings.insert(text.to_vec(), self.here());
            self.padded(&[text, b"\0"].concat());
        }
    }
    fn map(&mut self, mut pairs: Vec<(Vec<u8>, String)>) {
        pairs.sort();
        self.count(pairs.len());
        for (key, value) in pairs {
            self.string(&key);
            self.string(value.as_bytes());
        }
    }
    fn parents(&mut self, subclasses: &HashTable<Vec<String>>) {
        let mut all: Vec<_> = subclasses.iter().collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        self.count(all.len());
        let mut list = self.here() as usize + 8 * all.len();
        for (name, parents) in &all {
            self.string(name);
            self.count(list);
            list += 4 + 4 * parents.len();
        }
        for (_, parents) in all {
            self.count(parents.len());
            for parent in parents {
                self.string(parent.as_bytes());
            }
        }
    }
    fn globs(&mut self, globs: &HashTable<Vec<Glob>>, wanted: Kind) {
        let mut all: Vec<_> = globs.iter().filter(|(pattern, _)| kind(pattern) == wanted).collect();
        all.sort_unstable_by_key(|(pattern, _)| *pattern);
        self.count(all.iter().map(|(_, globs)| globs.len()).sum());
        for glob in all.into_iter().flat_map(|(_, globs)| globs) {
            self.string(glob.pattern.as_bytes());
            self.string(glob.name.as_bytes());
            self.number(flags(glob));
        }
    }
    fn suffixes(&mut self, globs: &HashTable<Vec<Glob>>) {
        let mut suffixes = Vec::new();
        for (pattern, globs) in globs.iter().filter(|(pattern, _)| kind(pattern) == Kind::Simple) {
            let text = String::from_utf8_lossy(pattern);
            let reversed: Vec<u32> = text.chars().skip(1).map(u32::from).collect::<Vec<_>>().into_iter().rev().collect();
            for glob in globs {
                insert(&mut suffixes, &reversed, glob);
            }
        }
        self.count(suffixes.len());
        self.number(self.here() + 4);
        let mut children = self.here() as usize + 12 * suffixes.len();
        let depth = suffixes.iter().map(|suffix| suffix.depth() + 1).max().unwrap_or(0);
        for level in 0..depth {
            for suffix in &suffixes {
                self.suffix(level, suffix, &mut children);
            }
        }
    }
    fn suffix(&mut self, level: usize, suffix: &Suffix, children: &mut usize) {
        if level > 0 {
            for child in &suffix.children {
                self.suffix(level - 1, child, children);
            }
            return;
        }
        self.number(suffix.letter);
        if suffix.letter == 0 {
            self.string(suffix.name.as_bytes());
            self.number((suffix.weight & 0xff) | suffix.flags);
        } else {
            self.count(suffix.children.len());
            self.count(*children);
        }
        *children += 12 * suffix.children.len();
    }
    fn magic(&mut self, database: &Database) {
        let mut matches = Vec::new();
        let starts: Vec<usize> = database.magic.iter().map(|magic| collect(&magic.matches, &mut matches)).collect();
        let extent = matches.iter().map(|(rule, _)| rule.data.len() + rule.start as usize + rule.length as usize).max();
        self.count(database.magic.len());
        self.count(extent.unwrap_or(0));
        self.number(self.here() + 4);
        let first = self.here() as usize + 16 * database.magic.len();
        for (magic, start) in database.magic.iter().zip(starts) {
            self.number(magic.priority);
            self.string(magic.name.as_bytes());
            self.count(magic.matches.len());
            self.count(first + 32 * start);
        }
        let mut data = first + 32 * matches.len();
        for (rule, children) in &matches {
            self.number(rule.start);
            self.number(rule.length);
            self.number(rule.word_size);
            self.count(rule.data.len());
            self.count(data);
            data += rule.data.len().next_multiple_of(4);
            match &rule.mask {
                Some(mask) => {
                    self.count(data);
                    data += mask.len().next_multiple_of(4);
                }
                None => self.number(0),
            }
            self.count(rule.matches.len());
            self.count(if rule.matches.is_empty() { 0 } else { first + 32 * children });
        }
        for (rule, _) in &matches {
            self.padded(&rule.data);
            if let Some(mask) = &rule.mask {
                self.padded(mask);
            }
        }
    }
    fn namespaces(&mut self, namespaces: &HashTable<String>) {
        let mut all: Vec<_> = namespaces.iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        self.count(all.len());
        for (key, name) in all {
            key.splitn(2, |byte| *byte == b' ').for_each(|part| self.string(part));
            self.string(name.as_bytes());
        }
    }
    fn types(&mut self, types: &HashTable<Vec<crate::system::xml::Element>>) {
        // The program looks its strings up with a newline that none of them has.
        self.count(types.len());
        self.bytes.resize(self.bytes.len() + 4 * types.len(), 0);
    }
}

/// All matches of a list, then of each one's own list; where the list begins. Each has the place of its own list's first.
fn collect<'m>(list: &'m [Match], all: &mut Vec<(&'m Match, usize)>) -> usize {
    let start = all.len();
    all.extend(list.iter().map(|rule| (rule, 0)));
    for (index, rule) in list.iter().enumerate() {
        let children = collect(&rule.matches, all);
        if let Some(entry) = all.get_mut(start + index) {
            entry.1 = children;
        }
    }
    start
}
