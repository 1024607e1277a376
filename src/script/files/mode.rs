//! Modes as `chmod` takes them: octal and symbolic.

/// The mode that `text` makes of `old`; `umask` counts where no class is named. Nothing if it is no mode.
pub(super) fn apply(text: &str, old: u32, directory: bool, umask: u32) -> Option<u32> {
    if !text.is_empty() && text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)?;
        // A directory keeps setuid and setgid unless five digits are given.
        return Some(if directory && text.len() < 5 { mode | old & 0o6000 } else { mode });
    }
    text.split(',').try_fold(old, |mode, clause| one(clause, mode, directory, umask))
}

fn one(clause: &str, old: u32, directory: bool, umask: u32) -> Option<u32> {
    let at = clause.find(['+', '-', '='])?;
    let (who, mut rest) = clause.split_at(at);
    let mut classes = 0;
    for class in who.chars() {
        classes |= match class {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => 0o7777,
            _ => return None,
        };
    }
    let (affected, masked) = if who.is_empty() { (0o7777, !umask) } else { (classes, 0o7777) };
    let mut mode = old;
    while let Some(operator) = rest.chars().next() {
        let body = &rest[1..];
        let end = body.find(['+', '-', '=']).unwrap_or(body.len());
        let mut bits = 0;
        for letter in body[..end].chars() {
            bits |= match letter {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                'X' if directory || mode & 0o111 != 0 => 0o111,
                'X' => 0,
                's' => 0o6000,
                't' => 0o1000,
                'u' => (mode >> 6 & 7) * 0o111,
                'g' => (mode >> 3 & 7) * 0o111,
                'o' => (mode & 7) * 0o111,
                _ => return None,
            };
        }
        let bits = bits & affected & masked;
        match operator {
            '+' => mode |= bits,
            '-' => mode &= !bits,
            _ => {
                // `=` leaves a directory its setuid and setgid bits.
                let kept = if directory { 0o6000 } else { 0 };
                mode = mode & !(affected & !kept) | bits;
            }
        }
        rest = &body[end..];
    }
    Some(mode & 0o7777)
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn modes_are_those_of_chmod() {
        for (text, old, directory, mode) in [
            ("644", 0o777, false, Some(0o644)),
            ("755", 0o2700, true, Some(0o2755)),
            ("00755", 0o2700, true, Some(0o755)),
            ("u+s,g-w", 0o775, false, Some(0o4755)),
            ("a+rX", 0o600, false, Some(0o644)),
            ("a+rX", 0o700, true, Some(0o755)),
            ("go=", 0o755, false, Some(0o700)),
            ("g=u", 0o640, false, Some(0o660)),
            ("+x", 0o644, false, Some(0o755)),
            ("+w", 0o444, false, Some(0o644)),
            ("u=rwx,go=rx", 0, false, Some(0o755)),
            ("o+t", 0o777, true, Some(0o1777)),
            ("8", 0, false, None),
            ("u!x", 0, false, None),
        ] {
            assert_eq!(apply(text, old, directory, 0o022), mode, "{text}");
        }
    }
}
