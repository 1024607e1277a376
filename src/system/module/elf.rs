//! A shared object as it would lie in memory at address 0.
//!
//! Invariant: every offset of the file is checked; an object of another machine or size is none.

use std::collections::BTreeMap;

/// Symbols and relocations that are read at most.
const MOST: usize = 100_000;

/// What a pointer in the data holds after loading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Address(u64),
    /// A function or datum of another object.
    Import(String),
}

/// The object.
#[derive(Debug)]
pub(super) struct Image<'d> {
    data: &'d [u8],
    /// Address, offset in the file, bytes in the file, bytes in memory.
    parts: Vec<(u64, u64, u64, u64)>,
    pointers: BTreeMap<u64, Target>,
    symbols: BTreeMap<String, u64>,
}

fn number(data: &[u8], at: u64, size: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let bytes = data.get(at..at.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

impl<'d> Image<'d> {
    /// Reads an object for x86-64.
    pub(super) fn read(data: &'d [u8]) -> Option<Self> {
        if data.get(..6)? != b"\x7fELF\x02\x01" || number(data, 18, 2)? != 62 {
            return None;
        }
        let (table, size, count) = (number(data, 32, 8)?, number(data, 54, 2)?, number(data, 56, 2)?);
        let mut image = Self { data, parts: Vec::new(), pointers: BTreeMap::new(), symbols: BTreeMap::new() };
        let mut dynamic = None;
        for index in 0..count {
            let at = table.checked_add(index * size)?;
            let field = |offset: u64| number(data, at.checked_add(offset)?, 8);
            match number(data, at, 4)? {
                1 => image.parts.push((field(16)?, field(8)?, field(32)?, field(40)?)),
                2 => dynamic = Some((field(16)?, field(40)?)),
                _ => {}
            }
        }
        let (start, size) = dynamic?;
        let entries = (0..(size / 16).min(1000)).filter_map(|index| {
            let at = start.checked_add(index * 16)?;
            Some((image.raw(at, 8)?, image.raw(at.checked_add(8)?, 8)?))
        });
        let entries: BTreeMap<u64, u64> = entries.take_while(|(tag, _)| *tag != 0).collect();
        image.link(&entries);
        Some(image)
    }
    /// Symbols and relocations.
    fn link(&mut self, entries: &BTreeMap<u64, u64>) -> Option<()> {
        let (names, table) = (*entries.get(&5)?, *entries.get(&6)?);
        // Linkers put the names behind the table, which has no length of its own.
        let count = names.checked_sub(table)? / 24;
        let symbol = |image: &Self, index: u64| {
            let at = table.checked_add(index.checked_mul(24)?)?;
            let name = image.text(names.checked_add(image.raw(at, 4)?)?)?;
            Some((name, image.raw(at + 6, 2)? != 0, image.raw(at + 8, 8)?))
        };
        for index in 0..count.min(MOST as u64) {
            if let Some((name, true, value)) = symbol(self, index) {
                self.symbols.insert(name, value);
            }
        }
        for (start, size) in [(7, 8), (23, 2)] {
            let (Some(start), Some(size)) = (entries.get(&start), entries.get(&size)) else { continue };
            for index in 0..(size / 24).min(MOST as u64) {
                let at = start.checked_add(index * 24)?;
                let (place, info, addend) = (self.raw(at, 8)?, self.raw(at + 8, 8)?, self.raw(at + 16, 8)?);
                let target = match info & 0xffff_ffff {
                    8 => Target::Address(addend),
                    1 | 6 | 7 => match symbol(self, info >> 32)? {
                        (_, true, value) => Target::Address(value.wrapping_add(addend)),
                        (name, false, _) => Target::Import(name),
                    },
                    _ => continue,
                };
                self.pointers.insert(place, target);
            }
        }
        Some(())
    }
    /// A number as the file has it, 0 where memory is larger than the file.
    fn raw(&self, address: u64, size: usize) -> Option<u64> {
        let part = self.parts.iter().find(|(start, .., length)| address >= *start && address - start < *length)?;
        let inside = address - part.0;
        if inside + size as u64 > part.2 {
            return Some(0);
        }
        number(self.data, part.1.checked_add(inside)?, size)
    }
    /// The address of a function.
    pub(super) fn symbol(&self, name: &str) -> Option<u64> {
        self.symbols.get(name).copied()
    }
    /// The pointer that the loader puts at an address.
    pub(super) fn pointer(&self, address: u64) -> Option<&Target> {
        self.pointers.get(&address)
    }
    /// A byte of memory.
    pub(super) fn byte(&self, address: u64) -> Option<u8> {
        u8::try_from(self.raw(address, 1)?).ok()
    }
    /// A text that ends with a zero byte.
    pub(super) fn text(&self, address: u64) -> Option<String> {
        let bytes: Option<Vec<u8>> =
            (address..address.checked_add(4096)?).map(|at| self.byte(at)).take_while(|byte| *byte != Some(0)).collect();
        String::from_utf8(bytes?).ok()
    }
    /// The same, as bytes.
    pub(super) fn bytes(&self, address: u64) -> Option<Vec<u8>> {
        (address..address.checked_add(4096)?).map(|at| self.byte(at)).take_while(|byte| *byte != Some(0)).collect()
    }
}
