//! `awk` as maintainer scripts mostly use it: `PATTERN {print FIELD, ...}`.
//!
//! Invariant: a program outside of that form is uncovered.

use regex::bytes::Regex;

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

use super::regular;

pub(super) const PROGRAMS: Table = &[("awk", &awk), ("mawk", &awk), ("gawk", &awk)];

enum Operand {
    Field(usize),
    LastField,
    FieldCount,
    LineNumber,
    Text(Vec<u8>),
}

enum Condition {
    Always,
    Matches(Option<Operand>, Regex, bool),
    Compares(Operand, String, Operand),
}

struct Rule {
    condition: Condition,
    /// Arguments of print, each a concatenation; none prints the line.
    print: Option<Vec<Vec<Operand>>>,
    exits: bool,
}

fn awk(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read_until(call, "F:v:", &[], true)?;
    if options.has('v') {
        return Err(call.uncovered("option -v is not covered"));
    }
    let Some((program, files)) = options.operands.split_first() else {
        return Err(call.uncovered("a program is missing"));
    };
    let mut reader = Reader { text: &program.bytes, at: 0 };
    let rules = reader.rules().ok_or_else(|| call.uncovered("this program is not covered"))?;
    let separator = match options.value('F').map(|value| &value.bytes[..]) {
        None | Some(b" ") => None,
        Some(b"\\t" | b"t") => Some(regular::compile_fixed(b"\t", false)),
        Some([single]) => Some(regular::compile_fixed(&[*single], false)),
        Some(pattern) => Some(regular::compile(pattern, true, false)),
    };
    let separator = separator.transpose().map_err(|reason| call.uncovered(reason))?;
    let (inputs, status) = super::inputs(call, files)?;
    let mut number = 0;
    for (_, text) in inputs {
        for line in super::split_lines(&text.bytes) {
            number += 1;
            call.spend(line.len() * rules.len())?;
            let record = Record { line, fields: fields(line, separator.as_ref()), number };
            for rule in rules.iter().filter(|rule| record.meets(&rule.condition)) {
                if let Some(print) = &rule.print {
                    let line = record.print(print);
                    call.out(&line, text.base || program.base)?;
                }
                if rule.exits {
                    return Ok(status);
                }
            }
        }
    }
    Ok(if status.success() { status } else { ExitStatus::TROUBLE })
}

fn fields<'l>(line: &'l [u8], separator: Option<&Regex>) -> Vec<&'l [u8]> {
    match separator {
        _ if line.is_empty() => Vec::new(),
        None => line.split(|b| matches!(b, b' ' | b'\t' | b'\n')).filter(|field| !field.is_empty()).collect(),
        Some(separator) => separator.split(line).collect(),
    }
}

struct Record<'l> {
    line: &'l [u8],
    fields: Vec<&'l [u8]>,
    number: usize,
}

impl Record<'_> {
    fn value(&self, operand: &Operand) -> Vec<u8> {
        match operand {
            Operand::Field(0) => self.line.to_vec(),
            Operand::Field(number) => self.fields.get(number - 1).map(|field| field.to_vec()).unwrap_or_default(),
            Operand::LastField if self.fields.is_empty() => self.line.to_vec(),
            Operand::LastField => self.fields.last().map(|field| field.to_vec()).unwrap_or_default(),
            Operand::FieldCount => self.fields.len().to_string().into_bytes(),
            Operand::LineNumber => self.number.to_string().into_bytes(),
            Operand::Text(text) => text.clone(),
        }
    }
    fn meets(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Always => true,
            Condition::Matches(operand, regex, wanted) => {
                let value = operand.as_ref().map_or_else(|| self.line.to_vec(), |operand| self.value(operand));
                regex.is_match(&value) == *wanted
            }
            Condition::Compares(left, operator, right) => {
                let (a, b) = (self.value(left), self.value(right));
                let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.trim().parse::<f64>().ok();
                let constant = matches!(right, Operand::Text(text) if number(text).is_none()) || matches!(left, Operand::Text(_));
                let order = match (number(&a), number(&b)) {
                    (Some(a), Some(b)) if !constant => a.total_cmp(&b),
                    _ => a.cmp(&b),
                };
                match &operator[..] {
                    "==" => order.is_eq(),
                    "!=" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                }
            }
        }
    }
    fn print(&self, arguments: &[Vec<Operand>]) -> Vec<u8> {
        let mut line = Vec::new();
        for (index, argument) in arguments.iter().enumerate() {
            if index > 0 {
                line.push(b' ');
            }
            for operand in argument {
                line.extend(self.value(operand));
            }
        }
        if arguments.is_empty() {
            line.extend_from_slice(self.line);
        }
        line.push(b'\n');
        line
    }
}

