//! `cat`, `ls`, `stat`.

use crate::layer::root::{Inode, InodeKind};
use crate::script::call::{Call, Table};
use crate::script::options::Options;
use crate::script::text::input;
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Value};

use super::accounts;

pub(super) const PROGRAMS: Table = &[("cat", &cat), ("ls", &ls), ("stat", &stat)];

fn cat(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "u", &[])?;
    let mut status = ExitStatus::SUCCESS;
    let standard = [Value::from("-")];
    for name in if options.operands.is_empty() { &standard[..] } else { &options.operands } {
        match input(call, name)? {
            Some(text) => call.out(&text.bytes, text.base)?,
            None => status = ExitStatus::FAILURE,
        }
    }
    Ok(status)
}

fn ls(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "1aAdLv", &[("all", 'a'), ("almost-all", 'A'), ("directory", 'd'), ("dereference", 'L')])?;
    let mut status = ExitStatus::SUCCESS;
    let current = [Value::from(".")];
    let operands = if options.operands.is_empty() { &current[..] } else { &options.operands };
    let mut files = Vec::new();
    let mut directories = Vec::new();
    for operand in operands {
        let path = call.path(operand);
        if call.root.is_directory(&path) && !options.has('d') {
            directories.push(operand);
        } else if let Err(error) = if options.has('L') { call.root.stat(&path) } else { call.root.lstat(&path) } {
            call.failed(&operand.bytes, &error)?;
            status = ExitStatus::TROUBLE;
        } else {
            files.push(&operand.bytes[..]);
        }
    }
    files.sort_unstable();
    for file in &files {
        call.out(&[file, &b"\n"[..]].concat(), false)?;
    }
    for (index, directory) in directories.iter().enumerate() {
        if operands.len() > 1 {
            let gap: &[u8] = if index > 0 || !files.is_empty() { b"\n" } else { b"" };
            call.out(&[gap, &directory.bytes, b":\n"].concat(), directory.base)?;
        }
        let mut names = call.root.read_dir(&call.path(directory)).unwrap_or_default();
        if options.has('v') && names.len() > 1 {
            return Err(call.uncovered("sorting names as versions is not covered"));
        }
        if options.has('a') {
            names.splice(0..0, [b".".to_vec(), b"..".to_vec()]);
        }
        for name in names.iter().filter(|name| options.has('a') || options.has('A') || !name.starts_with(b".")) {
            call.out(&[&name[..], b"\n"].concat(), false)?;
        }
    }
    Ok(status)
}

fn stat(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let options = Options::read(call, "c:L", &[("format", 'c'), ("dereference", 'L'), ("printf", 'P')])?;
    let Some(format) = options.value('c').filter(|_| !options.has('P')) else {
        return Err(call.uncovered("only formats are covered"));
    };
    let mut status = ExitStatus::SUCCESS;
    for operand in &options.operands {
        let path = call.path(operand);
        let inode = if options.has('L') { call.root.stat(&path) } else { call.root.lstat(&path) };
        match inode {
            Err(error) => status = call.failed(&operand.bytes, &error)?,
            Ok(inode) => {
                let line = shown(call, format, operand, &inode)?;
                call.out(&line.bytes, line.base)?;
            }
        }
    }
    Ok(status)
}

fn shown(call: &Call<'_>, format: &Value, operand: &Value, inode: &Inode) -> Result<Value, Uncovered> {
    let mut line = Value::with("", format.base);
    let mut bytes = format.bytes.iter();
    let ids = inode.provenance.ids;
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            line.bytes.push(*byte);
            continue;
        }
        let (text, base) = match bytes.next() {
            Some(b'a') => (format!("{:o}", inode.mode).into_bytes(), false),
            Some(b'u') => (inode.owner.uid.to_string().into_bytes(), ids && inode.owner.uid >= 100),
            Some(b'g') => (inode.owner.gid.to_string().into_bytes(), ids && inode.owner.gid >= 100),
            Some(b'U') => (accounts::name_of(call.root, b"/etc/passwd", inode.owner.uid), ids && inode.owner.uid >= 100),
            Some(b'G') => (accounts::name_of(call.root, b"/etc/group", inode.owner.gid), ids && inode.owner.gid >= 100),
            Some(b's') => (inode.size().to_string().into_bytes(), inode.provenance.bytes),
            Some(b'Y') => (inode.mtime.to_string().into_bytes(), inode.provenance.any()),
            Some(b'n') => (operand.bytes.clone(), operand.base),
            Some(b'F') => (kind(inode).as_bytes().to_vec(), false),
            // One file system; the root directory has its customary number, others have none.
            Some(b'd') => (b"1".to_vec(), false),
            Some(b'i') if call.root.resolve(&call.path(operand), crate::layer::root::Last::Follow).is_ok_and(|p| p.is_root()) => {
                (b"2".to_vec(), false)
            }
            Some(b'%') => (b"%".to_vec(), false),
            _ => return Err(call.uncovered("a directive of this format is not covered")),
        };
        line.push_bytes(&text, base);
    }
    line.bytes.push(b'\n');
    Ok(line)
}

fn kind(inode: &Inode) -> &'static str {
    match &inode.kind {
        InodeKind::File { size: 0, .. } => "regular empty file",
        InodeKind::File { .. } => "regular file",
        InodeKind::Directory => "directory",
        InodeKind::Symlink(_) => "symbolic link",
        InodeKind::CharDevice(..) => "character special file",
        InodeKind::BlockDevice(..) => "block special file",
        InodeKind::Fifo => "fifo",
    }
}
