//! What the dynamic loader's cache needs to know of a shared object, read while it streams by (System V ABI, ELF).
//!
//! Invariant: any bytes give a note or none, never a panic; memory is bounded by [`BUFFERS`]; a read error is handed on.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use crate::stream::EntryPath;

/// Bytes of one file that are held at most: its first segment has the strings that the dynamic section, near its end,
/// points to. Larger first segments give no note.
const BUFFERS: u64 = 32 << 20;

/// Files up to this size are held whole.
const WHOLE: u64 = 1 << 20;

/// The longest name of a file that Linux takes.
const NAME: u64 = 256;

/// The few facts of an ELF shared object that `ldconfig` reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfNote {
    /// `DT_SONAME`, where there is one.
    pub soname: Option<Vec<u8>>,
    /// `EI_CLASS`: 32 or 64.
    pub bits: u8,
    /// `e_machine`.
    pub machine: u16,
    /// `e_flags` (ABI of arm and riscv).
    pub flags: u32,
}

/// Whether `ldconfig` would look at a file of this name: `lib*.so*` or `ld-*.so*`.
pub fn is_library_name(path: &EntryPath) -> bool {
    let name = path.file_name();
    (name.starts_with(b"lib") || name.starts_with(b"ld-")) && name.windows(3).any(|part| part == b".so")
}

/// The note of the file of `size` bytes that `file` gives; nothing for what is no shared object with a dynamic section,
/// or has its strings out of reach. Reads no more than it needs.
pub fn elf_note(file: impl Read, size: u64) -> io::Result<Option<ElfNote>> {
    let mut file = Forward { file, size, held: Vec::new(), at: 0 };
    if size <= WHOLE && !file.hold(size)? {
        return Ok(None);
    }
    note(&mut file)
}

/// A file read front to back, whose first bytes are held.
struct Forward<R> {
    file: R,
    size: u64,
    held: Vec<u8>,
    at: u64,
}

impl<R: Read> Forward<R> {
    /// Holds the first `length` bytes, unless something was passed over before. Whether the file has that many.
    fn hold(&mut self, length: u64) -> io::Result<bool> {
        let missing = length.min(self.size).saturating_sub(self.at);
        if missing > 0 && self.at == self.held.len() as u64 {
            // Room for all of it at once: growing by doubling would hold it twice.
            self.held.reserve_exact(missing as usize);
            self.at += (&mut self.file).take(missing).read_to_end(&mut self.held)? as u64;
        }
        Ok(self.held.len() as u64 >= length)
    }
    /// Bytes at an offset that is held or still ahead; nothing otherwise. May be shorter at the end of the file.
    fn bytes(&mut self, offset: u64, length: u64) -> io::Result<Option<Vec<u8>>> {
        if length > WHOLE {
            return Ok(None);
        }
        if let Some(rest) = usize::try_from(offset).ok().and_then(|at| self.held.get(at..)).filter(|rest| !rest.is_empty()) {
            return Ok(Some(rest[..rest.len().min(length as usize)].to_vec()));
        }
        let Some(gap) = offset.checked_sub(self.at) else { return Ok(None) };
        let mut bytes = Vec::new();
        self.at += io::copy(&mut (&mut self.file).take(gap), &mut io::sink())?;
        self.at += (&mut self.file).take(length).read_to_end(&mut bytes)? as u64;
        Ok(Some(bytes))
    }
}

/// Numbers of a file's class and byte order.
#[derive(Clone, Copy)]
struct Numbers {
    wide: bool,
    big: bool,
}

impl Numbers {
    fn number(self, bytes: &[u8], at: usize, width: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(width)?)?;
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big { field.iter().fold(0, join) } else { field.iter().rev().fold(0, join) })
    }
    /// A field whose place differs between the classes, as wide as an address.
    fn address(self, bytes: &[u8], narrow: usize, wide: usize) -> Option<u64> {
        if self.wide { self.number(bytes, wide, 8) } else { self.number(bytes, narrow, 4) }
    }
    fn half(self, bytes: &[u8], narrow: usize, wide: usize) -> Option<u64> {
        self.number(bytes, if self.wide { wide } else { narrow }, 2)
    }
}

struct Segment {
    offset: u64,
    address: u64,
    size: u64,
}

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const ET_DYN: u64 = 3;

