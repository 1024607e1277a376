//! `tr`.

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

pub(super) const PROGRAMS: Table = &[("tr", &tr)];

fn tr(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [("delete", 'd'), ("squeeze-repeats", 's'), ("complement", 'c')];
    let options = Options::read(call, "dscC", &long)?;
    let (delete, squeeze) = (options.has('d'), options.has('s'));
    let sets: Option<Vec<Vec<u8>>> = options.operands.iter().map(|set| set_of(&set.bytes)).collect();
    let Some(mut sets) = sets else { return Err(call.uncovered("this kind of set is not covered")) };
    if sets.is_empty() || sets.len() > 2 || (sets.len() == 1 && !delete && !squeeze) || (delete && !squeeze && sets.len() == 2) {
        call.complain("missing operand");
        return Ok(ExitStatus::FAILURE);
    }
    if options.has('c') || options.has('C') {
        sets[0] = (0..=255).filter(|byte| !sets[0].contains(byte)).collect();
    }
    let text = call.stdin.rest();
    let from = &sets[0];
    let to = sets.get(1).filter(|_| !delete);
    if to.is_some_and(Vec::is_empty) {
        call.complain("when not truncating set1, string2 must be non-empty");
        return Ok(ExitStatus::FAILURE);
    }
    let squeezed = sets.last().filter(|_| squeeze);
    let mut out: Vec<u8> = Vec::with_capacity(text.bytes.len());
    let mut table: [u8; 256] = std::array::from_fn(|byte| byte as u8);
    if let Some(to) = to {
        for (index, byte) in from.iter().enumerate() {
            // A shorter second set is filled up with its last byte.
            table[usize::from(*byte)] = to.get(index).or(to.last()).copied().unwrap_or(*byte);
        }
    }
    for byte in &text.bytes {
        if delete && from.contains(byte) {
            continue;
        }
        let byte = table[usize::from(*byte)];
        if squeezed.is_some_and(|set| set.contains(&byte)) && out.last() == Some(&byte) {
            continue;
        }
        out.push(byte);
    }
    call.spend(text.bytes.len())?;
    call.out(&out, text.base)?;
    Ok(ExitStatus::SUCCESS)
}

/// The bytes of a set in order; nothing for repeats and equivalence classes.
fn set_of(text: &[u8]) -> Option<Vec<u8>> {
    let mut set = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = text.get(at..)?;
        if let Some(name) = rest.strip_prefix(b"[:")
            && let Some(length) = name.windows(2).position(|pair| pair == b":]")
        {
            let name = name.get(..length)?;
            set.extend((0..=255).filter(|byte| crate::script::shell::class(name, *byte)));
            at += length + 4;
            continue;
        }
        if rest.starts_with(b"[=") || (rest.first() == Some(&b'[') && rest.get(2) == Some(&b'*')) {
            return None;
        }
        let start = byte_at(text, &mut at)?;
        if text.get(at) == Some(&b'-') && at + 1 < text.len() {
            at += 1;
            let end = byte_at(text, &mut at)?;
            if end < start {
                return None;
            }
            set.extend(start..=end);
        } else {
            set.push(start);
        }
    }
    Some(set)
}

fn byte_at(text: &[u8], at: &mut usize) -> Option<u8> {
    let byte = *text.get(*at)?;
    *at += 1;
    if byte != b'\\' {
        return Some(byte);
    }
    let Some(escape) = text.get(*at).copied() else { return Some(b'\\') };
    *at += 1;
    Some(match escape {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'f' => 12,
        b'v' => 11,
        b'a' => 7,
        b'b' => 8,
        b'0'..=b'7' => {
            let mut value = u32::from(escape - b'0');
            for _ in 0..2 {
                let Some(digit @ b'0'..=b'7') = text.get(*at).copied() else { break };
                value = value * 8 + u32::from(digit - b'0');
                *at += 1;
            }
            value as u8
        }
        other => other,
    })
}
