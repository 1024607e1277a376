//! `mkdir`, `ln`, `touch`, `mktemp`, `tempfile`.
//!
//! Invariant: names that a real tool would draw are counted, so that the same script makes the same names.

use crate::layer::root::RootError;
use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};

use super::{base_name, inside, mode, note, spelled};

/// Bytes that a new node of the root stands for.
const NODE: usize = 2 << 10;

pub(super) const PROGRAMS: Table =
    &[("mkdir", &mkdir), ("ln", &ln), ("touch", &touch), ("mktemp", &mktemp), ("tempfile", &tempfile)];

fn mkdir(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "pm:Zv", &[("parents", 'p'), ("mode", 'm'), ("verbose", 'v')])?;
    let default = 0o777 & !call.umask;
    let mode = match options.value('m') {
        None => None,
        Some(text) => match mode::apply(&text.text(), 0o777, false, call.umask) {
            Some(mode) => Some(mode),
            None => return Err(call.uncovered("this mode is not covered")),
        },
    };
    let mut status = ExitStatus::SUCCESS;
    for operand in &options.operands {
        let path = call.path(operand);
        let before = call.root.exists(&path);
        let missing = if options.has('v') { missing(call, operand, options.has('p')) } else { Vec::new() };
        let made = if options.has('p') { call.root.mkdir_p(&path, default) } else { call.root.mkdir(&path, default) };
        let made = match (made, mode) {
            (Ok(_), Some(mode)) if !before => call.root.chmod(&path, mode),
            (result, _) => result.map(|_| ()),
        };
        let made = note(call, &mut status, operand, made)?.is_some();
        for path in missing.into_iter().filter(|_| made) {
            call.out(&[b"mkdir: created directory '".as_slice(), &path, b"'\n"].concat(), operand.base)?;
        }
    }
    Ok(status)
}

/// The directories that a path lacks, as the operand spells them; without its parents only itself.
fn missing(call: &Call<'_>, operand: &Value, parents: bool) -> Vec<Vec<u8>> {
    let path = operand.bytes.strip_suffix(b"/").unwrap_or(&operand.bytes);
    let slashes = path.iter().enumerate().filter(|(at, byte)| parents && *at > 0 && **byte == b'/').map(|(at, _)| at);
    let prefixes = slashes.chain([path.len()]).map(|end| path[..end].to_vec());
    prefixes.filter(|prefix| !call.root.exists(&call.path(prefix))).collect()
}

fn ln(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [("symbolic", 's'), ("force", 'f'), ("no-dereference", 'n'), ("no-target-directory", 'T'), ("verbose", 'v')];
    let options = Options::read(call, "sfnTt:v", &long)?;
    let current = Value::from(".");
    let (sources, target) = match &options.operands[..] {
        [] => {
            call.complain("missing file operand");
            return Ok(ExitStatus::FAILURE);
        }
        [source] => (std::slice::from_ref(source), &current),
        [sources @ .., target] => (sources, target),
    };
    let path = call.path(target);
    let link = options.has('n') && call.root.lstat(&path).is_ok_and(|inode| inode.target().is_some());
    let directory = call.root.is_directory(&path) && !options.has('T') && !link;
    let mut status = ExitStatus::SUCCESS;
    for source in sources {
        let to = if directory { inside(&path, base_name(&source.bytes)) } else { path.clone() };
        if options.has('f') && call.root.lstat(&to).is_ok_and(|inode| !inode.is_directory()) {
            let removed = call.root.remove(&to);
            note(call, &mut status, source, removed)?;
        }
        let from = call.path(source);
        let made = if options.has('s') { call.root.symlink(&source.bytes, &to) } else { call.root.hard_link(&from, &to) };
        if source.base && options.has('s') {
            // The target is a datum of the base.
            if let Ok(mut inode) = call.root.lstat(&to) {
                inode.provenance.bytes = true;
                let marked = call.root.put(&to, inode);
                note(call, &mut status, source, marked)?;
            }
        }
        if note(call, &mut status, target, made)?.is_some() && options.has('v') {
            let arrow: &[u8] = if options.has('s') { b"' -> '" } else { b"' => '" };
            let to = spelled(call, &to, target);
            call.out(&[b"'".as_slice(), &to, arrow, &source.bytes, b"'\n"].concat(), source.base)?;
        }
    }
    Ok(status)
}

