//! `readlink`, `realpath`, `dirname`, `basename`.

use crate::layer::root::Last;
use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;

use super::base_name;

pub(super) const PROGRAMS: Table =
    &[("readlink", &readlink), ("realpath", &realpath), ("dirname", &dirname), ("basename", &basename)];

/// The resolved path; `missing` says whether the last component (`f`) or all of them (`m`) need not exist.
fn canonical(call: &Call<'_>, path: &[u8], missing: char) -> Option<Vec<u8>> {
    let full = call.path(path);
    match call.root.resolve(&full, Last::Follow) {
        Ok(place) => Some(place.absolute()).filter(|_| missing != 'e' || call.root.at(&place).is_some()),
        Err(_) if missing == 'm' => {
            let cut = full.iter().rposition(|b| *b == b'/')?;
            let above = if cut == 0 { b"/".to_vec() } else { canonical(call, &full[..cut], 'm')? };
            Some(super::inside(&above, &full[cut + 1..]))
        }
        Err(_) => None,
    }
}

/// The path without `.`, `..` and double slashes, by its text alone.
fn by_text(call: &Call<'_>, path: &[u8]) -> Vec<u8> {
    let full = call.path(path);
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in full.split(|b| *b == b'/').filter(|part| !part.is_empty() && *part != b".") {
        if part == b".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    [b"/".as_slice(), &parts.join(&b'/')].concat()
}

fn readlink(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [
        ("canonicalize", 'f'),
        ("canonicalize-existing", 'e'),
        ("canonicalize-missing", 'm'),
        ("no-newline", 'n'),
        ("quiet", 'q'),
        ("silent", 's'),
    ];
    let options = Options::read(call, "femnqs", &long)?;
    let mut status = ExitStatus::SUCCESS;
    let end: &[u8] = if options.has('n') { b"" } else { b"\n" };
    for operand in &options.operands {
        call.spend(operand.bytes.len())?;
        let (found, base) = if let Some(missing) = options.last_of("fem") {
            (canonical(call, &operand.bytes, missing), operand.base)
        } else {
            let inode = call.root.lstat(&call.path(operand)).ok();
            let base = inode.as_ref().is_some_and(|inode| inode.provenance.bytes);
            (inode.and_then(|inode| inode.target().map(<[u8]>::to_vec)), base)
        };
        match found {
            Some(path) => call.out(&[&path[..], end].concat(), base)?,
            None => status = ExitStatus::FAILURE,
        }
    }
    Ok(if options.operands.is_empty() { ExitStatus::FAILURE } else { status })
}

fn realpath(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long =
        [("canonicalize-existing", 'e'), ("canonicalize-missing", 'm'), ("quiet", 'q'), ("strip", 's'), ("no-symlinks", 's')];
    let options = Options::read(call, "emqs", &long)?;
    let mut status = ExitStatus::SUCCESS;
    for operand in &options.operands {
        let missing = options.last_of("em").unwrap_or('f');
        let found = if options.has('s') {
            let path = by_text(call, &operand.bytes);
            // It must be there as far as it would have to without the option.
            canonical(call, &path, missing).map(|_| path)
        } else {
            canonical(call, &operand.bytes, missing)
        };
        if let Some(path) = found {
            call.out(&[&path[..], b"\n"].concat(), operand.base)?;
        } else {
            call.complain([&operand.bytes[..], b": No such file or directory"].concat());
            status = ExitStatus::FAILURE;
        }
    }
    Ok(status)
}

fn dirname(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "", &[])?;
    for operand in &options.operands {
        let path = &operand.bytes;
        let end = path.iter().rposition(|b| *b != b'/').map_or(0, |at| at + 1);
        let above = path[..end].iter().rposition(|b| *b == b'/').map(|at| &path[..at]);
        let directory: &[u8] = match above {
            None if end == 0 && !path.is_empty() => b"/",
            None => b".",
            Some(above) => {
                let end = above.iter().rposition(|b| *b != b'/').map_or(0, |at| at + 1);
                if end == 0 { b"/" } else { &above[..end] }
            }
        };
        call.out(&[directory, b"\n"].concat(), operand.base)?;
    }
    Ok(if options.operands.is_empty() { ExitStatus::FAILURE } else { ExitStatus::SUCCESS })
}

fn basename(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "as:", &[("multiple", 'a'), ("suffix", 's')])?;
    let (names, suffix) = match &options.operands[..] {
        [name, suffix] if !options.has('a') && !options.has('s') => (std::slice::from_ref(name), Some(suffix)),
        names => (names, options.value('s')),
    };
    for name in names {
        let base = base_name(&name.bytes);
        let cut = suffix.and_then(|suffix| base.strip_suffix(&suffix.bytes[..])).filter(|rest| !rest.is_empty()).unwrap_or(base);
        call.out(&[cut, b"\n"].concat(), name.base)?;
    }
    Ok(if names.is_empty() { ExitStatus::FAILURE } else { ExitStatus::SUCCESS })
}
