//! From a script's bytes to our own tree. This is the only file that knows `brush-parser`.
//!
//! Invariant: no input makes it panic, overflow the stack or run long: nesting is measured before the grammar sees the text,
//! and the grammar runs on a thread with a stack of known size. What is outside POSIX is refused with its line.

use std::sync::Arc;

use brush_parser::ast as theirs;
use brush_parser::{Parser, ParserOptions};

use super::ast::{AndOr, Command, CommandKind, List, Pipeline, Redirect, RedirectKind, Script, Word};
use super::here;
use super::nesting;
use super::uncovered::Uncovered;
use super::word::{self, Context};

/// Largest script: the longest of Debian has some 100 KiB.
pub(super) const MAX_SCRIPT: usize = 8 << 20;
/// Substitutions within substitutions.
pub(super) const MAX_SUBSTITUTIONS: u32 = 24;
/// Stack of the thread that parses: [`nesting::MAX`] levels of the grammar, several frames each.
const STACK: usize = 256 << 20;
/// Where bytes that are not UTF-8 are put while the grammar reads the text: a private plane that no script uses.
const ESCAPED: u32 = 0x0010_ff00;

/// Parses a script with its `#!` line.
pub fn parse(bytes: &[u8]) -> Result<Script, Uncovered> {
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let (bash, options) = interpreter(first)?;
    let body = on_stack(|| list(bytes, 1, 0))??;
    Ok(Script { body: Arc::new(body), bash, options })
}

/// Parses text that a script evaluates (`eval`, `trap`); `line` is the line of its beginning.
pub(super) fn parse_text(bytes: &[u8], line: u32) -> Result<Arc<List>, Uncovered> {
    on_stack(|| list(bytes, line, 0))?.map(Arc::new)
}

fn interpreter(first: &[u8]) -> Result<(bool, Vec<u8>), Uncovered> {
    let Some(words) = first.strip_prefix(b"#!") else { return Ok((false, Vec::new())) };
    let mut words = words.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
    let mut program = words.next().unwrap_or_default();
    if program.ends_with(b"/env") {
        program = words.next().unwrap_or_default();
    }
    let options = words.next().and_then(|w| w.strip_prefix(b"-")).unwrap_or_default().to_vec();
    match program.rsplit(|b| *b == b'/').next().unwrap_or_default() {
        b"sh" | b"dash" => Ok((false, options)),
        b"bash" => Ok((true, options)),
        _ => Err(Uncovered::new(1, String::from_utf8_lossy(first), "only shell scripts are evaluated")),
    }
}

fn on_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Uncovered> {
    let failed = || Uncovered::new(1, "script", "the grammar could not be read");
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).map_err(|_| failed())?;
        thread.join().map_err(|_| failed())
    })
}

/// Parses commands that begin on `line`, inside of `depth` substitutions.
pub(super) fn list(bytes: &[u8], line: u32, depth: u32) -> Result<List, Uncovered> {
    let refuse = |at: u32, reason: &str| Uncovered::new(line + at, "script", reason);
    if bytes.len() > MAX_SCRIPT {
        return Err(refuse(0, "the script is too large"));
    }
    if depth > MAX_SUBSTITUTIONS {
        return Err(refuse(0, "substitutions are nested too deeply"));
    }
    if let Some(at) = nesting::too_deep(bytes) {
        return Err(refuse(at, "commands are nested too deeply, or a descriptor is out of range"));
    }
    let text = text(bytes).ok_or_else(|| refuse(0, "characters of a private plane"))?;
    let text = here::spelled(&text).map_err(|at| refuse(at, "an expansion behind a here-document on one line"))?;
    let options = ParserOptions { sh_mode: true, posix_mode: true, enable_extended_globbing: false, ..ParserOptions::default() };
    let program = Parser::new(text.as_bytes(), &options).parse_program().map_err(|error| {
        let at = match &error {
            brush_parser::ParseError::ParsingNear(position)
            | brush_parser::ParseError::Tokenizing { position: Some(position), .. } => position.line.saturating_sub(1),
            _ => 0,
        };
        refuse(at as u32, &error.to_string())
    })?;
    let mut convert = Convert { text: &text, first: line, line, depth };
    let mut list = Vec::new();
    for command in &program.complete_commands {
        list.extend(convert.list(command)?);
    }
    Ok(list)
}