fn touch(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "camr:", &[("no-create", 'c'), ("reference", 'r')])?;
    let time = match options.value('r') {
        None => call.root.time(),
        Some(reference) => match call.root.stat(&call.path(reference)) {
            Ok(inode) => inode.mtime,
            Err(error) => return call.failed(&reference.bytes, &error),
        },
    };
    let mut status = ExitStatus::SUCCESS;
    for operand in &options.operands {
        let path = call.path(operand);
        let touched = match call.root.stat(&path) {
            Ok(_) => call.root.set_mtime(&path, time),
            Err(RootError::NotFound(_)) if options.has('c') => Ok(()),
            Err(RootError::NotFound(_)) => call
                .root
                .write(&path, Vec::new(), false, 0o666 & !call.umask)
                .and_then(|_| if options.has('r') { call.root.set_mtime(&path, time) } else { Ok(()) }),
            Err(error) => Err(error),
        };
        note(call, &mut status, operand, touched)?;
    }
    Ok(status)
}

/// The first name of a counted series that is free.
fn free(call: &mut Call<'_>, prefix: &[u8], width: usize, suffix: &[u8]) -> Result<Vec<u8>, Uncovered> {
    // A file that nobody names is held to the end; what it takes there is paid here.
    call.spend(NODE)?;
    for number in 0_u64.. {
        let path = [prefix, format!("{number:0width$}").as_bytes(), suffix].concat();
        call.spend(path.len())?;
        if call.root.lstat(&call.path(&path)).is_err() {
            return Ok(path);
        }
    }
    Err(call.uncovered("no free name"))
}

fn create(call: &mut Call<'_>, path: &[u8], directory: bool, mode: u32) -> Result<ExitStatus, Uncovered> {
    let full = call.path(path);
    let made = if directory { call.root.mkdir(&full, mode) } else { call.root.write(&full, Vec::new(), false, mode) };
    if let Err(error) = made {
        return call.failed(path, &error);
    }
    call.out(&[path, b"\n"].concat(), false)?;
    Ok(ExitStatus::SUCCESS)
}

fn mktemp(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let long = [("directory", 'd'), ("tmpdir", 'P'), ("dry-run", 'u'), ("quiet", 'q')];
    let options = Options::read(call, "dtp:uqP", &long)?;
    let default = Value::from("tmp.XXXXXXXXXX");
    let template = options.operands.first().unwrap_or(&default);
    let in_tmp = options.operands.is_empty() || options.has('t') || options.has('p') || options.has('P');
    let tmp = call.variable("TMPDIR").filter(|value| !value.is_empty()).cloned().unwrap_or_else(|| Value::from("/tmp"));
    let long = options.value('P').filter(|value| !value.is_empty());
    let directory = options.value('p').or(long).cloned().unwrap_or(tmp);
    let template = if in_tmp { inside(&directory.bytes, &template.bytes) } else { template.bytes.clone() };
    let Some(end) = template.iter().rposition(|b| *b == b'X').map(|at| at + 1) else {
        call.complain("too few X's in template");
        return Ok(ExitStatus::FAILURE);
    };
    let start = template[..end].iter().rposition(|b| *b != b'X').map_or(0, |at| at + 1);
    let path = free(call, &template[..start], end - start, &template[end..])?;
    if options.has('u') {
        call.out(&[&path[..], b"\n"].concat(), false)?;
        return Ok(ExitStatus::SUCCESS);
    }
    let mode = if options.has('d') { 0o700 } else { 0o600 };
    create(call, &path, options.has('d'), mode)
}

fn tempfile(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "d:p:s:m:", &[("directory", 'd'), ("prefix", 'p'), ("suffix", 's'), ("mode", 'm')])?;
    let part = |letter: char, default: &str| options.value(letter).map_or_else(|| default.as_bytes().to_vec(), |v| v.bytes.clone());
    let prefix = inside(&part('d', "/tmp"), &part('p', "file"));
    let path = free(call, &prefix, 6, &part('s', ""))?;
    let mode = options.value('m').map_or(Ok(0o600), |mode| u32::from_str_radix(&mode.text(), 8));
    let Ok(mode) = mode else { return Err(call.uncovered("this mode is not covered")) };
    create(call, &path, false, mode)
}
