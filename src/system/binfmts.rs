//! `update-binfmts --import`: what is registered of binary formats, in `/var/lib/binfmts`.
//!
//! Invariant: only the registry is written; the kernel of the host is told by a service when a system starts.

use super::error::{Result, SystemError};
use super::view::{View, Write};

const COMMAND: &str = "update-binfmts";
const FORMATS: &str = "/usr/share/binfmts";
const REGISTRY: &str = "/var/lib/binfmts";
const KEYS: &[&str] = &[
    "package",
    "interpreter",
    "magic",
    "offset",
    "mask",
    "extension",
    "detector",
    "credentials",
    "preserve",
    "fix_binary",
    "fix-binary",
];

/// Registers one format, or all that packages ship.
pub fn import(view: &dyn View, name: Option<&str>) -> Result<Vec<Write>> {
    let names = match name {
        Some(name) if name.is_empty() || name.contains('/') || !view.is_file(&format!("{FORMATS}/{name}")) => {
            return Err(SystemError::refused(COMMAND, format!("couldn't find information about '{name}' to import")));
        }
        Some(name) => vec![name.to_owned()],
        None => view.list(FORMATS),
    };
    let mut writes = Vec::new();
    for name in names {
        let path = format!("{FORMATS}/{name}");
        let Some(text) = view.text(&path)? else { continue };
        // Formats that only a certain kernel or machine has are listed with other keys.
        let format = lines(&text).ok_or_else(|| SystemError::uncovered(COMMAND, format!("the format {name}")))?;
        writes.push(Write::file(format!("{REGISTRY}/{name}"), format));
    }
    Ok(writes)
}

/// The ten lines of the registry.
fn lines(text: &str) -> Option<String> {
    let mut values = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        values.push((KEYS.iter().find(|known| **known == key)?, value.trim()));
    }
    let value = |key: &str| values.iter().rev().find(|(known, _)| **known == key).map(|(_, value)| *value);
    let (kind, sign) = match (value("magic"), value("extension")) {
        (Some(magic), None) => ("magic", magic),
        (None, Some(extension)) => ("extension", extension),
        _ => return None,
    };
    let offset = value("offset").unwrap_or("0");
    let flags = [value("credentials"), value("preserve"), value("fix_binary").or(value("fix-binary"))];
    let [credentials, preserve, fixed] = flags.map(Option::unwrap_or_default);
    let (package, interpreter) = (value("package")?, value("interpreter")?);
    let (mask, detector) = (value("mask").unwrap_or_default(), value("detector").unwrap_or_default());
    Some([package, kind, offset, sign, mask, interpreter, detector, credentials, preserve, fixed].join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{Change, Tree};

    #[test]
    fn a_format_is_ten_lines_and_an_unknown_key_is_told() {
        let tree = Tree::with_files([
            ("/usr/share/binfmts/jar", "package jdk\ninterpreter /usr/bin/jexec\nmagic PK\\x03\\x04\n"),
            ("/usr/share/binfmts/x", "package x\ninterpreter /x\nextension exe\ncredentials yes\n"),
        ]);
        let writes = import(&tree, None).expect("registered");
        let texts: Vec<&Change> = writes.iter().map(|write| &write.change).collect();
        assert_eq!(*texts[0], Change::File(b"jdk\nmagic\n0\nPK\\x03\\x04\n\n/usr/bin/jexec\n\n\n\n\n".to_vec()));
        assert_eq!(*texts[1], Change::File(b"x\nextension\n0\nexe\n\n/x\n\nyes\n\n\n".to_vec()));
        assert_eq!(import(&tree, Some("jar")).expect("one").len(), 1);
        assert!(import(&tree, Some("none")).is_err_and(|error| error.is_refusal()));
        let odd = Tree::with_files([("/usr/share/binfmts/y", "package y\ninterpreter /y\nmagic a\nmachine arm\n")]);
        assert!(import(&odd, Some("y")).is_err_and(|error| !error.is_refusal()));
    }
}
