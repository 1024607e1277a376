//! `ucf`, `ucfr`, `systemd-tmpfiles`, `setcap`, `getcap`, `update-locale`.
//!
//! Invariant: a file that ucf installs comes from where its new version came; ucf's own registries are the base's.

use super::bridge::{RootView, apply, finish, told, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::capabilities::Capabilities;
use crate::system::ucf::{self, Force, Ucf};
use crate::system::{View, Write, locale_file};

pub(super) const PROGRAMS: Table = &[
    ("ucf", &run_ucf),
    ("ucfr", &ucfr),
    ("systemd-tmpfiles", &super::accounts::systemd_tmpfiles),
    ("setcap", &setcap),
    ("getcap", &getcap),
    ("update-locale", &update_locale),
];

fn run_ucf(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut purge, mut three_way, mut sum_file, mut operands) = (false, false, None, Vec::new());
    let mut arguments = words(call).into_iter();
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--three-way" => three_way = true,
            "--debconf-ok" | "--verbose" | "-v" => {}
            "--purge" | "-p" => purge = true,
            "--sum-file" => sum_file = arguments.next(),
            "--src-dir" | "-s" | "--debconf-template" | "-P" | "--package" => {
                arguments.next();
            }
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            _ => operands.push(word),
        }
    }
    let absolute = |call: &Call<'_>, word: &String| String::from_utf8_lossy(&call.path(word)).into_owned();
    if let (true, [destination]) = (purge, &operands[..]) {
        let result = ucf::purge(&RootView(call.root), &absolute(call, destination));
        return finish(call, result, true);
    }
    let [new, destination] = &operands[..] else { return Err(call.uncovered("not two files")) };
    let set = |name: &str| call.variable(name).is_some_and(|value| !value.is_empty());
    let force = match ["UCF_FORCE_CONFFOLD", "UCF_FORCE_CONFFNEW", "UCF_FORCE_CONFFMISS"].map(set) {
        [true, ..] => Force::Old,
        [_, true, _] => Force::New,
        [_, _, true] => Force::Missing,
        _ => Force::Ask,
    };
    let request = Ucf { new: absolute(call, new), destination: absolute(call, destination), three_way, sum_file, force };
    let read = call.root.read(request.new.as_bytes()).is_ok_and(|(_, base)| base);
    let source = call.root.stat(request.new.as_bytes()).ok();
    let writes = ucf::install(&RootView(call.root), &request);
    let writes = match told(call, writes)? {
        Ok(writes) => writes,
        Err(status) => return Ok(status),
    };
    for write in &writes {
        let registry = write.path.starts_with("/var/lib/ucf/hashfile") || write.path.starts_with("/var/lib/ucf/registry");
        let new = !call.root.exists(write.path.as_bytes());
        apply(call, std::slice::from_ref(write), registry || read)?;
        // `cp -p`: a new file has mode, owner and time of the version that it was made from.
        if let (Some(source), true, false) = (&source, new, registry) {
            let path = write.path.as_bytes();
            let copied = call
                .root
                .chown(path, source.owner, source.provenance.ids, crate::layer::root::Last::Follow)
                .and_then(|()| call.root.chmod(path, source.mode))
                .and_then(|()| call.root.set_mtime(path, source.mtime));
            copied.map_err(|error| call.uncovered(error.to_string()))?;
        }
    }
    Ok(ExitStatus::SUCCESS)
}

fn ucfr(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut purge, mut force, mut operands) = (false, false, Vec::new());
    for word in words(call) {
        match word.as_str() {
            "--purge" | "-p" => purge = true,
            "--force" | "-f" => force = true,
            "--verbose" | "-v" => {}
            option if option.starts_with('-') => return Err(call.uncovered(format!("option {option} is not covered"))),
            _ => operands.push(word),
        }
    }
    let [package, destination] = &operands[..] else { return Err(call.uncovered("not a package and a file")) };
    let view = RootView(call.root);
    let result =
        if purge { ucf::unregister(&view, package, destination, force) } else { ucf::register(&view, package, destination, force) };
    finish(call, result, true)
}

/// `getcap FILE...`: a line for each file that has capabilities.
fn getcap(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let mut status = ExitStatus::SUCCESS;
    for operand in call.arguments {
        if operand.bytes.starts_with(b"-") {
            return Err(call.uncovered("options are not covered"));
        }
        let inode = match call.root.stat(&call.path(operand)) {
            Ok(inode) => inode,
            Err(error) => {
                status = call.failed(&operand.bytes, &error)?;
                continue;
            }
        };
        let Some((_, attribute)) = inode.xattrs.iter().find(|(name, _)| &name[..] == b"security.capability") else { continue };
        let Some(text) = Capabilities::of_attribute(attribute).and_then(|sets| sets.text()) else {
            return Err(call.uncovered("sets of capabilities that differ"));
        };
        call.out(&[&operand.bytes[..], b" ", text.as_bytes(), b"\n"].concat(), operand.base || inode.provenance.bytes)?;
    }
    Ok(status)
}

fn setcap(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let words = words(call);
    let operands: Vec<&String> = words.iter().filter(|word| *word != "-q").collect();
    let [text, file] = &operands[..] else { return Err(call.uncovered("not one set and one file")) };
    let path = call.path(file);
    if *text == "-r" {
        return match call.root.remove_xattr(&path, b"security.capability") {
            Ok(()) => Ok(ExitStatus::SUCCESS),
            Err(error) => call.failed(&path, &error),
        };
    }
    let attribute = Capabilities::parse(text).and_then(|sets| sets.attribute());
    match told(call, attribute)? {
        Ok(attribute) => match call.root.set_xattr(&path, b"security.capability", &attribute) {
            Ok(()) => Ok(ExitStatus::SUCCESS),
            Err(error) => call.failed(&path, &error),
        },
        Err(status) => Ok(status),
    }
}

fn update_locale(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    const FILE: &str = "/etc/default/locale";
    let words = words(call);
    let flags: Vec<&str> = words.iter().map(String::as_str).filter(|word| word.starts_with("--")).collect();
    let operands: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    if flags.iter().any(|flag| !matches!(*flag, "--reset" | "--no-checks")) || flags.len() + operands.len() != words.len() {
        return Err(call.uncovered("an option is not covered"));
    }
    // The check asks the C library whether the locale exists.
    if !flags.contains(&"--no-checks") && operands.iter().any(|word| !word.ends_with("=C.UTF-8") && !word.ends_with("=C")) {
        return Err(call.uncovered("only locales that every system has can be checked"));
    }
    let old = RootView(call.root).text(FILE).map_err(|error| call.uncovered(error.to_string()))?;
    let new = locale_file::update(old.as_deref(), flags.contains(&"--reset"), &operands);
    apply(call, &[Write::file(FILE, new)], old.is_some()).map(|()| ExitStatus::SUCCESS)
}