fn note<R: Read>(file: &mut Forward<R>) -> io::Result<Option<ElfNote>> {
    if !file.hold(52)? {
        return Ok(None);
    }
    file.hold(64)?;
    let Some((numbers, head)) = head(&file.held) else { return Ok(None) };
    let Some(table) = file.table(&head)? else { return Ok(None) };
    let (loads, dynamic) = segments(numbers, &table, &head);
    let Some(dynamic) = dynamic else { return Ok(None) };
    if let Some(first) = loads.iter().find(|load| load.offset == 0).filter(|load| load.size <= BUFFERS) {
        file.hold(first.size)?;
    }
    let entries = file.bytes(dynamic.offset, dynamic.size)?.filter(|entries| entries.len() as u64 == dynamic.size);
    let Some(entries) = entries else { return Ok(None) };
    let note = |soname| Some(ElfNote { soname, ..head.note.clone() });
    let (Some(strings), Some(soname)) = (tag(numbers, &entries, DT_STRTAB), tag(numbers, &entries, DT_SONAME)) else {
        return Ok(note(None));
    };
    let place = loads.iter().find_map(|load| {
        let into = strings.checked_sub(load.address).filter(|into| *into < load.size)?;
        load.offset.checked_add(into)?.checked_add(soname)
    });
    let Some(text) = place.map(|at| file.bytes(at, NAME)).transpose()?.flatten() else { return Ok(None) };
    let name = text.iter().position(|byte| *byte == 0).map(|length| text[..length].to_vec());
    Ok(name.filter(|name| !name.is_empty() && !name.contains(&b'/')).and_then(|name| note(Some(name))))
}

impl<R: Read> Forward<R> {
    /// The table of segments.
    fn table(&mut self, head: &Head) -> io::Result<Option<Vec<u8>>> {
        let length = head.segment_size * head.segments;
        let end = head.table.saturating_add(length);
        // It follows the header in all files that a linker makes; elsewhere it would cost the strings.
        if end > WHOLE || !self.hold(end)? {
            return Ok(None);
        }
        Ok(self.held.get(head.table as usize..end as usize).map(<[u8]>::to_vec))
    }
}

struct Head {
    note: ElfNote,
    table: u64,
    segment_size: u64,
    segments: u64,
}

fn head(bytes: &[u8]) -> Option<(Numbers, Head)> {
    let [0x7f, b'E', b'L', b'F', class @ 1..=2, order @ 1..=2, ..] = *bytes else { return None };
    let numbers = Numbers { wide: class == 2, big: order == 2 };
    if numbers.number(bytes, 16, 2)? != ET_DYN {
        return None;
    }
    let note = ElfNote {
        soname: None,
        bits: if numbers.wide { 64 } else { 32 },
        machine: numbers.number(bytes, 18, 2)? as u16,
        flags: numbers.number(bytes, if numbers.wide { 48 } else { 36 }, 4)? as u32,
    };
    let table = numbers.address(bytes, 28, 32)?;
    let (segment_size, segments) = (numbers.half(bytes, 42, 54)?, numbers.half(bytes, 44, 56)?);
    (segment_size >= if numbers.wide { 56 } else { 32 }).then_some((numbers, Head { note, table, segment_size, segments }))
}

/// All loaded segments, and the dynamic one.
fn segments(numbers: Numbers, table: &[u8], head: &Head) -> (Vec<Segment>, Option<Segment>) {
    let (mut loads, mut dynamic) = (Vec::new(), None);
    for row in table.chunks_exact(head.segment_size as usize) {
        let segment = || {
            Some(Segment {
                offset: numbers.address(row, 4, 8)?,
                address: numbers.address(row, 8, 16)?,
                size: numbers.address(row, 16, 32)?,
            })
        };
        match (numbers.number(row, 0, 4), segment()) {
            (Some(PT_LOAD), Some(segment)) => loads.push(segment),
            (Some(PT_DYNAMIC), segment) => dynamic = segment,
            _ => {}
        }
    }
    (loads, dynamic)
}

/// The value of a tag of the dynamic section, which ends at tag 0.
fn tag(numbers: Numbers, entries: &[u8], wanted: u64) -> Option<u64> {
    let (entry, half) = if numbers.wide { (16, 8) } else { (8, 4) };
    entries
        .chunks_exact(entry)
        .map(|row| (numbers.number(row, 0, half), numbers.number(row, half, half)))
        .take_while(|(tag, _)| *tag != Some(0))
        .find(|(tag, _)| *tag == Some(wanted))
        .and_then(|(_, value)| value)
}

#[cfg(test)]
mod tests;
