//! `run-parts` of debianutils: the programs of a directory, one after the other.
//!
//! Invariant: each is a command of this evaluation; one that is not covered stops it.

use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Input, Value};

pub(super) const PROGRAMS: Table = &[("run-parts", &run_parts)];

fn run_parts(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut arguments, mut operands) = (Vec::new(), Vec::new());
    let (mut shows, mut lists, mut stops) = (false, false, false);
    let mut words = call.arguments.iter();
    while let Some(word) = words.next() {
        let text = word.text();
        match text.as_ref() {
            "--" => operands.extend(words.by_ref().cloned()),
            "--test" => shows = true,
            "--list" => lists = true,
            "--exit-on-error" => stops = true,
            // What they say goes to standard error, which nobody reads.
            "-v" | "--verbose" | "--report" => {}
            "-a" | "--arg" => arguments.extend(words.next().cloned()),
            option if option.starts_with("--arg=") => arguments.push(Value::with(&word.bytes[6..], word.base)),
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            _ => operands.push(word.clone()),
        }
    }
    let [directory] = &operands[..] else { return Err(call.uncovered("not one directory")) };
    let path = call.path(directory);
    let names = match call.root.read_dir(&path) {
        Ok(names) => names,
        Err(error) => return call.failed(&directory.bytes, &error),
    };
    let mut status = ExitStatus::SUCCESS;
    for name in names.iter().filter(|name| name.iter().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(b))) {
        let shown = [&directory.bytes[..], b"/", name].concat();
        let Ok(inode) = call.root.stat(&[&path[..], b"/", name].concat()) else { continue };
        if !inode.is_file() || (inode.mode & 0o111 == 0 && !lists) {
            continue;
        }
        if shows || lists {
            call.out(&[&shown[..], b"\n"].concat(), directory.base)?;
            continue;
        }
        let words: Vec<Value> = std::iter::once(Value::new(shown)).chain(arguments.iter().cloned()).collect();
        let (ended, output) = call.invoke(&words, Input::default())?;
        call.out(&output.bytes, output.base)?;
        if !ended.success() {
            status = ExitStatus::FAILURE;
            if stops {
                break;
            }
        }
    }
    Ok(status)
}
