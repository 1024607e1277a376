//! Shell patterns (XCU 2.13): `*`, `?`, bracket expressions with ranges and classes.
//!
//! Invariant: matching takes at most [`cost`] steps, which its callers pay for first; on bytes, as in the C locale. A quoted character stands
//! behind a backslash.

/// Escapes what a pattern would read as special.
pub(super) fn quote(bytes: &[u8], into: &mut Vec<u8>) {
    for byte in bytes {
        if b"*?[]\\!^-".contains(byte) {
            into.push(b'\\');
        }
        into.push(*byte);
    }
}

/// Whether unquoted text has something that makes it a pattern.
pub(super) fn is_special(bytes: &[u8]) -> bool {
    bytes.iter().any(|b| b"*?[".contains(b))
}

/// How many bytes matching may look at: a `*` tries the rest of the pattern at each place of the text, and a `[` that does not
/// end is looked for to the pattern's end each time.
pub(in crate::script) fn cost(pattern: &[u8], text: &[u8]) -> usize {
    let has = |byte| pattern.contains(&byte);
    let places = if has(b'*') { pattern.len() } else { 1 };
    let bracket = if has(b'[') { pattern.len() } else { 1 };
    text.len().saturating_mul(places).saturating_mul(bracket).saturating_add(pattern.len())
}

/// Whether the pattern matches the whole text.
pub(in crate::script) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stands, and how much text it takes.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, t));
            p += 1;
            continue;
        }
        let Some(byte) = text.get(t) else { return pattern.get(p..).unwrap_or_default().iter().all(|b| *b == b'*') };
        match one(pattern.get(p..).unwrap_or_default(), *byte) {
            Some(length) => {
                p += length;
                t += 1;
            }
            None => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    p = after;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
}

/// The most bytes that a text may have which matches; nothing where a `*` sets no limit, or where it is long to find out.
pub(super) fn longest(pattern: &[u8]) -> Option<usize> {
    if pattern.len() > 255 {
        return None;
    }
    let (mut rest, mut count) = (pattern, 0);
    while let Some(first) = rest.first() {
        let length = match first {
            b'*' => return None,
            b'[' => bracket(rest, 0).map_or(1, |(length, _)| length),
            b'\\' => 2,
            _ => 1,
        };
        rest = rest.get(length..).unwrap_or_default();
        count += 1;
    }
    Some(count)
}

/// The length of the pattern's first element if it matches the byte.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', ..] => match bracket(pattern, byte) {
            Some((length, true)) => Some(length),
            Some((_, false)) => None,
            None => (byte == b'[').then_some(1),
        },
        [b'\\', quoted, ..] => (*quoted == byte).then_some(2),
        [plain, ..] => (*plain == byte).then_some(1),
        [] => None,
    }
}

/// The length of a bracket expression and whether it has the byte; nothing if it does not end.
fn bracket(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let mut at = 1;
    let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let first = at;
    let mut found = false;
    loop {
        let start = match pattern.get(at)? {
            b']' if at > first => return Some((at + 1, found != negated)),
            b'[' if pattern.get(at + 1) == Some(&b':') => {
                let rest = pattern.get(at + 2..)?;
                let length = rest.windows(2).position(|pair| pair == b":]")?;
                found |= class(rest.get(..length)?, byte);
                at += length + 4;
                continue;
            }
            _ => element(pattern, &mut at)?,
        };
        if pattern.get(at) == Some(&b'-') && !matches!(pattern.get(at + 1), None | Some(b']')) {
            at += 1;
            let end = element(pattern, &mut at)?;
            found |= (start..=end).contains(&byte);
        } else {
            found |= start == byte;
        }
    }
}

fn element(pattern: &[u8], at: &mut usize) -> Option<u8> {
    if pattern.get(*at) == Some(&b'\\') {
        *at += 1;
    }
    let byte = *pattern.get(*at)?;
    *at += 1;
    Some(byte)
}

/// Whether a byte is in a named class of the C locale.
pub(in crate::script) fn class(name: &[u8], byte: u8) -> bool {
    match name {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" => byte.is_ascii_uppercase(),
        b"lower" => byte.is_ascii_lowercase(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => byte == b' ' || byte == b'\t',
        b"punct" => byte.is_ascii_punctuation(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"graph" => byte.is_ascii_graphic(),
        b"cntrl" => byte.is_ascii_control(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_text_that_matches_is_known_before() {
        for (pattern, longest_text) in [
            ("[", Some(1)),
            ("[:space:]", Some(1)),
            ("a[[:space:]]?", Some(3)),
            ("[]a", Some(3)),
            ("[!]ab", Some(5)),
            ("[\\]ab", Some(4)),
            ("a\\*b", Some(3)),
            ("a*", None),
            ("", Some(0)),
        ] {
            assert_eq!(longest(pattern.as_bytes()), longest_text, "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_longer_matches(pattern in r"[ab\[\]!:\\?^-]{0,7}", text in r"[ab\[\]!:\\?^-]{0,7}") {
            if matches(pattern.as_bytes(), text.as_bytes()) {
                proptest::prop_assert!(longest(pattern.as_bytes()).is_none_or(|most| text.len() <= most));
            }
        }
    }
}
