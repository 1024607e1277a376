//! The members of a stored zip, by its central directory (APPNOTE.TXT 6.3, sections 4.3 and 4.5.3).
//!
//! Invariant: a member is a range of the file whose local header agrees with the directory about its name; compressed,
//! encrypted and split archives are refused. Sizes come from the directory, so data descriptors do not matter.

use std::io;

use super::Section;

/// More members than any package has.
const MOST_MEMBERS: u64 = 64;
/// End record without its comment, and the longest comment.
const END: usize = 22;
const COMMENT: usize = 0xffff;

/// A member that can be read.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// As the directory says it.
    pub(super) name: String,
    /// Its bytes.
    pub(super) body: Section,
}

/// Why a file is no zip that can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ZipError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("{0}")]
    Form(&'static str),
    #[error("member {name:?} {problem}")]
    Member { name: String, problem: &'static str },
}

/// Numbers, little end first.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn number(&mut self, bytes: usize) -> Result<u64, ZipError> {
        let (head, rest) = self.0.split_at_checked(bytes).ok_or(ZipError::Form("its directory is truncated"))?;
        self.0 = rest;
        Ok(head.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
    fn skip(&mut self, bytes: usize) -> Result<(), ZipError> {
        self.number(bytes).map(|_| ())
    }
}

/// All members, in the directory's order.
pub(super) fn members(file: &Section) -> Result<Vec<Member>, ZipError> {
    let (count, start, length) = directory(file)?;
    if count > MOST_MEMBERS {
        return Err(ZipError::Form("it has more members than a package may have"));
    }
    if length > MOST_MEMBERS * 3 * (COMMENT as u64) || file.part(start, length).is_none() {
        return Err(ZipError::Form("its directory lies outside of the file"));
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, start)?;
    let mut rest = Fields(&bytes);
    (0..count).map(|_| member(&mut rest, file)).collect()
}

/// Number of members, offset and length of the directory.
fn directory(file: &Section) -> Result<(u64, u64, u64), ZipError> {
    let length = file.length();
    let tail = length.min((END + COMMENT) as u64);
    let mut bytes = vec![0; tail as usize];
    file.read_exact_at(&mut bytes, length - tail)?;
    let is_end = |at: &usize| {
        let record = bytes.get(*at..).unwrap_or_default();
        let comment = record.get(20..22).map(|c| usize::from(c[0]) | usize::from(c[1]) << 8);
        record.starts_with(b"PK\x05\x06") && comment.is_some_and(|c| record.len() == END + c)
    };
    let at = (0..=bytes.len().saturating_sub(END)).rev().find(is_end).ok_or(ZipError::Form("it has no end of a zip"))?;
    let mut end = Fields(bytes.get(at + 4..).unwrap_or_default());
    let (disk, first, here, count) = (end.number(2)?, end.number(2)?, end.number(2)?, end.number(2)?);
    let (size, start) = (end.number(4)?, end.number(4)?);
    let told = [disk, first, here, count].contains(&0xffff) || [size, start].contains(&0xffff_ffff);
    if told {
        return wide_directory(file, (length - tail + at as u64).checked_sub(20));
    }
    if disk != 0 || first != 0 || here != count {
        return Err(ZipError::Form("it is one of several parts"));
    }
    Ok((count, start, size))
}

/// The same from the records for files of more than 4 GiB; `locator` is where their locator must stand.
fn wide_directory(file: &Section, locator: Option<u64>) -> Result<(u64, u64, u64), ZipError> {
    let wrong = || ZipError::Form("its zip64 records are not where they must be");
    let mut bytes = [0; 20];
    file.read_exact_at(&mut bytes, locator.ok_or_else(wrong)?)?;
    let mut fields = Fields(bytes.strip_prefix(b"PK\x06\x07").ok_or_else(wrong)?);
    fields.skip(4)?;
    let at = fields.number(8)?;
    let mut bytes = [0; 56];
    file.read_exact_at(&mut bytes, at).map_err(|_| wrong())?;
    let mut fields = Fields(bytes.strip_prefix(b"PK\x06\x06").ok_or_else(wrong)?);
    fields.skip(8)?;
    fields.skip(4)?;
    let (disk, first, here, count) = (fields.number(4)?, fields.number(4)?, fields.number(8)?, fields.number(8)?);
    let (size, start) = (fields.number(8)?, fields.number(8)?);
    if disk != 0 || first != 0 || here != count {
        Err(ZipError::Form("it is one of several parts"))
    } else {
        Ok((count, start, size))
    }
}

/// The next member of the directory.
fn member(fields: &mut Fields<'_>, file: &Section) -> Result<Member, ZipError> {
    if fields.number(4)? != 0x0201_4b50 {
        return Err(ZipError::Form("its directory has something that is no member"));
    }
    fields.skip(4)?;
    let (flags, method) = (fields.number(2)?, fields.number(2)?);
    fields.skip(8)?;
    let (mut stored, mut size) = (fields.number(4)?, fields.number(4)?);
    let (name, extra, comment) = (fields.number(2)? as usize, fields.number(2)? as usize, fields.number(2)? as usize);
    fields.skip(8)?;
    let mut at = fields.number(4)?;
    let bytes = fields.0.get(..name + extra + comment).ok_or(ZipError::Form("its directory is truncated"))?;
    fields.0 = fields.0.get(name + extra + comment..).unwrap_or_default();
    let (name, rest) = bytes.split_at(name);
    wide_sizes(rest.get(..extra).unwrap_or_default(), [&mut size, &mut stored, &mut at])?;
    let told = String::from_utf8(name.to_vec()).map_err(|_| ZipError::Form("a member's name is not UTF-8"))?;
    let wrong = |problem| ZipError::Member { name: told.chars().take(200).collect(), problem };
    if flags & 0x2041 != 0 {
        return Err(wrong("is encrypted"));
    }
    if method != 0 || stored != size {
        return Err(wrong("is compressed by zip, a package's members are stored"));
    }
    let mut header = [0; 30];
    file.read_exact_at(&mut header, at).map_err(|_| wrong("lies outside of the file"))?;
    let mut local = Fields(header.strip_prefix(b"PK\x03\x04").ok_or_else(|| wrong("has no header of its own"))?);
    local.skip(8)?;
    local.skip(8)?;
    local.skip(6)?;
    let (local_name, local_extra) = (local.number(2)?, local.number(2)?);
    let mut same = vec![0; name.len()];
    if local_name != name.len() as u64 || file.read_exact_at(&mut same, at + 30).is_err() || same != name {
        return Err(wrong("has another name in its own header"));
    }
    let body = file.part(at + 30 + local_name + local_extra, size).ok_or_else(|| wrong("lies outside of the file"))?;
    Ok(Member { name: told, body })
}

/// Takes the numbers that did not fit 32 bits out of the extra field of kind 1: size, stored size, offset, in this order.
fn wide_sizes(extra: &[u8], numbers: [&mut u64; 3]) -> Result<(), ZipError> {
    let mut fields = Fields(extra);
    let mut wide = None;
    while fields.0.len() >= 4 {
        let (kind, length) = (fields.number(2)?, fields.number(2)? as usize);
        let (body, rest) = fields.0.split_at_checked(length).ok_or(ZipError::Form("an extra field is truncated"))?;
        fields.0 = rest;
        if kind == 1 {
            wide = Some(body);
        }
    }
    let mut wide = Fields(wide.unwrap_or_default());
    for number in numbers {
        if *number == 0xffff_ffff {
            *number = wide.number(8)?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::conda::section::held;

    /// A stored zip as zipfile of Python writes it. `wide`: with the records of zip64.
    pub(in crate::conda) fn zip(members: &[(&str, &[u8])], wide: bool) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, body) in members {
            let at = out.len();
            let (size, told) = (body.len() as u32, if wide { u32::MAX } else { body.len() as u32 });
            let number = |n: u32| n.to_le_bytes();
            let name_length = (name.len() as u16).to_le_bytes();
            // Sizes in a data descriptor behind the body.
            out.extend([b"PK\x03\x04".as_slice(), &[20, 0, 8, 0, 0, 0], &[0; 16], &name_length, &[0, 0]].concat());
            out.extend(name.as_bytes());
            out.extend(*body);
            out.extend([b"PK\x07\x08".as_slice(), &[0; 4], &number(size), &number(size)].concat());
            let extra = if wide {
                let numbers = [body.len() as u64, body.len() as u64, at as u64];
                [&[9, 9, 1, 0, 7, 1, 0, 24, 0][..], &numbers.map(u64::to_le_bytes).concat()].concat()
            } else {
                Vec::new()
            };
            directory
                .extend([b"PK\x01\x02".as_slice(), &[20, 3, 20, 0, 8, 0, 0, 0], &[0; 8], &number(told), &number(told)].concat());
            directory.extend([&name_length[..], &(extra.len() as u16).to_le_bytes(), &[0; 10]].concat());
            directory.extend(number(if wide { u32::MAX } else { at as u32 }));
            directory.extend(name.as_bytes());
            directory.extend(extra);
        }
        let (start, count) = (out.len() as u64, members.len() as u64);
        out.extend(&directory);
        if wide {
            let end = out.len() as u64;
            out.extend([b"PK\x06\x06".as_slice(), &44_u64.to_le_bytes(), &[45, 3, 45, 0], &[0; 8]].concat());
            out.extend([count, count, directory.len() as u64, start].map(u64::to_le_bytes).concat());
            out.extend([b"PK\x06\x07".as_slice(), &[0; 4], &end.to_le_bytes(), &[1, 0, 0, 0]].concat());
        }
        let (count, start) = if wide { (u16::MAX, u32::MAX) } else { (count as u16, start as u32) };
        out.extend([b"PK\x05\x06".as_slice(), &[0; 4], &count.to_le_bytes(), &count.to_le_bytes()].concat());
        out.extend([&(directory.len() as u32).to_le_bytes()[..], &start.to_le_bytes(), &[0, 0]].concat());
        out
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
        let text = |member: Member| {
            let mut text = String::new();
            let mut body = member.body;
            body.read_to_string(&mut text).map(|_| (member.name, text)).map_err(|e| e.to_string())
        };
        members(&held(bytes)).map_err(|e| e.to_string())?.into_iter().map(text).collect()
    }

    #[test]
    fn members_are_read_in_both_widths() {
        let told = [("a.json".to_owned(), "{}".to_owned()), ("folder/b".to_owned(), "body".to_owned())];
        for wide in [false, true] {
            let bytes = zip(&[("a.json", b"{}"), ("folder/b", b"body")], wide);
            assert_eq!(read(&bytes).expect("a zip"), told, "{wide}");
        }
    }

    #[test]
    fn what_is_no_stored_zip_is_refused_and_never_read_past_its_end() {
        let good = zip(&[("a.json", b"{}"), ("b", b"body")], false);
        assert!(read(&good).is_ok());
        for length in 0..good.len() {
            assert!(read(&good[..length]).is_err(), "{length}");
        }
        let directory = good.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
        for (at, byte, problem) in [
            (directory + 10, 8, "compressed by zip"),
            (directory + 8, 1, "encrypted"),
            (directory + 20, 9, "compressed by zip"),
            (directory + 42, 200, "has no header"),
            (30, b'b', "another name"),
            (good.len() - 18, 1, "several parts"),
            (good.len() - 6, 255, "outside of the file"),
        ] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            let told = read(&bytes).expect_err("refused");
            assert!(told.contains(problem) || told.contains("no member") || told.contains("outside"), "{at}: {told}");
        }
    }
}
