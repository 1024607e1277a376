//! `install-info`: the menu of Info's manuals.
//!
//! Invariant: the menu always counts as the base's: it is made of what several packages registered.

use std::io::Read;

use super::bridge::{RootView, finish, told, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::stream::{decompress, detect};
use crate::system::{MAX_DOCUMENT, View, Write, info_dir};

pub(super) const PROGRAMS: Table = &[("install-info", &install_info)];

fn install_info(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let words: Vec<String> = words(call).into_iter().filter(|word| word != "--quiet").collect();
    let (file, menu) = match &words[..] {
        [file, menu] if !file.starts_with('-') => (file.clone(), menu.clone()),
        [file] if !file.starts_with('-') => return Err(call.uncovered(format!("no menu for {file}"))),
        _ => return Err(call.uncovered("only `install-info FILE MENU` is covered")),
    };
    let view = RootView(call.root);
    let read = |path: &str| view.read(path).map_err(|error| call.uncovered(error.to_string()));
    let (Some(packed), old) = (read(&file)?, read(&menu)?) else {
        call.complain(format!("No such file or directory for {file}"));
        return Ok(ExitStatus::FAILURE);
    };
    let mut manual = Vec::new();
    let plain = decompress(&packed[..], detect(&packed)).and_then(|input| input.take(MAX_DOCUMENT as u64).read_to_end(&mut manual));
    plain.map_err(|error| call.uncovered(format!("{file}: {error}")))?;
    call.spend(manual.len() + old.as_ref().map_or(0, |old| old.len()))?;
    let result = info_dir::install(old.as_deref(), &manual);
    match told(call, result)? {
        Ok(Some(text)) => finish(call, Ok(vec![Write::file(menu, text)]), true),
        Ok(None) if old.is_none() => {
            let empty = info_dir::empty();
            finish(call, Ok(vec![Write::file(menu, empty)]), true)
        }
        Ok(None) => Ok(ExitStatus::SUCCESS),
        Err(status) => Ok(status),
    }
}
