//! The shell's grammar as the evaluator sees it (POSIX.1-2017, XCU chapter 2): lists, pipelines, commands, words.
//!
//! Invariant: words are bytes, already split into their quoted and expanded pieces; every command knows its line, from 1.

use std::sync::Arc;

/// Commands one after the other.
pub(super) type List = Vec<AndOr>;

/// A parsed script.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its commands.
    pub(super) body: Arc<List>,
    /// Whether it asks for bash: then what bash does differently is refused.
    pub(super) bash: bool,
    /// Options of its first line (`#!/bin/sh -e`), without the dash.
    pub(super) options: Vec<u8>,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Clone, Debug)]
pub(super) struct AndOr {
    /// The first.
    pub first: Pipeline,
    /// The others; `true` for `&&`.
    pub rest: Vec<(bool, Pipeline)>,
    /// Ended by `&`.
    pub background: bool,
}

/// Commands joined by `|`.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    /// Begins with `!`.
    pub negated: bool,
    /// At least one.
    pub commands: Vec<Command>,
}

/// A command with its redirections.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// Where it begins.
    pub line: u32,
    /// What it is.
    pub kind: CommandKind,
    /// In order.
    pub redirects: Vec<Redirect>,
}

/// What a command is.
#[derive(Clone, Debug)]
pub(super) enum CommandKind {
    /// Assignments, then words.
    Simple {
        /// `name=word` before the command's name.
        assignments: Vec<(Vec<u8>, Word)>,
        /// Name and arguments.
        words: Vec<Word>,
    },
    /// `{ list; }`
    Group(List),
    /// `( list )`
    Subshell(List),
    /// Conditions with what follows, then `else`.
    If {
        /// `if` and `elif`.
        arms: Vec<(List, List)>,
        /// `else`.
        otherwise: List,
    },
    /// `while` and `until`.
    While {
        /// Runs as long as the condition fails.
        until: bool,
        /// The condition.
        condition: List,
        /// What is repeated.
        body: List,
    },
    /// `for`.
    For {
        /// The variable.
        variable: Vec<u8>,
        /// What it runs over; `"$@"` where there is no `in`.
        words: Option<Vec<Word>>,
        /// What is repeated.
        body: List,
    },
    /// `case`.
    Case {
        /// What is matched.
        word: Word,
        /// Patterns and lists, in order.
        arms: Vec<(Vec<Word>, List)>,
    },
    /// `name() command`
    Function {
        /// Its name.
        name: Vec<u8>,
        /// Its body, with its redirections.
        body: Arc<Command>,
    },
}

/// A redirection.
#[derive(Clone, Debug)]
pub(super) struct Redirect {
    /// The descriptor; 0 or 1 by the kind where none is given.
    pub descriptor: u32,
    /// What is done.
    pub kind: RedirectKind,
}

/// What a redirection does.
#[derive(Clone, Debug)]
pub(super) enum RedirectKind {
    /// `<`
    Read(Word),
    /// `>`, and `>|`, which `set -C` does not stop.
    Write(Word, bool),
    /// `>>`
    Append(Word),
    /// `<&` and `>&`
    Duplicate(Word),
    /// `<<`, `<<-`
    Here(Word),
}

/// A word: pieces side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word(pub Vec<Piece>);

impl Word {
    /// Whether, as a command's name, it makes its arguments assignments: they are not split, and `~` counts in them.
    pub(super) fn declares(&self) -> bool {
        matches!(&self.0[..], [Piece::Text(name)] if matches!(&name[..], b"export" | b"local" | b"readonly"))
    }
    /// Whether it begins like an assignment.
    pub(super) fn assigns(&self) -> bool {
        let Some(Piece::Text(text)) = self.0.first() else { return false };
        text.iter().position(|b| *b == b'=').is_some_and(|at| super::word::is_name(&text[..at]))
    }
}

/// A piece of a word.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// Unquoted text: a pattern where patterns count, and split where fields are.
    Text(Vec<u8>),
    /// Quoted text.
    Quoted(Vec<u8>),
    /// `"..."`
    Double(Vec<Piece>),
    /// `~` or `~name` at the start.
    Tilde(Vec<u8>),
    /// `$name`, `${name...}`
    Parameter(Vec<u8>, Operation),
    /// `$(...)`, `` `...` ``
    Substitution(Arc<List>),
    /// `$((...))`: the expression, itself expanded first.
    Arithmetic(Word),
}

impl PartialEq for Piece {
    /// Substitutions are equal only to themselves.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) | (Self::Quoted(a), Self::Quoted(b)) | (Self::Tilde(a), Self::Tilde(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => a == b,
            (Self::Parameter(a, x), Self::Parameter(b, y)) => a == b && x == y,
            (Self::Substitution(a), Self::Substitution(b)) => Arc::ptr_eq(a, b),
            (Self::Arithmetic(a), Self::Arithmetic(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Piece {}

/// What is done with a parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Nothing.
    Value,
    /// `${#name}`
    Length,
    /// `-`, `=`, `?`, `+`, with or without colon.
    Default {
        /// One of `-=?+`.
        operator: u8,
        /// Whether null counts as unset.
        colon: bool,
        /// The word.
        word: Word,
    },
    /// `#`, `##`, `%`, `%%`
    Trim {
        /// `%` or `%%`.
        suffix: bool,
        /// The doubled form.
        longest: bool,
        /// The pattern.
        pattern: Word,
    },
}
