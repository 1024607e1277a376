//! Modes as chmod takes them: octal, or symbolic clauses (POSIX chmod, "EXTENDED DESCRIPTION").

use super::super::{RecipeError, Surroundings, Unit};
use super::Text;

/// A mode to apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 12 bits.
    Octal(u32),
    /// Clauses in order.
    Symbolic(Vec<Clause>),
}

/// One clause: `u+rw`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Which of user, group, other, as a mask of 0o4700, 0o2070, 0o1007.
    who: u32,
    operator: char,
    /// r, w, x, s, t bits, for all of user, group and other.
    bits: u32,
    /// `X`: execute where it is a directory or anybody may execute it.
    execute_if_any: bool,
}

impl Mode {
    pub(super) fn read(unit: &Unit, text: &Text, around: &Surroundings<'_>) -> Result<Self, RecipeError> {
        let filled = unit.filled(text, around)?;
        Self::parse(&filled).ok_or_else(|| unit.error(text.span(), format!("{filled:?} is not a mode (expected 0755 or a+rX)")))
    }

    /// `0755`, `755`, `u=rwx,go=rX`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return u32::from_str_radix(text, 8).ok().filter(|m| *m <= 0o7777 && text.len() <= 5).map(Self::Octal);
        }
        text.split(',').map(clause).collect::<Option<Vec<_>>>().map(Self::Symbolic)
    }

    /// The mode after applying this to `mode`.
    pub fn apply(&self, mode: u32, directory: bool) -> u32 {
        match self {
            Self::Octal(mode) => *mode,
            Self::Symbolic(clauses) => clauses.iter().fold(mode, |mode, clause| {
                let execute = clause.execute_if_any && (directory || mode & 0o111 != 0);
                let bits = (clause.bits | if execute { 0o111 } else { 0 }) & clause.who;
                match clause.operator {
                    '+' => mode | bits,
                    '-' => mode & !bits,
                    _ => mode & !clause.who | bits,
                }
            }),
        }
    }
}

fn clause(text: &str) -> Option<Clause> {
    let at = text.find(['+', '-', '='])?;
    let mut who = 0;
    for c in text[..at].chars() {
        who |= match c {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => 0o7777,
            _ => return None,
        };
    }
    let mut parsed =
        Clause { who: if who == 0 { 0o7777 } else { who }, operator: text[at..].chars().next()?, bits: 0, execute_if_any: false };
    for c in text[at + 1..].chars() {
        parsed.bits |= match c {
            'r' => 0o444,
            'w' => 0o222,
            'x' => 0o111,
            's' => 0o6000,
            't' => 0o1000,
            'X' => {
                parsed.execute_if_any = true;
                0
            }
            _ => return None,
        };
    }
    Some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_apply_as_chmod_does() {
        for (mode, before, directory, after) in [
            ("0644", 0o777, false, 0o644),
            ("1777", 0, true, 0o1777),
            ("a+rX", 0o600, false, 0o644),
            ("a+rX", 0o700, false, 0o755),
            ("a+rX", 0o600, true, 0o755),
            ("u=rwx,go=rx", 0o000, false, 0o755),
            ("g+w", 0o755, false, 0o775),
            ("go-rwx", 0o777, false, 0o700),
            ("u+s", 0o755, false, 0o4755),
            ("+t", 0o777, true, 0o1777),
            ("=r", 0o777, false, 0o444),
        ] {
            assert_eq!(Mode::parse(mode).map(|m| m.apply(before, directory)), Some(after), "{mode}");
        }
        for bad in ["", "8", "07777777", "rwx", "z+r", "u+q", "u", "0x1"] {
            assert_eq!(Mode::parse(bad), None, "{bad}");
        }
    }
}
