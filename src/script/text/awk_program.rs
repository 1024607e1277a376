//! The program of `awk`: rules, conditions and actions.
//!
//! Invariant: what is not covered (loops, functions, arithmetic, arrays, variables of awk's own) is no program here.

use regex::bytes::Regex;

use super::regular;

/// A value of the program.
pub(super) enum Operand {
    Field(usize),
    LastField,
    FieldCount,
    LineNumber,
    Variable(Vec<u8>),
    Text(Vec<u8>),
}

/// When a rule works.
pub(super) enum Condition {
    Always,
    Matches(Option<Operand>, Regex, bool),
    Compares(Operand, String, Operand),
    /// After the last line.
    End,
}

/// What a rule does.
pub(super) enum Action {
    /// Arguments, each a concatenation; none prints the line.
    Print(Vec<Vec<Operand>>),
    /// `sub` and `gsub` on the line.
    Substitute {
        regex: Regex,
        replacement: Vec<u8>,
        all: bool,
    },
    Assign(Vec<u8>, Vec<Operand>),
    Exit,
}

/// A rule of the program.
pub(super) struct Rule {
    pub(super) condition: Condition,
    pub(super) actions: Vec<Action>,
}

/// Reads a program; nothing for what is not covered.
pub(super) fn parse(text: &[u8]) -> Option<Vec<Rule>> {
    Reader { text, at: 0 }.rules()
}

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
            let braced = self.take("{");
            let actions = if braced { self.actions()? } else { vec![Action::Print(Vec::new())] };
            if actions.is_empty() || (!braced && matches!(condition, Condition::End)) {
                return None;
            }
            rules.push(Rule { condition, actions });
        }
    }
    /// Statements up to the closing brace.
    fn actions(&mut self) -> Option<Vec<Action>> {
        let mut actions = Vec::new();
        while !self.take("}") {
            let name = self.name();
            actions.push(match &name[..] {
                b"print" => Action::Print(self.arguments()?),
                b"exit" => Action::Exit,
                b"sub" | b"gsub" => self.substitute(name == b"gsub")?,
                _ if is_variable(&name) && self.take("=") && self.text.get(self.at) != Some(&b'=') => {
                    let mut values = self.arguments()?;
                    Action::Assign(name, values.pop().filter(|_| values.is_empty())?)
                }
                _ => return None,
            });
        }
        Some(actions)
    }
    /// `(REGEX, "TEXT")`, without what stands for the match.
    fn substitute(&mut self, all: bool) -> Option<Action> {
        let text = |operand| if let Operand::Text(text) = operand { Some(text) } else { None };
        let plain = |text: &Vec<u8>| !text.contains(&b'\\') && !text.contains(&b'&');
        if !self.take("(") {
            return None;
        }
        self.skip();
        let regex = if self.text.get(self.at) == Some(&b'/') {
            self.regex()?
        } else {
            regular::compile(&self.operand().and_then(text).filter(plain)?, true, false).ok()?
        };
        let comma = self.take(",");
        let replacement = self.operand().and_then(text).filter(plain)?;
        (comma && self.take(")") && !regex.is_match(b"")).then_some(Action::Substitute { regex, replacement, all })
    }
    fn name(&mut self) -> Vec<u8> {
        self.skip();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let name: Vec<u8> = rest.iter().copied().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').collect();
        self.at += name.len();
        name
    }
    fn condition(&mut self) -> Option<Condition> {
        self.skip();
        if self.take("END") {
            return Some(Condition::End);
        }
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
            b'a'..=b'z' | b'A'..=b'Z' | b'_' if !field => {
                let name = self.name();
                (is_variable(&name) && self.text.get(self.at) != Some(&b'(')).then_some(Operand::Variable(name))
            }
            _ => None,
        }
    }
}

/// Whether a word is a name that the program itself may give: no keyword, function or variable of awk's own, which are
/// written in capitals.
fn is_variable(name: &[u8]) -> bool {
    const WORDS: [&[u8]; 19] = [
        b"if",
        b"else",
        b"while",
        b"for",
        b"do",
        b"break",
        b"continue",
        b"next",
        b"function",
        b"func",
        b"return",
        b"delete",
        b"in",
        b"getline",
        b"printf",
        b"print",
        b"exit",
        b"length",
        b"sub",
    ];
    name.first().is_some_and(|b| !b.is_ascii_digit()) && name.iter().any(u8::is_ascii_lowercase) && !WORDS.contains(&name)
}
