//! `echo` and `printf` as dash has them, `true`, `false`.

use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};

pub(super) const BUILTINS: Table = &[("echo", &echo), ("printf", &printf), ("true", &yes), ("false", &no)];
pub(super) const PROGRAMS: Table = &[("echo", &program_echo), ("printf", &printf), ("true", &yes), ("false", &no)];

#[expect(clippy::unnecessary_wraps, reason = "the shape of a command")]
fn yes(_: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    Ok(ExitStatus::SUCCESS)
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a command")]
fn no(_: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    Ok(ExitStatus::FAILURE)
}

fn echo(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let mut arguments = call.arguments;
    let newline = arguments.first().is_none_or(|first| first.bytes != b"-n");
    if !newline {
        arguments = &arguments[1..];
    }
    let mut base = false;
    let mut line = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            line.push(b' ');
        }
        base |= argument.base;
        if escapes(&argument.bytes, &mut line, true) {
            call.out(&line, base)?;
            return Ok(ExitStatus::SUCCESS);
        }
    }
    if newline {
        line.push(b'\n');
    }
    call.out(&line, base)?;
    Ok(ExitStatus::SUCCESS)
}

/// `/bin/echo`: backslashes are plain.
fn program_echo(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let words = call.arguments;
    let newline = words.first().is_none_or(|first| first.bytes != b"-n");
    let words = if newline { words } else { &words[1..] };
    if words.first().is_some_and(|first| matches!(first.bytes.get(..2), Some(b"-e" | b"-E" | b"-n" | b"--"))) {
        return Err(call.uncovered("options of the program echo are not covered"));
    }
    let line = words.iter().map(|word| &word.bytes[..]).collect::<Vec<_>>().join(&b' ');
    let end: &[u8] = if newline { b"\n" } else { b"" };
    call.out(&[&line[..], end].concat(), words.iter().any(|word| word.base))?;
    Ok(ExitStatus::SUCCESS)
}

/// Replaces escapes; true if `\c` ends the output. `\0` begins octal digits in arguments (`zero`), any digit in formats.
fn escapes(text: &[u8], into: &mut Vec<u8>, zero: bool) -> bool {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        if *byte != b'\\' {
            into.push(*byte);
            continue;
        }
        let Some(escape) = text.get(at) else {
            into.push(b'\\');
            break;
        };
        at += 1;
        match escape {
            b'a' => into.push(7),
            b'b' => into.push(8),
            b'e' => into.push(27),
            b'f' => into.push(12),
            b'n' => into.push(b'\n'),
            b'r' => into.push(b'\r'),
            b't' => into.push(b'\t'),
            b'v' => into.push(11),
            b'\\' => into.push(b'\\'),
            b'c' if zero => return true,
            b'"' if !zero => into.push(b'"'),
            b'0'..=b'7' if !zero || *escape == b'0' => {
                let from = if zero { at } else { at - 1 };
                let digits = text.get(from..).unwrap_or_default().iter().take(3).take_while(|b| (b'0'..=b'7').contains(b));
                let digits: Vec<u8> = digits.copied().collect();
                into.push(digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0')) as u8);
                at = from + digits.len();
            }
            other => into.extend([b'\\', *other]),
        }
    }
    false
}

struct Directive {
    flags: Vec<u8>,
    width: usize,
    precision: Option<usize>,
    conversion: u8,
}

/// Widest field: more is no layout.
const MAX_WIDTH: usize = 4096;

fn printf(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let mut arguments = call.arguments;
    if arguments.first().is_some_and(|first| first.bytes == b"--") {
        arguments = &arguments[1..];
    }
    let Some((format, mut rest)) = arguments.split_first() else {
        call.complain("usage: printf format [arg ...]");
        return Ok(ExitStatus::TROUBLE);
    };
    let mut status = ExitStatus::SUCCESS;
    loop {
        let before = rest.len();
        if pass(call, format, &mut rest, &mut status)? || rest.is_empty() || rest.len() == before {
            return Ok(status);
        }
    }
}