/// Reads a program; nothing for what is not covered.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn skip(&mut self) {
        while self.text.get(self.at).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b';')) {
            self.at += 1;
        }
    }
    fn take(&mut self, word: &str) -> bool {
        self.skip();
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
        self.at += if found { word.len() } else { 0 };
        found
    }
    fn rules(&mut self) -> Option<Vec<Rule>> {
        let mut rules = Vec::new();
        loop {
            self.skip();
            if self.at >= self.text.len() {
                return (!rules.is_empty()).then_some(rules);
            }
            let condition = self.condition()?;
            let (mut print, mut exits) = (Some(Vec::new()), false);
            if self.take("{") {
                print = self.take("print").then(|| self.arguments()).map_or(Some(None), |print| print.map(Some))?;
                exits = self.take("exit");
                if !self.take("}") || (print.is_none() && !exits) {
                    return None;
                }
            }
            rules.push(Rule { condition, print, exits });
        }
    }
    fn condition(&mut self) -> Option<Condition> {
        self.skip();
        if self.text.get(self.at) == Some(&b'{') {
            return Some(Condition::Always);
        }
        let negated = self.take("!");
        if self.text.get(self.at) == Some(&b'/') {
            return Some(Condition::Matches(None, self.regex()?, !negated));
        }
        let left = self.operand().filter(|_| !negated)?;
        for operator in ["==", "!=", "<=", ">=", "<", ">"] {
            if operator == "!=" && self.take("!~") {
                return Some(Condition::Matches(Some(left), self.regex()?, false));
            }
            if self.take(operator) {
                let right = self.operand()?;
                return Some(Condition::Compares(left, operator.to_owned(), right));
            }
        }
        if self.take("~") { Some(Condition::Matches(Some(left), self.regex()?, true)) } else { None }
    }
    fn regex(&mut self) -> Option<Regex> {
        if !self.take("/") {
            return None;
        }
        let mut pattern = Vec::new();
        loop {
            match *self.text.get(self.at)? {
                b'\\' if self.text.get(self.at + 1) == Some(&b'/') => {
                    pattern.push(b'/');
                    self.at += 2;
                }
                b'\\' => {
                    pattern.extend([b'\\', *self.text.get(self.at + 1)?]);
                    self.at += 2;
                }
                b'/' => break,
                byte => {
                    pattern.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        regular::compile(&pattern, true, false).ok()
    }
    fn arguments(&mut self) -> Option<Vec<Vec<Operand>>> {
        let mut arguments = Vec::new();
        loop {
            let mut argument = Vec::new();
            while self.text.get(self.at).is_some_and(|b| matches!(b, b' ' | b'\t')) {
                self.at += 1;
            }
            while self.text.get(self.at).is_some_and(|b| !matches!(b, b'}' | b',' | b';' | b'\n')) {
                argument.push(self.operand()?);
                while self.text.get(self.at).is_some_and(|b| matches!(b, b' ' | b'\t')) {
                    self.at += 1;
                }
            }
            let empty = argument.is_empty();
            if !(empty && arguments.is_empty()) {
                arguments.push(argument);
            }
            if self.text.get(self.at) != Some(&b',') {
                return Some(arguments);
            }
            if empty {
                return None;
            }
            self.at += 1;
        }
    }
    fn operand(&mut self) -> Option<Operand> {
        self.skip();
        if self.take("$NF") {
            return Some(Operand::LastField);
        }
        for (name, operand) in [("NF", Operand::FieldCount), ("NR", Operand::LineNumber)] {
            if self.take(name) {
                return Some(operand);
            }
        }
        let field = self.take("$");
        match self.text.get(self.at)? {
            b'0'..=b'9' => {
                let digits: Vec<u8> = self.text.get(self.at..)?.iter().copied().take_while(u8::is_ascii_digit).collect();
                self.at += digits.len();
                if !field {
                    return Some(Operand::Text(digits));
                }
                Some(Operand::Field(std::str::from_utf8(&digits).ok()?.parse().ok()?))
            }
            b'"' if !field => {
                self.at += 1;
                let mut text = Vec::new();
                loop {
                    let byte = *self.text.get(self.at)?;
                    self.at += 1;
                    match byte {
                        b'"' => return Some(Operand::Text(text)),
                        b'\\' => {
                            let escape = *self.text.get(self.at)?;
                            self.at += 1;
                            text.push(match escape {
                                b'n' => b'\n',
                                b't' => b'\t',
                                b'"' | b'\\' | b'/' => escape,
                                _ => return None,
                            });
                        }
                        byte => text.push(byte),
                    }
                }
            }
            _ => None,
        }
    }
}
