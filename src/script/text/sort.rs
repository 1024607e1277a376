//! `sort` in the C locale.

use std::cmp::Ordering;

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

pub(super) const PROGRAMS: Table = &[("sort", &sort)];

#[expect(clippy::struct_excessive_bools, reason = "options are independent of each other")]
#[derive(Clone, Copy, Default)]
struct Order {
    numeric: bool,
    /// Numbers with a point and an exponent.
    general: bool,
    reverse: bool,
    fold: bool,
    blanks: bool,
}

struct Key {
    from: usize,
    to: usize,
    order: Option<Order>,
}

const SORT: [(&str, char); 8] = [
    ("general-numeric-sort", 'g'),
    ("unique", 'u'),
    ("numeric-sort", 'n'),
    ("reverse", 'r'),
    ("key", 'k'),
    ("field-separator", 't'),
    ("output", 'o'),
    ("stable", 's'),
];

fn sort(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "ungrk:t:o:sfb", &SORT)?;
    let order = Order {
        numeric: options.has('n'),
        general: options.has('g'),
        reverse: options.has('r'),
        fold: options.has('f'),
        blanks: options.has('b'),
    };
    let separator = match options.value('t').map(|value| &value.bytes[..]) {
        None => None,
        Some([byte]) => Some(*byte),
        Some(_) => return Err(call.uncovered("a separator of several bytes is not covered")),
    };
    let keys: Option<Vec<Key>> = options.values('k').map(|value| key(&value.text())).collect();
    let Some(keys) = keys else { return Err(call.uncovered("this kind of key is not covered")) };
    let (inputs, status) = super::inputs(call, &options.operands)?;
    if !status.success() {
        return Ok(ExitStatus::TROUBLE);
    }
    let mut base = false;
    let mut lines: Vec<&[u8]> = Vec::new();
    for (_, text) in &inputs {
        base |= text.base;
        lines.extend(super::split_lines(&text.bytes));
    }
    let by_keys = |a: &[u8], b: &[u8]| {
        if keys.is_empty() {
            return compare(a, b, order);
        }
        let orders = keys.iter().map(|key| compare(field(a, key, separator), field(b, key, separator), key.order.unwrap_or(order)));
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let last = |a: &[u8], b: &[u8]| if order.reverse { b.cmp(a) } else { a.cmp(b) };
    let whole = !options.has('s') && !options.has('u');
    call.spend(lines.iter().map(|line| line.len()).sum::<usize>().saturating_mul(8))?;
    lines.sort_by(|a, b| by_keys(a, b).then_with(|| if whole { last(a, b) } else { Ordering::Equal }));
    if options.has('u') {
        lines.dedup_by(|b, a| by_keys(a, b).is_eq());
    }
    let mut text = Vec::new();
    for line in lines {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    match options.value('o') {
        None => call.out(&text, base)?,
        Some(file) => {
            let path = call.path(file);
            let mode = 0o666 & !call.umask;
            if let Err(error) = call.root.write(&path, text, base, mode) {
                call.failed(&file.bytes, &error)?;
                return Ok(ExitStatus::TROUBLE);
            }
        }
    }
    Ok(ExitStatus::SUCCESS)
}

/// `2`, `2,2`, `2n`, `2,2nr`: whole fields only.
fn key(text: &str) -> Option<Key> {
    let letters = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (numbers, letters) = text.split_at(letters);
    let (from, to) = numbers.split_once(',').unwrap_or((numbers, "0"));
    let mut order = Order::default();
    for letter in letters.chars() {
        match letter {
            'n' => order.numeric = true,
            'g' => order.general = true,
            'r' => order.reverse = true,
            'f' => order.fold = true,
            'b' => order.blanks = true,
            _ => return None,
        }
    }
    Some(Key {
        from: from.parse().ok().filter(|from| *from > 0)?,
        to: to.parse().ok()?,
        order: (!letters.is_empty()).then_some(order),
    })
}

/// From the key's first field to its last. Without separator a field begins with the blanks before it.
fn field<'l>(line: &'l [u8], key: &Key, separator: Option<u8>) -> &'l [u8] {
    let mut starts = Vec::new();
    let mut ends = Vec::new();
    if let Some(separator) = separator {
        let mut at = 0;
        for field in line.split(|b| *b == separator) {
            starts.push(at);
            ends.push(at + field.len());
            at += field.len() + 1;
        }
    } else {
        let mut at = 0;
        while at < line.len() {
            starts.push(at);
            while line.get(at).is_some_and(|b| matches!(b, b' ' | b'\t')) {
                at += 1;
            }
            while line.get(at).is_some_and(|b| !matches!(b, b' ' | b'\t')) {
                at += 1;
            }
            ends.push(at);
        }
    }
    let start = starts.get(key.from - 1).copied().unwrap_or(line.len());
    let end = if key.to == 0 { line.len() } else { ends.get(key.to - 1).copied().unwrap_or(line.len()) };
    line.get(start..end.max(start)).unwrap_or_default()
}

fn compare(a: &[u8], b: &[u8], order: Order) -> Ordering {
    let trim = |text: &[u8]| text.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(text.len());
    let (a, b) = if order.blanks { (&a[trim(a)..], &b[trim(b)..]) } else { (a, b) };
    let found = if order.numeric {
        number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal)
    } else if order.general {
        general(a).partial_cmp(&general(b)).unwrap_or(Ordering::Equal)
    } else if order.fold {
        a.to_ascii_uppercase().cmp(&b.to_ascii_uppercase())
    } else {
        a.cmp(b)
    };
    if order.reverse { found.reverse() } else { found }
}

/// The number that a text begins with, with its exponent; what is none comes before all numbers.
fn general(text: &[u8]) -> f64 {
    let text = text.trim_ascii_start();
    let length = text.iter().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).count();
    let parsed = (1..=length.min(64)).rev().find_map(|end| std::str::from_utf8(&text[..end]).ok()?.parse().ok());
    parsed.unwrap_or(f64::NEG_INFINITY)
}

fn number(text: &[u8]) -> f64 {
    let text = text.trim_ascii_start();
    let sign = usize::from(text.first() == Some(&b'-'));
    let digits = text.iter().skip(sign).take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    std::str::from_utf8(&text[..sign + digits]).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}
