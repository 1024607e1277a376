//! `ldconfig`, `update-ca-certificates`.
//!
//! Invariant: the loader's cache and the bundle of certificates always count as the base's. Were the bundle a package's where a
//! base has no certificates of its own, one such certificate would move it, and with it change the ply that it had been in.

use super::bridge::{RootView, finish, words};
use crate::layer::root::{Author, Last};
use crate::rootfs::ElfNote;
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::{ExitStatus, Input, Value};
use crate::system::{SystemError, View, Write, ca_certificates, ldconfig};

pub(super) const PROGRAMS: Table = &[("ldconfig", &run_ldconfig), ("update-ca-certificates", &update_ca_certificates)];

const CACHE: &str = "/etc/ld.so.cache";
const CERTIFICATES: &str = "/etc/ssl/certs";

/// Writes the cache anew. A base without one has a loader that does without.
fn run_ldconfig(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    // The root of the packages' own system is this root.
    match words(call).iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["-r", "/"] => {}
        _ => return Err(call.uncovered("only `ldconfig` and `ldconfig -r /` are covered")),
    }
    let view = RootView(call.root);
    let failed = |error: SystemError| call.uncovered(error.to_string());
    let Some(old) = view.read(CACHE).map_err(failed)? else { return Ok(ExitStatus::SUCCESS) };
    let Some(generator) = ldconfig::generator(&old) else {
        return Err(call.uncovered("the cache of the base names no generator"));
    };
    let mut objects = Vec::new();
    for directory in ldconfig::directories(&view).map_err(failed)? {
        let names = view.list(&directory).into_iter().filter(|name| ldconfig::is_candidate(name));
        let notes: Vec<(String, ElfNote)> =
            names.filter_map(|name| Some((name.clone(), note(call, &format!("{directory}/{name}"))?))).collect();
        objects.extend(ldconfig::objects(&directory, notes.iter().map(|(name, note)| (name.as_str(), note)), |name| {
            view.is_symlink(&format!("{directory}/{name}"))
        }));
    }
    let cache = ldconfig::cache(&objects, generator);
    finish(call, Ok(vec![Write::file(CACHE, cache)]), true)
}

/// The facts of the shared object that a path leads to: of a package, or of the base.
fn note(call: &Call<'_>, path: &str) -> Option<ElfNote> {
    let place = call.root.resolve(path.as_bytes(), Last::Follow).ok()?;
    let inode = call.root.at(&place)?;
    let of_package = call.answers.libraries.get(&place);
    let of_base = || call.root.base().get(&place).filter(|_| inode.author == Author::Base).and_then(|node| node.elf.as_ref());
    of_package.or_else(of_base).filter(|_| inode.is_file()).cloned()
}

fn update_ca_certificates(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut fresh, mut hooks) = (false, "/etc/ca-certificates/update.d".to_owned());
    let mut words = words(call).into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--fresh" | "-f" => fresh = true,
            "--verbose" | "-v" => {}
            // An empty name means: run none.
            "--hooksdir" => hooks = words.next().unwrap_or_default(),
            other => return Err(call.uncovered(format!("option {other} is not covered"))),
        }
    }
    let view = RootView(call.root);
    let directory = hooks;
    let hooks = if directory.is_empty() { Vec::new() } else { view.list(&directory) };
    let before = view.list(CERTIFICATES);
    let result = ca_certificates::update(&view, fresh);
    let status = finish(call, result, true)?;
    let added: Vec<u8> = (RootView(call.root).list(CERTIFICATES).into_iter())
        .filter(|name| name.ends_with(".pem") && (fresh || !before.contains(name)))
        .flat_map(|name| format!("+{CERTIFICATES}/{name}\n").into_bytes())
        .collect();
    for hook in hooks.into_iter().filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))) {
        // A hook that fails is told and no more.
        let words = [Value::from(format!("{directory}/{hook}").as_str())];
        call.invoke(&words, Input::new(Value::with(added.clone(), true)))?;
    }
    Ok(status)
}
