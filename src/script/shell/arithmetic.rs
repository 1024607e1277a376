//! `$((...))`: integer expressions over variables (XCU 2.6.4), 64 bits, wrapping as dash's do.
//!
//! Invariant: nesting is bounded; division by zero and what is no expression are errors, told as the shell tells them.

use crate::script::value::Value;

use super::state::State;

/// Parentheses and operators within each other.
const MAX_NESTING: u32 = 60;

/// The value of an expression, and whether a variable with the base's provenance went into it; else a message.
pub(super) fn evaluate(text: &[u8], state: &mut State) -> Result<(i64, bool), String> {
    let mut reader = Reader { text, at: 0, base: false, state, nesting: 0, live: true };
    let value = if reader.peek().is_none() { 0 } else { reader.assignment()? };
    if reader.peek().is_some() { Err(reader.wrong()) } else { Ok((value, reader.base)) }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    base: bool,
    state: &'a mut State,
    nesting: u32,
    /// False in the branch that is not taken.
    live: bool,
}

/// Binary operators, loosest first, as C has them.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Reader<'_> {
    fn wrong(&self) -> String {
        format!("arithmetic expression: expecting primary: \"{}\"", String::from_utf8_lossy(self.text))
    }
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }
    /// Takes an operator, if it stands here and is not the beginning of a longer one.
    fn take(&mut self, operator: &str) -> bool {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(after) = rest.strip_prefix(operator.as_bytes()) else { return false };
        let next = after.first().copied();
        let longer = match operator {
            "|" | "&" | "<" | ">" => next == operator.bytes().next() || next == Some(b'='),
            "^" | "+" | "-" | "*" | "/" | "%" | "<<" | ">>" | "=" | "!" => next == Some(b'='),
            _ => false,
        };
        if !longer {
            self.at += operator.len();
        }
        !longer
    }
    fn name(&mut self) -> Option<Vec<u8>> {
        if !self.peek()?.is_ascii_alphabetic() && self.peek()? != b'_' {
            return None;
        }
        let rest = self.text.get(self.at..)?;
        let length = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).unwrap_or(rest.len());
        self.at += length;
        Some(rest.get(..length)?.to_vec())
    }
    fn assignment(&mut self) -> Result<i64, String> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err("arithmetic expression: nested too deeply".into());
        }
        let start = self.at;
        if let Some(name) = self.name() {
            for operator in ["=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "^=", "|="] {
                if self.take(operator) {
                    if operator == "=" && self.peek() == Some(b'=') {
                        break;
                    }
                    let mut value = self.assignment()?;
                    if let Some(binary) = operator.strip_suffix('=').filter(|o| !o.is_empty()) {
                        let old = self.variable(&name)?;
                        value = self.apply(binary, old, value)?;
                    }
                    if self.live && !self.state.set(&name, Value::with(value.to_string(), self.base)) {
                        return Err(format!("{}: is read only", String::from_utf8_lossy(&name)));
                    }
                    self.nesting -= 1;
                    return Ok(value);
                }
            }
        }
        self.at = start;
        let value = self.conditional();
        self.nesting -= 1;
        value
    }
    fn conditional(&mut self) -> Result<i64, String> {
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        let live = self.live;
        self.live = live && condition != 0;
        let yes = self.assignment()?;
        if !self.take(":") {
            return Err(self.wrong());
        }
        self.live = live && condition == 0;
        let no = self.assignment()?;
        self.live = live;
        Ok(if condition != 0 { yes } else { no })
    }
    fn binary(&mut self, level: usize) -> Result<i64, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.take(operator)) {
            let live = self.live;
            if (*operator == "&&" && left == 0) || (*operator == "||" && left != 0) {
                self.live = false;
            }
            let right = self.binary(level + 1)?;
            self.live = live;
            left = self.apply(operator, left, right)?;
        }
        Ok(left)
    }
    fn apply(&self, operator: &str, left: i64, right: i64) -> Result<i64, String> {
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(right as u32),
            ">>" => left.wrapping_shr(right as u32),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            _ if right == 0 && self.live => return Err("arithmetic expression: division by zero".into()),
            _ if right == 0 => 0,
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }
    fn unary(&mut self) -> Result<i64, String> {
        let mut signs = Vec::new();
        while let Some(sign @ (b'-' | b'+' | b'!' | b'~')) = self.peek() {
            self.at += 1;
            signs.push(sign);
        }
        let mut value = self.primary()?;
        for sign in signs.iter().rev() {
            value = match sign {
                b'-' => value.wrapping_neg(),
                b'!' => i64::from(value == 0),
                b'~' => !value,
                _ => value,
            };
        }
        Ok(value)
    }
    fn primary(&mut self) -> Result<i64, String> {
        match self.peek() {
            Some(b'(') => {
                self.at += 1;
                let value = self.assignment()?;
                if self.take(")") { Ok(value) } else { Err(self.wrong()) }
            }
            Some(byte) if byte.is_ascii_digit() => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let length = rest.iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(rest.len());
                self.at += length;
                number(rest.get(..length).unwrap_or_default()).ok_or_else(|| self.wrong())
            }
            _ => match self.name() {
                Some(name) => self.variable(&name),
                None => Err(self.wrong()),
            },
        }
    }
    fn variable(&mut self, name: &[u8]) -> Result<i64, String> {
        let Some(value) = self.state.get(name) else {
            return if self.state.options.nounset && self.live {
                Err(format!("{}: parameter not set", String::from_utf8_lossy(name)))
            } else {
                Ok(0)
            };
        };
        self.base |= value.base;
        let text = value.bytes.trim_ascii();
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let number = if text.is_empty() { Some(0) } else { number(digits) };
        let number = number.ok_or_else(|| format!("Illegal number: {}", value.text()))?;
        Ok(if negative { number.wrapping_neg() } else { number })
    }
}

/// A constant: decimal, octal after `0`, hexadecimal after `0x`; too large ones stop at the largest.
fn number(digits: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(digits).ok()?;
    let (radix, digits) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if text.len() > 1 && text.starts_with('0') => (8, &text[1..]),
        None => (10, text),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(i64::from_str_radix(digits, radix).unwrap_or(i64::MAX))
}
