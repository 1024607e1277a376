//! `cp`, `install`, `mv`.

use crate::layer::root::{Inode, InodeKind, Last, Provenance, RootError};
use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};
use crate::stream::Owner;

use super::{base_name, inside, mode, note, own, spelled};

pub(super) const PROGRAMS: Table = &[("cp", &cp), ("install", &install), ("mv", &mv)];

/// Where each source goes: into the last operand if that is a directory (or `-t`), else to it.
fn targets(call: &Call<'_>, options: &Options) -> Option<Vec<(Value, Vec<u8>)>> {
    let (target, sources) = match options.value('t') {
        Some(target) => (target, &options.operands[..]),
        None => options.operands.split_last()?,
    };
    let path = call.path(target);
    let directory = options.value('t').is_some() || call.root.is_directory(&path) && !options.has('T');
    if sources.is_empty() || (sources.len() > 1 && !directory) {
        return None;
    }
    let place = |source: &Value| if directory { inside(&path, base_name(&source.bytes)) } else { path.clone() };
    Some(sources.iter().map(|source| (source.clone(), place(source))).collect())
}

#[expect(clippy::struct_excessive_bools, reason = "options are independent of each other")]
#[derive(Clone, Copy)]
struct Keep {
    mode: bool,
    owner: bool,
    time: bool,
    links: bool,
    recursive: bool,
}

fn cp(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [
        ("archive", 'a'),
        ("recursive", 'r'),
        ("force", 'f'),
        ("no-clobber", 'n'),
        ("no-target-directory", 'T'),
        ("target-directory", 't'),
        ("no-dereference", 'P'),
        ("dereference", 'L'),
        ("preserve", 'p'),
        ("remove-destination", 'x'),
        ("verbose", 'v'),
    ];
    let options = Options::read(call, "arRfnTt:PLdpxZv", &long)?;
    if options
        .values('p')
        .any(|what| !matches!(&what.bytes[..], b"" | b"all" | b"mode,ownership,timestamps" | b"mode,ownership,timestamps,xattr"))
    {
        return Err(call.uncovered("this kind of --preserve is not covered"));
    }
    let archive = options.has('a');
    let preserve = archive || options.has('p');
    let recursive = archive || options.has('r') || options.has('R');
    let links = match options.last_of("PLda") {
        Some('L') => false,
        Some(_) => true,
        None => recursive,
    };
    let keep = Keep { mode: preserve, owner: preserve, time: preserve, links, recursive };
    let Some(targets) = targets(call, &options) else {
        call.complain("missing operand, or target is not a directory");
        return Ok(ExitStatus::FAILURE);
    };
    let target = options.value('t').or(options.operands.last()).cloned().unwrap_or_default();
    let mut status = ExitStatus::SUCCESS;
    for (source, to) in targets {
        if options.has('n') && call.root.lstat(&to).is_ok() {
            continue;
        }
        let from = call.path(&source);
        if options.has('v') && call.root.lstat(&from).is_ok_and(|inode| inode.is_directory()) {
            return Err(call.uncovered("the order in which a directory is copied"));
        }
        let copied = copy_tree(call, &from, &to, keep, options.has('x'))?;
        if note(call, &mut status, &source, copied)?.is_some() && options.has('v') {
            let to = spelled(call, &to, &target);
            call.out(&[b"'".as_slice(), &source.bytes, b"' -> '", &to, b"'\n"].concat(), source.base)?;
        }
    }
    Ok(status)
}

