//! What bytes in a file, or files in a folder, say about its type.
//!
//! Invariant: numbers are written big-endian as the sources order them; readers swap by word size.

use std::cmp::Ordering;

use super::read::Stop;
use crate::system::xml::Element;

/// Rules of one `magic` element.
#[derive(Clone, Debug)]
pub(super) struct Magic {
    pub(super) priority: u32,
    pub(super) name: String,
    pub(super) matches: Vec<Match>,
    pub(super) deletes_all: bool,
}

/// Bytes at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) start: u32,
    pub(super) length: u32,
    pub(super) word_size: u32,
    pub(super) data: Vec<u8>,
    pub(super) mask: Option<Vec<u8>>,
    pub(super) matches: Vec<Match>,
}

/// Rules of one `treemagic` element.
#[derive(Clone, Debug)]
pub(super) struct TreeMagic {
    pub(super) priority: u32,
    pub(super) name: String,
    pub(super) matches: Vec<TreeMatch>,
}

/// A file in a folder.
#[derive(Clone, Debug)]
pub(super) struct TreeMatch {
    /// As the file has it: path, kind and flags.
    text: String,
    matches: Vec<TreeMatch>,
}

/// What stands for `magic-deleteall`.
pub(super) fn none() -> Match {
    Match { start: 0, length: 1, word_size: 1, data: b"__NOMAGIC__".to_vec(), mask: None, matches: Vec::new() }
}

/// The rules in an element.
pub(super) fn matches(parent: &Element, namespace: &str) -> Result<Vec<Match>, Stop> {
    let mut found = Vec::new();
    for element in parent.elements() {
        if !element.is(namespace, "match") {
            return Err(Stop::Warning);
        }
        found.push(one(element, namespace)?);
    }
    Ok(found)
}

fn one(element: &Element, namespace: &str) -> Result<Match, Stop> {
    let offset = element.attribute("offset").ok_or(Stop::Warning)?;
    let (start, last) = offset.split_once(':').map_or((offset, None), |(start, last)| (start, Some(last)));
    let start: u32 = start.parse().map_err(|_| Stop::Warning)?;
    let length = match last.map(str::parse::<u32>) {
        None => 1,
        Some(Ok(last)) if last >= start && last - start < u32::MAX => last - start + 1,
        Some(_) => return Err(Stop::Warning),
    };
    let kind = element.attribute("type").ok_or(Stop::Warning)?;
    let word_size = match kind {
        "host16" => 2,
        "host32" => 4,
        "big16" | "big32" | "little16" | "little32" | "string" | "byte" => 1,
        _ => return Err(Stop::Warning),
    };
    let value = element.attribute("value").filter(|value| !value.is_empty()).ok_or(Stop::Warning)?;
    let mask = element.attribute("mask");
    let (data, mask) = if kind == "string" {
        let data = unescaped(value.as_bytes());
        let mask = mask.map(|mask| string_mask(mask, data.len())).transpose()?;
        (data, mask)
    } else {
        let size = if kind.ends_with("16") {
            2
        } else if kind.ends_with("32") {
            4
        } else {
            1
        };
        let is_big = size > 1 && !kind.starts_with('l');
        (number(value, size, is_big)?, mask.map(|mask| number(mask, size, is_big)).transpose()?)
    };
    if data.len() > 0xffff {
        return Err(Stop::Uncovered("a value of more than 65535 bytes".into()));
    }
    Ok(Match { start, length, word_size, data, mask, matches: matches(element, namespace)? })
}

/// A number as C reads it, as bytes.
fn number(text: &str, size: usize, is_big: bool) -> Result<Vec<u8>, Stop> {
    let parsed = if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        u64::from_str_radix(hex, 16)
    } else if text.len() > 1 && text.starts_with('0') {
        u64::from_str_radix(text, 8)
    } else {
        text.parse()
    };
    let value = parsed.map_err(|_| Stop::Warning)?;
    if size < 4 && value >> (8 * size) != 0 {
        return Err(Stop::Warning);
    }
    let bytes = value.to_be_bytes();
    let mut bytes = bytes.get(8 - size..).unwrap_or_default().to_vec();
    if !is_big {
        bytes.reverse();
    }
    Ok(bytes)
}

/// A string's mask: hexadecimal, padded with zeros.
fn string_mask(mask: &str, length: usize) -> Result<Vec<u8>, Stop> {
    let digits = mask.strip_prefix("0x").ok_or(Stop::Warning)?;
    let nibbles: Option<Vec<u8>> = digits.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let nibbles = nibbles.filter(|nibbles| nibbles.len() <= length * 2).ok_or(Stop::Warning)?;
    let mut bytes: Vec<u8> = nibbles.chunks(2).map(|pair| (pair[0] << 4) | pair.get(1).copied().unwrap_or(0)).collect();
    bytes.resize(length, 0);
    Ok(bytes)
}

