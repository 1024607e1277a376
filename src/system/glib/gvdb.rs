//! The file format of `GLib`'s small databases.
//!
//! Invariant: little-endian; items stand in the order of the buckets of a table as large as their number, and within a bucket
//! against the order in which `GLib`'s hash table gives them.

use super::hash_table::{HashTable, hash};
use super::variant::Value;

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Item {
    /// A value; whether the root lists its name.
    Value(Value, bool),
    /// Another table, which the root lists.
    Table(HashTable<Item>),
    /// The root: the names that are listed, sorted.
    List(Vec<Vec<u8>>),
}

/// Bytes of the header, and of an item.
const HEADER: usize = 24;
const ITEM: usize = 24;

/// A table with its root, which has no name.
pub(super) fn table() -> HashTable<Item> {
    let mut table = HashTable::default();
    table.insert(b"", Item::List(Vec::new()));
    table
}

/// Adds an item that the root lists.
pub(super) fn list(table: &mut HashTable<Item>, name: &[u8], item: Item) {
    table.insert(name, item);
    if let Some(Item::List(names)) = table.get_mut(b"") {
        names.insert(names.partition_point(|known| &known[..] <= name), name.to_vec());
    }
}

/// The file of a table.
pub(super) fn file(table: &HashTable<Item>) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    let root = write(&mut bytes, table);
    let head = [b"GVariant".as_slice(), &[0; 8], &root].concat();
    bytes.splice(..HEADER, head);
    bytes
}

fn number(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn put(bytes: &mut [u8], at: usize, part: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + part.len()) {
        place.copy_from_slice(part);
    }
}

/// Appends a part; where it begins and ends.
fn append(bytes: &mut Vec<u8>, alignment: usize, part: &[u8]) -> [u8; 8] {
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
    let start = bytes.len();
    bytes.extend(part);
    let mut pointer = [0; 8];
    put(&mut pointer, 0, &number(start));
    put(&mut pointer, 4, &number(bytes.len()));
    pointer
}

fn write(bytes: &mut Vec<u8>, table: &HashTable<Item>) -> [u8; 8] {
    let count = table.len();
    let mut buckets: Vec<Vec<(&[u8], &Item)>> = vec![Vec::new(); count];
    for (name, item) in table.iter() {
        if let Some(bucket) = buckets.get_mut(hash(name) as usize % count.max(1)) {
            bucket.insert(0, (name, item));
        }
    }
    let order: Vec<&[u8]> = buckets.iter().flatten().map(|(name, _)| *name).collect();
    let index: std::collections::BTreeMap<&[u8], usize> = order.iter().enumerate().map(|(index, name)| (*name, index)).collect();
    let place = |name: &[u8]| index.get(name).copied().unwrap_or(usize::MAX);
    let pointer = append(bytes, 4, &vec![0; 8 + 4 * count + ITEM * count]);
    let start = bytes.len() - 8 - 4 * count - ITEM * count;
    put(bytes, start, &(5_u32 << 27).to_le_bytes());
    put(bytes, start + 4, &number(count));
    let mut at = start + 8 + 4 * count;
    let mut before = 0;
    for (bucket, items) in buckets.iter().enumerate() {
        put(bytes, start + 8 + 4 * bucket, &number(before));
        before += items.len();
        for (name, item) in items {
            put(bytes, at, &hash(name).to_le_bytes());
            let is_listed = !matches!(item, Item::List(_) | Item::Value(_, false));
            put(bytes, at + 4, &number(if is_listed { place(b"") } else { usize::MAX }));
            let name_start = number(bytes.len());
            put(bytes, at + 8, &name_start);
            put(bytes, at + 12, &u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
            bytes.extend(*name);
            let (kind, value) = match item {
                Item::Value(value, _) => (b'v', append(bytes, 8, &value.variant().bytes)),
                Item::List(names) if names.is_empty() => (0, [0; 8]),
                Item::List(names) => {
                    let places: Vec<u8> = names.iter().flat_map(|name| number(place(name))).collect();
                    (b'L', append(bytes, 4, &places))
                }
                Item::Table(table) => (b'H', write(bytes, table)),
            };
            put(bytes, at + 14, &[kind]);
            put(bytes, at + 16, &value);
            at += ITEM;
        }
    }
    pointer
}
