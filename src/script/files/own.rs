//! `chmod`, `chown`, `chgrp`.

use crate::layer::root::{Inode, Last};
use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};
use crate::stream::Owner;

use super::accounts::{self, Id};
use super::{inside, mode, note};

pub(super) const PROGRAMS: Table = &[("chmod", &chmod), ("chown", &chown), ("chgrp", &chown)];

/// A path and, if asked, all below it; links are not walked through.
pub(super) fn walk(call: &mut Call<'_>, path: &[u8], recursive: bool) -> Result<Vec<Vec<u8>>, Uncovered> {
    let mut found = Vec::new();
    let mut open = vec![path.to_vec()];
    while let Some(path) = open.pop() {
        call.spend(path.len())?;
        if recursive && call.root.lstat(&path).is_ok_and(|inode| inode.is_directory()) {
            let names = call.root.read_dir(&path).unwrap_or_default();
            open.extend(names.iter().rev().map(|name| inside(&path, name)));
        }
        found.push(path);
    }
    Ok(found)
}

fn chmod(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    // A mode may begin with a dash: `chmod -x FILE`.
    let is_mode = |word: &Value| matches!(word.bytes.get(..2), Some([b'-', b'r' | b'w' | b'x' | b's' | b't' | b'X']));
    let dashed = call.arguments.iter().position(is_mode);
    let mut words = call.arguments.to_vec();
    let dashed = dashed.map(|at| words.remove(at));
    let long = [("recursive", 'R'), ("quiet", 'f'), ("silent", 'f'), ("verbose", 'v'), ("changes", 'c'), ("reference", '=')];
    let options = Options::of(call, &words, "Rf=:", &long)?;
    let mut operands = &options.operands[..];
    let text = match options.value('=') {
        _ if dashed.is_some() => dashed.map_or_else(String::new, |mode| mode.text().into_owned()),
        Some(reference) => match call.root.stat(&call.path(reference)) {
            Ok(inode) => format!("0{:o}", inode.mode),
            Err(error) => return call.failed(&reference.bytes, &error),
        },
        None => {
            let Some((first, rest)) = operands.split_first() else {
                call.complain("missing operand");
                return Ok(ExitStatus::FAILURE);
            };
            operands = rest;
            first.text().into_owned()
        }
    };
    let mut status = ExitStatus::SUCCESS;
    for operand in operands {
        let top = call.path(operand);
        for path in walk(call, &top, options.has('R'))? {
            if path != top && call.root.lstat(&path).is_ok_and(|inode| inode.target().is_some()) {
                continue;
            }
            let found = call.root.stat(&path);
            let Some(inode) = note(call, &mut status, operand, found)? else { continue };
            let Some(mode) = mode::apply(&text, inode.mode, inode.is_directory(), call.umask) else {
                call.complain(format!("invalid mode: {text}"));
                return Ok(ExitStatus::FAILURE);
            };
            if mode != inode.mode {
                let changed = call.root.chmod(&path, mode);
                note(call, &mut status, operand, changed)?;
            }
        }
    }
    Ok(status)
}

/// A user and a group, where they are named.
type Pair = (Option<Id>, Option<Id>);

/// User and group of an operand like `user:group`; nothing if a name is unknown, which was told.
pub(super) fn owner(call: &mut Call<'_>, text: &Value) -> Option<Pair> {
    let bytes = &text.bytes;
    let split = bytes.iter().position(|b| *b == b':').or_else(|| {
        // The old separator, where the whole is no user.
        bytes.iter().position(|b| *b == b'.').filter(|_| accounts::user(call.root, bytes).is_none())
    });
    let (user, group) = split.map_or((&bytes[..], None), |at| (&bytes[..at], Some(&bytes[at + 1..])));
    let mut pair = (None, None);
    if !user.is_empty() {
        let Some(id) = accounts::user_or_number(call.root, user) else {
            call.complain([b"invalid user: '", &bytes[..], b"'"].concat());
            return None;
        };
        pair.0 = Some((id.0, id.1 || text.base));
    }
    match group {
        Some(b"") if !user.is_empty() => pair.1 = accounts::user(call.root, user).map(|(_, group)| group),
        Some(b"") | None => {}
        Some(group) => {
            let Some(id) = accounts::group_or_number(call.root, group) else {
                call.complain([b"invalid group: '", &bytes[..], b"'"].concat());
                return None;
            };
            pair.1 = Some((id.0, id.1 || text.base));
        }
    }
    Some(pair)
}

/// Gives a path an owner; what is not named stays, with its provenance.
pub(super) fn give(
    call: &mut Call<'_>,
    path: &[u8],
    inode: &Inode,
    pair: (Option<Id>, Option<Id>),
    last: Last,
) -> Result<(), crate::layer::root::RootError> {
    let kept = inode.provenance.ids;
    let (uid, user_base) = pair.0.unwrap_or((inode.owner.uid, kept && inode.owner.uid >= 100));
    let (gid, group_base) = pair.1.unwrap_or((inode.owner.gid, kept && inode.owner.gid >= 100));
    let owner = Owner { uid, gid };
    if owner == inode.owner && inode.provenance.ids == (user_base || group_base) {
        return Ok(());
    }
    call.root.chown(path, owner, user_base || group_base, last)
}

fn chown(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [("recursive", 'R'), ("no-dereference", 'h'), ("quiet", 'f'), ("silent", 'f'), ("reference", 'r'), ("from", 'o')];
    let options = Options::read(call, "RhfPr:", &long)?;
    let mut operands = &options.operands[..];
    let pair = if let Some(reference) = options.value('r') {
        match call.root.stat(&call.path(reference)) {
            Ok(inode) => {
                let base = inode.provenance.ids;
                (Some((inode.owner.uid, base)).filter(|_| call.name != "chgrp"), Some((inode.owner.gid, base)))
            }
            Err(error) => return call.failed(&reference.bytes, &error),
        }
    } else {
        let Some((first, rest)) = operands.split_first() else {
            call.complain("missing operand");
            return Ok(ExitStatus::FAILURE);
        };
        operands = rest;
        let text = if call.name == "chgrp" { Value::with([b":", &first.bytes[..]].concat(), first.base) } else { first.clone() };
        let Some(pair) = owner(call, &text) else { return Ok(ExitStatus::FAILURE) };
        pair
    };
    let mut status = ExitStatus::SUCCESS;
    for operand in operands {
        let top = call.path(operand);
        for path in walk(call, &top, options.has('R'))? {
            let last = if options.has('h') || path != top || options.has('R') { Last::Keep } else { Last::Follow };
            let found = if last == Last::Keep { call.root.lstat(&path) } else { call.root.stat(&path) };
            let Some(inode) = note(call, &mut status, operand, found)? else { continue };
            let given = give(call, &path, &inode, pair, last);
            note(call, &mut status, operand, given)?;
        }
    }
    Ok(status)
}
