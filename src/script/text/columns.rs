//! `cut`.

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

pub(super) const PROGRAMS: Table = &[("cut", &cut)];

fn cut(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [("delimiter", 'd'), ("fields", 'f'), ("characters", 'c'), ("bytes", 'b'), ("only-delimited", 's')];
    let options = Options::read(call, "d:f:c:b:s", &long)?;
    let list = options.value('f').or_else(|| options.value('c')).or_else(|| options.value('b'));
    let Some(ranges) = list.and_then(|list| ranges(&list.text())) else {
        call.complain("you must specify a list of bytes, characters, or fields");
        return Ok(ExitStatus::FAILURE);
    };
    let delimiter = match options.value('d').map(|value| &value.bytes[..]) {
        None => b'\t',
        Some([byte]) => *byte,
        Some(_) => return Err(call.uncovered("the delimiter must be a single byte")),
    };
    let by_field = options.has('f');
    let (inputs, status) = super::inputs(call, &options.operands)?;
    let wanted = |number: usize| ranges.iter().any(|(from, to)| (*from..=*to).contains(&number));
    for (_, text) in inputs {
        for line in super::split_lines(&text.bytes) {
            if !by_field {
                let bytes = line.iter().enumerate().filter(|(at, _)| wanted(at + 1)).map(|(_, byte)| *byte);
                let bytes: Vec<u8> = bytes.chain([b'\n']).collect();
                call.out(&bytes, text.base)?;
            } else if line.contains(&delimiter) {
                let fields = line.split(|byte| *byte == delimiter).enumerate().filter(|(at, _)| wanted(at + 1));
                let fields: Vec<&[u8]> = fields.map(|(_, field)| field).collect();
                call.out(&[&fields.join(&delimiter)[..], b"\n"].concat(), text.base)?;
            } else if !options.has('s') {
                call.out(&[line, b"\n"].concat(), text.base)?;
            }
        }
    }
    Ok(status)
}

/// `1,3-5,7-` as ranges; nothing if it is none.
fn ranges(text: &str) -> Option<Vec<(usize, usize)>> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let from = if from.is_empty() { 1 } else { from.parse().ok()? };
        let to = if to.is_empty() { usize::MAX } else { to.parse().ok()? };
        (part != "-" && from > 0 && from <= to).then_some((from, to))
    };
    text.split(',').map(range).collect()
}
