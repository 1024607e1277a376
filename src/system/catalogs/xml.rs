//! `update-xmlcatalog`: the root catalog, one for each package, and local ones.
//!
//! Invariant: a catalog is made anew from its data below `/var/lib/xml-core`; one without entries is removed with its data.

use std::collections::BTreeMap;

use super::super::error::{Result, SystemError};
use super::super::view::{View, Write};
use super::{lines, replace};

const COMMAND: &str = "update-xmlcatalog";
const DATA: &str = "/var/lib/xml-core";
const CATALOGS: &str = "/etc/xml";
const FRAME: &str = "/usr/share/xml-core/catalog";

/// What an entry maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A public identifier.
    Public,
    /// A system identifier.
    System,
    /// A URI.
    Uri,
}

/// Which catalog, and what its entry leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The root catalog; the entry leads to that of a package.
    Root {
        /// The package.
        package: String,
    },
    /// A package's; the entry leads to a local one.
    Package {
        /// The package.
        package: String,
        /// Path of the local catalog.
        local: String,
    },
    /// A local one; the entry leads to a file.
    Local {
        /// Its path.
        local: String,
        /// Path of the file.
        file: String,
    },
}

/// The words of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xml {
    /// `--add`, else `--del`.
    pub adds: bool,
    /// `--type`
    pub kind: Kind,
    /// `--id`
    pub id: String,
    /// Which catalog.
    pub place: Place,
}

/// What the call changes.
pub fn xml(view: &dyn View, words: &Xml) -> Result<Vec<Write>> {
    let refused = |what: String| SystemError::refused(COMMAND, what);
    let (data, catalog, target, delegates) = match &words.place {
        Place::Root { package } => {
            let leads_to = format!("{CATALOGS}/{package}.xml");
            (format!("{DATA}/catalog"), format!("{CATALOGS}/catalog"), leads_to, true)
        }
        Place::Package { package, local } => {
            (format!("{DATA}/{package}"), format!("{CATALOGS}/{package}.xml"), local.clone(), true)
        }
        Place::Local { local, file } => (format!("{DATA}/{}", local.replace('/', "_")), local.clone(), file.clone(), false),
    };
    if words.adds && !view.is_file(&target) {
        return Err(refused(format!("error: {target} not found")));
    }
    if [&words.id, &target].into_iter().any(|text| text.contains(['"', '<', '>', '\n'])) {
        return Err(refused("an identifier with quotes or angle brackets".into()));
    }
    let (key, entry) = entry(words.kind, &words.id, &target, delegates);
    let mut entries = BTreeMap::new();
    for line in lines(view, &data)? {
        let mut parts = line.split('>').map(|part| part.strip_prefix('<').unwrap_or(part).to_owned());
        if let (Some(key), Some(entry)) = (parts.next(), parts.next()) {
            entries.insert(key, entry);
        }
    }
    match entries.get(&key) {
        Some(known) if words.adds && *known != entry => {
            return Err(refused("error: entity already registered with a different value".into()));
        }
        None if !words.adds => return Err(refused("error: entity not registered".into())),
        _ if words.adds => drop(entries.insert(key, entry)),
        _ => drop(entries.remove(&key)),
    }
    let mut writes = Vec::new();
    let registered: String = entries.iter().map(|(key, entry)| format!("<{key}><{entry}>\n")).collect();
    let mut text = lines(view, &format!("{FRAME}.header"))?;
    text.extend(entries.iter().map(|(key, entry)| format!("<{key} {entry}/>")));
    text.extend(lines(view, &format!("{FRAME}.footer"))?);
    replace(view, &catalog, (text.join("\n") + "\n").into_bytes(), &mut writes);
    writes.push(Write::file(&data, registered));
    if entries.is_empty() {
        writes.extend([Write::remove(data), Write::remove(catalog)]);
    }
    Ok(writes)
}

/// Element with what it matches, and attribute with what it leads to.
fn entry(kind: Kind, id: &str, target: &str, delegates: bool) -> (String, String) {
    let (element, attribute) = match (kind, delegates) {
        (Kind::Public, true) => ("delegatePublic", "publicIdStartString"),
        (Kind::System, true) => ("delegateSystem", "systemIdStartString"),
        (Kind::Uri, true) => ("delegateURI", "uriStartString"),
        (Kind::Public, false) => ("public", "publicId"),
        (Kind::System, false) => ("system", "systemId"),
        (Kind::Uri, false) => ("uri", "name"),
    };
    let leads = if delegates { format!("catalog=\"file://{target}\"") } else { format!("uri=\"{target}\"") };
    (format!("{element} {attribute}=\"{id}\""), leads)
}
