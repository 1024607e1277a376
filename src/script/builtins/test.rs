//! `test` and `[` (XCU "test"), with what dash adds: `-nt`, `-ot`, `-ef`, `<`, `>`, `-a`, `-o`, parentheses.
//!
//! Invariant: files are those of the root; user 0 may read and write all; no descriptor is a terminal.

use crate::layer::root::{Inode, InodeKind, Last};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};

pub(super) const BUILTINS: Table = &[("test", &test), ("[", &test)];
pub(super) const PROGRAMS: Table = &[("test", &test), ("[", &test)];

/// Deepest nesting of `!` and parentheses.
const MAX_NESTING: u32 = 100;

fn test(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let mut words = call.arguments;
    if call.name == "[" {
        match words.split_last() {
            Some((last, rest)) if last.bytes == b"]" => words = rest,
            _ => {
                call.complain("missing ]");
                return Ok(ExitStatus::TROUBLE);
            }
        }
    }
    let mut reader = Reader { call, words, at: 0, nesting: 0 };
    let result = if words.is_empty() { Ok(false) } else { reader.all() };
    match result {
        Ok(truth) => Ok(truth.into()),
        Err(Problem::Wrong(message)) => {
            call.complain(message);
            Ok(ExitStatus::TROUBLE)
        }
        Err(Problem::Uncovered(reason)) => Err(call.uncovered(reason)),
    }
}

enum Problem {
    Wrong(String),
    Uncovered(String),
}

struct Reader<'c, 'a> {
    call: &'c Call<'a>,
    words: &'c [Value],
    at: usize,
    nesting: u32,
}

const BINARY: &[&[u8]] = &[b"=", b"!=", b"<", b">", b"-eq", b"-ne", b"-gt", b"-ge", b"-lt", b"-le", b"-nt", b"-ot", b"-ef"];