/// One pass over the format; true if `\c` ends all.
fn pass(call: &mut Call<'_>, format: &Value, rest: &mut &[Value], status: &mut ExitStatus) -> Result<bool, Uncovered> {
    let mut at = 0;
    let text = &format.bytes;
    while at < text.len() {
        let literal = text.get(at..).unwrap_or_default();
        let end = literal.iter().position(|b| *b == b'%').unwrap_or(literal.len());
        let mut plain = Vec::new();
        escapes(literal.get(..end).unwrap_or_default(), &mut plain, false);
        call.out(&plain, format.base)?;
        at += end;
        if at >= text.len() {
            break;
        }
        at += 1;
        if text.get(at) == Some(&b'%') {
            call.out(b"%", format.base)?;
            at += 1;
            continue;
        }
        let directive = directive(call, text, &mut at, rest)?;
        let argument = rest.split_first().map(|(first, more)| {
            *rest = more;
            first.clone()
        });
        let mut argument_value = argument.unwrap_or_default();
        let mut ended = false;
        let shown = match directive.conversion {
            b's' => cut(&argument_value.bytes, &directive),
            b'b' => {
                let mut bytes = Vec::new();
                ended = escapes(&argument_value.bytes, &mut bytes, true);
                cut(&bytes, &directive)
            }
            b'c' => argument_value.bytes.get(..1).unwrap_or_default().to_vec(),
            b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => {
                if argument_value.is_empty() {
                    argument_value.bytes = b"0".to_vec();
                }
                if let Some(number) = integer(&argument_value.text()) {
                    number_text(number, &directive)
                } else {
                    let message = format!("{}: expected numeric value", argument_value.text());
                    call.complain(message);
                    *status = ExitStatus::FAILURE;
                    number_text(0, &directive)
                }
            }
            other => return Err(call.uncovered(format!("conversion %{} is not covered", char::from(other)))),
        };
        let padded = pad(shown, &directive);
        call.out(&padded, format.base || argument_value.base)?;
        if ended {
            return Ok(true);
        }
    }
    Ok(false)
}

fn directive(call: &Call<'_>, text: &[u8], at: &mut usize, rest: &mut &[Value]) -> Result<Directive, Uncovered> {
    let mut flags = Vec::new();
    while let Some(flag @ (b'-' | b'+' | b' ' | b'0' | b'#')) = text.get(*at) {
        flags.push(*flag);
        *at += 1;
    }
    let mut number = |at: &mut usize| -> Option<usize> {
        if text.get(*at) == Some(&b'*') {
            *at += 1;
            let (first, more) = rest.split_first()?;
            *rest = more;
            return first.text().parse().ok();
        }
        let digits: Vec<u8> = text.get(*at..)?.iter().copied().take_while(u8::is_ascii_digit).collect();
        *at += digits.len();
        std::str::from_utf8(&digits).ok()?.parse().ok()
    };
    let width = number(at).unwrap_or(0);
    let mut precision = None;
    if text.get(*at) == Some(&b'.') {
        *at += 1;
        precision = Some(number(at).unwrap_or(0));
    }
    if width > MAX_WIDTH || precision.is_some_and(|p| p > MAX_WIDTH) {
        return Err(call.uncovered("a field is too wide"));
    }
    let conversion = text.get(*at).copied().unwrap_or(b'%');
    *at += 1;
    Ok(Directive { flags, width, precision, conversion })
}

fn cut(bytes: &[u8], directive: &Directive) -> Vec<u8> {
    bytes.get(..directive.precision.unwrap_or(bytes.len())).unwrap_or(bytes).to_vec()
}

fn integer(text: &str) -> Option<i64> {
    if let Some(quoted) = text.strip_prefix(['"', '\'']) {
        return Some(quoted.bytes().next().map_or(0, i64::from));
    }
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if negative { number.wrapping_neg() } else { number })
}

fn number_text(number: i64, directive: &Directive) -> Vec<u8> {
    let alternate = directive.flags.contains(&b'#');
    let mut digits = match directive.conversion {
        b'o' => format!("{}{number:o}", if alternate { "0" } else { "" }),
        b'x' => format!("{}{number:x}", if alternate && number != 0 { "0x" } else { "" }),
        b'X' => format!("{}{number:X}", if alternate && number != 0 { "0X" } else { "" }),
        b'u' => (number as u64).to_string(),
        _ => number.unsigned_abs().to_string(),
    };
    if let Some(precision) = directive.precision {
        digits = "0".repeat(precision.saturating_sub(digits.len())) + &digits;
    }
    let signed = matches!(directive.conversion, b'd' | b'i');
    let sign = match number {
        _ if !signed => "",
        n if n < 0 => "-",
        _ if directive.flags.contains(&b'+') => "+",
        _ if directive.flags.contains(&b' ') => " ",
        _ => "",
    };
    let zeros = directive.flags.contains(&b'0') && !directive.flags.contains(&b'-') && directive.precision.is_none();
    let fill = if zeros { directive.width.saturating_sub(digits.len() + sign.len()) } else { 0 };
    format!("{sign}{}{digits}", "0".repeat(fill)).into_bytes()
}

fn pad(mut bytes: Vec<u8>, directive: &Directive) -> Vec<u8> {
    let missing = directive.width.saturating_sub(bytes.len());
    let spaces = vec![b' '; missing];
    if directive.flags.contains(&b'-') {
        bytes.extend(spaces);
        bytes
    } else {
        [spaces, bytes].concat()
    }
}
