//! `update-desktop-database`: which desktop files open a file type, in `mimeinfo.cache`.
//!
//! Invariant: types and files are sorted by bytes; a folder without types has an empty list, as the command writes it.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Result;
use super::view::{View, Write};

/// Folders nest this deep at most.
const MAX_DEPTH: usize = 16;

/// The list of one folder of applications.
pub fn update(view: &dyn View, folder: &str) -> Result<Vec<Write>> {
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    collect(view, folder, "", 0, &mut types)?;
    let lines = types.iter().map(|(kind, files)| {
        let files: String = files.iter().map(|file| format!("{file};")).collect();
        format!("{kind}={files}\n")
    });
    Ok(vec![Write::file(format!("{folder}/mimeinfo.cache"), format!("[MIME Cache]\n{}", lines.collect::<String>())).mode(0o644)])
}

/// Folders are part of a file's name, with a dash behind each.
fn collect(
    view: &dyn View,
    folder: &str,
    prefix: &str,
    depth: usize,
    types: &mut BTreeMap<String, BTreeSet<String>>,
) -> Result<()> {
    for name in view.list(folder) {
        let path = format!("{folder}/{name}");
        if view.is_directory(&path) {
            if depth < MAX_DEPTH {
                collect(view, &path, &format!("{prefix}{name}-"), depth + 1, types)?;
            }
        } else if name.ends_with(".desktop") {
            for kind in types_of(&view.text(&path)?.unwrap_or_default()) {
                types.entry(kind).or_default().insert(format!("{prefix}{name}"));
            }
        }
    }
    Ok(())
}

/// The types of a desktop file; none if it is hidden.
fn types_of(text: &str) -> Vec<String> {
    let group = text.lines().map(str::trim).skip_while(|line| *line != "[Desktop Entry]").skip(1);
    let pairs = group.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    let (mut types, mut hidden) = (Vec::new(), false);
    for (key, value) in pairs {
        match key.trim() {
            "Hidden" => hidden = value.trim() == "true",
            "MimeType" => types = value.split(';').map(str::trim).filter(|kind| is_type(kind)).map(str::to_owned).collect(),
            _ => {}
        }
    }
    if hidden { Vec::new() } else { types }
}

/// `media/sub`, without blanks and control characters.
fn is_type(kind: &str) -> bool {
    let halves = kind.split_once('/');
    halves.is_some_and(|(media, sub)| {
        !media.is_empty() && !sub.is_empty() && kind.bytes().all(|b| b.is_ascii_graphic()) && !sub.contains('/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{Change, Tree};

    #[test]
    fn types_name_their_files_sorted_and_hidden_ones_are_left_out() {
        let tree = Tree::with_files([
            ("/a/z.desktop", "[Other]\nMimeType=no/no\n[Desktop Entry]\nMimeType=b/x;a/x;bad;\n[Action]\nMimeType=c/x\n"),
            ("/a/sub/y.desktop", "[Desktop Entry]\nMimeType=a/x\n"),
            ("/a/h.desktop", "[Desktop Entry]\nMimeType=a/x\nHidden=true\n"),
            ("/a/n.txt", "[Desktop Entry]\nMimeType=a/x\n"),
        ]);
        let writes = update(&tree, "/a").expect("made");
        assert_eq!(writes[0].path, "/a/mimeinfo.cache");
        assert_eq!(writes[0].change, Change::File(b"[MIME Cache]\na/x=sub-y.desktop;z.desktop;\nb/x=z.desktop;\n".to_vec()));
    }
}
