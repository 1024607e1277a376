//! What plug-ins say of themselves: they have a function for it, and a program writes down what it says.
//!
//! Invariant: the function is evaluated ([`machine`]), never run; one that does more than hand out data that the module holds is
//! not covered, nor is a module for another machine than x86-64.

mod decode;
mod elf;
mod machine;

use super::error::{Result, SystemError};
use super::view::{View, Write};
use elf::Image;
use machine::Machine;

/// Entries of a list that are read at most.
const MOST: u64 = 200;
/// Where a function finds the room that it fills.
const ROOM: u64 = 0x6000_0000_0000;

fn image<'d>(command: &'static str, path: &str, data: &'d [u8]) -> Result<Image<'d>> {
    Image::read(data).ok_or_else(|| SystemError::uncovered(command, format!("{path}, which is no module for x86-64,")))
}

fn uncovered(command: &'static str, path: &str) -> SystemError {
    SystemError::uncovered(command, format!("what {path} does to describe itself"))
}

/// `gio-querymodules FOLDER`: which module extends what.
pub fn gio_cache(view: &impl View, folder: &str) -> Result<Vec<Write>> {
    const COMMAND: &str = "gio-querymodules";
    let mut text = String::new();
    for name in view.list(folder).into_iter().filter(|name| name.starts_with("lib") && name.ends_with(".so")) {
        let path = format!("{folder}/{name}");
        let Some(data) = view.read(&path)? else { continue };
        let image = image(COMMAND, &path, &data)?;
        let own = name.split('.').next().unwrap_or_default().replace('-', "_");
        let own = own.strip_prefix("libgio").or_else(|| own.strip_prefix("lib")).unwrap_or(&own);
        let known = [format!("g_io_{own}_query"), "g_io_module_query".to_owned()];
        let Some(function) = known.iter().find(|function| image.symbol(function).is_some()) else { continue };
        let mut machine = Machine::new(&image);
        let points = machine.call(function, [0, 0]).and_then(|list| texts(&mut machine, list));
        let points = points.ok_or_else(|| uncovered(COMMAND, &path))?;
        text.push_str(&format!("{name}: {}\n", points.join(",")));
    }
    let cache = format!("{folder}/giomodule.cache");
    Ok(match (text.is_empty(), view.status(&cache)) {
        (true, None) => Vec::new(),
        (true, Some(_)) => vec![Write::remove(cache)],
        (false, _) => vec![Write::file(cache, text).mode(0o644)],
    })
}

/// The texts of a list that ends with a zero.
fn texts(machine: &mut Machine<'_, '_>, list: u64) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for index in 0..MOST {
        match machine.load(list.checked_add(8 * index)?, 8)? {
            0 => return Some(found),
            at => found.push(machine.text(at)?),
        }
    }
    None
}

/// What `gdk-pixbuf-query-loaders PATH...` prints; `version` is the library's.
pub fn pixbuf_loaders(view: &impl View, paths: &[String], version: &str) -> Result<Vec<u8>> {
    const COMMAND: &str = "gdk-pixbuf-query-loaders";
    let mut out = format!(
        "# GdkPixbuf Image Loader Modules file\n# Automatically generated file, do not edit\n# Created by {COMMAND} from gdk-pixbuf-{version}\n#\n"
    );
    for path in paths {
        let Some(data) = view.read(path)? else { continue };
        let image = image(COMMAND, path, &data)?;
        if image.symbol("fill_info").is_none() || image.symbol("fill_vtable").is_none() {
            continue;
        }
        let mut machine = Machine::new(&image);
        let described = machine.call("fill_info", [ROOM, 0]).and_then(|_| loader(&mut machine, &image));
        out.push_str(&format!("\"{path}\"\n{}\n", described.ok_or_else(|| uncovered(COMMAND, path))?));
    }
    out.push('\n');
    Ok(out.into_bytes())
}

/// A loader's lines, out of the structure that its function filled.
fn loader(machine: &mut Machine<'_, '_>, image: &Image<'_>) -> Option<String> {
    let mut field = |offset: u64, size: u64| machine.load(ROOM + offset, size);
    let (name, signature, domain, description) = (field(0, 8)?, field(8, 8)?, field(16, 8)?, field(24, 8)?);
    let (types, extensions, flags, license) = (field(32, 8)?, field(40, 8)?, field(48, 4)?, field(56, 8)?);
    let text = |at: u64, default: &str| if at == 0 { Some(default.to_owned()) } else { image.text(at) };
    let mut out = format!(
        "\"{}\" {flags} \"{}\" \"{}\" \"{}\"\n",
        image.text(name)?,
        text(domain, "gdk-pixbuf")?,
        image.text(description)?,
        text(license, "")?
    );
    for list in [types, extensions] {
        out.extend(texts(machine, list)?.iter().map(|text| format!("\"{text}\" ")));
        out.push_str("\"\"\n");
    }
    for index in 0..MOST {
        let at = signature.checked_add(24 * index)?;
        let (prefix, mask, relevance) = (machine.load(at, 8)?, machine.load(at + 8, 8)?, machine.load(at + 16, 4)?);
        if prefix == 0 {
            return Some(out);
        }
        let mask = if mask == 0 { Vec::new() } else { image.bytes(mask)? };
        let relevance = u32::try_from(relevance).ok()?.cast_signed();
        out.push_str(&format!("\"{}\" \"{}\" {relevance}\n", escaped(&image.bytes(prefix)?), escaped(&mask)));
    }
    None
}

/// `gtk-query-immodules-3.0 --update-cache`: the lines of each input method, after `head`.
pub fn input_methods(view: &impl View, folder: &str, head: &str) -> Result<Vec<u8>> {
    const COMMAND: &str = "gtk-query-immodules-3.0";
    let mut out = head.to_owned();
    for name in view.list(folder).into_iter().filter(|name| name.ends_with(".so")) {
        let path = format!("{folder}/{name}");
        let Some(data) = view.read(&path)? else { continue };
        let image = image(COMMAND, &path, &data)?;
        let mut machine = Machine::new(&image);
        let described = machine.call("im_module_list", [ROOM, ROOM + 8]).and_then(|_| methods(&mut machine));
        out.push_str(&format!("\"{path}\" \n{}\n", described.ok_or_else(|| uncovered(COMMAND, &path))?));
    }
    Ok(out.into_bytes())
}

fn methods(machine: &mut Machine<'_, '_>) -> Option<String> {
    let (list, count) = (machine.load(ROOM, 8)?, machine.load(ROOM + 8, 4)?);
    let mut out = String::new();
    for index in 0..Some(count).filter(|count| *count <= MOST)? {
        let info = machine.load(list.checked_add(8 * index)?, 8)?;
        for part in 0..5 {
            let at = machine.load(info.checked_add(8 * part)?, 8)?;
            out.push_str(&format!("\"{}\" ", escaped(&machine.text(at)?.into_bytes())));
        }
        out.push('\n');
    }
    Some(out)
}

/// As `GLib` escapes a text.
fn escaped(text: &[u8]) -> String {
    let mut out = String::new();
    for byte in text {
        match byte {
            8 => out.push_str("\\b"),
            12 => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            11 => out.push_str("\\v"),
            b'\\' => out.push_str("\\\\"),
            b'"' => out.push_str("\\\""),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\{other:03o}")),
        }
    }
    out
}
