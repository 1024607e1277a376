//! `head`, `tail`, `wc`, `uniq`, `tee`, `seq`, `tac`.

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};

pub(super) const PROGRAMS: Table =
    &[("head", &head), ("tail", &tail), ("wc", &wc), ("uniq", &uniq), ("tee", &tee), ("seq", &seq), ("tac", &tac)];

/// `head -3` and `tail -3` in their modern form.
fn modern(call: &Call<'_>) -> Vec<Value> {
    let old = |word: &Value| matches!(&word.bytes[..], [b'-', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
    let spell = |word: &Value| if old(word) { Value::with([b"-n", &word.bytes[1..]].concat(), word.base) } else { word.clone() };
    let first = call.arguments.first().map(spell);
    first.into_iter().chain(call.arguments.iter().skip(1).cloned()).collect()
}

fn one_input(call: &mut Call<'_>, operands: &[Value]) -> Result<Option<Value>, Uncovered> {
    if operands.len() > 1 {
        return Err(call.uncovered("several files are not covered"));
    }
    super::input(call, operands.first().unwrap_or(&Value::from("-")))
}

fn ends(call: &mut Call<'_>) -> Result<Option<(Value, String, bool)>, Uncovered> {
    let arguments = modern(call);
    let options = Options::of(call, &arguments, "n:c:q", &[("lines", 'n'), ("bytes", 'c'), ("quiet", 'q')])?;
    let count = options.value('c').or_else(|| options.value('n')).map_or("10".into(), |value| value.text().into_owned());
    let text = one_input(call, &options.operands)?;
    Ok(text.map(|text| (text, count, options.has('c'))))
}

fn pieces(text: &[u8], bytes: bool) -> Vec<&[u8]> {
    if bytes { text.chunks(1).collect() } else { text.split_inclusive(|b| *b == b'\n').collect() }
}

fn head(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let Some((text, count, bytes)) = ends(call)? else { return Ok(ExitStatus::FAILURE) };
    let pieces = pieces(&text.bytes, bytes);
    let (count, from_end) = count.strip_prefix('-').map_or((&count[..], false), |count| (count, true));
    let Ok(count) = count.parse::<usize>() else { return Err(call.uncovered("this count is not covered")) };
    let kept = if from_end { pieces.len().saturating_sub(count) } else { count.min(pieces.len()) };
    call.out(&pieces[..kept].concat(), text.base)?;
    Ok(ExitStatus::SUCCESS)
}

fn tail(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let Some((text, count, bytes)) = ends(call)? else { return Ok(ExitStatus::FAILURE) };
    let pieces = pieces(&text.bytes, bytes);
    let (count, from_start) = count.strip_prefix('+').map_or((&count[..], false), |count| (count, true));
    let Ok(count) = count.parse::<usize>() else { return Err(call.uncovered("this count is not covered")) };
    let start = if from_start { count.saturating_sub(1).min(pieces.len()) } else { pieces.len().saturating_sub(count) };
    call.out(&pieces[start..].concat(), text.base)?;
    Ok(ExitStatus::SUCCESS)
}

fn tac(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "", &[])?;
    let Some(text) = one_input(call, &options.operands)? else { return Ok(ExitStatus::FAILURE) };
    let mut lines: Vec<&[u8]> = text.bytes.split_inclusive(|b| *b == b'\n').collect();
    lines.reverse();
    call.out(&lines.concat(), text.base)?;
    Ok(ExitStatus::SUCCESS)
}

fn wc(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "lwc", &[("lines", 'l'), ("words", 'w'), ("bytes", 'c')])?;
    let [count] = ['l', 'w', 'c'].into_iter().filter(|letter| options.has(*letter)).collect::<Vec<_>>()[..] else {
        return Err(call.uncovered("only one count at a time is covered"));
    };
    let Some(text) = one_input(call, &options.operands)? else { return Ok(ExitStatus::FAILURE) };
    let number = match count {
        'l' => super::newlines(&text.bytes),
        'w' => text.bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count(),
        _ => text.bytes.len(),
    };
    let mut line = number.to_string().into_bytes();
    if let Some(name) = options.operands.first() {
        line.push(b' ');
        line.extend_from_slice(&name.bytes);
    }
    line.push(b'\n');
    call.out(&line, text.base)?;
    Ok(ExitStatus::SUCCESS)
}

fn uniq(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "cdu", &[("count", 'c'), ("repeated", 'd'), ("unique", 'u')])?;
    let Some(text) = one_input(call, &options.operands)? else { return Ok(ExitStatus::FAILURE) };
    let mut groups: Vec<(&[u8], usize)> = Vec::new();
    for line in super::split_lines(&text.bytes) {
        match groups.last_mut() {
            Some((known, count)) if *known == line => *count += 1,
            _ => groups.push((line, 1)),
        }
    }
    for (line, count) in groups {
        if (options.has('d') && count == 1) || (options.has('u') && count > 1) {
            continue;
        }
        let prefix = if options.has('c') { format!("{count:7} ").into_bytes() } else { Vec::new() };
        call.out(&[&prefix[..], line, b"\n"].concat(), text.base)?;
    }
    Ok(ExitStatus::SUCCESS)
}

fn tee(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "a", &[("append", 'a')])?;
    let text = call.stdin.rest();
    call.out(&text.bytes, text.base)?;
    let mut status = ExitStatus::SUCCESS;
    for file in &options.operands {
        if file.bytes == b"/dev/null" {
            continue;
        }
        if file.bytes == b"/dev/stderr" {
            call.stderr.push(&text);
            continue;
        }
        let path = call.path(file);
        let mode = 0o666 & !call.umask;
        let written = if options.has('a') {
            call.root.append(&path, &text.bytes, text.base, mode)
        } else {
            call.root.write(&path, text.bytes.clone(), text.base, mode)
        };
        if let Err(error) = written {
            status = call.failed(&file.bytes, &error)?;
        }
    }
    Ok(status)
}

fn seq(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let numbers: Option<Vec<i64>> = call.arguments.iter().map(|word| word.text().parse().ok()).collect();
    let (first, step, last) = match numbers.as_deref() {
        Some([last]) => (1, 1, *last),
        Some([first, last]) => (*first, 1, *last),
        Some([first, step, last]) if *step != 0 => (*first, *step, *last),
        _ => return Err(call.uncovered("only whole numbers are covered")),
    };
    let base = call.arguments.iter().any(|word| word.base);
    let mut number = first;
    while if step > 0 { number <= last } else { number >= last } {
        call.out(format!("{number}\n").as_bytes(), base)?;
        let Some(next) = number.checked_add(step) else { break };
        number = next;
    }
    Ok(ExitStatus::SUCCESS)
}
