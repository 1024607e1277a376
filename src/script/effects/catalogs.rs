//! `update-xmlcatalog`, `update-catalog`, `update-mime`: registries that every package adds lines to.
//!
//! Invariant: they count as the base's, as all registries do.

use super::bridge::{RootView, finish, words};
use crate::script::call::{Call, Table};
use crate::script::uncovered::Uncovered;
use crate::script::value::ExitStatus;
use crate::system::catalogs::{self, Kind, Place, Sgml, Xml};
use crate::system::{View, binfmts, desktop_database, mailcap};

pub(super) const PROGRAMS: Table = &[
    ("update-binfmts", &update_binfmts),
    ("update-catalog", &update_catalog),
    ("update-desktop-database", &update_desktop_database),
    ("update-mime", &update_mime),
    ("update-xmlcatalog", &update_xmlcatalog),
];

fn update_xmlcatalog(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (mut adds, mut root) = (None, false);
    let mut values = std::collections::BTreeMap::new();
    let mut arguments = words(call).into_iter();
    while let Some(word) = arguments.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v.to_owned())));
        match name {
            "--add" => adds = Some(true),
            "--del" => adds = Some(false),
            "--root" => root = true,
            "--sort" | "--verbose" => {}
            "--file" | "--id" | "--local" | "--package" | "--type" => {
                let value = value.or_else(|| arguments.next()).unwrap_or_default();
                values.insert(name.to_owned(), value);
            }
            other => return Err(call.uncovered(format!("{other} is not covered"))),
        }
    }
    let mut take = |name: &str| values.remove(name);
    let kind = match take("--type").as_deref() {
        Some("public") => Kind::Public,
        Some("system") => Kind::System,
        Some("uri") => Kind::Uri,
        _ => return Err(call.uncovered("no type that is known")),
    };
    let (Some(adds), Some(id)) = (adds, take("--id")) else { return Err(call.uncovered("no action, or no identifier")) };
    let text = |word: Option<String>| word.unwrap_or_default();
    let place = match (root, take("--package"), take("--local"), take("--file")) {
        (true, package, None, None) => Place::Root { package: text(package) },
        (false, Some(package), local, None) => Place::Package { package, local: text(local) },
        (false, None, Some(local), file) => Place::Local { local, file: text(file) },
        _ => return Err(call.uncovered("these words together")),
    };
    let writes = catalogs::xml(&RootView(call.root), &Xml { adds, kind, id, place });
    finish(call, writes, true)
}

fn update_catalog(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let words: Vec<String> = words(call).into_iter().filter(|word| word != "--quiet").collect();
    let action = match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--add" | "--remove", "--super", _] | ["--super", "--add" | "--remove", _] => {
            let trigger = b"/etc/sgml".to_vec();
            if !call.answers.triggers.contains(&trigger) {
                call.answers.triggers.push(trigger);
            }
            return Ok(ExitStatus::SUCCESS);
        }
        ["--update-super"] => Sgml::UpdateSuper,
        ["--add", catalog, entry] => Sgml::Add((*catalog).into(), (*entry).into()),
        ["--remove", catalog, entry] => Sgml::Remove((*catalog).into(), (*entry).into()),
        _ => return Err(call.uncovered("these words")),
    };
    let writes = catalogs::sgml(&RootView(call.root), &action);
    finish(call, writes, true)
}

fn update_binfmts(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let words: Vec<String> = words(call);
    let name = match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--import"] => None,
        ["--import", name] => Some((*name).to_owned()),
        // The kernel is told when a system starts.
        ["--enable" | "--disable", ..] => return Ok(ExitStatus::SUCCESS),
        _ => return Err(call.uncovered("these words")),
    };
    let writes = binfmts::import(&RootView(call.root), name.as_deref());
    finish(call, writes, true)
}

fn update_desktop_database(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    let (flags, folders): (Vec<String>, Vec<String>) = words(call).into_iter().partition(|word| word.starts_with('-'));
    if let Some(other) = flags.iter().find(|flag| !matches!(flag.as_str(), "-q" | "--quiet" | "-v" | "--verbose")) {
        return Err(call.uncovered(format!("option {other} is not covered")));
    }
    let usual = || ["/usr/local/share/applications", "/usr/share/applications"].map(str::to_owned).to_vec();
    let folders = if folders.is_empty() { usual() } else { folders };
    for folder in folders {
        if !RootView(call.root).is_directory(&folder) {
            continue;
        }
        let count = RootView(call.root).list(&folder).len();
        call.spend(count.saturating_mul(8192))?;
        let writes = desktop_database::update(&RootView(call.root), &folder);
        finish(call, writes, true)?;
    }
    Ok(ExitStatus::SUCCESS)
}

/// The trigger calls it once for all packages; under dpkg any other word does nothing.
fn update_mime(call: &mut Call<'_>) -> Result<ExitStatus, Uncovered> {
    if words(call).first().is_some_and(|word| word != "--triggered") {
        return Ok(ExitStatus::SUCCESS);
    }
    let size = mailcap::size(&RootView(call.root));
    call.spend(size)?;
    let writes = mailcap::update(&RootView(call.root));
    finish(call, writes, true)
}
