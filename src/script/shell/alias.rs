//! `alias`, `unalias` (XCU 2.3.1): an alias whose value is a whole simple command, as a function of that name.
//!
//! Invariant: what a function cannot stand for is refused: a value that is no simple command, a keyword, a trailing blank.

use std::sync::Arc;

use crate::script::ast::{AndOr, Command, CommandKind, Pipeline};
use crate::script::parse;
use crate::script::uncovered::PARSING;
use crate::script::value::Value;
use crate::script::word::is_name;

use super::Shell;
use super::state::Step;

impl Shell<'_, '_> {
    pub(super) fn alias(&mut self, arguments: &[Value]) -> Step {
        for argument in arguments {
            let Some(at) = argument.bytes.iter().position(|b| *b == b'=') else {
                return self.not_covered("alias", arguments, "listing aliases is not covered");
            };
            let (name, value) = (&argument.bytes[..at], &argument.bytes[at + 1..]);
            self.spend(value.len() + PARSING)?;
            let list = parse::parse_text(&[value, b" \"$@\""].concat(), self.state.line)?;
            let own = value.split(u8::is_ascii_whitespace).find(|word| !word.is_empty()) == Some(name);
            if !is_name(name) || own || value.last().is_none_or(u8::is_ascii_whitespace) || !is_simple(&list) {
                return self.not_covered("alias", arguments, "only a whole simple command is covered as an alias");
            }
            let body = Command { line: self.state.line, kind: CommandKind::Group(list.to_vec()), redirects: Vec::new() };
            self.state.functions.insert(name.to_vec(), Arc::new(body));
        }
        Ok(0)
    }
    pub(super) fn unalias(&mut self, arguments: &[Value]) -> Step {
        let mut status = 0;
        for argument in arguments {
            if argument.bytes.starts_with(b"-") {
                return self.not_covered("unalias", arguments, "options are not covered");
            }
            status |= u8::from(self.state.functions.remove(&argument.bytes).is_none());
        }
        Ok(status)
    }
}

/// One simple command without redirections, in the foreground.
fn is_simple(list: &[AndOr]) -> bool {
    let [AndOr { first: Pipeline { negated: false, commands }, rest, background: false }] = list else { return false };
    let [Command { kind: CommandKind::Simple { words, .. }, redirects, .. }] = &commands[..] else { return false };
    rest.is_empty() && redirects.is_empty() && words.len() > 1
}
