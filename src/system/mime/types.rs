//! The XML file of each type.
//!
//! Invariant: written as libxml2 writes it: two blanks for each depth, no indentation where there is text.

use super::NAMESPACE;
use crate::system::glib::HashTable;
use crate::system::view::{View, Write};
use crate::system::xml::{Element, Node};

/// Folders in which files of types that are gone are removed.
const MEDIA: [&str; 16] = [
    "all",
    "uri",
    "print",
    "text",
    "application",
    "image",
    "audio",
    "inode",
    "video",
    "message",
    "model",
    "multipart",
    "x-content",
    "x-epoc",
    "x-scheme-handler",
    "font",
];

/// The removal of types' files that no source has.
pub(super) fn old(view: &impl View, folder: &str, types: &HashTable<Vec<Element>>) -> Vec<Write> {
    let files = MEDIA.iter().flat_map(|media| view.list(&format!("{folder}/{media}")).into_iter().map(move |name| (media, name)));
    let gone = files.filter_map(|(media, name)| {
        let subtype = name.strip_suffix(".xml")?;
        types.get(format!("{media}/{subtype}").as_bytes()).is_none().then(|| Write::remove(format!("{folder}/{media}/{name}")))
    });
    gone.collect()
}

/// A type's folder and file.
pub(super) fn file(folder: &str, name: &[u8], fields: &[Element]) -> [Write; 2] {
    let name = String::from_utf8_lossy(name);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<mime-type xmlns=\"{NAMESPACE}\" type=\"{}\">\n  <!--Created automatically by update-mime-database. DO NOT EDIT!-->\n",
        escaped(&name, true)
    );
    for field in fields {
        text.push_str("  <");
        text.push_str(&field.name);
        for (attribute, value) in &field.attributes {
            text.push_str(&format!(" {attribute}=\"{}\"", escaped(value, true)));
        }
        let content: String = field.children.iter().filter_map(text_of).collect();
        text.push_str(&if content.is_empty() {
            "/>\n".to_owned()
        } else {
            format!(">{}</{}>\n", escaped(&content, false), field.name)
        });
    }
    text.push_str("</mime-type>\n");
    let path = format!("{folder}/{}.xml", name.to_ascii_lowercase());
    let media = path.rsplit_once('/').map_or("", |(media, _)| media).to_owned();
    [Write::directory(media).mode(0o755), Write::file(path, text).mode(0o644)]
}

fn text_of(node: &Node) -> Option<&str> {
    match node {
        Node::Text(text) => Some(text),
        Node::Element(_) | Node::Comment => None,
    }
}

fn escaped(text: &str, is_attribute: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\r' => out.push_str("&#13;"),
            '"' if is_attribute => out.push_str("&quot;"),
            '\n' if is_attribute => out.push_str("&#10;"),
            '\t' if is_attribute => out.push_str("&#9;"),
            other => out.push(other),
        }
    }
    out
}
