//! Why a package changes, in words: who asked for it, who needs it, who cannot live with it.
//!
//! Invariant: said of the choice as it stands in the lock; nothing is chosen here.

use crate::apt::relation::{self, Relation};
use crate::apt::version::Version;
use crate::layer::root::VirtualRoot;
use crate::pin::Action;
use crate::recipe::Resolved;
use crate::system::dpkg::{Stanza, StatusFile};

use super::dpkg::Change;

/// A package that changes, before and after.
struct Changed<'a> {
    change: &'a Change,
    old: Option<Stanza>,
    new: Option<Stanza>,
    asked: bool,
}

/// The reasons, by place in the changes. `root` is the base.
pub(super) fn reasons(changes: &[Change], root: &VirtualRoot, resolved: &Resolved) -> Vec<String> {
    let status = root.read(b"/var/lib/dpkg/status").ok().and_then(|(bytes, _)| StatusFile::parse(&bytes).ok()).unwrap_or_default();
    let arguments = || resolved.units.iter().flat_map(|unit| unit.packages.arguments.iter());
    let named = |argument: &String, name: &str| argument.split([':', '=', '/', '+']).next() == Some(name);
    let all: Vec<Changed<'_>> = changes
        .iter()
        .map(|change| {
            let name = change.locked.name.as_str();
            let control = change.contents.as_deref().and_then(|c| c.control.iter().find(|f| f.name == "control"));
            Changed {
                change,
                old: status.named(name).ok().and_then(|stanzas| stanzas.into_iter().next()),
                new: control.and_then(|file| Stanza::parse("control", &file.bytes).ok()),
                asked: arguments().any(|argument| named(argument, name) || is_file_of(argument, name)),
            }
        })
        .collect();
    all.iter().map(|one| reason(one, &all)).collect()
}

/// Whether an argument is a local file of this package.
fn is_file_of(argument: &str, name: &str) -> bool {
    let file = argument.rsplit('/').next().unwrap_or_default();
    argument.contains('/') && file.ends_with(".deb") && file.split(['_', '.']).next() == Some(name)
}

fn reason(one: &Changed<'_>, all: &[Changed<'_>]) -> String {
    if one.asked {
        return "asked for".into();
    }
    let others = || all.iter().filter(|other| !std::ptr::eq(*other, one));
    let told = match one.change.locked.action {
        Action::Remove => others().find_map(|other| harm(other, one)),
        Action::Install => others().find_map(|other| need(other, one)),
        Action::Upgrade => others()
            .find_map(|other| need(other, one))
            .or_else(|| others().find_map(|other| harm(other, one)))
            .or_else(|| others().find_map(|other| source(other, one))),
    };
    told.unwrap_or_else(|| "chosen with the rest".into())
}

/// Says that the new version of `other` needs what `one` becomes, and not what it was.
fn need(other: &Changed<'_>, one: &Changed<'_>) -> Option<String> {
    let (by, new) = (other.new.as_ref()?, one.new.as_ref()?);
    let fits =
        |wanted: &Relation<'_>| meets(new, wanted) && !one.old.as_ref().is_some_and(|old| is_installed(old) && meets(old, wanted));
    for (field, verb) in [("Pre-Depends", "depends on"), ("Depends", "depends on"), ("Recommends", "recommends")] {
        if let Some(wanted) = relation::relations(by.text(field)).find(fits) {
            return Some(format!("{} {verb} {wanted}", other.change.locked.name));
        }
    }
    None
}

/// Says that the new version of `other` cannot be beside the old one of `one`, or that `one` needs what goes.
fn harm(other: &Changed<'_>, one: &Changed<'_>) -> Option<String> {
    let old = one.old.as_ref()?;
    if let Some(by) = &other.new {
        for (field, verb) in [("Conflicts", "conflicts with"), ("Breaks", "breaks")] {
            if let Some(hit) = relation::relations(by.text(field)).find(|hit| meets(old, hit)) {
                return Some(format!("{} {verb} {hit}", other.change.locked.name));
            }
        }
    }
    let goes = |wanted: &Relation<'_>| {
        other.old.as_ref().is_some_and(|was| meets(was, wanted)) && !other.new.as_ref().is_some_and(|now| meets(now, wanted))
    };
    let wanted = ["Pre-Depends", "Depends"].iter().find_map(|field| relation::relations(old.text(field)).find(goes));
    wanted.map(|wanted| format!("it depends on {wanted}, which goes"))
}