/// C's escapes in a string.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(escape) = bytes.next() else { break };
        out.push(match escape {
            b'n' => b'\n',
            b'r' => b'\r',
            b'b' => 8,
            b't' => b'\t',
            b'f' => 12,
            b'v' => 11,
            b'0'..=b'7' => {
                let mut value = u32::from(escape - b'0');
                for _ in 0..2 {
                    let Some(digit) = bytes.next_if(|next| matches!(next, b'0'..=b'7')) else { break };
                    value = value * 8 + u32::from(digit - b'0');
                }
                value.to_le_bytes()[0]
            }
            b'x' => {
                let mut value = None;
                for _ in 0..2 {
                    let Some(digit) = bytes.next_if(u8::is_ascii_hexdigit) else { break };
                    value = Some(value.unwrap_or(0) * 16 + char::from(digit).to_digit(16).unwrap_or(0));
                }
                value.map_or(b'x', |value: u32| value.to_le_bytes()[0])
            }
            other => other,
        });
    }
    out
}

/// The rules for folders in an element.
pub(super) fn tree_matches(parent: &Element, namespace: &str) -> Result<Vec<TreeMatch>, Stop> {
    let mut found = Vec::new();
    for element in parent.elements() {
        let path = element.attribute("path").filter(|_| element.is(namespace, "treematch")).ok_or(Stop::Warning)?;
        let kind = match element.attribute("type") {
            None => "any",
            Some(kind @ ("file" | "directory" | "link")) => kind,
            Some(_) => return Err(Stop::Warning),
        };
        let mut text = format!("\"{path}\"={kind}");
        for flag in ["match-case", "executable", "non-empty"].iter().filter(|flag| element.attribute(flag) == Some("true")) {
            text.push(',');
            text.push_str(flag);
        }
        if let Some(name) = element.attribute("mimetype") {
            text.push(',');
            text.push_str(name);
        }
        found.push(TreeMatch { text, matches: tree_matches(element, namespace)? });
    }
    Ok(found)
}

/// By falling priority, then by name; those that delete come first.
pub(super) fn sort(magic: &mut [Magic], tree: &mut [TreeMagic]) {
    let by = |a: (u32, &str), b: (u32, &str)| b.0.cmp(&a.0).then_with(|| parts(a.1).cmp(&parts(b.1)));
    magic.sort_by(|a, b| match (a.deletes_all, b.deletes_all) {
        (false, false) => by((a.priority, &a.name), (b.priority, &b.name)),
        (true, true) => Ordering::Equal,
        (a, b) => b.cmp(&a),
    });
    tree.sort_by(|a, b| by((a.priority, &a.name), (b.priority, &b.name)));
}

fn parts(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or((name, ""))
}

/// The file `magic`.
pub(super) fn file(all: &[Magic]) -> Vec<u8> {
    let mut out = b"MIME-Magic\0\n".to_vec();
    for magic in all {
        out.extend(format!("[{}:{}]\n", magic.priority, magic.name).into_bytes());
        write(&mut out, &magic.matches, 0);
    }
    out
}

fn write(out: &mut Vec<u8>, matches: &[Match], depth: u32) {
    for rule in matches {
        out.extend(indent(depth).into_bytes());
        out.extend(format!(">{}=", rule.start).into_bytes());
        out.extend(u16::try_from(rule.data.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend(&rule.data);
        if let Some(mask) = &rule.mask {
            out.push(b'&');
            out.extend(mask);
        }
        for (mark, number) in [('~', rule.word_size), ('+', rule.length)] {
            if number != 1 {
                out.extend(format!("{mark}{number}").into_bytes());
            }
        }
        out.push(b'\n');
        write(out, &rule.matches, depth + 1);
    }
}

fn indent(depth: u32) -> String {
    if depth == 0 { String::new() } else { depth.to_string() }
}

/// The file `treemagic`.
pub(super) fn tree_file(all: &[TreeMagic]) -> Vec<u8> {
    let mut out = "MIME-TreeMagic\0\n".to_owned();
    for magic in all {
        out.push_str(&format!("[{}:{}]\n", magic.priority, magic.name));
        write_tree(&mut out, &magic.matches, 0);
    }
    out.into_bytes()
}

fn write_tree(out: &mut String, matches: &[TreeMatch], depth: u32) {
    for rule in matches {
        out.push_str(&format!("{}>{}\n", indent(depth), rule.text));
        write_tree(out, &rule.matches, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_c() {
        assert_eq!(unescaped(br"a\n\\\101\x41\xg\x4\0"), b"a\n\\AAxg\x04\0");
        assert_eq!(unescaped(br"\4567\"), [b"\x2e7".as_slice()].concat());
    }

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        for (text, size, is_big, bytes) in [
            ("0x1f8b", 2, true, &[0x1f, 0x8b][..]),
            ("017", 2, false, &[15, 0]),
            ("258", 4, true, &[0, 0, 1, 2]),
            ("0", 1, false, &[0]),
        ] {
            assert_eq!(number(text, size, is_big).ok().as_deref(), Some(bytes), "{text}");
        }
        assert!(number("0x10000", 2, true).is_err() && number("x", 2, true).is_err());
        assert_eq!(string_mask("0xff0", 3).ok(), Some(vec![0xff, 0, 0]));
        assert!(string_mask("0xffff", 1).is_err());
    }
}
