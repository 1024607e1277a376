//! `awk` as maintainer scripts mostly use it: `PATTERN {print FIELD, ...}`, substitution on the line, and variables.
//!
//! Invariant: a program outside of that form is uncovered.

use std::collections::BTreeMap;

use regex::bytes::{NoExpand, Regex};

use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

use super::awk_program::{Action, Condition, Operand, Rule, parse};
use super::regular;

pub(super) const PROGRAMS: Table = &[("awk", &awk), ("mawk", &awk), ("gawk", &awk)];

fn awk(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read_until(call, "F:v:", &[], true)?;
    let mut variables = BTreeMap::new();
    for given in options.values('v') {
        let at = given.bytes.iter().position(|b| *b == b'=').filter(|_| !given.bytes.contains(&b'\\'));
        let Some(at) = at else { return Err(call.uncovered("this variable is not covered")) };
        variables.insert(given.bytes[..at].to_vec(), given.bytes[at + 1..].to_vec());
    }
    let Some((program, files)) = options.operands.split_first() else {
        return Err(call.uncovered("a program is missing"));
    };
    let rules = parse(&program.bytes).ok_or_else(|| call.uncovered("this program is not covered"))?;
    let separator = match options.value('F').map(|value| &value.bytes[..]) {
        None | Some(b" ") => None,
        Some(b"\\t" | b"t") => Some(regular::compile_fixed(b"\t", false)),
        Some([single]) => Some(regular::compile_fixed(&[*single], false)),
        Some(pattern) => Some(regular::compile(pattern, true, false)),
    };
    let separator = separator.transpose().map_err(|reason| call.uncovered(reason))?;
    let (inputs, status) = super::inputs(call, files)?;
    let mut run = Run { rules: &rules, separator, record: Record::default(), variables };
    let mut base = program.base || options.values('v').any(|value| value.base);
    'input: for (_, text) in &inputs {
        base |= text.base;
        for line in super::split_lines(&text.bytes) {
            run.record.number += 1;
            run.set_line(line.to_vec());
            if !run.rules(call, false, base)? {
                break 'input;
            }
        }
    }
    run.rules(call, true, base)?;
    Ok(if status.success() { status } else { ExitStatus::TROUBLE })
}

/// The program at work.
struct Run<'p> {
    rules: &'p [Rule],
    separator: Option<Regex>,
    record: Record,
    variables: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Run<'_> {
    fn set_line(&mut self, line: Vec<u8>) {
        self.record.fields = fields(&line, self.separator.as_ref()).into_iter().map(<[u8]>::to_vec).collect();
        self.record.line = line;
    }
    /// Does what the rules say of a line, or after the last; whether it goes on.
    fn rules(&mut self, call: &mut Call<'_>, end: bool, base: bool) -> Result<bool, Uncovered> {
        call.spend(self.record.line.len() * self.rules.len())?;
        for rule in self.rules {
            if matches!(rule.condition, Condition::End) != end || !self.meets(&rule.condition) {
                continue;
            }
            for action in &rule.actions {
                match action {
                    Action::Exit => return Ok(false),
                    Action::Print(arguments) => {
                        let line = self.print(arguments);
                        call.out(&line, base)?;
                    }
                    Action::Assign(name, operands) => {
                        let value = operands.iter().flat_map(|operand| self.value(operand)).collect();
                        self.variables.insert(name.clone(), value);
                    }
                    Action::Substitute { regex, replacement, all } => {
                        let times = usize::from(!*all);
                        let line = regex.replacen(&self.record.line, times, NoExpand(replacement)).into_owned();
                        call.spend(line.len())?;
                        self.set_line(line);
                    }
                }
            }
        }
        Ok(true)
    }
    fn value(&self, operand: &Operand) -> Vec<u8> {
        match operand {
            Operand::Field(0) => self.record.line.clone(),
            Operand::Field(number) => self.record.fields.get(number - 1).cloned().unwrap_or_default(),
            Operand::LastField if self.record.fields.is_empty() => self.record.line.clone(),
            Operand::LastField => self.record.fields.last().cloned().unwrap_or_default(),
            Operand::FieldCount => self.record.fields.len().to_string().into_bytes(),
            Operand::LineNumber => self.record.number.to_string().into_bytes(),
            Operand::Variable(name) => self.variables.get(name).cloned().unwrap_or_default(),
            Operand::Text(text) => text.clone(),
        }
    }
    fn meets(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Always | Condition::End => true,
            Condition::Matches(operand, regex, wanted) => {
                let value = operand.as_ref().map_or_else(|| self.record.line.clone(), |operand| self.value(operand));
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
            line.extend_from_slice(&self.record.line);
        }
        line.push(b'\n');
        line
    }
}

/// The line at hand.
#[derive(Default)]
struct Record {
    line: Vec<u8>,
    fields: Vec<Vec<u8>>,
    number: usize,
}

fn fields<'l>(line: &'l [u8], separator: Option<&Regex>) -> Vec<&'l [u8]> {
    match separator {
        _ if line.is_empty() => Vec::new(),
        None => line.split(|b| matches!(b, b' ' | b'\t' | b'\n')).filter(|field| !field.is_empty()).collect(),
        Some(separator) => separator.split(line).collect(),
    }
}
