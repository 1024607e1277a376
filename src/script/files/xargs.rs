//! `xargs`.

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Input, Value};

use super::find::replace;

pub(super) const PROGRAMS: Table = &[("xargs", &xargs)];

/// Words that one command of `xargs` takes at most, far below any system's limit.
const MAX_WORDS: usize = 5000;

fn xargs(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [("null", '0'), ("no-run-if-empty", 'r'), ("max-args", 'n')];
    let options = Options::read_until(call, "0rn:I:", &long, true)?;
    let text = call.stdin.rest();
    call.spend(text.bytes.len())?;
    if !options.has('0') && text.bytes.iter().any(|b| matches!(b, b'"' | b'\'' | b'\\')) {
        return Err(call.uncovered("quotes in the input are not covered"));
    }
    let separators: fn(&u8) -> bool = if options.has('0') {
        |b| *b == 0
    } else if options.has('I') {
        |b| *b == b'\n'
    } else {
        |b| b.is_ascii_whitespace()
    };
    let words = text.bytes.split(separators).filter(|word| !word.is_empty());
    let words: Vec<Value> = words.map(|word| Value::with(word, text.base)).collect();
    let echo = [Value::from("echo")];
    let command = if options.operands.is_empty() { &echo[..] } else { &options.operands };
    let mut groups: Vec<Vec<Value>> = Vec::new();
    if let Some(mark) = options.value('I') {
        for word in &words {
            let fill = |part: &Value| {
                let same = part.bytes == mark.bytes;
                if same {
                    word.clone()
                } else if mark.bytes == b"{}" {
                    Value::with(replace(&part.bytes, &word.bytes), part.base || word.base)
                } else {
                    part.clone()
                }
            };
            groups.push(command.iter().map(fill).collect());
        }
    } else {
        let size = options.value('n').map_or(Ok(MAX_WORDS), |value| value.text().parse::<usize>());
        let Ok(size) = size.map(|size| size.clamp(1, MAX_WORDS)) else { return Err(call.uncovered("option -n without a number")) };
        groups.extend(words.chunks(size).map(|words| [command, words].concat()));
        if words.is_empty() && !options.has('r') {
            groups.push(command.to_vec());
        }
    }
    let mut status = ExitStatus::SUCCESS;
    for group in groups {
        let (ended, output) = call.invoke(&group, Input::default())?;
        call.out(&output.bytes, output.base)?;
        match ended.0 {
            0 => {}
            127 => return Ok(ExitStatus(127)),
            _ => status = ExitStatus(123),
        }
    }
    Ok(status)
}
