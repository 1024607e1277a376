//! What flags add to an image, as a document of the one schema.
//!
//! Invariant: the words that go with it are a function of the flags alone, in a fixed order: they are an input of the lock.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::recipe::{AptTable, ConfigTable, Document, TarTable, Text};

use super::{file_flag, words};
use crate::cli::args::BuildArgs;

/// The document, and the words that it was made of.
pub(super) fn document(args: &BuildArgs) -> Result<(Document, String)> {
    let command = |flag, text: &Option<String>| text.as_ref().map(|t| words::command(flag, t)).transpose();
    let (entrypoint, cmd) = (command("--entrypoint", &args.entrypoint)?, command("--cmd", &args.cmd)?);
    let config = ConfigTable {
        env: pairs("--env", &args.env)?,
        labels: pairs("--label", &args.label)?,
        user: args.user.as_deref().map(text),
        workdir: args.workdir.as_deref().map(text),
        entrypoint: entrypoint.map(|all| texts(&all)),
        cmd: cmd.map(|all| texts(&all)),
    };
    let layer = |path: &std::path::PathBuf| TarTable { path: text(&path.display().to_string()) };
    let document = Document {
        apt: AptTable { packages: texts(&args.apt), recommends: None, source: Vec::new() },
        file: args.add_file.iter().map(|f| file_flag::file(f)).collect::<Result<_>>()?,
        tar: args.layer.iter().map(layer).collect(),
        config,
        ..Document::default()
    };
    Ok((document, said(args)))
}

/// One line a word, `flag value`, so that two sets of flags never read alike.
fn said(args: &BuildArgs) -> String {
    let lists = [
        ("with", &args.with),
        ("without", &args.without),
        ("set", &args.set),
        ("apt", &args.apt),
        ("file", &args.add_file),
        ("env", &args.env),
        ("label", &args.label),
    ];
    let singles = [("user", &args.user), ("workdir", &args.workdir), ("entrypoint", &args.entrypoint), ("cmd", &args.cmd)];
    let many = lists.into_iter().flat_map(|(flag, values)| values.iter().map(move |v| (flag, v.clone())));
    let layers = args.layer.iter().map(|path| ("layer", path.display().to_string()));
    let one = singles.into_iter().filter_map(|(flag, value)| value.clone().map(|v| (flag, v)));
    let user_id = args.user_id.map(|id| ("user-id", id.to_string()));
    let lines = many.chain(layers).chain(one).chain(user_id).map(|(flag, value)| format!("{flag} {value:?}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn pairs(flag: &str, all: &[String]) -> Result<BTreeMap<String, Text>> {
    all.iter().map(|pair| words::key_value(flag, pair).map(|(key, value)| (key, text(&value)))).collect()
}

fn texts(all: &[String]) -> Vec<Text> {
    all.iter().map(|t| text(t)).collect()
}

/// A value without a place in a file.
pub(super) fn text(value: &str) -> Text {
    Text::new(0..0, value.to_owned())
}