impl Reader<'_, '_> {
    fn word(&self, ahead: usize) -> Option<&[u8]> {
        self.words.get(self.at + ahead).map(|word| &word.bytes[..])
    }
    fn all(&mut self) -> Result<bool, Problem> {
        let short = match self.words.len() {
            1 => Some(!self.words[0].is_empty()),
            3 if self.word(1).is_some_and(|word| BINARY.contains(&word)) => {
                return self.binary();
            }
            _ => None,
        };
        if let Some(truth) = short {
            return Ok(truth);
        }
        let truth = self.or()?;
        match self.word(0) {
            None => Ok(truth),
            Some(word) => Err(Problem::Wrong(format!("{}: unexpected operator", String::from_utf8_lossy(word)))),
        }
    }
    fn or(&mut self) -> Result<bool, Problem> {
        let mut truth = self.and()?;
        while self.word(0) == Some(b"-o") {
            self.at += 1;
            truth |= self.and()?;
        }
        Ok(truth)
    }
    fn and(&mut self) -> Result<bool, Problem> {
        let mut truth = self.not()?;
        while self.word(0) == Some(b"-a") {
            self.at += 1;
            truth &= self.not()?;
        }
        Ok(truth)
    }
    fn not(&mut self) -> Result<bool, Problem> {
        let mut negated = false;
        while self.word(0) == Some(b"!") && self.word(1).is_some() && !self.is_binary() {
            self.at += 1;
            negated = !negated;
        }
        Ok(self.primary()? != negated)
    }
    fn is_binary(&self) -> bool {
        self.word(2).is_some() && self.word(1).is_some_and(|word| BINARY.contains(&word))
    }
    fn primary(&mut self) -> Result<bool, Problem> {
        if self.is_binary() {
            return self.binary();
        }
        let Some(word) = self.word(0) else { return Err(Problem::Wrong("argument expected".into())) };
        if word == b"(" && self.word(1).is_some() {
            self.nesting += 1;
            if self.nesting > MAX_NESTING {
                return Err(Problem::Uncovered("parentheses are nested too deeply".into()));
            }
            self.at += 1;
            let truth = self.or()?;
            if self.word(0) != Some(b")") {
                return Err(Problem::Wrong("closing paren expected".into()));
            }
            self.at += 1;
            return Ok(truth);
        }
        let unary = matches!(word, [b'-', letter] if b"bcdefghkLnprsStuwxzOG".contains(letter));
        let (operator, operand) = (word.to_vec(), self.words.get(self.at + 1));
        match operand {
            Some(operand) if unary => {
                self.at += 2;
                Ok(self.unary(operator[1], operand))
            }
            _ => {
                self.at += 1;
                Ok(!operator.is_empty())
            }
        }
    }
    fn binary(&mut self) -> Result<bool, Problem> {
        let words = self.words;
        let (Some(left), Some(operator), Some(right)) = (words.get(self.at), words.get(self.at + 1), words.get(self.at + 2)) else {
            return Err(Problem::Wrong("argument expected".into()));
        };
        self.at += 3;
        let (left, right) = (&left.bytes, &right.bytes);
        Ok(match &operator.bytes[..] {
            b"=" => left == right,
            b"!=" => left != right,
            b"<" => left < right,
            b">" => left > right,
            b"-nt" => self.time(left) > self.time(right),
            b"-ot" => self.time(left) < self.time(right) && self.time(right).is_some(),
            b"-ef" => self.place(left).is_some() && self.place(left) == self.place(right),
            number => {
                let (left, right) = (integer(left)?, integer(right)?);
                match number {
                    b"-eq" => left == right,
                    b"-ne" => left != right,
                    b"-gt" => left > right,
                    b"-ge" => left >= right,
                    b"-lt" => left < right,
                    _ => left <= right,
                }
            }
        })
    }
    fn time(&self, path: &[u8]) -> Option<i64> {
        self.call.root.stat(&self.call.path(path)).ok().map(|inode| inode.mtime)
    }
    fn place(&self, path: &[u8]) -> Option<crate::stream::EntryPath> {
        let path = self.call.path(path);
        self.call.root.resolve(&path, Last::Follow).ok().filter(|_| self.call.root.exists(&path))
    }
    fn unary(&self, operator: u8, operand: &Value) -> bool {
        let path = self.call.path(operand);
        let stat = |is: &dyn Fn(&Inode) -> bool| self.call.root.stat(&path).is_ok_and(|inode| is(&inode));
        if matches!(&operand.bytes[..], b"/dev/null" | b"/dev/zero" | b"/dev/random" | b"/dev/urandom") {
            return matches!(operator, b'e' | b'c' | b'r' | b'w' | b'n');
        }
        match operator {
            b'n' => !operand.is_empty(),
            b'z' => operand.is_empty(),
            b't' | b'S' => false,
            b'h' | b'L' => self.call.root.lstat(&path).is_ok_and(|inode| inode.target().is_some()),
            b'd' => self.call.root.is_directory(&path),
            b'f' => stat(&Inode::is_file),
            b's' => stat(&|inode| inode.size() > 0 || inode.is_directory()),
            b'x' => stat(&|inode| inode.is_directory() || inode.mode & 0o111 != 0),
            b'u' => stat(&|inode| inode.mode & 0o4000 != 0),
            b'g' => stat(&|inode| inode.mode & 0o2000 != 0),
            b'k' => stat(&|inode| inode.mode & 0o1000 != 0),
            b'O' => stat(&|inode| inode.owner.uid == 0),
            b'G' => stat(&|inode| inode.owner.gid == 0),
            b'p' => stat(&|inode| inode.kind == InodeKind::Fifo),
            b'b' => stat(&|inode| matches!(inode.kind, InodeKind::BlockDevice(..))),
            b'c' => stat(&|inode| matches!(inode.kind, InodeKind::CharDevice(..))),
            // User 0 reads and writes everything.
            _ => stat(&|_| true),
        }
    }
}

fn integer(text: &[u8]) -> Result<i64, Problem> {
    let text = String::from_utf8_lossy(text);
    text.trim().parse().map_err(|_| Problem::Wrong(format!("Illegal number: {text}")))
}
