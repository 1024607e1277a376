//! The registries of desktop programs: types of files, settings, plug-ins.
//!
//! Invariant: what these programs write always counts as the base's, since each of them reads what all packages brought.

use super::bridge::{RootView, finish, told, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::glib::schemas;
use crate::system::{View, Write, mime, module};

pub(super) const PROGRAMS: Table = &[
    ("update-mime-database", &update_mime_database),
    ("glib-compile-schemas", &glib_compile_schemas),
    ("gio-querymodules", &gio_querymodules),
    ("gdk-pixbuf-query-loaders", &gdk_pixbuf_query_loaders),
    ("gtk-query-immodules-3.0", &gtk_query_immodules),
];

/// Those of them that lie in folders of libraries.
pub(super) const HELPERS: &[&str] =
    &["glib-compile-schemas", "gio-querymodules", "gdk-pixbuf-query-loaders", "gtk-query-immodules-3.0"];

/// The one operand, a folder without its last slash; what is read from it is paid for.
fn folder(call: &mut Call<'_>) -> Result<String, Uncovered> {
    let words = words(call);
    let [folder] = &words[..] else { return Err(call.uncovered("not one folder")) };
    if folder.starts_with('-') {
        return Err(call.uncovered(format!("option {folder} is not covered")));
    }
    let folder = folder.trim_end_matches('/').to_owned();
    pay(call, &folder)?;
    Ok(folder)
}

/// Pays for the reading of all files of a folder.
fn pay(call: &mut Call<'_>, folder: &str) -> Result<(), Uncovered> {
    for name in RootView(call.root).list(folder) {
        pay_for(call, &format!("{folder}/{name}"))?;
    }
    Ok(())
}

fn pay_for(call: &mut Call<'_>, path: &str) -> Result<(), Uncovered> {
    let size = call.root.stat(path.as_bytes()).map_or(0, |inode| inode.size());
    call.spend(usize::try_from(size).unwrap_or(usize::MAX))
}

fn update_mime_database(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let folder = folder(call)?;
    pay(call, &format!("{folder}/packages"))?;
    let program = call.find_program(call.name.as_bytes()).and_then(|path| call.root.read(&path).ok());
    let version = program.and_then(|(bytes, _)| mime::version(&bytes));
    let Some(version) = version else { return Err(call.uncovered("the program does not tell its version")) };
    let result = mime::update(&RootView(call.root), &folder, &version);
    finish(call, result, true)
}

fn glib_compile_schemas(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let folder = folder(call)?;
    let result = schemas::compile(&RootView(call.root), &folder);
    finish(call, result, true)
}

fn gio_querymodules(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let folder = folder(call)?;
    let result = module::gio_cache(&RootView(call.root), &folder);
    finish(call, result, true)
}

/// The version of the program's library: that of the package whose script calls it, without what Debian adds.
fn version(call: &Call<'_>) -> String {
    let version = call.package.version.rsplit_once(':').map_or(&call.package.version[..], |(_, version)| version);
    version.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect()
}

fn gdk_pixbuf_query_loaders(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let paths = words(call);
    if paths.is_empty() || paths.iter().any(|path| !path.starts_with('/')) {
        return Err(call.uncovered("only loaders by their paths are covered"));
    }
    for path in &paths {
        pay_for(call, path)?;
    }
    let result = module::pixbuf_loaders(&RootView(call.root), &paths, &version(call));
    match told(call, result)? {
        Ok(text) => call.out(&text, true).map(|()| ExitStatus::SUCCESS),
        Err(status) => Ok(status),
    }
}

fn gtk_query_immodules(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let program = call.typed.to_owned();
    let libraries = program.rsplitn(3, '/').nth(2).filter(|path| path.starts_with('/')).map(str::to_owned);
    let Some(libraries) = libraries else { return Err(call.uncovered("only by its whole path")) };
    if words(call) != ["--update-cache"] {
        return Err(call.uncovered("only --update-cache is covered"));
    }
    let home = format!("{libraries}/gtk-3.0");
    let folders = ["3.0.0/linux/immodules", "3.0.0/immodules", "linux/immodules", "immodules"].map(|name| format!("{home}/{name}"));
    let view = RootView(call.root);
    let there: Vec<&String> = folders.iter().filter(|folder| view.is_directory(folder)).collect();
    let [folder] = there[..] else { return Err(call.uncovered("not one folder of input methods")) };
    let head = format!(
        "# GTK+ Input Method Modules file\n# Automatically generated file, do not edit\n# Created by {program} from gtk+-{}\n#\n# ModulesPath = {}\n#\n",
        version(call),
        folders.join(":")
    );
    pay(call, folder)?;
    let result = module::input_methods(&RootView(call.root), folder, &head);
    let writes = result.map(|text| vec![Write::file(format!("{home}/3.0.0/immodules.cache"), text).mode(0o644)]);
    finish(call, writes, true)
}
