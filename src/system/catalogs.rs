//! Catalogs of XML and SGML entities: `update-xmlcatalog` and `update-catalog`.
//!
//! Invariant: entries are sorted, also where the command's own order is that of a hash; the previous file stays as `*.old`, as the
//! commands leave it.

mod sgml;
mod xml;

pub use sgml::{Sgml, sgml};
pub use xml::{Kind, Place, Xml, xml};

use super::error::Result;
use super::view::{View, Write};

/// Writes a file, and moves the one that is there to `*.old`.
fn replace(view: &dyn View, path: &str, bytes: Vec<u8>, writes: &mut Vec<Write>) {
    if view.is_file(path) {
        writes.push(Write::moved(path, format!("{path}.old")));
    }
    writes.push(Write::file(path, bytes));
}

fn lines(view: &dyn View, path: &str) -> Result<Vec<String>> {
    Ok(view.text(path)?.unwrap_or_default().lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;
