//! The deb822 format of sources: stanzas of `Types`, `URIs`, `Suites`, `Components` and options.
//!
//! Invariant: each list may have several values; nothing is multiplied here.

use super::super::conf::truth;
use super::super::deb822::{self, Stanza};
use super::{Given, options};

/// All stanzas, with the line of their first field counted from 1; a malformed stanza ends it.
pub(super) fn parse(text: &str) -> Vec<Result<Given, (usize, String)>> {
    let mut found = Vec::new();
    for stanza in deb822::stanzas(text.as_bytes()) {
        let before = text.as_bytes().get(..stanza.offset()).unwrap_or_default();
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let parsed = entry(&stanza, line).map_err(|what| (line, what));
        let wrong = parsed.is_err();
        found.push(parsed);
        if wrong {
            break;
        }
    }
    found
}

fn entry(stanza: &Stanza<'_>, line: usize) -> Result<Given, String> {
    let words = |name: &str| -> Vec<String> {
        let value = stanza.get(name).unwrap_or_default();
        let text: Vec<_> = deb822::lines(value).map(String::from_utf8_lossy).collect();
        text.iter().flat_map(|line| line.split_ascii_whitespace()).map(str::to_owned).collect()
    };
    let mut given = Given {
        line,
        enabled: stanza.text_of("Enabled").and_then(truth).unwrap_or(true),
        types: words("Types"),
        uris: words("URIs"),
        suites: words("Suites"),
        components: words("Components"),
        ..Given::default()
    };
    if given.types.is_empty() {
        return Err("a stanza without Types".into());
    }
    if let Some(other) = given.types.iter().find(|t| !matches!(t.as_str(), "deb" | "deb-src")) {
        return Err(format!("unknown type {other:?}"));
    }
    // A stanza that is off is not looked at, as in apt: a broken option in it hurts nobody.
    if given.enabled {
        for field in stanza.fields() {
            options::set(&mut given, &String::from_utf8_lossy(field.name), &unfolded(field.value))?;
        }
    }
    Ok(given)
}

/// The value's lines without indentation; a line that is only `.` stands for an empty one.
fn unfolded(value: &[u8]) -> String {
    let lines: Vec<_> = deb822::lines(value).map(|line| if line == b"." { &b""[..] } else { line }).collect();
    String::from_utf8_lossy(&lines.join(&b'\n')).trim().to_owned()
}
