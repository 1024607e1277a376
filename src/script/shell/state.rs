//! What a shell remembers: variables, functions, descriptors, options. A subshell is a copy of it.
//!
//! Invariant: copies share streams, as processes do, and nothing else.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::script::ast;
use crate::script::call::Command;
use crate::script::uncovered::Uncovered;
use crate::script::value::{Input, Value};

/// Why a list stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// `break n`
    Break(u32),
    /// `continue n`
    Continue(u32),
    /// `return`
    Return(u8),
    /// `exit`, `set -e`, or an error that ends a shell.
    Exit(u8),
    /// The end of evaluation.
    Uncovered(Uncovered),
}

impl From<Uncovered> for Stop {
    fn from(uncovered: Uncovered) -> Self {
        Self::Uncovered(uncovered)
    }
}

/// The status of what was evaluated to its end.
pub(crate) type Step = Result<u8, Stop>;

/// A variable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variable {
    pub(crate) value: Option<Value>,
    pub(crate) exported: bool,
    pub(crate) readonly: bool,
}

/// An open descriptor.
#[derive(Clone, Debug)]
pub(crate) enum Descriptor {
    /// Read from.
    Input(Input),
    /// Collected.
    Buffer(Rc<RefCell<Value>>),
    /// Added to a file of the root, by its resolved path.
    File(Vec<u8>),
    /// Reads nothing, keeps nothing.
    Null,
}

/// Options of `set`.
#[expect(clippy::struct_excessive_bools, reason = "options are independent of each other")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    pub(crate) errexit: bool,
    pub(crate) nounset: bool,
    pub(crate) noglob: bool,
    pub(crate) noclobber: bool,
    pub(crate) allexport: bool,
    pub(crate) xtrace: bool,
}

/// All of it.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) variables: BTreeMap<Vec<u8>, Variable>,
    pub(crate) functions: BTreeMap<Vec<u8>, Arc<ast::Command>>,
    pub(crate) natives: BTreeMap<Vec<u8>, &'static dyn Command>,
    pub(crate) name: Value,
    pub(crate) positional: Vec<Value>,
    pub(crate) status: u8,
    pub(crate) cwd: Vec<u8>,
    pub(crate) umask: u32,
    pub(crate) options: Options,
    pub(crate) descriptors: BTreeMap<u32, Descriptor>,
    pub(crate) exit_trap: Option<Value>,
    /// For each function that runs, what its `local` variables were before.
    pub(crate) locals: Vec<Vec<(Vec<u8>, Option<Variable>)>>,
    pub(crate) loops: u32,
    /// Whether `return` has something to return from: functions and sourced files.
    pub(crate) frames: u32,
    pub(crate) depth: u32,
    /// More than 0 where `set -e` does not look: conditions and what stands before `&&` and `||`.
    pub(crate) tested: u32,
    pub(crate) line: u32,
    pub(crate) file: Option<String>,
    pub(crate) bash: bool,
    /// The status of the last command substitution of the command that is being expanded.
    pub(crate) substituted: Option<u8>,
    /// Options that `getopts` has seen within a word.
    pub(crate) getopts: usize,
}

impl State {
    /// A shell with these exported variables.
    pub(crate) fn new(variables: BTreeMap<Vec<u8>, Value>, name: Value, positional: Vec<Value>) -> Self {
        let exported = |value| Variable { value: Some(value), exported: true, readonly: false };
        let mut variables: BTreeMap<_, _> = variables.into_iter().map(|(name, value)| (name, exported(value))).collect();
        for (name, text) in [("IFS", " \t\n"), ("PPID", "1"), ("OPTIND", "1"), ("PS4", "+ ")] {
            let variable = Variable { value: Some(Value::from(text)), ..Variable::default() };
            variables.insert(name.as_bytes().to_vec(), variable);
        }
        Self {
            variables,
            functions: BTreeMap::new(),
            natives: BTreeMap::new(),
            name,
            positional,
            status: 0,
            cwd: b"/".to_vec(),
            umask: 0o022,
            options: Options::default(),
            descriptors: BTreeMap::new(),
            exit_trap: None,
            locals: Vec::new(),
            loops: 0,
            frames: 0,
            depth: 0,
            tested: 0,
            line: 1,
            file: None,
            bash: false,
            substituted: None,
            getopts: 0,
        }
    }
    /// A variable's value.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Value> {
        self.variables.get(name)?.value.as_ref()
    }
    /// Sets a variable; false if it is read-only.
    #[must_use]
    pub(crate) fn set(&mut self, name: &[u8], value: Value) -> bool {
        let export = self.options.allexport;
        let variable = self.variables.entry(name.to_vec()).or_default();
        if variable.readonly {
            return false;
        }
        variable.value = Some(value);
        variable.exported |= export;
        true
    }
    /// Bytes that a copy takes, roughly.
    pub(crate) fn size(&self) -> usize {
        let variables = self.variables.iter().map(|(name, v)| name.len() + v.value.as_ref().map_or(0, |v| v.bytes.len()));
        let positional = self.positional.iter().map(|value| value.bytes.len() + 16);
        let functions = self.functions.keys().map(Vec::len);
        variables.chain(positional).chain(functions).sum()
    }
    /// The exported variables.
    pub(crate) fn exported(&self) -> BTreeMap<Vec<u8>, Value> {
        let exported = self.variables.iter().filter(|(_, variable)| variable.exported);
        exported.filter_map(|(name, variable)| Some((name.clone(), variable.value.clone()?))).collect()
    }
}