/// The bytes as text, with what is not UTF-8 in the private plane; nothing if the script uses that plane itself.
fn text(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        if chunk.valid().chars().any(|c| u32::from(c) >= ESCAPED) {
            return None;
        }
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|b| char::from_u32(ESCAPED + u32::from(*b))));
    }
    Some(text)
}

/// The way back from [`text`].
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c).checked_sub(ESCAPED) {
            Some(byte) => bytes.push(byte as u8),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// Assignments, words and redirections of a simple command.
type Parts = (Vec<(Vec<u8>, Word)>, Vec<Word>, Vec<Redirect>);

/// Walks their tree and makes ours; remembers the line of the last word seen.
struct Convert<'a> {
    text: &'a str,
    first: u32,
    line: u32,
    depth: u32,
}

impl Convert<'_> {
    fn refuse<T>(&self, what: &str) -> Result<T, Uncovered> {
        Err(Uncovered::new(self.line, what, "outside POSIX"))
    }
    fn see(&mut self, span: &brush_parser::SourceSpan) {
        self.line = self.first + span.start.line.saturating_sub(1) as u32;
    }
    fn list(&mut self, list: &theirs::CompoundList) -> Result<List, Uncovered> {
        list.0
            .iter()
            .map(|theirs::CompoundListItem(and_or, separator)| {
                let first = self.pipeline(&and_or.first)?;
                let rest = and_or.additional.iter().map(|more| match more {
                    theirs::AndOr::And(pipeline) => Ok((true, self.pipeline(pipeline)?)),
                    theirs::AndOr::Or(pipeline) => Ok((false, self.pipeline(pipeline)?)),
                });
                let rest = rest.collect::<Result<_, Uncovered>>()?;
                Ok(AndOr { first, rest, background: matches!(separator, theirs::SeparatorOperator::Async) })
            })
            .collect()
    }
    fn pipeline(&mut self, pipeline: &theirs::Pipeline) -> Result<Pipeline, Uncovered> {
        let commands = pipeline.seq.iter().map(|command| self.command(command)).collect::<Result<Vec<_>, _>>()?;
        if commands.is_empty() {
            return self.refuse("an empty pipeline");
        }
        Ok(Pipeline { negated: pipeline.bang, commands })
    }
    fn command(&mut self, command: &theirs::Command) -> Result<Command, Uncovered> {
        match command {
            theirs::Command::Simple(simple) => self.simple(simple),
            theirs::Command::Compound(compound, redirects) => self.compound(compound, redirects.as_ref()),
            theirs::Command::Function(function) => {
                if let Some(span) = &function.fname.loc {
                    self.see(span);
                }
                let line = self.line;
                let body = Arc::new(self.compound(&function.body.0, function.body.1.as_ref())?);
                let kind = CommandKind::Function { name: bytes(&function.fname.value), body };
                Ok(Command { line, kind, redirects: Vec::new() })
            }
            theirs::Command::ExtendedTest(..) => self.refuse("[["),
        }
    }
    fn simple(&mut self, simple: &theirs::SimpleCommand) -> Result<Command, Uncovered> {
        let mut parts = (Vec::new(), Vec::new(), Vec::new());
        let mut line = None;
        let prefix = simple.prefix.iter().flat_map(|prefix| &prefix.0);
        for item in prefix {
            self.item(item, &mut parts, true)?;
            line.get_or_insert(self.line);
        }
        if let Some(name) = &simple.word_or_name {
            let word = self.word(name)?;
            line.get_or_insert(self.line);
            if matches!(
                name.value.as_str(),
                "[[" | "((" | "function" | "select" | "declare" | "typeset" | "let" | "shopt" | "coproc"
            ) {
                return self.refuse(&name.value);
            }
            parts.1.push(word);
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut parts, false)?;
        }
        let (assignments, words, redirects) = parts;
        let line = line.unwrap_or(self.line);
        Ok(Command { line, kind: CommandKind::Simple { assignments, words }, redirects })
    }
    fn item(
        &mut self,
        item: &theirs::CommandPrefixOrSuffixItem,
        (assignments, words, redirects): &mut Parts,
        prefix: bool,
    ) -> Result<(), Uncovered> {
        use theirs::CommandPrefixOrSuffixItem as Item;
        match item {
            Item::IoRedirect(redirect) => redirects.push(self.redirect(redirect)?),
            Item::Word(word) => words.push(self.word(word)?),
            Item::AssignmentWord(_, word) if !prefix => {
                let context = if words.first().is_some_and(Word::declares) { Context::Assignment } else { Context::Plain };
                words.push(self.word_in(word, context)?);
            }
            Item::AssignmentWord(assignment, word) => {
                if assignment.append {
                    return self.refuse("+=");
                }
                if let Some(span) = &word.loc {
                    self.see(span);
                }
                let text = bytes(&word.value);
                let at = text.iter().position(|b| *b == b'=').unwrap_or_default();
                let (name, value) = text.split_at(at);
                if !word::is_name(name) {
                    return self.refuse("an array");
                }
                let value = word::parse(value.get(1..).unwrap_or_default(), self.line, self.depth, Context::Assignment)?;
                assignments.push((name.to_vec(), value));
            }
            Item::ProcessSubstitution(..) => return self.refuse("process substitution"),
        }
        Ok(())
    }
    fn compound(
        &mut self,
        compound: &theirs::CompoundCommand,
        redirects: Option<&theirs::RedirectList>,
    ) -> Result<Command, Uncovered> {
        use theirs::CompoundCommand as Compound;
        let (span, kind) = match compound {
            Compound::BraceGroup(group) => (&group.loc, CommandKind::Group(self.list(&group.list)?)),
            Compound::Subshell(group) => (&group.loc, CommandKind::Subshell(self.list(&group.list)?)),
            Compound::IfClause(clause) => (&clause.loc, self.branches(clause)?),
            Compound::WhileClause(theirs::WhileOrUntilClauseCommand(condition, body, span)) => {
                let (condition, body) = (self.list(condition)?, self.list(&body.list)?);
                (span, CommandKind::While { until: false, condition, body })
            }
            Compound::UntilClause(theirs::WhileOrUntilClauseCommand(condition, body, span)) => {
                let (condition, body) = (self.list(condition)?, self.list(&body.list)?);
                (span, CommandKind::While { until: true, condition, body })
            }
            Compound::ForClause(clause) => {
                self.see(&clause.loc);
                let words = clause.values.as_ref().map(|words| words.iter().map(|word| self.word(word)).collect());
                let words = words.transpose()?.or_else(|| self.has_in(clause).then(Vec::new));
                let body = self.list(&clause.body.list)?;
                (&clause.loc, CommandKind::For { variable: bytes(&clause.variable_name), words, body })
            }
            Compound::CaseClause(clause) => (&clause.loc, self.case(clause)?),
            Compound::Arithmetic(_) | Compound::ArithmeticForClause(_) | Compound::Coprocess(_) => return self.refuse("(("),
        };
        self.see(span);
        let line = self.line;
        let redirects = redirects.iter().flat_map(|list| &list.0);
        let redirects = redirects.map(|redirect| self.redirect(redirect)).collect::<Result<_, _>>()?;
        Ok(Command { line, kind, redirects })
    }
    /// `in` without words gives no list in their tree, as no `in` at all does; the text decides.
    fn has_in(&self, clause: &theirs::ForClauseCommand) -> bool {
        let from = self.text.char_indices().nth(clause.loc.start.index).map_or(0, |(at, _)| at);
        let mut words = self.text.get(from..).unwrap_or_default().split_whitespace();
        words.nth(1).is_some_and(|name| !name.contains(';'))
            && words.next().is_some_and(|word| word.split(';').next() == Some("in"))
    }
    fn branches(&mut self, clause: &theirs::IfClauseCommand) -> Result<CommandKind, Uncovered> {
        let mut arms = vec![(self.list(&clause.condition)?, self.list(&clause.then)?)];
        let mut otherwise = Vec::new();
        for more in clause.elses.iter().flatten() {
            match &more.condition {
                Some(condition) => arms.push((self.list(condition)?, self.list(&more.body)?)),
                None => otherwise = self.list(&more.body)?,
            }
        }
        Ok(CommandKind::If { arms, otherwise })
    }
    fn case(&mut self, clause: &theirs::CaseClauseCommand) -> Result<CommandKind, Uncovered> {
        let word = self.word(&clause.value)?;
        let mut arms = Vec::new();
        for item in &clause.cases {
            if !matches!(item.post_action, theirs::CaseItemPostAction::ExitCase) {
                return self.refuse(";&");
            }
            let patterns = item.patterns.iter().map(|pattern| self.word(pattern)).collect::<Result<_, _>>()?;
            let body = item.cmd.as_ref().map(|list| self.list(list)).transpose()?.unwrap_or_default();
            arms.push((patterns, body));
        }
        Ok(CommandKind::Case { word, arms })
    }
    fn redirect(&mut self, redirect: &theirs::IoRedirect) -> Result<Redirect, Uncovered> {
        use theirs::{IoFileRedirectKind as Kind, IoFileRedirectTarget as Target};
        let (descriptor, kind) = match redirect {
            theirs::IoRedirect::File(descriptor, kind, target) => {
                let word = match target {
                    Target::Filename(word) | Target::Duplicate(word) => self.word(word)?,
                    Target::Fd(number) => Word(vec![super::ast::Piece::Text(number.to_string().into_bytes())]),
                    Target::ProcessSubstitution(..) => return self.refuse("process substitution"),
                };
                let (default, kind) = match kind {
                    Kind::Read => (0, RedirectKind::Read(word)),
                    Kind::Write => (1, RedirectKind::Write(word, false)),
                    Kind::Clobber => (1, RedirectKind::Write(word, true)),
                    Kind::Append => (1, RedirectKind::Append(word)),
                    Kind::DuplicateInput => (0, RedirectKind::Duplicate(word)),
                    Kind::DuplicateOutput => (1, RedirectKind::Duplicate(word)),
                    Kind::ReadAndWrite => return self.refuse("<>"),
                };
                (descriptor.unwrap_or(default), kind)
            }
            theirs::IoRedirect::HereDocument(descriptor, here) => (descriptor.unwrap_or(0), RedirectKind::Here(self.here(here)?)),
            theirs::IoRedirect::HereString(..) => return self.refuse("<<<"),
            theirs::IoRedirect::OutputAndError(..) => return self.refuse("&>"),
        };
        let Ok(descriptor) = u32::try_from(descriptor) else { return self.refuse("a negative descriptor") };
        Ok(Redirect { descriptor, kind })
    }
    fn here(&mut self, here: &theirs::IoHereDocument) -> Result<Word, Uncovered> {
        let mut text = bytes(&here.doc.value);
        if here.remove_tabs {
            let lines = text.split_inclusive(|b| *b == b'\n');
            text = lines.flat_map(|line| line.iter().skip_while(|b| **b == b'\t')).copied().collect();
        }
        if here.requires_expansion {
            word::parse(&text, self.line, self.depth, Context::Here)
        } else {
            Ok(Word(vec![super::ast::Piece::Quoted(text)]))
        }
    }
    fn word(&mut self, word: &theirs::Word) -> Result<Word, Uncovered> {
        self.word_in(word, Context::Plain)
    }
    fn word_in(&mut self, word: &theirs::Word, context: Context) -> Result<Word, Uncovered> {
        if let Some(span) = &word.loc {
            self.see(span);
        }
        word::parse(&bytes(&word.value), self.line, self.depth, context)
    }
}