fn copy_tree(call: &mut Call<'_>, from: &[u8], to: &[u8], keep: Keep, remove: bool) -> Result<Result<(), RootError>, Uncovered> {
    let mut open = vec![(from.to_vec(), to.to_vec())];
    // A directory that is copied into itself is not walked again.
    let mut guard = 0_u32;
    while let Some((from, to)) = open.pop() {
        call.spend(from.len())?;
        guard += 1;
        let inode = if keep.links { call.root.lstat(&from) } else { call.root.stat(&from) };
        let inode = match inode {
            Ok(inode) => inode,
            Err(error) => return Ok(Err(error)),
        };
        if inode.is_directory() {
            if !keep.recursive {
                return Ok(Err(RootError::IsADirectory(String::from_utf8_lossy(&from).into_owned())));
            }
            let places = (call.root.resolve(&from, Last::Follow), call.root.resolve(&to, Last::Follow));
            if guard == 1 && matches!(&places, (Ok(from), Ok(to)) if to.is_below(from)) {
                return Ok(Err(RootError::Invalid(String::from_utf8_lossy(&to).into_owned())));
            }
            let names = call.root.read_dir(&from).unwrap_or_default();
            if let Err(error) = copy_directory(call, &inode, &to, keep) {
                return Ok(Err(error));
            }
            open.extend(names.iter().rev().map(|name| (inside(&from, name), inside(&to, name))));
        } else if let Err(error) = copy_one(call, &inode, &from, &to, keep, remove) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

fn copy_directory(call: &mut Call<'_>, inode: &Inode, to: &[u8], keep: Keep) -> Result<(), RootError> {
    let new = !call.root.is_directory(to);
    if new {
        call.root.mkdir(to, inode.mode & !call.umask & 0o777)?;
    }
    if keep.owner {
        call.root.chown(to, inode.owner, inode.provenance.ids, Last::Follow)?;
    }
    if keep.mode {
        call.root.chmod(to, inode.mode)?;
    }
    if keep.time {
        call.root.set_mtime(to, inode.mtime)?;
    }
    Ok(())
}

/// Copies anything but a directory. An existing file keeps mode and owner, as it is opened and written.
fn copy_one(call: &mut Call<'_>, inode: &Inode, from: &[u8], to: &[u8], keep: Keep, remove: bool) -> Result<(), RootError> {
    let special = !inode.is_file();
    let existing = call.root.stat(to).ok().filter(|_| !special && !remove);
    if let (Ok(a), Ok(b)) = (call.root.resolve(from, Last::Follow), call.root.resolve(to, Last::Follow))
        && a == b
        && !special
    {
        return Err(RootError::Exists(b.to_string()));
    }
    if existing.as_ref().is_some_and(Inode::is_directory) {
        return Err(RootError::IsADirectory(String::from_utf8_lossy(to).into_owned()));
    }
    let time = if keep.time { inode.mtime } else { call.root.time() };
    let bytes = inode.provenance.bytes;
    let (mode, owner, ids) = match &existing {
        _ if keep.owner => (inode.mode, inode.owner, inode.provenance.ids),
        Some(old) => (old.mode, old.owner, old.provenance.ids),
        None => (inode.mode & !call.umask & 0o777, Owner::default(), false),
    };
    let mode = if special && !keep.mode { inode.mode } else { mode };
    let copy = Inode { mode, owner, mtime: time, provenance: Provenance { bytes, ids }, ..inode.clone() };
    let copy = if keep.mode { copy } else { Inode { xattrs: std::collections::BTreeMap::new(), ..copy } };
    // Through a link the file that it leads to is written.
    let place = if existing.is_some() { call.root.resolve(to, Last::Follow)?.absolute() } else { to.to_vec() };
    call.root.put(&place, copy).map(|_| ())
}

const INSTALL: [(&str, char); 7] = [
    ("directory", 'd'),
    ("mode", 'm'),
    ("owner", 'o'),
    ("group", 'g'),
    ("preserve-timestamps", 'p'),
    ("no-target-directory", 'T'),
    ("target-directory", 't'),
];

fn install(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "dm:o:g:DpTt:cvZ", &INSTALL)?;
    if options.has('v') {
        return Err(call.uncovered("option -v is not covered"));
    }
    let text = options.value('m').map_or("755".into(), |value| value.text().into_owned());
    let named = |letter: char| options.value(letter).map_or(&b""[..], |value| &value.bytes[..]);
    let joined = [named('o'), b":", named('g')].concat();
    let base = options.value('o').is_some_and(|v| v.base) || options.value('g').is_some_and(|v| v.base);
    let both = if named('g').is_empty() { named('o').to_vec() } else { joined };
    let Some(pair) = own::owner(call, &Value::with(both, base)) else { return Ok(ExitStatus::FAILURE) };
    let mut status = ExitStatus::SUCCESS;
    let finish = |call: &mut Call<'_>, path: &[u8]| -> Result<(), RootError> {
        let inode = call.root.stat(path)?;
        own::give(call, path, &inode, pair, Last::Follow)?;
        let mode = mode::apply(&text, 0, inode.is_directory(), 0).ok_or_else(|| RootError::Invalid(text.clone()))?;
        call.root.chmod(path, mode)
    };
    if options.has('d') {
        for operand in &options.operands {
            let path = call.path(operand);
            let made = call.root.mkdir_p(&path, 0o755).and_then(|_| finish(call, &path));
            note(call, &mut status, operand, made)?;
        }
        return Ok(status);
    }
    if options.has('D')
        && let Some((target, _)) = options.operands.split_last()
    {
        let path = call.path(target);
        let parent = path.iter().rposition(|b| *b == b'/').map_or(&b"/"[..], |at| &path[..at]);
        let parent = parent.to_vec();
        let made = call.root.mkdir_p(&parent, 0o755);
        note(call, &mut status, target, made)?;
    }
    let Some(targets) = targets(call, &options) else {
        call.complain("missing operand, or target is not a directory");
        return Ok(ExitStatus::FAILURE);
    };
    let keep = Keep { mode: false, owner: false, time: options.has('p'), links: false, recursive: false };
    for (source, to) in targets {
        if source.bytes == b"/dev/null" {
            let made =
                call.root.put(&to, Inode { mtime: call.root.time(), ..Inode::new(empty(), 0o600) }).and_then(|_| finish(call, &to));
            note(call, &mut status, &source, made)?;
            continue;
        }
        let from = call.path(&source);
        let copied = call.root.stat(&from).and_then(|inode| {
            if inode.is_directory() {
                return Err(RootError::IsADirectory(String::from_utf8_lossy(&from).into_owned()));
            }
            copy_one(call, &inode, &from, &to, keep, true)?;
            finish(call, &to)
        });
        note(call, &mut status, &source, copied)?;
    }
    Ok(status)
}

fn empty() -> InodeKind {
    InodeKind::File { content: crate::layer::root::Content::Held(std::sync::Arc::from([])), size: 0 }
}

fn mv(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [("force", 'f'), ("no-clobber", 'n'), ("no-target-directory", 'T'), ("target-directory", 't'), ("verbose", 'v')];
    let options = Options::read(call, "fnTt:Zv", &long)?;
    let Some(targets) = targets(call, &options) else {
        call.complain("missing operand, or target is not a directory");
        return Ok(ExitStatus::FAILURE);
    };
    let target = options.value('t').or(options.operands.last()).cloned().unwrap_or_default();
    let mut status = ExitStatus::SUCCESS;
    for (source, to) in targets {
        if options.has('n') && call.root.lstat(&to).is_ok() {
            continue;
        }
        let from = call.path(&source);
        let moved = call.root.rename(&from, &to);
        if note(call, &mut status, &source, moved)?.is_some() && options.has('v') {
            let to = spelled(call, &to, &target);
            call.out(&[b"renamed '".as_slice(), &source.bytes, b"' -> '", &to, b"'\n"].concat(), source.base)?;
        }
    }
    Ok(status)
}
