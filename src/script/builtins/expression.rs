//! `expr`: integers, comparisons, `:` with basic regular expressions, `length`, `substr`, `index`.

use crate::script::call::{Call, Table};
use crate::script::text::regular;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};

pub(super) const PROGRAMS: Table = &[("expr", &expr)];

/// Deepest nesting of parentheses.
const MAX_NESTING: u32 = 60;

fn expr(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let words = call.arguments;
    let mut reader = Reader { call, words, at: 0, nesting: 0 };
    let result = reader.level(0)?;
    let complete = reader.at == words.len();
    match result {
        Some(value) if complete => {
            let line = [&value.bytes[..], b"\n"].concat();
            call.out(&line, value.base)?;
            Ok((!is_null(&value)).into())
        }
        _ => {
            call.complain("syntax error");
            Ok(ExitStatus::TROUBLE)
        }
    }
}

fn is_null(value: &Value) -> bool {
    value.is_empty() || integer(value) == Some(0)
}

fn integer(value: &Value) -> Option<i64> {
    value.text().parse().ok()
}

struct Reader<'c, 'a> {
    call: &'c Call<'a>,
    words: &'c [Value],
    at: usize,
    nesting: u32,
}

const LEVELS: &[&[&str]] = &[&["|"], &["&"], &["<", "<=", "=", "==", "!=", ">=", ">"], &["+", "-"], &["*", "/", "%"], &[":"]];

impl Reader<'_, '_> {
    fn level(&mut self, level: usize) -> Result<Option<Value>, Uncovered> {
        let Some(operators) = LEVELS.get(level) else { return self.primary() };
        let Some(mut left) = self.level(level + 1)? else { return Ok(None) };
        while let Some(operator) = self.words.get(self.at).map(|w| w.text().into_owned()).filter(|w| operators.contains(&&w[..])) {
            self.at += 1;
            let Some(right) = self.level(level + 1)? else { return Ok(None) };
            match self.apply(&operator, left, &right)? {
                Some(value) => left = value,
                None => return Ok(None),
            }
        }
        Ok(Some(left))
    }
    fn primary(&mut self) -> Result<Option<Value>, Uncovered> {
        let Some(word) = self.words.get(self.at) else { return Ok(None) };
        self.at += 1;
        match &word.bytes[..] {
            b"(" => {
                self.nesting += 1;
                if self.nesting > MAX_NESTING {
                    return Err(self.call.uncovered("parentheses are nested too deeply"));
                }
                let value = self.level(0)?;
                let closed = self.words.get(self.at).is_some_and(|w| w.bytes == b")");
                self.at += 1;
                Ok(value.filter(|_| closed))
            }
            b"length" if self.at < self.words.len() => {
                let value = self.primary()?;
                Ok(value.map(|value| Value::with(value.bytes.len().to_string(), value.base)))
            }
            b"substr" | b"index" | b"match" if self.at < self.words.len() => {
                Err(self.call.uncovered("this function is not covered"))
            }
            _ => Ok(Some(word.clone())),
        }
    }
    fn apply(&self, operator: &str, left: Value, right: &Value) -> Result<Option<Value>, Uncovered> {
        let base = left.base || right.base;
        let truth = |truth: bool| Some(Value::with(if truth { "1" } else { "0" }, base));
        let order = match (integer(&left), integer(right)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => left.bytes.cmp(&right.bytes),
        };
        Ok(match operator {
            "|" => Some(if is_null(&left) { right.clone() } else { left }),
            "&" => Some(if is_null(&left) || is_null(right) { Value::from("0") } else { left }),
            "<" => truth(order.is_lt()),
            "<=" => truth(order.is_le()),
            "=" | "==" => truth(order.is_eq()),
            "!=" => truth(order.is_ne()),
            ">=" => truth(order.is_ge()),
            ">" => truth(order.is_gt()),
            ":" => Some(self.matched(&left, right)?),
            _ => {
                let (Some(a), Some(b)) = (integer(&left), integer(right)) else { return Ok(None) };
                let number = match operator {
                    "+" => a.checked_add(b),
                    "-" => a.checked_sub(b),
                    "*" => a.checked_mul(b),
                    "/" => a.checked_div(b),
                    _ => a.checked_rem(b),
                };
                number.map(|number| Value::with(number.to_string(), base))
            }
        })
    }
    fn matched(&self, text: &Value, pattern: &Value) -> Result<Value, Uncovered> {
        let anchored = [b"^", &pattern.bytes[..]].concat();
        let regex = regular::compile(&anchored, false, false).map_err(|reason| self.call.uncovered(reason))?;
        let groups = regex.captures_len() > 1;
        let found = regex.captures(&text.bytes);
        let bytes = match found {
            Some(found) if groups => found.get(1).map_or_else(Vec::new, |group| group.as_bytes().to_vec()),
            Some(found) => found.get(0).map_or(0, |all| all.len()).to_string().into_bytes(),
            None if groups => Vec::new(),
            None => b"0".to_vec(),
        };
        Ok(Value::with(bytes, text.base || pattern.base))
    }
}
