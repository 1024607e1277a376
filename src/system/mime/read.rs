//! The sources: what the elements of a type say.
//!
//! Invariant: an element that is wrong ends its type there, as the program does, and what came before stays.

use super::magic::{self, Magic, TreeMagic};
use super::{COMMAND, Database, Glob, NAMESPACE};
use crate::system::error::{Result, SystemError};
use crate::system::xml::{self, Element, Node};

/// The longest pattern: each letter of it is a level of the cache.
const LONGEST: usize = 200;

/// Why the rest of a type is passed over.
pub(super) enum Stop {
    /// The program warns and goes on with the next type.
    Warning,
    /// Not covered.
    Uncovered(String),
}

impl Database {
    /// Reads a source; a later one stands above an earlier one.
    pub(super) fn load(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        // What this reader cannot read might be one that the program can.
        let root = xml::parse(bytes).map_err(|cause| SystemError::malformed(path, cause))?;
        if !root.is(NAMESPACE, "mime-info") {
            return Ok(());
        }
        for element in root.elements().filter(|element| element.is(NAMESPACE, "mime-type")) {
            let Some(name) = element.attribute("type") else { continue };
            if name.matches('/').count() != 1 {
                continue;
            }
            if self.types.get(name.as_bytes()).is_none() {
                self.types.insert(name.as_bytes(), Vec::new());
            }
            for field in element.elements() {
                match self.field(name, field) {
                    Ok(()) => {}
                    Err(Stop::Warning) => break,
                    Err(Stop::Uncovered(cause)) => {
                        return Err(SystemError::uncovered(COMMAND, format!("{path} line {}: {cause}", field.line)));
                    }
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, name: &str, field: &Element) -> Result<(), Stop> {
        let plain = field.children.iter().all(|node| matches!(node, Node::Text(_)));
        if field.namespace.as_deref() != Some(NAMESPACE) || field.name.contains(':') {
            return Err(Stop::Uncovered(format!("an element `{}` of another namespace", field.name)));
        }
        let is_copied = match field.name.as_str() {
            "glob" => self.glob(name, field)?,
            "glob-deleteall" => {
                let all =
                    Glob { pattern: "__NOGLOBS__".into(), name: name.into(), weight: 0, case_sensitive: false, deletes_all: true };
                self.add_glob(all);
                true
            }
            "magic" => {
                let priority = number(field, "priority").ok_or(Stop::Warning)?;
                let matches = magic::matches(field, NAMESPACE)?;
                if matches.is_empty() {
                    return Err(Stop::Warning);
                }
                self.magic.push(Magic { priority, name: name.into(), matches, deletes_all: false });
                false
            }
            "magic-deleteall" => {
                self.magic.push(Magic { priority: 0, name: name.into(), matches: vec![magic::none()], deletes_all: true });
                false
            }
            "treemagic" => {
                let priority = number(field, "priority").ok_or(Stop::Warning)?;
                self.tree_magic.push(TreeMagic { priority, name: name.into(), matches: magic::tree_matches(field, NAMESPACE)? });
                false
            }
            "comment" | "acronym" | "expanded-acronym" => true,
            "alias" | "sub-class-of" => self.relation(name, field)?,
            "root-XML" => self.root_element(name, field)?,
            "icon" | "generic-icon" => field.attribute("name").is_some_and(|icon| {
                let table = if field.name == "icon" { &mut self.icons } else { &mut self.generic_icons };
                table.insert(name.as_bytes(), icon.to_owned());
                true
            }),
            _ => false,
        };
        if !is_copied {
            return Ok(());
        }
        if !plain {
            return Err(Stop::Uncovered(format!("elements or comments in `{}`", field.name)));
        }
        if let Some(fields) = self.types.get_mut(name.as_bytes()) {
            let lang = |element: &Element| element.attribute("xml:lang").map(str::to_owned);
            let replaced = |old: &Element| old.name == "comment" && field.name == "comment" && lang(old) == lang(field);
            if let Some(at) = fields.iter().position(replaced) {
                fields.remove(at);
            }
            let attributes = field.attributes.iter().filter(|(name, _)| !name.starts_with("xmlns")).cloned().collect();
            fields.push(Element { attributes, ..field.clone() });
        }
        Ok(())
    }

    fn add_glob(&mut self, glob: Glob) {
        let key = glob.pattern.clone();
        match self.globs.get_mut(key.as_bytes()) {
            Some(globs) => globs.push(glob),
            None => self.globs.insert(key.as_bytes(), vec![glob]),
        }
    }

    fn glob(&mut self, name: &str, field: &Element) -> Result<bool, Stop> {
        let weight = number(field, "weight").ok_or(Stop::Warning)?;
        let case_sensitive = field.attribute("case-sensitive") == Some("true");
        let pattern = field.attribute("pattern").filter(|pattern| !pattern.is_empty()).ok_or(Stop::Warning)?;
        if pattern.contains('\n') || pattern.len() > LONGEST {
            return Err(Stop::Uncovered(format!("a pattern of several lines or more than {LONGEST} bytes")));
        }
        let pattern = if case_sensitive { pattern.to_owned() } else { pattern.to_ascii_lowercase() };
        self.add_glob(Glob { pattern, name: name.into(), weight, case_sensitive, deletes_all: false });
        Ok(true)
    }

    fn relation(&mut self, name: &str, field: &Element) -> Result<bool, Stop> {
        let other = field.attribute("type").filter(|other| other.contains('/')).ok_or(Stop::Warning)?;
        if field.name == "alias" {
            self.aliases.insert(other.as_bytes(), name.to_owned());
        } else if let Some(parents) = self.subclasses.get_mut(name.as_bytes()) {
            parents.push(other.to_owned());
        } else {
            self.subclasses.insert(name.as_bytes(), vec![other.to_owned()]);
        }
        Ok(true)
    }

    fn root_element(&mut self, name: &str, field: &Element) -> Result<bool, Stop> {
        let (uri, local) = field.attribute("namespaceURI").zip(field.attribute("localName")).ok_or(Stop::Warning)?;
        if (uri.is_empty() && local.is_empty()) || format!("{uri}{local}").contains([' ', '\n']) {
            return Err(Stop::Warning);
        }
        self.namespaces.insert(format!("{uri} {local}").as_bytes(), name.to_owned());
        Ok(false)
    }
}

/// A number from 0 to 100, 50 where there is none.
fn number(element: &Element, attribute: &str) -> Option<u32> {
    match element.attribute(attribute) {
        None => Some(50),
        Some(text) => text.trim_start().parse().ok().filter(|number| *number <= 100),
    }
}
