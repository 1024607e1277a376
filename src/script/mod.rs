//! Evaluation of maintainer scripts: the POSIX shell subset that they are written in, over the virtual root.
//!
//! Invariant: a script is never run. No process, no file of this machine, no clock, no network; bounded steps and memory.
//! What is not covered stops the evaluation with line, command and reason ([`Uncovered`]).

mod ast;
mod builtins;
mod call;
mod effects;
mod environment;
mod files;
mod here;
mod nesting;
mod options;
mod parse;
mod shell;
mod stand_in;
mod text;
mod uncovered;
mod value;
mod word;

pub use ast::Script;
pub use call::{Call, Command, Commands, Table};
pub use effects::LEFT_OUT;
pub use environment::{Answers, Environment, Package};
pub use parse::parse;
pub use shell::{Outcome, evaluate};
pub use stand_in::{PassedOver, StandIn, StandsFor};
pub use uncovered::{Fuel, Uncovered};
pub use value::{ExitStatus, Input, Value};