fn source(other: &Changed<'_>, one: &Changed<'_>) -> Option<String> {
    let of = |changed: &Changed<'_>| {
        let stanza = changed.new.as_ref()?;
        let said = stanza.text("Source").split(' ').next().unwrap_or_default();
        Some(if said.is_empty() { stanza.text("Package") } else { said }.to_owned())
    };
    let source = of(one)?;
    (of(other)? == source).then(|| format!("of the same source as {} ({source})", other.change.locked.name))
}

fn is_installed(stanza: &Stanza) -> bool {
    stanza.text("Status").ends_with(" installed")
}

/// Whether a package is what a relation names, itself or by a name that it provides.
fn meets(stanza: &Stanza, wanted: &Relation<'_>) -> bool {
    if stanza.text("Package") == wanted.name {
        return wanted.admits(Some(Version::new(stanza.text("Version"))));
    }
    let provided = |p: Relation<'_>| p.name == wanted.name && wanted.admits(p.bound.map(|(_, version)| version));
    relation::relations(stanza.text("Provides")).any(provided)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use crate::layer::root::NoBodies;
    use crate::layer::{Contents, ControlFile};
    use crate::pin::LockedPackage;
    use crate::rootfs::RootFs;

    use super::*;

    fn change(name: &str, action: Action, fields: &str) -> Change {
        let control = format!("Package: {name}\nVersion: 2\nArchitecture: all\n{fields}");
        let file = ControlFile { name: "control".into(), mode: 0o644, mtime: 0, bytes: Arc::from(control.as_bytes()) };
        let contents = Contents { control: vec![file], ..Contents::default() };
        let locked = LockedPackage {
            name: name.into(),
            version: "2".into(),
            architecture: "all".into(),
            action,
            old_version: (action != Action::Install).then(|| "1".into()),
            sha256: None,
            size: 0,
            location: None,
            auto: false,
            recipe: String::new(),
        };
        Change { locked, contents: (action != Action::Remove).then(|| Arc::new(contents)) }
    }

    #[test]
    fn each_change_has_the_words_of_the_relation_that_asks_for_it() {
        let mut root = VirtualRoot::new(Arc::new(RootFs::default()), Arc::new(NoBodies));
        let installed = |name: &str, fields: &str| {
            format!("Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n{fields}\n")
        };
        let status = [installed("lib", ""), installed("twin", ""), installed("rival", ""), installed("fan", "Depends: rival\n")];
        root.mkdir_p(b"/var/lib/dpkg", 0o755).expect("made");
        root.write(b"/var/lib/dpkg/status", status.concat().into_bytes(), true, 0o644).expect("written");
        let changes = [
            change("tool", Action::Install, "Depends: virtual, lib (>= 2)\nRecommends: extra\nConflicts: rival\n"),
            change("given", Action::Install, "Provides: virtual\n"),
            change("extra", Action::Install, ""),
            change("lib", Action::Upgrade, "Source: libs\n"),
            change("twin", Action::Upgrade, "Source: libs (2)\n"),
            change("rival", Action::Remove, ""),
            change("fan", Action::Remove, ""),
            change("alone", Action::Install, ""),
        ];
        let unit =
            crate::recipe::Unit::parse("probe", crate::recipe::Rank::Recipe, "[apt]\npackages = [\"tool=2\"]\n").expect("a recipe");
        let merged = crate::recipe::Merged { units: vec![unit], parameters: BTreeMap::new(), notes: Vec::new() };
        let env = BTreeMap::new();
        let around = crate::recipe::Surroundings { parameters: BTreeMap::new(), env: &env, arch: "x86_64", deb_arch: "amd64" };
        let resolved = crate::recipe::resolve(&merged, &around).expect("resolved");
        assert_eq!(
            reasons(&changes, &root, &resolved),
            [
                "asked for",
                "tool depends on virtual",
                "tool recommends extra",
                "tool depends on lib (>= 2)",
                "of the same source as lib (libs)",
                "tool conflicts with rival",
                "it depends on rival, which goes",
                "chosen with the rest",
            ]
        );
    }
}
