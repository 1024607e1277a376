//! `rm`, `rmdir`, `unlink`.

use crate::layer::root::RootError;
use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

use super::note;

pub(super) const PROGRAMS: Table = &[("rm", &rm), ("rmdir", &rmdir), ("unlink", &rm)];

fn rm(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long =
        [("recursive", 'r'), ("force", 'f'), ("dir", 'd'), ("one-file-system", 'x'), ("preserve-root", 'x'), ("verbose", 'v')];
    let options = Options::read(call, "rRfdxv", &long)?;
    let recursive = options.has('r') || options.has('R');
    let mut status = ExitStatus::SUCCESS;
    for operand in &options.operands {
        let path = call.path(operand);
        call.spend(path.len())?;
        let directory = call.root.lstat(&path).is_ok_and(|inode| inode.is_directory());
        let told = options.has('v') && call.root.lstat(&path).is_ok();
        if told && recursive && directory {
            return Err(call.uncovered("the order in which a directory is removed"));
        }
        let removed = if recursive {
            call.root.remove_tree(&path)
        } else if directory && !options.has('d') {
            Err(RootError::IsADirectory(operand.text().into_owned()))
        } else {
            call.root.remove(&path)
        };
        let removed = match removed {
            Err(RootError::NotFound(_) | RootError::NotADirectory(_)) if options.has('f') => Ok(()),
            other => other,
        };
        if note(call, &mut status, operand, removed)?.is_some() && told {
            let what: &[u8] = if directory { b"removed directory '" } else { b"removed '" };
            call.out(&[what, &operand.bytes, b"'\n"].concat(), operand.base)?;
        }
    }
    if options.operands.is_empty() && !options.has('f') {
        call.complain("missing operand");
        return Ok(ExitStatus::FAILURE);
    }
    Ok(status)
}

fn rmdir(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "pi", &[("parents", 'p'), ("ignore-fail-on-non-empty", 'i')])?;
    let mut status = ExitStatus::SUCCESS;
    for operand in &options.operands {
        let mut path = operand.bytes.clone();
        while !path.is_empty() {
            let full = call.path(&path);
            let removed = match call.root.lstat(&full) {
                Ok(inode) if !inode.is_directory() => Err(RootError::NotADirectory(operand.text().into_owned())),
                Ok(_) => call.root.remove(&full),
                Err(error) => Err(error),
            };
            let kept = matches!(removed, Err(RootError::NotEmpty(_)));
            if kept && options.has('i') {
                break;
            }
            if note(call, &mut status, operand, removed)?.is_none() || !options.has('p') {
                break;
            }
            path.truncate(path.iter().rposition(|b| *b == b'/').unwrap_or(0));
        }
    }
    Ok(status)
}
